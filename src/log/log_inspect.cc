#include "log/log_inspect.h"

#include <fmt/ostream.h>

#include <ostream>

#include "log/log_reader.h"

namespace varve::log {
namespace {

std::string_view NameOf(RecordType type) {
  switch (type) {
    case RecordType::kRows:
      return "rows";
    case RecordType::kRingSamples:
      return "ring_samples";
    case RecordType::kDefinition:
      return "definition";
    case RecordType::kSkip:
      return "skip";
  }
  return "unknown";
}

std::string_view NameOf(Codec codec) {
  switch (codec) {
    case Codec::kNone:
      return "none";
    case Codec::kLz4:
      return "lz4";
    case Codec::kZstd:
      return "zstd";
  }
  return "unknown";
}

void PrintRecord(std::ostream& out, const RecordView& view) {
  const RecordHeader& header = view.header;
  fmt::print(out,
             "  offset={} lsn={} transaction={} last={} type={} codec={} payload={} raw={} "
             "table={} schema_version={} unsynced_before={} crc={:08x}\n",
             view.offset, header.lsn.value, header.transaction.value,
             header.last_of_transaction ? "yes" : "no", NameOf(header.type), NameOf(header.codec),
             header.payload_bytes, header.raw_bytes, header.table.value, header.schema_version,
             header.unsynced_before, header.checksum);
}

void PrintSummary(std::ostream& out, const RecoveryReport& report) {
  if (report.torn_tail) {
    fmt::print(out,
               "torn tail: segment {} offset {} bytes {}: never acknowledged, the next start cuts "
               "it off\n",
               report.torn_tail->segment, report.torn_tail->offset, report.torn_tail->bytes);
  }
  fmt::print(out,
             "segments={} records={} transactions={} dropped_records={} first_lsn={} next_lsn={}\n",
             report.segments, report.records, report.transactions, report.dropped_records,
             report.first.value, report.next.value);
}

Status Read(io::FileSystem& files, const std::string& dir, std::ostream& out, LogVisitor visitor) {
  // Decompressing every payload is part of the check.
  visitor.on_transaction = [](std::span<Record>) { return OkStatus(); };
  const Result<LogContents> contents = ReadLog(files, dir, visitor);
  if (!contents.ok()) return contents.status();
  // A log that was ever opened has a segment; the answer "sound" would be about nothing.
  if (contents->report.segments == 0) {
    return NotFound("no log segments in {}: give the folder log/ of a data folder", dir);
  }
  PrintSummary(out, contents->report);
  return OkStatus();
}

}  // namespace

Status InspectLog(io::FileSystem& files, const std::string& dir, std::ostream& out) {
  LogVisitor visitor;
  visitor.on_segment = [&out](const SegmentFile& segment) {
    fmt::print(out, "segment {} bytes={}\n", segment.name, segment.bytes);
  };
  visitor.on_record = [&out](const RecordView& view) { PrintRecord(out, view); };
  return Read(files, dir, out, std::move(visitor));
}

Status VerifyLog(io::FileSystem& files, const std::string& dir, std::ostream& out) {
  return Read(files, dir, out, {});
}

}  // namespace varve::log
