// Torn tails are cut off, damage is refused: every byte of small logs is cut, flipped and zeroed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "base/bytes.h"
#include "log/log_inspect.h"
#include "log/log_test_support.h"
#include "log/record_codec.h"
#include "log/segment_reader.h"

namespace varve::log {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// One record as the writer would make it.
std::string RecordBytes(uint64_t lsn, uint64_t transaction, bool last, uint64_t unsynced,
                        std::string payload) {
  return Sealed(*EncodeRecord(RecordOf(std::move(payload)), last), lsn, transaction, unsynced);
}

std::string SkipBytes(uint64_t lsn, std::string payload) {
  RecordInput input;
  input.type = RecordType::kSkip;
  input.payload = std::move(payload);
  return Sealed(*EncodeRecord(std::move(input), true), lsn, lsn, 0);
}

std::string SkipTo(uint64_t target) {
  std::string payload;
  AppendLittle(payload, target);
  return payload;
}

class LogDamageTest : public LogOnFaultyDisk {
 protected:
  // Three commits, each with a sync of its own: one, two and one records.
  void SetUp() override {
    ASSERT_TRUE(Open().ok());
    ASSERT_TRUE(Commit({"alpha"}).ok());
    ASSERT_TRUE(Commit({"beta", "gamma"}).ok());
    ASSERT_TRUE(Commit({"delta"}).ok());
    Close();
    whole_ = disk_.Contents(PathOf(1));
    for (const char* payload : {"alpha", "beta", "gamma", "delta"}) {
      offsets_.push_back(end_);
      end_ += kRecordHeaderBytes + std::string_view(payload).size();
    }
  }

  Status OpenWith(std::string content) {
    Close();
    for (const std::string& name : disk_.Names("log")) {
      VARVE_RETURN_IF_ERROR(disk_.Remove("log/" + name));
    }
    disk_.SetContents(PathOf(1), std::move(content));
    return Open();
  }

  size_t RecordAt(size_t byte) const {
    return static_cast<size_t>(std::upper_bound(offsets_.begin(), offsets_.end(), byte) -
                               offsets_.begin()) -
           1;
  }

  std::string whole_;            // with the preallocated rest
  std::vector<size_t> offsets_;  // where each record begins
  size_t end_ = 0;               // where the last one ends
};

TEST_F(LogDamageTest, ASkipLeadsForwardOnly) {
  ASSERT_TRUE(OpenWith(SkipBytes(1, SkipTo(9))).ok());
  EXPECT_EQ(Commit({"next"})->begin, Lsn(9));
  ASSERT_TRUE(OpenWith(SkipBytes(1, SkipTo(2))).ok()) << "to the next one, which changes nothing";
  for (const uint64_t back : {0, 1}) {
    const Status status = OpenWith(SkipBytes(1, SkipTo(back)));
    EXPECT_EQ(status.code(), StatusCode::kDataLoss);
    EXPECT_THAT(MessageOf(status), HasSubstr("leads backwards"));
  }
  const Status status = OpenWith(SkipBytes(1, "1234567"));
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(MessageOf(status), HasSubstr("has no target"));
}

TEST_F(LogDamageTest, ACutAtAnyByteKeepsTheWholeTransactionsBeforeIt) {
  const std::vector<std::string> all = {"alpha", "beta", "gamma", "delta"};
  for (size_t cut = 0; cut <= end_; ++cut) {
    for (const bool zeros_follow : {false, true}) {
      SCOPED_TRACE(fmt::format("cut at {}, zeros follow: {}", cut, zeros_follow));
      std::string content = whole_.substr(0, cut);
      if (zeros_follow) content.resize(whole_.size(), '\0');
      ASSERT_TRUE(OpenWith(std::move(content)).ok());
      const size_t whole_records =
          static_cast<size_t>(std::upper_bound(offsets_.begin(), offsets_.end(), cut) -
                              offsets_.begin()) -
          (cut == end_ ? 0 : 1);
      const size_t kept = whole_records == 2 ? 1 : whole_records;  // gamma completes beta
      EXPECT_THAT(replayed_.Payloads(),
                  ::testing::ElementsAreArray(all.begin(), all.begin() + static_cast<long>(kept)));
      const RecoveryReport& report = log_->recovery();
      EXPECT_EQ(report.dropped_records, whole_records - kept);
      const size_t valid_end = whole_records == 4 ? end_ : offsets_[whole_records];
      EXPECT_EQ(report.torn_tail.has_value(), cut > valid_end);
      if (report.torn_tail) {
        EXPECT_EQ(report.torn_tail->segment, SegmentName(Lsn(1)));
        EXPECT_EQ(report.torn_tail->offset, valid_end);
      }
      // The Lsns of dropped records are not given out again, and the log goes on.
      EXPECT_EQ(Commit({"next"})->begin, Lsn(whole_records + 1));
      ASSERT_TRUE(Open().ok());
      EXPECT_EQ(replayed_.Payloads().size(), kept + 1);
      EXPECT_EQ(replayed_.Payloads().back(), "next");
      EXPECT_FALSE(log_->recovery().torn_tail.has_value()) << "it was cut off the first time";
    }
  }
}

TEST_F(LogDamageTest, AFlippedByteIsDamageUnlessItIsInTheLastWrite) {
  for (size_t byte = 0; byte < end_; ++byte) {
    SCOPED_TRACE(fmt::format("byte {}", byte));
    std::string content = whole_;
    content[byte] = static_cast<char>(content[byte] ^ 0x41);
    const Status opened = OpenWith(content);
    const size_t record = RecordAt(byte);
    if (record == 3) {
      ASSERT_TRUE(opened.ok()) << opened;
      EXPECT_THAT(replayed_.Payloads(), ElementsAre("alpha", "beta", "gamma"));
      EXPECT_EQ(log_->recovery().torn_tail->offset, offsets_[3]);
      continue;
    }
    ASSERT_EQ(opened.code(), StatusCode::kDataLoss);
    EXPECT_THAT(opened.message(), HasSubstr(SegmentName(Lsn(1))));
    EXPECT_THAT(opened.message(), HasSubstr(fmt::format("offset {}", offsets_[record])));
    EXPECT_EQ(disk_.Contents(PathOf(1)), content) << "a refused log is left as it is";
  }
}

TEST_F(LogDamageTest, AZeroedRecordBeforeOthersIsDamage) {
  std::string content = whole_;
  std::fill_n(content.begin() + static_cast<long>(offsets_[1]), offsets_[2] - offsets_[1], '\0');
  EXPECT_EQ(OpenWith(content).code(), StatusCode::kDataLoss);
}

TEST_F(LogDamageTest, ANewerSegmentMakesEveryFlipDamage) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"later"}).ok());
  Close();
  const std::string sealed = disk_.Contents(PathOf(1));
  ASSERT_EQ(sealed.size(), end_);
  for (size_t byte = 0; byte < end_; ++byte) {
    std::string content = sealed;
    content[byte] = static_cast<char>(content[byte] ^ 0x41);
    disk_.SetContents(PathOf(1), content);
    ASSERT_EQ(Open().code(), StatusCode::kDataLoss) << "byte " << byte;
  }
  for (size_t cut = 0; cut < end_; ++cut) {
    disk_.SetContents(PathOf(1), sealed.substr(0, cut));
    ASSERT_EQ(Open().code(), StatusCode::kDataLoss) << "cut " << cut;
  }
  disk_.SetContents(PathOf(1), sealed + std::string(100, '\0'));
  EXPECT_TRUE(Open().ok()) << "a crash may leave the preallocated rest";
  Close();
  disk_.SetContents(PathOf(1), sealed + "rest");
  const Status opened = Open();
  EXPECT_EQ(opened.code(), StatusCode::kDataLoss);
  EXPECT_THAT(opened.message(), HasSubstr(fmt::format("damaged at offset {}", end_)));
}

TEST_F(LogDamageTest, AMissingOrForeignSegmentIsNoticed) {
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"later"}).ok());
  ASSERT_TRUE(Open().ok());
  ASSERT_TRUE(Commit({"latest"}).ok());
  Close();
  const std::string middle = disk_.Contents(PathOf(5));
  ASSERT_TRUE(disk_.Remove(PathOf(5)).ok());
  Status opened = Open();
  EXPECT_EQ(opened.code(), StatusCode::kDataLoss);
  EXPECT_THAT(opened.message(), HasSubstr("missing"));
  disk_.SetContents(PathOf(5), middle);
  disk_.SetContents("log/README", "not a segment");
  disk_.SetContents("log/00000000000x.log", "nor this");
  disk_.SetContents("log/5.log", "nor this");
  EXPECT_TRUE(Open().ok());
  disk_.SetContents(PathOf(3), "overlaps");
  EXPECT_EQ(Open().code(), StatusCode::kDataLoss);
}

TEST_F(LogDamageTest, ANewerVersionsRecordIsRefusedEvenAtTheEnd) {
  EncodedRecord record = *EncodeRecord(RecordOf("from the future"), true);
  record.header.version = 2;
  SealRecord(record, Lsn(5), TransactionId(5), 0);
  std::string content = whole_.substr(0, end_);
  content.append(record.header_bytes.data(), record.header_bytes.size());
  const Status opened = OpenWith(content + record.payload);
  EXPECT_EQ(opened.code(), StatusCode::kDataLoss);
  EXPECT_THAT(opened.message(), HasSubstr("format version 2"));
}

TEST_F(LogDamageTest, TransactionsMustBeInOnePiece) {
  const std::string first = RecordBytes(1, 1, true, 0, "a");
  EXPECT_EQ(OpenWith(first + RecordBytes(2, 1, true, 0, "b")).code(), StatusCode::kDataLoss)
      << "a record behind the last of its transaction";
  EXPECT_EQ(OpenWith(RecordBytes(1, 1, false, 0, "a") + RecordBytes(2, 2, true, 0, "b") +
                     RecordBytes(3, 1, true, 0, "c"))
                .code(),
            StatusCode::kDataLoss)
      << "a transaction that goes on after another one";
  EXPECT_EQ(OpenWith(first + RecordBytes(3, 3, true, 0, "b")).code(), StatusCode::kDataLoss)
      << "an Lsn that skips";
  ASSERT_TRUE(OpenWith(RecordBytes(1, 1, false, 0, "a") + RecordBytes(2, 2, true, 0, "b")).ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("b"));
  EXPECT_EQ(log_->recovery().dropped_records, 1u);
}

// The sectors of one unsynced write land in any order.
TEST_F(LogDamageTest, LaterRecordsOfTheSameWriteDoNotMakeATearDamage) {
  const std::string synced = RecordBytes(1, 1, true, 0, "synced");
  const std::string lost(RecordBytes(2, 2, true, 0, "lost").size(), '\0');
  const std::string same_write = RecordBytes(3, 3, true, 1, "same write");
  ASSERT_TRUE(OpenWith(synced + lost + same_write).ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("synced"));
  EXPECT_EQ(log_->recovery().torn_tail->offset, synced.size());
  EXPECT_EQ(log_->recovery().torn_tail->bytes, lost.size() + same_write.size());
  EXPECT_EQ(Commit({"next"})->begin, Lsn(2));

  // The same bytes, but the last record was written after a sync that covered Lsn 2.
  const Status opened = OpenWith(synced + lost + RecordBytes(3, 3, true, 0, "next write"));
  EXPECT_EQ(opened.code(), StatusCode::kDataLoss);
  EXPECT_THAT(opened.message(), HasSubstr("Lsn 3"));
  EXPECT_THAT(opened.message(), HasSubstr(fmt::format("offset {}", synced.size())));
}

TEST_F(LogDamageTest, BytesThatOnlyLookLikeRecordsProveNothing) {
  const std::string synced = RecordBytes(1, 1, true, 0, "synced");
  std::string broken = RecordBytes(9, 9, true, 0, "looks like proof");
  broken.back() = 'x';  // Its checksum does not match.
  ASSERT_TRUE(OpenWith(synced + "VRV" + broken + "VRV").ok());
  EXPECT_THAT(replayed_.Payloads(), ElementsAre("synced"));
  // A distance that does not fit its field says only "at least so many".
  ASSERT_TRUE(OpenWith(synced + "torn" + RecordBytes(1u << 25, 1, true, 1u << 24, "far")).ok());
}

TEST_F(LogDamageTest, InspectAndVerifyTellTheSameAsOpening) {
  std::ostringstream out;
  ASSERT_TRUE(InspectLog(disk_, "log", out).ok());
  EXPECT_THAT(out.str(), HasSubstr("segment 000000000001.log bytes=4096\n"));
  EXPECT_THAT(out.str(), HasSubstr(fmt::format("  offset={} lsn=3 transaction=2 last=yes type=rows "
                                               "codec=none payload=5 raw=5 table=7 "
                                               "schema_version=3 unsynced_before=1 crc=",
                                               offsets_[2])));
  EXPECT_THAT(out.str(), HasSubstr("segments=1 records=4 transactions=3 dropped_records=0 "
                                   "first_lsn=1 next_lsn=5\n"));
  const std::string before = disk_.Contents(PathOf(1));
  std::string content = whole_.substr(0, end_ - 1);
  disk_.SetContents(PathOf(1), content);
  out.str("");
  ASSERT_TRUE(VerifyLog(disk_, "log", out).ok());
  EXPECT_THAT(out.str(), HasSubstr(fmt::format("torn tail: segment 000000000001.log offset {} "
                                               "bytes {}",
                                               offsets_[3], end_ - 1 - offsets_[3])));
  EXPECT_EQ(disk_.Contents(PathOf(1)), content) << "looking changes nothing";
  content = whole_;
  content[offsets_[1] + 20] = '!';
  disk_.SetContents(PathOf(1), content);
  for (const auto look : {InspectLog, VerifyLog}) {
    out.str("");
    const Status damaged = look(disk_, "log", out);
    EXPECT_EQ(damaged.code(), StatusCode::kDataLoss);
    EXPECT_EQ(damaged, Open());
  }
  EXPECT_EQ(VerifyLog(disk_, "nowhere", out).code(), StatusCode::kNotFound);
}

}  // namespace
}  // namespace varve::log
