// Reads the records of one segment and tells a torn tail from damage.
//
// Role:     log reader -> [SegmentReader] over the segment's bytes -> records in Lsn order.
// Layout:   docs/formats/log.md, "Reading".
// Errors:   DataLoss naming segment and offset. A torn tail is no error: reading ends before it.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "log/record_codec.h"
#include "log/torn_tail.h"
#include "model/ids.h"

namespace varve::log {

struct RecordView {
  RecordHeader header;
  std::string_view payload;  // as stored; valid as long as the segment's bytes
  uint64_t offset = 0;
};

class SegmentReader {
 public:
  struct Segment {
    std::string name;
    std::string_view bytes;  // the whole file
    Lsn first;               // from the name
    bool is_last = false;    // only the newest segment may end in a torn write
  };

  explicit SegmentReader(Segment segment);

  // The next record, checked; nullopt at the end and before a torn tail. DataLoss for damage, every
  // time from then on.
  Result<std::optional<RecordView>> Next();

  // Where the last whole record ends.
  uint64_t end_offset() const { return at_; }
  // The Lsn that a record after the last one must have.
  Lsn next_lsn() const { return next_; }
  const std::optional<TornTail>& torn_tail() const { return torn_tail_; }

 private:
  // Decides what stands at `at_` when it is not a whole record.
  Result<std::optional<RecordView>> EndOrDamage();
  // Looks behind `at_` for a record that was written only after the one due at `at_` was durable.
  Status FindProofOfDamage() const;
  Status Damaged(std::string_view what) const;

  const Segment segment_;
  uint64_t at_ = 0;
  Lsn next_;
  std::optional<TornTail> torn_tail_;
};

}  // namespace varve::log
