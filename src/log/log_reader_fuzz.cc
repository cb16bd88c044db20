// Feeds arbitrary bytes to the log reader, as the newest and as an older segment.
//
// Random bytes never have the right checksum, so the first byte of the input chooses how many of
// the records found by their magic number get it mended first; the reader is then tried behind it.
#include <cstddef>
#include <cstdint>
#include <span>
#include <sstream>
#include <string>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "io/testing/faulty_disk.h"
#include "log/log_inspect.h"
#include "log/log_reader.h"
#include "log/record_codec.h"

namespace varve::log {
namespace {

void MendChecksums(std::string& bytes, int count) {
  size_t at = 0;
  while (count-- > 0) {
    at = bytes.find(kRecordMagic, at);
    if (at == std::string::npos) return;
    const auto header = ReadHeader(std::string_view(bytes).substr(at));
    if (!header || header->record_bytes() > bytes.size() - at) {
      ++at;
      continue;
    }
    const std::string_view record = std::string_view(bytes).substr(at, header->record_bytes());
    PutLittle(
        bytes.data() + at + kChecksumOffset,
        ExtendCrc32c(Crc32c(record.substr(kRecordHeaderBytes)), record.substr(0, kChecksumOffset)));
    at += header->record_bytes();
  }
}

void ReadAs(const std::string& bytes, bool is_last) {
  io::testing::FaultyDisk disk;
  disk.SetContents("log/" + SegmentName(Lsn(1)), bytes);
  if (!is_last) disk.SetContents("log/" + SegmentName(Lsn(2)), "");
  uint64_t records = 0;
  LogVisitor visitor;
  visitor.on_transaction = [&](std::span<Record> transaction) {
    VARVE_CHECK(!transaction.empty());
    VARVE_CHECK(transaction.back().last_of_transaction);
    records += transaction.size();
    return OkStatus();
  };
  const Result<LogContents> contents = ReadLog(disk, "log", visitor);
  if (!contents.ok()) {
    VARVE_CHECK(contents.status().code() == StatusCode::kDataLoss);
    return;
  }
  VARVE_CHECK(contents->last_segment_end <= bytes.size());
  VARVE_CHECK(records + contents->report.dropped_records <= contents->report.records);
  std::ostringstream out;
  VARVE_CHECK(InspectLog(disk, "log", out).ok());
}

}  // namespace
}  // namespace varve::log

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  std::string bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  varve::log::MendChecksums(bytes, data[0] & 0x0F);
  varve::log::ReadAs(bytes, (data[0] & 0x10) == 0);
  return 0;
}
