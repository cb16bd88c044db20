// DeltaTable::Replace: one version that removes files and adds others, among several writers.
#include <gmock/gmock.h>

#include <atomic>
#include <functional>
#include <thread>
#include <utility>

#include "lake/commit_fate.h"
#include "lake/delta_table_test.h"
#include "lake/dynamo_commits_test.h"

namespace varve::lake {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

constexpr const char* kFolder = "project_id=shop/date=2025-03-09/";

// Commits, but its next success is not heard of; or does not commit.
class ForgetfulCommits final : public CommitStore {
 public:
  explicit ForgetfulCommits(CommitStore& commits) : commits_(commits) {}
  void LoseNextAnswer() { AnswerNextWith(Unavailable("the answer was lost (test)")); }
  void AnswerNextWith(Status answer) { answer_ = std::move(answer); }
  void RefuseNext(Status answer) { refusal_ = std::move(answer); }

  Status Put(const std::string& location, int64_t version, std::string_view content) override {
    VARVE_RETURN_IF_ERROR(std::exchange(refusal_, OkStatus()));
    VARVE_RETURN_IF_ERROR(commits_.Put(location, version, content));
    if (before_answer) before_answer();
    return std::exchange(answer_, OkStatus());
  }
  Status Settle(const std::string& location) override { return commits_.Settle(location); }

  std::function<void()> before_answer;

 private:
  CommitStore& commits_;
  Status answer_;
  Status refusal_;
};

class DeltaReplaceTest : public DeltaTableFixture {
 protected:
  static std::string PathOf(const std::string& name) { return kFolder + name; }
  FileChange Optimize(const std::vector<std::string>& from, const std::string& into) {
    FileChange change;
    change.operation = "OPTIMIZE";
    for (const std::string& name : from) change.removed.push_back(PathOf(name));
    if (!into.empty()) change.added = {File(into, kTime)};
    change.data_change = false;
    return change;
  }
};

TEST_F(DeltaReplaceTest, OneVersionRemovesAndAdds) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime), File("c", kTime)}, "n/7", 1).ok());
  const auto set = table->Replace(Optimize({"a", "b"}, "ab"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->version, 2);
  EXPECT_THAT(Paths(*set), ElementsAre(EndsWith("/ab"), EndsWith("/c")));
  EXPECT_THAT(Paths((*Open())->files()), ElementsAre(EndsWith("/ab"), EndsWith("/c")));

  const std::string commit = ReadLog(VersionName(2));
  EXPECT_THAT(commit, HasSubstr(R"("operation":"OPTIMIZE")"));
  EXPECT_THAT(commit, HasSubstr(R"("isBlindAppend":false)"));
  EXPECT_THAT(commit, HasSubstr(R"({"remove":{"path":"project_id=shop/date=2025-03-09/a",)"
                                R"("deletionTimestamp":)"));
  EXPECT_THAT(
      commit,
      HasSubstr(
          R"("dataChange":false,"extendedFileMetadata":true,"partitionValues":{"date":"2025-03-09",)"
          R"("project_id":"shop"},"size":100}})"));
  EXPECT_THAT(commit, HasSubstr(R"({"add":{"path":"project_id=shop/date=2025-03-09/ab",)"));
  EXPECT_THAT(commit, Not(HasSubstr(R"("dataChange":true)")));

  FileChange gone = Optimize({"c"}, "");
  gone.operation = "DELETE";
  gone.data_change = true;
  ASSERT_TRUE(table->Replace(gone).ok());
  EXPECT_THAT(ReadLog(VersionName(3)), HasSubstr(R"("dataChange":true,"extendedFileMetadata")"));
  EXPECT_THAT(Paths((*Open())->files()), ElementsAre(EndsWith("/ab")));
}

// Readers match the paths of remove and add as text, so a path that another writer encoded in its
// own way is removed in that way.
TEST_F(DeltaReplaceTest, ThePathIsRemovedAsItsWriterWroteIt) {
  const auto table = *Create();
  WriteLog(VersionName(1),
           R"({"add":{"path":"%70%20q","partitionValues":{"project_id":null,"date":null},)"
           R"("size":1,"modificationTime":1,"dataChange":true}})"
           "\n"
           R"({"add":{"path":"bare","size":2,"dataChange":true}})"
           "\n");
  ASSERT_TRUE(table->Refresh().ok());
  FileChange change = Optimize({}, "new");
  change.removed = {"p q", "bare"};
  ASSERT_TRUE(table->Replace(change).ok());
  const std::string commit = ReadLog(VersionName(2));
  EXPECT_THAT(commit, HasSubstr(R"({"remove":{"path":"%70%20q",)"));
  EXPECT_THAT(commit, HasSubstr(R"("partitionValues":{"project_id":null,"date":null},"size":1}})"));
  EXPECT_THAT(commit, HasSubstr(R"("partitionValues":{},"size":2}})"));
  for (int i = 2; i <= 9; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  EXPECT_THAT(ReadLog("00000000000000000010.checkpoint.parquet"),
              HasSubstr(R"({"remove":{"path":"%70%20q","deletionTimestamp":)"));
}

TEST_F(DeltaReplaceTest, AFileThatIsGoneIsAConflictAndNothingIsCommitted) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  const auto stale = *Open();
  ASSERT_TRUE(table->Replace(Optimize({"a"}, "a2")).ok());
  // Found out from the other's commit, and again when it is known before.
  for (int i = 0; i < 2; ++i) {
    const Status status = stale->Replace(Optimize({"b", "a"}, "ab")).status();
    EXPECT_EQ(SqlStateOf(status), sqlstate::kSerializationFailure) << status;
    EXPECT_EQ(status.code(), StatusCode::kAborted);
    EXPECT_THAT(status.message(), HasSubstr(PathOf("a")));
  }
  EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(3)).ok());
  EXPECT_THAT(Paths((*Open())->files()), ElementsAre(EndsWith("/a2"), EndsWith("/b")));
}

TEST_F(DeltaReplaceTest, AppendsOfOthersDoNotConflict) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  const auto stale = *Open();
  ASSERT_TRUE(table->Append({File("c", kTime)}, "n/7", 2).ok());
  const auto set = stale->Replace(Optimize({"a", "b"}, "ab"));
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_THAT(Paths(*set), UnorderedElementsAre(EndsWith("/ab"), EndsWith("/c")));
  ASSERT_TRUE(table->Append({File("d", kTime)}, "n/7", 3).ok()) << "nor do ours with it";
  EXPECT_THAT(table->files()->files, SizeIs(3));
}

// The commit is in the log although its maker heard of an error, and one of its files has even been
// compacted away since.
TEST_F(DeltaReplaceTest, AChangeOfUnknownOutcomeIsMadeOnce) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  ForgetfulCommits forgetful(*commits_);
  DeltaTable::Context context = Context();
  context.commits = &forgetful;
  const auto unlucky = *DeltaTable::Open(context, events_);
  const FileChange change = Optimize({"a", "b"}, "ab");
  forgetful.LoseNextAnswer();
  EXPECT_EQ(unlucky->Replace(change).status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Paths((*table->Refresh())), ElementsAre(EndsWith("/ab")));
  const auto again = unlucky->Replace(change);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->version, 2);
  ASSERT_TRUE(table->Replace(Optimize({"ab"}, "ab2")).ok());
  ASSERT_TRUE(unlucky->Refresh().ok());
  const auto later = unlucky->Replace(change);
  ASSERT_TRUE(later.ok()) << later.status();
  EXPECT_EQ((*later)->version, 3);
  EXPECT_THAT(Paths(unlucky->files()), ElementsAre(EndsWith("/ab2")));
}

// Of files that are only taken out, the same must not look like the work of another writer.
TEST_F(DeltaReplaceTest, ARemovalOfUnknownOutcomeIsKnownAgain) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  ForgetfulCommits forgetful(*commits_);
  DeltaTable::Context context = Context();
  context.commits = &forgetful;
  const auto unlucky = *DeltaTable::Open(context, events_);
  const FileChange change{"DELETE", {PathOf("a")}, {}, true};
  forgetful.LoseNextAnswer();
  EXPECT_EQ(unlucky->Replace(change).status().code(), StatusCode::kUnavailable);
  const auto again = unlucky->Replace(change);
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->version, 2);
  EXPECT_THAT(Paths(*again), ElementsAre(EndsWith("/b")));
  EXPECT_EQ(SqlStateOf(unlucky->Replace(change).status()), sqlstate::kSerializationFailure)
      << "a second call is another change";

  const FileChange next{"DELETE", {PathOf("b")}, {}, true};
  ASSERT_TRUE(table->Replace(next).ok());
  EXPECT_EQ(SqlStateOf(unlucky->Replace(next).status()), sqlstate::kSerializationFailure)
      << "another writer was first";
}

// Who has written the files of a change deletes them by this.
TEST_F(DeltaReplaceTest, OnlyAChangeThatDidNotHappenIsSaidNotToHave) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime), File("c", kTime)}, "n/7", 1).ok());
  ForgetfulCommits commits(*commits_);
  HookedStore store(*store_);
  DeltaTable::Context context = Context();
  context.commits = &commits;
  context.store = &store;
  const auto mine = *DeltaTable::Open(context, events_);
  const Status full = SqlError(sqlstate::kDiskFull, "full (test)");
  const auto replace = [&](const std::string& from) {
    return mine->Replace(Optimize({from}, from + "2")).status();
  };

  commits.RefuseNext(full);
  EXPECT_TRUE(IsKnownNotCommitted(replace("a"))) << "the store said so";
  commits.RefuseNext(Unavailable("no answer (test)"));
  EXPECT_FALSE(IsKnownNotCommitted(replace("a")));
  EXPECT_THAT(Paths(*table->Refresh()), Not(Contains(EndsWith("/a2"))));

  commits.LoseNextAnswer();
  EXPECT_FALSE(IsKnownNotCommitted(replace("a")));
  EXPECT_THAT(Paths(*table->Refresh()), Contains(EndsWith("/a2")));
  ASSERT_TRUE(replace("a").ok());

  // Made, and then the table cannot be read.
  commits.AnswerNextWith(AlreadyExists("sent twice on the way (test)"));
  store.SetBefore("get", [&](auto) { return full; });
  const Status unread = replace("b");
  EXPECT_EQ(SqlStateOf(unread), sqlstate::kDiskFull) << unread;
  EXPECT_FALSE(IsKnownNotCommitted(unread));
  store.SetBefore("get", nullptr);
  EXPECT_THAT(Paths(*table->Refresh()), Contains(EndsWith("/b2")));
  ASSERT_TRUE(replace("b").ok());

  const Status other = mine->Replace(Optimize({"b"}, "b3")).status();
  EXPECT_EQ(SqlStateOf(other), sqlstate::kSerializationFailure) << other;
  EXPECT_TRUE(IsKnownNotCommitted(other));

  // Made, and then the look whether it came too late fails.
  commits.before_answer = [&] {
    clock_.shift_us += int64_t{2 * 3600} * 1'000'000;
    store.SetBefore("head", [&](auto) { return full; });
  };
  const Status late = replace("c");
  EXPECT_EQ(SqlStateOf(late), sqlstate::kDiskFull) << late;
  EXPECT_FALSE(IsKnownNotCommitted(late));
  EXPECT_THAT(Paths(*table->Refresh()), Contains(EndsWith("/c2")));
}

TEST_F(DeltaReplaceTest, ChangesOfTheProtocolOrTheColumnsByOthersAreChecked) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime)}, "n/7", 1).ok());
  const auto stale = *Open();
  std::string changed = ReadLog(VersionName(0));
  const std::string from = R"(\"name\":\"n\",\"type\":\"long\")";
  changed.replace(changed.find(from), from.size(), R"(\"name\":\"n\",\"type\":\"string\")");
  WriteLog(VersionName(2), changed);
  EXPECT_EQ(SqlStateOf(stale->Replace(Optimize({"a"}, "a2")).status()), "0A000");
  WriteLog(VersionName(2), R"({"protocol":{"minReaderVersion":2,"minWriterVersion":5}})"
                           "\n");
  EXPECT_EQ(SqlStateOf(stale->Replace(Optimize({"a"}, "a2")).status()),
            sqlstate::kFeatureNotSupported);
  EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(3)).ok());
}

TEST_F(DeltaReplaceTest, ATableOnlyForAppendsKeepsItsRows) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime)}, "n/7", 1).ok());
  std::string changed = ReadLog(VersionName(0));
  const std::string from = R"("configuration":{)";
  changed.replace(changed.find(from), from.size(),
                  R"("configuration":{"delta.appendOnly":"true",)");
  WriteLog(VersionName(2), changed);
  FileChange change = Optimize({"a"}, "");
  change.data_change = true;
  const Status refused = table->Replace(change).status();
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kObjectNotInPrerequisiteState) << refused;
  EXPECT_TRUE(table->Replace(Optimize({"a"}, "a2")).ok()) << "laying out anew is not a change";
}

// Two compactors and a flush at once: each file is replaced once, by one of the two.
TEST_F(DeltaReplaceTest, OfTwoCompactionsOfTheSameFilesOneWins) {
  constexpr int kRounds = 12;
  const auto table = *Create();
  std::vector<DataFile> files;
  for (int r = 0; r < kRounds; ++r) files.push_back(File(fmt::format("f{}", r), kTime));
  ASSERT_TRUE(table->Append(files, "n/7", 1).ok());
  std::atomic<int> won{0};
  std::atomic<int> conflicts{0};
  std::vector<std::thread> threads;
  for (int w = 0; w < 2; ++w) {
    threads.emplace_back([&, w] {
      const auto mine = *Open();
      for (int r = 0; r < kRounds; ++r) {
        const auto done =
            mine->Replace(Optimize({fmt::format("f{}", r)}, fmt::format("f{}-by{}", r, w)));
        if (!done.ok()) {
          ASSERT_EQ(SqlStateOf(done.status()), sqlstate::kSerializationFailure);
        }
        ++(done.ok() ? won : conflicts);
      }
    });
  }
  threads.emplace_back([&] {
    const auto mine = *Open();
    for (int i = 0; i < kRounds; ++i) {
      ASSERT_TRUE(mine->Append({File(fmt::format("new{}", i), kTime)}, "m/7", i).ok());
    }
  });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(won, kRounds);
  EXPECT_EQ(conflicts, kRounds);
  const auto opened = *Open();
  EXPECT_EQ(opened->files()->version, 1 + kRounds + kRounds);
  EXPECT_THAT(opened->files()->files, SizeIs(2 * kRounds));
}

// Vacuum, of any server, may have deleted them.
TEST_F(DeltaReplaceTest, FilesThatWereStoredLongAgoAreNotCommitted) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  FileChange change = Optimize({"a", "b"}, "ab");
  change.stored_us = clock_.MonotonicUs();
  clock_.shift_us = kStoredGoodForUs + 1;
  EXPECT_EQ(SqlStateOf(table->Replace(change).status()), sqlstate::kStatementTooComplex);
  EXPECT_EQ((*Open())->files()->version, 1);
  clock_.shift_us = kStoredGoodForUs - 60'000'000;
  EXPECT_TRUE(table->Replace(change).ok());
  // It has happened: its files are nobody's to delete.
  clock_.shift_us = 2 * kStoredGoodForUs;
  EXPECT_TRUE(table->Replace(change).ok());
}

}  // namespace
}  // namespace varve::lake
