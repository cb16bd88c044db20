#include "ring/checkpoint_note.h"

#include <gtest/gtest.h>

#include "io/testing/faulty_disk.h"
#include "ring/checkpoint_file.h"

namespace varve::ring {
namespace {

constexpr const char* kPath = "flushed/rings-checkpoint";
constexpr const char* kRingsPath = "rings/checkpoint";

class CheckpointNoteTest : public ::testing::Test {
 protected:
  void KeepAt(uint64_t lsn) {
    CheckpointNote note(disk_, kPath);
    ASSERT_TRUE(note.Keep(Lsn(lsn)).ok());
  }
  void CheckpointAt(uint64_t lsn) { disk_.SetContents(kRingsPath, EncodeHead({Lsn(lsn), 9, {}})); }
  Status Check(std::optional<Lsn> log_begin) {
    return CheckpointNote(disk_, kPath).Check("rings", log_begin);
  }

  io::testing::FaultyDisk disk_;
};

TEST_F(CheckpointNoteTest, WithoutANoteEverythingIsAllowed) {
  EXPECT_TRUE(Check(std::nullopt).ok());  // a fresh data folder
  EXPECT_TRUE(Check(Lsn{1}).ok());
  EXPECT_TRUE(Check(Lsn{700}).ok());  // one from before there were rings: flushes have cut its log
  CheckpointAt(50);
  EXPECT_TRUE(Check(Lsn{700}).ok());  // one from before there was a note
}

TEST_F(CheckpointNoteTest, RingsThatAreGoneAreMissedUnlessTheLogHasEverything) {
  KeepAt(50);
  EXPECT_TRUE(Check(Lsn{1}).ok());
  for (const std::optional<Lsn> begin : {std::optional(Lsn{2}), std::optional(Lsn{51}),
                                         std::optional(Lsn{700}), std::optional<Lsn>()}) {
    const Status status = Check(begin);
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status;
    EXPECT_NE(MessageOf(status).find(kRingsPath), std::string_view::npos) << status;
    EXPECT_NE(MessageOf(status).find("record 50"), std::string_view::npos) << status;
  }
  CheckpointAt(50);
  EXPECT_TRUE(Check(Lsn{700}).ok());
  EXPECT_TRUE(Check(std::nullopt).ok());  // the log is lost, the rings are whole
  CheckpointAt(60);
  EXPECT_TRUE(Check(Lsn{700}).ok());  // the process died before it made the note
}

TEST_F(CheckpointNoteTest, AnOlderCopyOfRingsNeedsTheLogBehindIt) {
  KeepAt(50);
  CheckpointAt(40);
  EXPECT_TRUE(Check(Lsn{41}).ok());
  const Status status = Check(Lsn{42});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status;
  EXPECT_NE(MessageOf(status).find("older"), std::string_view::npos) << status;
}

TEST_F(CheckpointNoteTest, TheLogMustGoAsFarAsTheRingsNeedIt) {
  KeepAt(50);
  CheckpointNote note(disk_, kPath);
  ASSERT_TRUE(
      note.Check("rings", Lsn{1}).ok());  // There are none, and the log begins early enough.
  EXPECT_TRUE(note.CheckEnd(Lsn{50}).ok());
  for (const Lsn end : {Lsn{0}, Lsn{49}}) {
    EXPECT_EQ(note.CheckEnd(end).code(), StatusCode::kDataLoss) << end.value;
  }
  CheckpointAt(50);
  CheckpointNote whole(disk_, kPath);
  ASSERT_TRUE(whole.Check("rings", std::nullopt).ok());
  EXPECT_TRUE(whole.CheckEnd(Lsn{0}).ok());
}

TEST_F(CheckpointNoteTest, OnlyWhatIsNewIsWritten) {
  CheckpointNote note(disk_, kPath);
  ASSERT_TRUE(note.Keep(Lsn{0}).ok());
  EXPECT_TRUE(disk_.Names("flushed").empty());  // no rings, no note
  ASSERT_TRUE(note.Keep(Lsn{50}).ok());
  const int syncs = disk_.Count(io::testing::FaultyDisk::Op::kDataSync);
  ASSERT_TRUE(note.Keep(Lsn{50}).ok());
  EXPECT_EQ(disk_.Count(io::testing::FaultyDisk::Op::kDataSync), syncs);
  disk_.LosePower();
  EXPECT_EQ(Check(Lsn{51}).code(), StatusCode::kDataLoss);
}

TEST_F(CheckpointNoteTest, ADamagedNoteIsDataLossWithItsName) {
  KeepAt(50);
  CheckpointAt(50);
  std::string bytes = disk_.Contents(kPath);
  bytes[8] ^= 1;
  disk_.SetContents(kPath, bytes);
  const Status status = Check(Lsn{1});
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_NE(MessageOf(status).find(kPath), std::string_view::npos) << status;
}

}  // namespace
}  // namespace varve::ring
