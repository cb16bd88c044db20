#include "log/log_reader.h"

#include <algorithm>
#include <charconv>
#include <utility>

namespace varve::log {
namespace {

constexpr std::string_view kSuffix = ".log";
constexpr size_t kNameDigits = 12;

std::optional<Lsn> ParseSegmentName(std::string_view name) {
  if (!name.ends_with(kSuffix)) return std::nullopt;
  const std::string_view digits = name.substr(0, name.size() - kSuffix.size());
  if (digits.size() < kNameDigits) return std::nullopt;
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  if (error != std::errc() || end != digits.data() + digits.size()) return std::nullopt;
  if (value == 0 || SegmentName(Lsn(value)) != name) return std::nullopt;
  return Lsn(value);
}

// Collects records until their transaction has its last one.
class TransactionAssembler {
 public:
  TransactionAssembler(const ReplayFunction& deliver, RecoveryReport& report)
      : deliver_(deliver), report_(report) {}

  Status Add(const RecordView& view) {
    const RecordHeader& header = view.header;
    if (header.transaction != transaction_) {
      // A commit that ran out of disk between two segments leaves a beginning without an end.
      DropPending();
      const bool begins_here = header.transaction.value == header.lsn.value;
      if (!begins_here && !at_start_of_log_) {
        return DataLoss("the record's transaction {} did not begin at its first Lsn",
                        header.transaction.value);
      }
      transaction_ = header.transaction;
    } else if (!header_open_) {
      return DataLoss("the record follows the last one of its transaction {}",
                      header.transaction.value);
    }
    at_start_of_log_ = false;
    header_open_ = !header.last_of_transaction;
    VARVE_ASSIGN_OR_RETURN(std::string raw, DecodePayload(header, view.payload));
    raw_bytes_ += raw.size();
    pending_.push_back({header.lsn, header.transaction, header.last_of_transaction, header.type,
                        header.table, header.schema_version, std::move(raw)});
    return OkStatus();
  }

  // Gives the transaction away if the record added last completed it.
  Status DeliverIfComplete() {
    if (pending_.empty() || !pending_.back().last_of_transaction) return OkStatus();
    ++report_.transactions;
    report_.payload_bytes += raw_bytes_;
    const Status delivered = deliver_ ? deliver_(pending_) : OkStatus();
    pending_.clear();
    raw_bytes_ = 0;
    return delivered;
  }

  void DropPending() {
    report_.dropped_records += pending_.size();
    pending_.clear();
    raw_bytes_ = 0;
  }

 private:
  const ReplayFunction& deliver_;
  RecoveryReport& report_;
  std::vector<Record> pending_;
  uint64_t raw_bytes_ = 0;
  TransactionId transaction_;
  bool header_open_ = false;
  bool at_start_of_log_ = true;
};

Status ReadWholeFile(io::FileSystem& files, const std::string& path, std::string& into) {
  VARVE_ASSIGN_OR_RETURN(const std::unique_ptr<io::RandomFile> file, files.OpenRead(path));
  if (file->bytes() > kSegmentBytesMax) {
    return DataLoss("log segment {} has {} bytes, more than a segment can have", path,
                    file->bytes());
  }
  into.resize(file->bytes());
  VARVE_ASSIGN_OR_RETURN(const size_t got, file->ReadAt(0, into));
  into.resize(got);
  return OkStatus();
}

Status ReadSegment(SegmentReader& reader, const std::string& name, const LogVisitor& visitor,
                   TransactionAssembler& assembler, RecoveryReport& report) {
  while (true) {
    VARVE_ASSIGN_OR_RETURN(const std::optional<RecordView> view, reader.Next());
    if (!view) return OkStatus();
    ++report.records;
    if (visitor.on_record) visitor.on_record(*view);
    if (view->header.type == RecordType::kSkip) continue;
    if (Status added = assembler.Add(*view); !added.ok()) {
      return Annotate(added, fmt::format("log segment {} offset {}", name, view->offset));
    }
    VARVE_RETURN_IF_ERROR(assembler.DeliverIfComplete());
  }
}

}  // namespace

std::string SegmentName(Lsn first) { return fmt::format("{:012}{}", first.value, kSuffix); }

Result<std::vector<SegmentFile>> ListSegments(io::FileSystem& files, const std::string& dir) {
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::DirEntry> entries, files.List(dir));
  std::vector<SegmentFile> segments;
  for (const io::DirEntry& entry : entries) {
    const std::optional<Lsn> first = ParseSegmentName(entry.name);
    if (first && !entry.is_dir) segments.push_back({entry.name, *first, entry.bytes});
  }
  std::sort(segments.begin(), segments.end(),
            [](const SegmentFile& a, const SegmentFile& b) { return a.first < b.first; });
  return segments;
}

Result<LogContents> ReadLog(io::FileSystem& files, const std::string& dir,
                            const LogVisitor& visitor) {
  LogContents contents;
  VARVE_ASSIGN_OR_RETURN(contents.segments, ListSegments(files, dir));
  RecoveryReport& report = contents.report;
  report.segments = contents.segments.size();
  report.first = contents.segments.empty() ? Lsn(1) : contents.segments.front().first;
  report.next = report.first;
  TransactionAssembler assembler(visitor.on_transaction, report);
  std::string bytes;
  for (size_t i = 0; i < contents.segments.size(); ++i) {
    const SegmentFile& segment = contents.segments[i];
    if (segment.first != report.next) {
      return DataLoss(
          "log segment {} begins at Lsn {}, but the one before it ends before Lsn {}: {}",
          segment.name, segment.first.value, report.next.value,
          segment.first > report.next ? "a segment or its end is missing" : "they overlap");
    }
    if (visitor.on_segment) visitor.on_segment(segment);
    VARVE_RETURN_IF_ERROR(ReadWholeFile(files, io::JoinPath(dir, segment.name), bytes));
    const bool is_last = i + 1 == contents.segments.size();
    SegmentReader reader({segment.name, bytes, segment.first, is_last});
    VARVE_RETURN_IF_ERROR(ReadSegment(reader, segment.name, visitor, assembler, report));
    report.next = reader.next_lsn();
    report.torn_tail = reader.torn_tail();
    contents.last_segment_end = reader.end_offset();
  }
  assembler.DropPending();
  return contents;
}

}  // namespace varve::log
