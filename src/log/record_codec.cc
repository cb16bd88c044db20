#include "log/record_codec.h"

#include <lz4.h>
#include <zstd.h>

#include <algorithm>
#include <cstring>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"

namespace varve::log {
namespace {

// Where the fields lie; the layout is on disk in every deployment.
constexpr size_t kMagicAt = 0;
constexpr size_t kVersionAt = 3;
constexpr size_t kTypeAt = 4;
constexpr size_t kCodecAt = 6;
constexpr size_t kPayloadBytesAt = 8;
constexpr size_t kRawBytesAt = 12;
constexpr size_t kLsnAt = 16;
constexpr size_t kTransactionAt = 24;
constexpr size_t kFlagsAt = 32;
constexpr size_t kTableAt = 36;
constexpr size_t kSchemaVersionAt = 40;
static_assert(kSchemaVersionAt + 4 == kChecksumOffset);
static_assert(kChecksumOffset + 4 == kRecordHeaderBytes, "docs/formats/log.md");
static_assert(kPayloadBytesMax <= INT32_MAX, "lz4 counts in int");

constexpr uint32_t kFlagLast = 1;
constexpr uint32_t kUnsyncedShift = 8;

void WriteHeader(const RecordHeader& header, char* to) {
  std::memcpy(to + kMagicAt, kRecordMagic.data(), kRecordMagic.size());
  PutLittle(to + kVersionAt, header.version);
  PutLittle(to + kTypeAt, static_cast<uint16_t>(header.type));
  PutLittle(to + kCodecAt, static_cast<uint16_t>(header.codec));
  PutLittle(to + kPayloadBytesAt, header.payload_bytes);
  PutLittle(to + kRawBytesAt, header.raw_bytes);
  PutLittle(to + kLsnAt, header.lsn.value);
  PutLittle(to + kTransactionAt, header.transaction.value);
  PutLittle(to + kFlagsAt, (header.last_of_transaction ? kFlagLast : 0u) | header.unsynced_before
                                                                               << kUnsyncedShift);
  PutLittle(to + kTableAt, header.table.value);
  PutLittle(to + kSchemaVersionAt, header.schema_version);
}

bool IsKnownType(RecordType type) { return type >= RecordType::kRows && type <= RecordType::kSkip; }

// Replaces `payload` by its lz4 block when that is smaller.
Codec Compress(std::string& payload) {
  if (payload.size() <= kCompressAboveBytes) return Codec::kNone;
  // One byte less than the input: lz4 gives up as soon as the result would not be smaller.
  std::string packed;
  packed.resize(payload.size() - 1);
  const int bytes =
      LZ4_compress_default(payload.data(), packed.data(), static_cast<int>(payload.size()),
                           static_cast<int>(packed.size()));
  if (bytes <= 0) return Codec::kNone;
  packed.resize(static_cast<size_t>(bytes));
  payload = std::move(packed);
  return Codec::kLz4;
}

Status Unknown(std::string_view field, unsigned value) {
  return WithHint(DataLoss("log record has unknown {} {}", field, value),
                  "A newer version of the server may have written it.");
}

Status BadPayload(std::string_view what) { return DataLoss("log record has a payload {}", what); }

}  // namespace

Result<EncodedRecord> EncodeRecord(RecordInput input, bool last_of_transaction) {
  if (input.payload.size() > kPayloadBytesMax) {
    return InvalidArgument("log record payload has {} bytes, more than {}", input.payload.size(),
                           kPayloadBytesMax);
  }
  if (!IsKnownType(input.type)) {
    return InvalidArgument("log record type is unknown: {}", static_cast<uint16_t>(input.type));
  }
  EncodedRecord record;
  record.header.type = input.type;
  record.header.raw_bytes = static_cast<uint32_t>(input.payload.size());
  record.payload = std::move(input.payload);
  record.header.codec = Compress(record.payload);
  record.header.payload_bytes = static_cast<uint32_t>(record.payload.size());
  record.header.last_of_transaction = last_of_transaction;
  record.header.table = input.table;
  record.header.schema_version = input.schema_version;
  record.payload_checksum = Crc32c(record.payload);
  return record;
}

void SealRecord(EncodedRecord& record, Lsn lsn, TransactionId transaction,
                uint64_t unsynced_before) {
  VARVE_CHECK(lsn != Lsn(0) && transaction.value <= lsn.value);
  RecordHeader& header = record.header;
  header.lsn = lsn;
  header.transaction = transaction;
  header.unsynced_before =
      static_cast<uint32_t>(std::min<uint64_t>(unsynced_before, kUnsyncedBeforeMax));
  WriteHeader(header, record.header_bytes.data());
  header.checksum =
      ExtendCrc32c(record.payload_checksum, {record.header_bytes.data(), kChecksumOffset});
  PutLittle(record.header_bytes.data() + kChecksumOffset, header.checksum);
}

std::optional<RecordHeader> ReadHeader(std::string_view bytes) {
  if (bytes.size() < kRecordHeaderBytes || !bytes.starts_with(kRecordMagic)) return std::nullopt;
  const char* from = bytes.data();
  const auto flags = GetLittle<uint32_t>(from + kFlagsAt);
  RecordHeader header;
  header.version = GetLittle<uint8_t>(from + kVersionAt);
  header.type = static_cast<RecordType>(GetLittle<uint16_t>(from + kTypeAt));
  header.codec = static_cast<Codec>(GetLittle<uint16_t>(from + kCodecAt));
  header.payload_bytes = GetLittle<uint32_t>(from + kPayloadBytesAt);
  header.raw_bytes = GetLittle<uint32_t>(from + kRawBytesAt);
  header.lsn = Lsn(GetLittle<uint64_t>(from + kLsnAt));
  header.transaction = TransactionId(GetLittle<uint64_t>(from + kTransactionAt));
  header.last_of_transaction = (flags & kFlagLast) != 0;
  header.unknown_flags = static_cast<uint8_t>(flags & 0xFF & ~kFlagLast);
  header.unsynced_before = flags >> kUnsyncedShift;
  header.table = TableId(GetLittle<uint32_t>(from + kTableAt));
  header.schema_version = GetLittle<uint32_t>(from + kSchemaVersionAt);
  header.checksum = GetLittle<uint32_t>(from + kChecksumOffset);
  if (header.payload_bytes > kPayloadBytesMax) return std::nullopt;
  return header;
}

bool ChecksumMatches(const RecordHeader& header, std::string_view record) {
  VARVE_CHECK(record.size() == header.record_bytes());
  const uint32_t payload_checksum = Crc32c(record.substr(kRecordHeaderBytes));
  return ExtendCrc32c(payload_checksum, record.substr(0, kChecksumOffset)) == header.checksum;
}

Status CheckHeader(const RecordHeader& header) {
  if (header.version != kFormatVersion) return Unknown("format version", header.version);
  if (!IsKnownType(header.type)) return Unknown("type", static_cast<uint16_t>(header.type));
  if (header.codec > Codec::kZstd) return Unknown("codec", static_cast<uint16_t>(header.codec));
  if (header.unknown_flags != 0) return Unknown("flags", header.unknown_flags);
  const bool lengths_agree = header.codec == Codec::kNone ? header.payload_bytes == header.raw_bytes
                                                          : header.payload_bytes < header.raw_bytes;
  if (!lengths_agree || header.raw_bytes > kPayloadBytesMax) {
    return DataLoss("log record has impossible lengths: {} stored, {} raw", header.payload_bytes,
                    header.raw_bytes);
  }
  if (header.lsn == Lsn(0) || header.transaction.value == 0 ||
      header.transaction.value > header.lsn.value) {
    return DataLoss("log record has an impossible Lsn {} or transaction {}", header.lsn.value,
                    header.transaction.value);
  }
  return OkStatus();
}

Result<std::string> DecodePayload(const RecordHeader& header, std::string_view payload) {
  VARVE_CHECK(payload.size() == header.payload_bytes);
  if (header.codec == Codec::kNone) return std::string(payload);
  std::string raw;
  raw.resize(header.raw_bytes);
  size_t bytes = 0;
  if (header.codec == Codec::kLz4) {
    const int got = LZ4_decompress_safe(
        payload.data(), raw.data(), static_cast<int>(payload.size()), static_cast<int>(raw.size()));
    if (got < 0) return BadPayload("that lz4 cannot read");
    bytes = static_cast<size_t>(got);
  } else {
    bytes = ZSTD_decompress(raw.data(), raw.size(), payload.data(), payload.size());
    if (ZSTD_isError(bytes) != 0) return BadPayload("that zstd cannot read");
  }
  if (bytes != raw.size()) return BadPayload("of another length than its header says");
  return raw;
}

}  // namespace varve::log
