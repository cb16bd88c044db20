// Encodes and decodes one log record: a 48-byte header and a payload that may be compressed.
//
// Role:     committing threads -> Encode -> log writer (Seal, then bytes); segment reader ->
//           Decode.
// Layout:   docs/formats/log.md, table "Record". The checksum covers the payload first and the
//           header without its checksum after it, so that the long part is computed by the thread
//           that commits and only 44 bytes by the one that writes.
// Units:    bytes as stored; `raw` is before compression.
// Errors:   decoding never reads past its input and never trusts a length before it is checked.
// Threads:  no shared state.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "log/log.h"
#include "model/ids.h"

namespace varve::log {

inline constexpr std::string_view kRecordMagic = "VRV";  // the fourth byte is the version
inline constexpr uint8_t kFormatVersion = 1;
inline constexpr size_t kRecordHeaderBytes = 48;
inline constexpr size_t kChecksumOffset = 44;
// Smaller payloads are stored as they are: compressing them costs more than it saves.
inline constexpr size_t kCompressAboveBytes = 512;
// Largest distance that the header's 24 bits can hold; larger ones are stored as this.
inline constexpr uint32_t kUnsyncedBeforeMax = (1u << 24) - 1;

enum class Codec : uint16_t { kNone = 0, kLz4 = 1, kZstd = 2 };

struct RecordHeader {
  uint8_t version = kFormatVersion;
  RecordType type = RecordType::kRows;
  Codec codec = Codec::kNone;
  uint32_t payload_bytes = 0;
  uint32_t raw_bytes = 0;
  Lsn lsn;
  TransactionId transaction;  // the Lsn of the transaction's first record
  bool last_of_transaction = false;
  uint8_t unknown_flags = 0;
  // How many records right before this one were not known to be durable when it was written: a
  // reader that holds this record knows that all earlier ones had been synced.
  uint32_t unsynced_before = 0;
  TableId table;
  uint32_t schema_version = 0;
  uint32_t checksum = 0;

  size_t record_bytes() const { return kRecordHeaderBytes + payload_bytes; }
  bool operator==(const RecordHeader&) const = default;
};

// A record on its way to disk: complete but for what only the writer knows.
struct EncodedRecord {
  RecordHeader header;
  std::string payload;                                  // as stored
  uint32_t payload_checksum = 0;                        // crc32c of `payload`
  std::array<char, kRecordHeaderBytes> header_bytes{};  // filled by Seal

  size_t record_bytes() const { return kRecordHeaderBytes + payload.size(); }
};

// Compresses (lz4, when the payload is above kCompressAboveBytes and gets smaller) and checksums.
// InvalidArgument when the payload is above kPayloadBytesMax or the type is not one of RecordType.
Result<EncodedRecord> EncodeRecord(RecordInput input, bool last_of_transaction);

// Fills in `header.lsn`, `transaction`, `unsynced_before` and the checksum, and `header_bytes`.
void SealRecord(EncodedRecord& record, Lsn lsn, TransactionId transaction,
                uint64_t unsynced_before);

// Reads the header at the start of `bytes`; nullopt when there are too few bytes, no magic number
// or a length above the limit. Its other fields mean something only once the checksum matches.
std::optional<RecordHeader> ReadHeader(std::string_view bytes);

// True when `record` (header and payload) is what was written: its bytes give its checksum.
bool ChecksumMatches(const RecordHeader& header, std::string_view record);

// For a header whose checksum matches: DataLoss when it says what this version cannot understand,
// as a newer one may have written.
Status CheckHeader(const RecordHeader& header);

// Decompresses the stored payload.
Result<std::string> DecodePayload(const RecordHeader& header, std::string_view payload);

}  // namespace varve::log
