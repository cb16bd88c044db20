#include "lake/flush_notes.h"

#include <gmock/gmock.h>

#include <fstream>

#include "io/posix/posix_file_system.h"
#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

class FlushNotesTest : public DeltaTableFixture {
 protected:
  io::PosixFileSystem files_;
};

TEST_F(FlushNotesTest, ANoteIsReadBackByTheNextStart) {
  FlushNotes notes(files_, dir_ + "/flushed");
  EXPECT_FALSE(*notes.Read(TableId(7)));
  EXPECT_FALSE(*notes.FindTable("events"));
  ASSERT_TRUE(notes.Write(TableId(7), {Lsn(40), 3, "events"}).ok());
  ASSERT_TRUE(notes.Write(TableId(7), {Lsn(50), 4, "events"}).ok());
  FlushNotes later(files_, dir_ + "/flushed");
  const auto note = *later.Read(TableId(7));
  ASSERT_TRUE(note);
  EXPECT_EQ(note->through, Lsn(50));
  EXPECT_EQ(note->version, 4);
  EXPECT_EQ(note->location, "events");
  EXPECT_EQ(*later.FindTable("events"), TableId(7));
  EXPECT_FALSE(*later.FindTable("event"));
}

// Two threads show versions of a table at once.
TEST_F(FlushNotesTest, WhoComesLateChangesNothing) {
  FlushNotes notes(files_, dir_ + "/flushed");
  ASSERT_TRUE(notes.Write(TableId(7), {Lsn(50), 4, "events"}).ok());
  ASSERT_TRUE(notes.Write(TableId(7), {Lsn(40), 3, "events"}).ok());
  EXPECT_EQ((*notes.Read(TableId(7)))->through, Lsn(50));
  // The table was put back: the next start goes on from there.
  FlushNotes later(files_, dir_ + "/flushed");
  ASSERT_TRUE(later.Write(TableId(7), {Lsn(45), 3, "events"}).ok());
  EXPECT_EQ((*notes.Read(TableId(7)))->through, Lsn(45));
}

TEST_F(FlushNotesTest, ADamagedNoteIsNotTakenForNone) {
  FlushNotes notes(files_, dir_ + "/flushed");
  ASSERT_TRUE(notes.Write(TableId(7), {Lsn(50), 4, "events"}).ok());
  for (const char* text : {"", "{", "[1]", R"({"v":2,"through":5,"version":1,"location":"e"})",
                           R"({"v":1,"through":-5,"version":1,"location":"e"})",
                           R"({"v":1,"through":5,"version":"1","location":"e"})",
                           R"({"v":1,"through":5,"version":1})"}) {
    std::ofstream(notes.PathOf(TableId(7))) << text;
    EXPECT_EQ(notes.Read(TableId(7)).status().code(), StatusCode::kDataLoss) << text;
  }
}

// What another engine's checkpoint does when delta.setTransactionRetentionDuration has passed.
class RecoverTxnTest : public DeltaTableFixture {
 protected:
  RecoverTxnTest() {
    const auto table = *Create();
    for (int64_t v = 1; v <= 3; ++v) {
      EXPECT_TRUE(table->Append({File(fmt::format("f{}", v), 0)}, "n/7", 10 * v).ok());
    }
  }
  void CheckpointWithoutTxns() {
    std::istringstream lines(ReadLog("00000000000000000000.json"));
    std::string checkpoint;
    for (std::string line; std::getline(lines, line);) {
      if (line.find("commitInfo") == std::string::npos) checkpoint += line + "\n";
    }
    for (int64_t v = 1; v <= 3; ++v) {
      std::istringstream commit(ReadLog(fmt::format("{:020}.json", v)));
      for (std::string line; std::getline(commit, line);) {
        if (line.starts_with(R"({"add")")) checkpoint += line + "\n";
      }
    }
    WriteLog("00000000000000000003.checkpoint.parquet", checkpoint);
    WriteLog("_last_checkpoint", R"({"version":3,"size":5})");
  }
  void Clean(int64_t first, int64_t last) {
    for (int64_t v = first; v <= last; ++v) {
      ASSERT_TRUE(store_->Delete(CommitName("events", v)).ok());
    }
  }
};

TEST_F(RecoverTxnTest, FromTheCommitsThatAreStillThere) {
  CheckpointWithoutTxns();
  const auto table = *Open();
  ASSERT_EQ(table->txn_version("n/7"), std::nullopt);
  ASSERT_EQ(table->files()->files.size(), 3u);
  // The note is older than the last commit.
  EXPECT_EQ(*table->RecoverTxn("n/7", 20, 2), 30);
  EXPECT_EQ(table->txn_version("n/7"), 30);
  EXPECT_EQ(table->files()->txns.at("n/7"), 30);
  EXPECT_EQ(table->files()->files.size(), 3u);
}

TEST_F(RecoverTxnTest, FromTheNoteWhenTheLogIsCleaned) {
  CheckpointWithoutTxns();
  Clean(0, 3);
  EXPECT_EQ(*(*Open())->RecoverTxn("n/7", 30, 3), 30);
}

TEST_F(RecoverTxnTest, AnOlderStateThatWasPutBackHasNone) {
  Clean(3, 3);
  const auto table = *Open();
  EXPECT_EQ(*table->RecoverTxn("n/7", 30, 3), std::nullopt);
  EXPECT_EQ(table->txn_version("n/7"), 20);
  // Others have gone on from there.
  ASSERT_TRUE((*Open())->Append({File("o", 0)}, "other/7", 1).ok());
  EXPECT_EQ(*(*Open())->RecoverTxn("n/7", 30, 3), std::nullopt);
}

// Although nobody can say what stood in the version that was cleaned up: it would not be lower.
TEST_F(RecoverTxnTest, ALowerTxnIsAnotherHistory) {
  ASSERT_TRUE((*Open())->Append({File("o", 0)}, "other/7", 1).ok());
  const std::string fourth = ReadLog("00000000000000000004.json");
  CheckpointWithoutTxns();
  Clean(0, 3);
  WriteLog("00000000000000000004.json", fourth + R"({"txn":{"appId":"n/7","version":20}})" + "\n");
  EXPECT_EQ(*(*Open())->RecoverTxn("n/7", 30, 3), std::nullopt);
}

// A server that was away reads the checkpoint instead of the commits that it has missed.
TEST_F(RecoverTxnTest, AServerThatRunsForgetsNoTxn) {
  const auto running = *Open();
  const auto other = *Open();
  for (int64_t v = 4; v <= 12; ++v) {
    ASSERT_TRUE(other->Append({File(fmt::format("o{}", v), 0)}, "other/7", v).ok());
  }
  std::string checkpoint = ReadLog("00000000000000000010.checkpoint.parquet");
  const auto at = checkpoint.find(R"({"txn":{"appId":"n/7")");
  ASSERT_NE(at, std::string::npos);
  checkpoint.erase(at, checkpoint.find('\n', at) - at + 1);
  WriteLog("00000000000000000010.checkpoint.parquet", checkpoint);
  Clean(0, 9);
  clock_.shift_us = int64_t{2} * 3600 * 1'000'000;
  ASSERT_EQ((*Open())->txn_version("n/7"), std::nullopt);
  ASSERT_TRUE(running->Refresh().ok());
  EXPECT_EQ(running->files()->version, 12);
  EXPECT_EQ(running->txn_version("n/7"), 30);
}

}  // namespace
}  // namespace varve::lake
