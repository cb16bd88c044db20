#include "log/segment_reader.h"

#include <cstring>
#include <utility>

#include "base/bytes.h"

namespace varve::log {
namespace {

// The offset behind the last byte that is not zero; 0 when there is none.
size_t EndOfData(std::string_view bytes) {
  size_t end = bytes.size();
  while (end >= sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + end - sizeof(word), sizeof(word));
    if (word != 0) break;
    end -= sizeof(word);
  }
  while (end > 0 && bytes[end - 1] == '\0') --end;
  return end;
}

// The whole record at the start of `bytes`, or nullopt.
std::optional<RecordHeader> WholeRecord(std::string_view bytes) {
  const std::optional<RecordHeader> header = ReadHeader(bytes);
  if (!header || header->record_bytes() > bytes.size()) return std::nullopt;
  if (!ChecksumMatches(*header, bytes.substr(0, header->record_bytes()))) return std::nullopt;
  return header;
}

}  // namespace

SegmentReader::SegmentReader(Segment segment)
    : segment_(std::move(segment)), next_(segment_.first) {}

Result<std::optional<RecordView>> SegmentReader::Next() {
  if (torn_tail_) return std::nullopt;
  const std::string_view rest = segment_.bytes.substr(at_);
  const std::optional<RecordHeader> header = WholeRecord(rest);
  if (!header) return EndOrDamage();
  if (Status known = CheckHeader(*header); !known.ok()) {
    return Annotate(known, fmt::format("log segment {} offset {}", segment_.name, at_));
  }
  if (header->lsn != next_) {
    return Damaged(fmt::format("the record has Lsn {}, not {}", header->lsn.value, next_.value));
  }
  RecordView view{*header, rest.substr(kRecordHeaderBytes, header->payload_bytes), at_};
  Lsn after = header->lsn.Next();
  if (header->type == RecordType::kSkip) {
    if (view.payload.size() != sizeof(uint64_t)) return Damaged("a skip record has no target");
    const Lsn target(GetLittle<uint64_t>(view.payload.data()));
    if (target < after) return Damaged("a skip record leads backwards");
    after = target;
  }
  next_ = after;
  at_ += header->record_bytes();
  return view;
}

Result<std::optional<RecordView>> SegmentReader::EndOrDamage() {
  const size_t data_bytes = EndOfData(segment_.bytes.substr(at_));
  if (data_bytes == 0) return std::nullopt;  // The preallocated rest.
  if (!segment_.is_last) return Damaged("no whole record, and newer segments follow");
  VARVE_RETURN_IF_ERROR(FindProofOfDamage());
  torn_tail_ = TornTail{segment_.name, at_, data_bytes};
  return std::nullopt;
}

// The sectors of a write that was never synced may land in any order, so whole records behind a bad
// one do not by themselves mean damage. But each record says how many before it were not yet synced
// when it was written: one that leaves out the record due here proves that this one was durable.
Status SegmentReader::FindProofOfDamage() const {
  const std::string_view rest = segment_.bytes.substr(at_);
  // Payloads can be full of bytes that look like headers: bounds the time spent on their checksums.
  size_t checksum_budget = 4 * rest.size() + kPayloadBytesMax;
  for (size_t at = rest.find(kRecordMagic, 1); at != std::string_view::npos;
       at = rest.find(kRecordMagic, at + 1)) {
    const std::string_view candidate = rest.substr(at);
    const std::optional<RecordHeader> header = ReadHeader(candidate);
    if (!header || header->record_bytes() > candidate.size()) continue;
    if (header->unsynced_before == kUnsyncedBeforeMax) continue;  // Could be any number above.
    if (header->lsn.value <= next_.value ||
        header->lsn.value - next_.value <= header->unsynced_before) {
      continue;
    }
    if (header->record_bytes() > checksum_budget) {
      return Damaged("no whole record, and too many traces of later ones to tell why");
    }
    checksum_budget -= header->record_bytes();
    if (ChecksumMatches(*header, candidate.substr(0, header->record_bytes()))) {
      return Damaged(
          fmt::format("no whole record, but the one with Lsn {} at offset {} was written after "
                      "Lsn {} was durable",
                      header->lsn.value, at_ + at, next_.value));
    }
  }
  return OkStatus();
}

Status SegmentReader::Damaged(std::string_view what) const {
  return DataLoss("log segment {} is damaged at offset {}: {}", segment_.name, at_, what);
}

}  // namespace varve::log
