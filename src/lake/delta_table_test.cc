#include "lake/delta_table.h"

#include <gmock/gmock.h>

#include <thread>

#include "base/telemetry.h"
#include "lake/delta_table_test.h"
#include "lake/file_pruning.h"

namespace varve::lake {
namespace {

using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::SizeIs;

constexpr int64_t kSecond = 1'000'000;

class DeltaTableTest : public DeltaTableFixture {};

TEST_F(DeltaTableTest, CreateWritesProtocolAndColumns) {
  const auto table = *Create();
  EXPECT_EQ(table->files()->version, 0);
  EXPECT_THAT(table->files()->files, IsEmpty());
  const std::string first = ReadLog(VersionName(0));
  EXPECT_THAT(first, HasSubstr(R"({"protocol":{"minReaderVersion":1,"minWriterVersion":2}})"));
  EXPECT_THAT(first, HasSubstr(R"("partitionColumns":["project_id","date"])"));
  EXPECT_THAT(first, HasSubstr(R"(\"name\":\"timestamp\",\"type\":\"timestamp\")"));
  EXPECT_THAT(first, HasSubstr(R"({"commitInfo":)"));
}

TEST_F(DeltaTableTest, CreateTakesUpWhatACutShortCreateLeft) {
  ASSERT_TRUE(Create().ok());
  const std::string first = ReadLog(VersionName(0));
  const auto again = Create();
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_EQ((*again)->files()->version, 0);
  EXPECT_EQ(ReadLog(VersionName(0)), first);

  TableDef other = MakeEvents();
  other.columns[3].type = Type(TypeKind::kText);
  const auto refused = DeltaTable::Create(Context(), std::make_shared<const TableDef>(other));
  EXPECT_EQ(refused.status().code(), StatusCode::kAlreadyExists) << refused.status();
}

TEST_F(DeltaTableTest, OpenWithoutALogIsNotFound) {
  EXPECT_EQ(Open().status().code(), StatusCode::kNotFound);
}

TEST_F(DeltaTableTest, TypesThatDeltaDoesNotHaveAreRefusedByColumn) {
  for (const TypeKind kind : {TypeKind::kTimestamp, TypeKind::kTime, TypeKind::kInterval}) {
    TableDef def = MakeEvents();
    def.columns.push_back(MakeColumn(5, "odd one", Type(kind)));
    const auto created = DeltaTable::Create(Context(), std::make_shared<const TableDef>(def));
    EXPECT_EQ(SqlStateOf(created.status()), sqlstate::kFeatureNotSupported);
    EXPECT_THAT(created.status().message(), HasSubstr("odd one"));
  }
  EXPECT_THAT(*store_->List(""), IsEmpty());
}

TEST_F(DeltaTableTest, AppendIsReadBack) {
  {
    const auto table = *Create();
    const auto set = table->Append(
        {File("a.parquet", kTime, 5), File("b.parquet", kTime + 9 * kSecond)}, "node/7", 42);
    ASSERT_TRUE(set.ok()) << set.status();
    EXPECT_EQ((*set)->version, 1);
    EXPECT_EQ(table->txn_version("node/7"), 42);
    EXPECT_EQ(table->txn_version("node/8"), std::nullopt);
    EXPECT_THAT(ReadLog(VersionName(1)), HasSubstr(R"("isBlindAppend":true)"));
  }
  const auto table = *Open();
  EXPECT_EQ(table->txn_version("node/7"), 42);
  const FileSetRef set = table->files();
  ASSERT_THAT(set->files, SizeIs(2));
  const DataFile& file = *set->files[1];
  EXPECT_EQ(file.path, "project_id=shop/date=2025-03-09/a.parquet");
  EXPECT_EQ(file.bytes, 100);
  EXPECT_EQ(file.rows, 1);
  EXPECT_EQ(file.partition_values.at("project_id"), "shop");
  EXPECT_EQ(file.stats.at("n").min, "5");
  EXPECT_EQ(file.stats.at("n").max, "5");
  EXPECT_EQ(file.stats.at("n").null_count, 0);
  EXPECT_EQ(file.stats.at("timestamp").min, "2025-03-09T10:00:00.123Z");
  EXPECT_EQ(file.stats.at("timestamp").max, "2025-03-09T10:00:00.124Z");
  EXPECT_LE(file.time_range.min.value, kTime);
  EXPECT_GE(file.time_range.max.value, kTime);
  EXPECT_FALSE(MayMatch(file, {"n", Type(TypeKind::kInt64), BoundOp::kGreater, {"5"}}));
}

TEST_F(DeltaTableTest, FilesAreNewestFirstAndUnknownAgeBeforeAll) {
  const auto table = *Create();
  DataFile unknown = File("unknown", kTime);
  unknown.stats.clear();
  unknown.time_range = {};
  ASSERT_TRUE(table
                  ->Append({File("old", kTime - 3'600'000'000), unknown, File("new", kTime),
                            File("mid", kTime - 60'000'000)},
                           "n/7", 1)
                  .ok());
  const auto expected =
      ElementsAre(EndsWith("unknown"), EndsWith("new"), EndsWith("mid"), EndsWith("old"));
  EXPECT_THAT(Paths(table->files()), expected);
  EXPECT_THAT(Paths((*Open())->files()), expected);
}

TEST_F(DeltaTableTest, PathsWithSpecialCharactersSurvive) {
  const auto table = *Create();
  DataFile file = File("x", kTime);
  file.partition_values["project_id"] = "a b/c:d=e%\xc3\xa9";
  file.path = PartitionPath(*events_, file.partition_values) + "/part.parquet";
  EXPECT_EQ(file.path, "project_id=a%20b%2Fc%3Ad%3De%25%C3%A9/date=2025-03-09/part.parquet");
  ASSERT_TRUE(table->Append({file}, "n/7", 1).ok());
  EXPECT_THAT(
      ReadLog(VersionName(1)),
      HasSubstr(
          R"("path":"project_id=a%2520b%252Fc%253Ad%253De%2525%25C3%25A9/date=2025-03-09/part.parquet")"));
  const FileSetRef read = (*Open())->files();
  EXPECT_EQ(read->files[0]->path, file.path);
  EXPECT_EQ(read->files[0]->partition_values, file.partition_values);
}

TEST_F(DeltaTableTest, TheSameTransactionIsCommittedOnce) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime)}, "n/7", 10).ok());
  // Once more, by the same object, by one that was opened before, and an older one.
  const auto twin = *Open();
  ASSERT_TRUE(table->Append({File("a2", kTime)}, "n/7", 10).ok());
  ASSERT_TRUE(twin->Append({File("a3", kTime)}, "n/7", 9).ok());
  EXPECT_THAT(Paths(table->files()), ElementsAre(EndsWith("/a")));
  EXPECT_EQ((*Open())->files()->version, 1);
}

// The commit succeeded, but its maker did not hear of it: the store answered with an error.
TEST_F(DeltaTableTest, ACommitOfUnknownOutcomeIsFoundByTheRetry) {
  const auto stale = *Create();
  const auto lucky = *Open();
  ASSERT_TRUE(lucky->Append({File("a", kTime)}, "n/7", 10).ok());
  const auto set = stale->Append({File("a", kTime)}, "n/7", 10);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->version, 1);
  EXPECT_THAT((*set)->files, SizeIs(1));
}

// A commit that was given up arrives between the retry's look at the log and its own commit: the
// retry holds the same rows and more, so committing it would double them.
TEST_F(DeltaTableTest, ARetryDoesNotDoubleACommitThatArrivedLate) {
  const auto stale = *Create();
  const auto late = *Open();
  ASSERT_TRUE(late->Append({File("a", kTime)}, "n/7", 10).ok());
  EXPECT_EQ(stale->Append({File("b", kTime)}, "n/7", 15).status().code(), StatusCode::kUnavailable);
  EXPECT_THAT(Paths((*Open())->files()), ElementsAre(EndsWith("/a")));
  EXPECT_EQ(stale->txn_version("n/7"), 10);
  EXPECT_TRUE(stale->Append({File("b", kTime)}, "n/7", 15).ok());
}

TEST_F(DeltaTableTest, BlindAppendsOfSeveralWritersDoNotConflict) {
  const auto a = *Create();
  const auto b = *Open();
  ASSERT_TRUE(a->Append({File("a", kTime)}, "a/7", 1).ok());
  const auto set = b->Append({File("b", kTime + 5'000'000)}, "b/7", 1);
  ASSERT_TRUE(set.ok()) << set.status();
  EXPECT_EQ((*set)->version, 2);
  EXPECT_THAT(Paths(*set), ElementsAre(EndsWith("b"), EndsWith("a")));
  EXPECT_EQ(a->files()->version, 1);
  EXPECT_EQ((*a->Refresh())->version, 2);
  EXPECT_EQ(a->txn_version("b/7"), 1);
}

TEST_F(DeltaTableTest, ParallelWritersLeaveNoGapAndNoFileTwice) {
  ASSERT_TRUE(Create().ok());
  constexpr int kWriters = 6;
  constexpr int kCommits = 15;
  std::vector<std::thread> threads;
  for (int w = 0; w < kWriters; ++w) {
    threads.emplace_back([&, w] {
      const auto table = *Open();
      const std::string app = "node" + std::to_string(w) + "/7";
      for (int c = 1; c <= kCommits; ++c) {
        const auto set =
            table->Append({File(fmt::format("w{}-c{}", w, c), kTime + c * kSecond)}, app, c);
        ASSERT_TRUE(set.ok()) << set.status();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();

  const auto table = *Open();
  EXPECT_EQ(table->files()->version, kWriters * kCommits);
  std::multiset<std::string> in_log;
  for (int64_t version = 1; version <= kWriters * kCommits; ++version) {
    const std::string commit = ReadLog(VersionName(version));
    const size_t at = commit.find("/w");
    ASSERT_NE(at, std::string::npos);
    in_log.insert(commit.substr(at + 1, commit.find('"', at) - at - 1));
  }
  const std::vector<std::string> paths = Paths(table->files());
  EXPECT_THAT(paths, SizeIs(kWriters * kCommits));
  for (int w = 0; w < kWriters; ++w) {
    EXPECT_EQ(table->txn_version("node" + std::to_string(w) + "/7"), kCommits);
    for (int c = 1; c <= kCommits; ++c) {
      EXPECT_EQ(in_log.count(fmt::format("w{}-c{}", w, c)), 1u);
    }
  }
}

TEST_F(DeltaTableTest, ACheckpointEveryTenCommits) {
  const auto table = *Create();
  for (int i = 1; i <= 25; ++i) {
    ASSERT_TRUE(
        table->Append({File(fmt::format("f{:02}", i), kTime + i * kSecond)}, "n/7", i).ok());
  }
  EXPECT_EQ(codec_.written, 2);
  EXPECT_THAT(ReadLog("_last_checkpoint"), HasSubstr(R"("version":20,)"));
  EXPECT_THAT(ReadLog("_last_checkpoint"), HasSubstr(R"("numOfAddFiles":20)"));
  const std::string checkpoint = ReadLog("00000000000000000020.checkpoint.parquet");
  EXPECT_EQ(std::count(checkpoint.begin(), checkpoint.end(), '\n'), 23);
  EXPECT_THAT(checkpoint, Not(HasSubstr("commitInfo")));
  EXPECT_THAT(checkpoint, Not(HasSubstr(R"("dataChange":true)")));
  EXPECT_TRUE(std::filesystem::is_empty(dir_ + "/scratch"));

  // The commits before the checkpoint are not needed any more.
  for (int i = 0; i <= 20; ++i) std::filesystem::remove(LogPath(VersionName(i)));
  const auto opened = *Open();
  EXPECT_EQ(codec_.read, 1);
  EXPECT_EQ(opened->files()->version, 25);
  EXPECT_EQ(Paths(opened->files()), Paths(table->files()));
  EXPECT_EQ(opened->txn_version("n/7"), 25);
  EXPECT_EQ(opened->files()->files[24]->stats.at("n").max, "0");
}

TEST_F(DeltaTableTest, AFailedCheckpointDoesNotFailTheCommit) {
  Counter& failures = Telemetry::Get().GetCounter("varve_lake_checkpoint_failures_total", "");
  const uint64_t before = failures.value();
  const auto table = *Create();
  codec_.fail = true;
  for (int i = 1; i <= 12; ++i) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", i), kTime)}, "n/7", i).ok());
  }
  EXPECT_EQ(failures.value(), before + 1);
  EXPECT_EQ(table->files()->version, 12);
  EXPECT_EQ((*Open())->files()->version, 12);
}

// A crash between the checkpoint and _last_checkpoint, and all that may be left lying about.
TEST_F(DeltaTableTest, EachWayToTheStateGivesTheSame) {
  const auto table = *Create();
  for (int i = 1; i <= 22; ++i) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", i), kTime + i * kSecond)}, "n/7", i).ok());
  }
  const std::vector<std::string> expected = Paths(table->files());
  const auto check = [&](const char* what) {
    const auto opened = Open();
    ASSERT_TRUE(opened.ok()) << what << ": " << opened.status();
    EXPECT_EQ((*opened)->files()->version, 22) << what;
    EXPECT_EQ(Paths((*opened)->files()), expected) << what;
  };
  WriteLog(".00000000000000000023.json.tmp", "rubbish");
  WriteLog("00000000000000000023.crc", "rubbish");
  WriteLog("00000000000000000001.00000000000000000009.compacted.json", "rubbish");
  check("leftover files");
  WriteLog("_last_checkpoint", R"({"version":10,"size":3})");
  check("_last_checkpoint is old");
  WriteLog("_last_checkpoint", R"({"version":15,"size":3})");
  check("_last_checkpoint points at a version without one");
  WriteLog("_last_checkpoint", R"({"version":99,"size":3})");
  check("_last_checkpoint points beyond the end");
  WriteLog("_last_checkpoint", "{\"ver");
  check("_last_checkpoint is damaged");
  std::filesystem::remove(LogPath("_last_checkpoint"));
  check("_last_checkpoint is missing");
  WriteLog("00000000000000000020.checkpoint.parquet", "damaged");
  WriteLog("_last_checkpoint", R"({"version":20,"size":3})");
  check("the newest checkpoint is damaged");
  std::filesystem::remove(LogPath("00000000000000000020.checkpoint.parquet"));
  check("the newest checkpoint is missing");
  std::filesystem::remove(LogPath("00000000000000000010.checkpoint.parquet"));
  check("no checkpoint at all");
}

TEST_F(DeltaTableTest, ReadsCheckpointsInParts) {
  const auto table = *Create();
  for (int i = 1; i <= 10; ++i) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", i), kTime + i * kSecond)}, "n/7", i).ok());
  }
  const std::string whole = ReadLog("00000000000000000010.checkpoint.parquet");
  const size_t half = whole.find('\n', whole.size() / 2) + 1;
  std::filesystem::remove(LogPath("00000000000000000010.checkpoint.parquet"));
  for (int i = 0; i <= 10; ++i) std::filesystem::remove(LogPath(VersionName(i)));
  WriteLog("00000000000000000010.checkpoint.0000000001.0000000002.parquet", whole.substr(0, half));
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);  // The other part is missing.
  WriteLog("00000000000000000010.checkpoint.0000000002.0000000002.parquet", whole.substr(half));
  const auto opened = Open();
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ(Paths((*opened)->files()), Paths(table->files()));
}

TEST_F(DeltaTableTest, DamageIsNamed) {
  const auto table = *Create();
  for (int i = 1; i <= 3; ++i) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", i), kTime)}, "n/7", i).ok());
  }
  const std::string good = ReadLog(VersionName(2));
  for (const std::string& bad :
       {good.substr(0, good.size() / 2), std::string(), std::string("\n"),
        std::string("{\"add\":{\"size\":1}}\n"), std::string("[]\n"), std::string("{\"add\":7}\n"),
        std::string("{\"add\":{\"path\":\"a\",\"size\":1,\"partitionValues\":[]}}\n"),
        std::string("{\"add\":{\"path\":\"a\",\"size\":4611686018427387904,"
                    "\"partitionValues\":{}}}\n"),
        std::string("{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,"
                    "\"writerFeatures\":7}}\n"),
        std::string("{\"add\":{\"path\":\"a%zz\",\"size\":1,\"partitionValues\":{}}}\n")}) {
    WriteLog(VersionName(2), bad);
    const Status status = Open().status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << bad;
    EXPECT_THAT(status.message(), HasSubstr(VersionName(2))) << bad;
  }
  std::filesystem::remove(LogPath(VersionName(2)));
  const Status missing = Open().status();
  EXPECT_EQ(missing.code(), StatusCode::kDataLoss);
  EXPECT_THAT(missing.message(), HasSubstr(VersionName(2)));
  std::filesystem::remove(LogPath(VersionName(0)));
  EXPECT_EQ(Open().status().code(), StatusCode::kDataLoss);
}

TEST_F(DeltaTableTest, FeaturesThatWeDoNotKnowAreRefusedByName) {
  const auto table = *Create();
  const struct {
    const char* line;
    const char* feature;
  } cases[] = {
      {R"({"protocol":{"minReaderVersion":2,"minWriterVersion":5}})", "columnMapping"},
      {R"({"protocol":{"minReaderVersion":3,"minWriterVersion":7,"readerFeatures":["deletionVectors"],"writerFeatures":["deletionVectors"]}})",
       "deletionVectors"},
      {R"({"protocol":{"minReaderVersion":1,"minWriterVersion":7,"writerFeatures":["appendOnly","rowTracking"]}})",
       "rowTracking"},
      {R"({"protocol":{"minReaderVersion":1,"minWriterVersion":4}})", "changeDataFeed"},
      {R"({"protocol":{"minReaderVersion":9,"minWriterVersion":9}})", "reader version 9"},
      {R"({"protocol":{"minReaderVersion":1,"minWriterVersion":8}})", "writer version 8"},
      {R"({"add":{"path":"x","partitionValues":{},"size":1,"deletionVector":{"storageType":"u"}}})",
       "deletionVectors"},
      {R"({"add":{"path":"s3://bucket/x","partitionValues":{},"size":1}})", "s3://bucket/x"},
  };
  for (const auto& c : cases) {
    WriteLog(VersionName(1), std::string(c.line) + "\n");
    const Status status = Open().status();
    EXPECT_EQ(SqlStateOf(status), sqlstate::kFeatureNotSupported) << c.line;
    EXPECT_THAT(status.message(), HasSubstr(c.feature));
    EXPECT_EQ(SqlStateOf(table->Refresh().status()), sqlstate::kFeatureNotSupported) << c.line;
    EXPECT_EQ(SqlStateOf(table->Append({File("a", kTime)}, "n/7", 1).status()),
              sqlstate::kFeatureNotSupported)
        << c.line;
    EXPECT_EQ(table->files()->version, 0);
  }
  WriteLog(VersionName(1),
           "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":"
           "[\"appendOnly\"]}}\n");
  EXPECT_TRUE(Open().ok());
}

TEST_F(DeltaTableTest, OtherWritersActionsAreAppliedAndKept) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime), File("b", kTime)}, "n/7", 1).ok());
  // Removes one file, adds one without statistics and with a tag, and says things we do not know.
  WriteLog(VersionName(2),
           "{\"commitInfo\":{\"operation\":\"OPTIMIZE\"}}\n"
           "{\"remove\":{\"path\":\"project_id=shop/date=2025-03-09/a\",\"deletionTimestamp\":" +
               std::to_string(Clock::System().NowUs() / 1000) +
               ",\"dataChange\":false,\"stats\":\"{}\"}}\n"
               "{\"add\":{\"path\":\"c%20c\",\"partitionValues\":{\"project_id\":null,\"date\":"
               "\"2025-03-10\"},\"size\":7,\"modificationTime\":1,\"dataChange\":true,\"tags\":"
               "{\"k\":\"v\"},\"newField\":[1]}}\n"
               "{\"newAction\":{\"x\":1}}\n\n");
  ASSERT_TRUE(table->Refresh().ok());
  EXPECT_THAT(Paths(table->files()), ElementsAre("c c", EndsWith("/b")));
  EXPECT_EQ(table->files()->files[0]->partition_values.at("project_id"), std::nullopt);
  for (int i = 2; i <= 9; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  const std::string checkpoint = ReadLog("00000000000000000010.checkpoint.parquet");
  EXPECT_THAT(checkpoint, HasSubstr(R"("tags":{"k":"v"},"newField":[1])"));
  EXPECT_THAT(checkpoint, HasSubstr(R"({"remove":{"path":"project_id=shop/date=2025-03-09/a",)"));
  EXPECT_THAT(checkpoint, Not(HasSubstr(R"("stats":"{}")")));
}

// A file that another writer takes out and brings back is there once, and no longer deleted rows of
// it nor its removal are remembered.
TEST_F(DeltaTableTest, AFileThatComesBackIsLikeNew) {
  const auto table = *Create();
  const std::string add = R"({"add":{"path":"a","partitionValues":{},"size":1,"dataChange":true)";
  WriteLog(VersionName(1), add + R"(,"deletionVector":{"storageType":"u"}}})" + "\n");
  EXPECT_EQ(SqlStateOf(Open().status()), sqlstate::kFeatureNotSupported);
  WriteLog(VersionName(2), add + "}}\n");
  ASSERT_TRUE(table->Refresh().ok()) << "its deletion vector is gone";
  WriteLog(VersionName(3), R"({"remove":{"path":"a","deletionTimestamp":)" +
                               std::to_string(Clock::System().NowUs() / 1000) +
                               ",\"dataChange\":false}}\n");
  // A removal that was a week ago is nobody's concern any more.
  WriteLog(VersionName(4),
           add + "}}\n" + R"({"remove":{"path":"old","deletionTimestamp":1}})" + "\n");
  ASSERT_TRUE(table->Refresh().ok());
  EXPECT_THAT(Paths(table->files()), ElementsAre("a"));
  for (int i = 1; i <= 6; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  const std::string checkpoint = ReadLog("00000000000000000010.checkpoint.parquet");
  EXPECT_THAT(checkpoint, HasSubstr(R"({"add":{"path":"a",)"));
  EXPECT_THAT(checkpoint, Not(HasSubstr("\"remove\"")));
}

TEST_F(DeltaTableTest, DomainsOfOthersAreKeptUntilTheyAreRemoved) {
  const auto table = *Create();
  WriteLog(VersionName(1),
           "{\"protocol\":{\"minReaderVersion\":1,\"minWriterVersion\":7,\"writerFeatures\":"
           "[\"domainMetadata\"]}}\n"
           "{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":\"1\",\"removed\":false}}\n"
           "{\"domainMetadata\":{\"domain\":\"b\",\"configuration\":\"2\",\"removed\":false}}\n");
  WriteLog(VersionName(2),
           "{\"domainMetadata\":{\"domain\":\"a\",\"configuration\":\"1\",\"removed\":true}}\n");
  for (int i = 1; i <= 8; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  const std::string checkpoint = ReadLog("00000000000000000010.checkpoint.parquet");
  EXPECT_THAT(checkpoint, HasSubstr(R"({"domainMetadata":{"domain":"b","configuration":"2")"));
  EXPECT_THAT(checkpoint, Not(HasSubstr(R"("domain":"a")")));
  EXPECT_THAT(checkpoint, HasSubstr(R"("writerFeatures":["domainMetadata"])"));
}

TEST_F(DeltaTableTest, UpdateSchemaAddsAColumn) {
  const auto table = *Create();
  ASSERT_TRUE(table->Append({File("a", kTime)}, "n/7", 1).ok());
  TableDef wider = MakeEvents();
  wider.columns.push_back(MakeColumn(9, "extra", Type(TypeKind::kJson), false));
  const auto wider_ref = std::make_shared<const TableDef>(wider);
  ASSERT_TRUE(table->UpdateSchema(wider_ref).ok());
  EXPECT_EQ(table->files()->version, 2);
  const std::string commit = ReadLog(VersionName(2));
  EXPECT_THAT(commit, HasSubstr(R"(\"name\":\"extra\",\"type\":\"string\",\"nullable\":true)"));
  EXPECT_THAT(commit, HasSubstr(R"(\"varve.type\":\"jsonb\")"));
  ASSERT_TRUE(table->UpdateSchema(wider_ref).ok());
  EXPECT_EQ(table->files()->version, 2) << "nothing changed, so nothing is committed";
  EXPECT_THAT(table->files()->files, SizeIs(1));
}

TEST_F(DeltaTableTest, OpenCommitsAColumnThatACrashKeptBack) {
  ASSERT_TRUE(Create().ok());
  TableDef wider = MakeEvents();
  wider.columns.push_back(MakeColumn(9, "extra", Type(TypeKind::kInt32)));
  const auto wider_ref = std::make_shared<const TableDef>(wider);
  const auto opened = DeltaTable::Open(Context(), wider_ref);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->files()->version, 1);
  EXPECT_EQ((*DeltaTable::Open(Context(), wider_ref))->files()->version, 1);
}

TEST_F(DeltaTableTest, ATableWithOtherTypesIsNotOpened) {
  ASSERT_TRUE(Create().ok());
  TableDef other = MakeEvents();
  other.columns[3].type = Type(TypeKind::kText);
  const auto opened = DeltaTable::Open(Context(), std::make_shared<const TableDef>(other));
  EXPECT_EQ(SqlStateOf(opened.status()), sqlstate::kFeatureNotSupported);
}

// Another writer changes the schema between two of our appends.
TEST_F(DeltaTableTest, ASchemaChangeOfAnotherWriterIsChecked) {
  const auto table = *Create();
  const auto other = *Open();
  TableDef wider = MakeEvents();
  wider.columns.push_back(MakeColumn(9, "extra", Type(TypeKind::kInt32)));
  ASSERT_TRUE(other->UpdateSchema(std::make_shared<const TableDef>(wider)).ok());
  EXPECT_TRUE(table->Append({File("a", kTime)}, "n/7", 1).ok());

  std::string changed = ReadLog(VersionName(1));
  const std::string from = R"(\"name\":\"n\",\"type\":\"long\")";
  changed.replace(changed.find(from), from.size(), R"(\"name\":\"n\",\"type\":\"string\")");
  WriteLog(VersionName(3), changed);
  const Status refused = table->Append({File("b", kTime)}, "n/7", 2).status();
  EXPECT_EQ(SqlStateOf(refused), sqlstate::kFeatureNotSupported) << refused;
  EXPECT_THAT(refused.message(), HasSubstr("\"n\""));
  EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(4)).ok());
}

TEST_F(DeltaTableTest, LogFilesBeforeAnOldCheckpointAreDeleted) {
  const auto table = *Create();
  for (int i = 1; i <= 15; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24 * 31);
  for (const auto& entry : std::filesystem::directory_iterator(LogPath(""))) {
    std::filesystem::last_write_time(entry.path(), long_ago);
  }
  ASSERT_TRUE(store_->Head("events/_delta_log/" + VersionName(9)).ok());
  for (int i = 16; i <= 20; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  for (int i = 0; i <= 9; ++i) {
    EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(i)).ok()) << i;
  }
  for (int i = 10; i <= 20; ++i) {
    EXPECT_TRUE(store_->Head("events/_delta_log/" + VersionName(i)).ok()) << i;
  }
  EXPECT_EQ((*Open())->files()->version, 20);
}

// The table's own properties say how long its log and its removed files are kept.
TEST_F(DeltaTableTest, PropertiesOfTheTableSayHowLongItsPastIsKept) {
  const auto table = *Create();
  const auto set_properties = [&](int64_t version, const std::string& properties) {
    std::string changed = ReadLog(VersionName(0));
    const std::string from = R"("configuration":{)";
    changed.replace(changed.find(from), from.size(), from + properties + ",");
    WriteLog(VersionName(version), changed);
    ASSERT_TRUE(table->Refresh().ok());
  };
  set_properties(1, R"("delta.logRetentionDuration":"interval 2 hours",)"
                    R"("delta.deletedFileRetentionDuration":"interval 3 hours",)"
                    R"("delta.checkpointInterval":"4")");
  const int64_t now_us = Clock::System().NowUs();
  const auto removed = [&](const char* name, int hours) {
    return fmt::format(R"({{"remove":{{"path":"{}","deletionTimestamp":{},"dataChange":true}}}})",
                       name, now_us / 1000 - hours * 3'600'000) +
           "\n";
  };
  WriteLog(VersionName(2), removed("late", 1) + removed("early", 4));
  ASSERT_TRUE(table->Append({File("a", kTime)}, "n/7", 1).ok());
  const KeptFiles kept = table->KeptPaths(now_us);
  EXPECT_THAT(kept.paths, ElementsAre("late", EndsWith("/a")));
  EXPECT_EQ(kept.deleted_file_retention_us, 3 * 3'600 * kSecond);
  const auto long_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(3);
  for (const auto& entry : std::filesystem::directory_iterator(LogPath(""))) {
    std::filesystem::last_write_time(entry.path(), long_ago);
  }
  for (int i = 2; i <= 5; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  EXPECT_EQ(table->files()->version, 7);
  std::string checkpoint = ReadLog("00000000000000000004.checkpoint.parquet");
  EXPECT_THAT(checkpoint, HasSubstr(R"("path":"late")"));
  EXPECT_THAT(checkpoint, Not(HasSubstr(R"("path":"early")")));
  std::filesystem::last_write_time(LogPath("00000000000000000004.checkpoint.parquet"), long_ago);
  ASSERT_TRUE(table->Append({}, "n/7", 6).ok());  // version 8: a checkpoint, and the log is cleaned
  EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(3)).ok());
  EXPECT_TRUE(store_->Head("events/_delta_log/" + VersionName(4)).ok());
}

// Whatever the table says: a writer that stood still for so long would overwrite a version.
TEST_F(DeltaTableTest, TheLogOfTheLastTwoHoursStays) {
  const auto table = *Create();
  std::string changed = ReadLog(VersionName(0));
  const std::string from = R"("configuration":{)";
  changed.replace(changed.find(from), from.size(),
                  from + R"("delta.logRetentionDuration":"interval 1 minutes",)"
                         R"("delta.checkpointInterval":"2",)");
  WriteLog(VersionName(1), changed);
  ASSERT_TRUE(table->Refresh().ok());
  const auto make_older = [&](std::chrono::minutes age) {
    const auto then = std::filesystem::file_time_type::clock::now() - age;
    for (const auto& entry : std::filesystem::directory_iterator(LogPath(""))) {
      std::filesystem::last_write_time(entry.path(), then);
    }
  };
  for (int i = 1; i <= 2; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  make_older(std::chrono::minutes(118));
  for (int i = 3; i <= 4; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  EXPECT_TRUE(store_->Head("events/_delta_log/" + VersionName(1)).ok());
  make_older(std::chrono::minutes(122));
  for (int i = 5; i <= 6; ++i) ASSERT_TRUE(table->Append({}, "n/7", i).ok());
  EXPECT_FALSE(store_->Head("events/_delta_log/" + VersionName(1)).ok());
}

// A statement may read an old version for longer than the retention.
TEST_F(DeltaTableTest, FilesOfAVersionThatSomebodyHoldsAreKept) {
  const auto table = *Create();
  FileSetRef held = *table->Append({File("a", kTime)}, "n/7", 1);
  FileChange change{"OPTIMIZE", {held->files[0]->path}, {File("b", kTime)}, false};
  ASSERT_TRUE(table->Replace(change).ok());
  const int64_t later_us = Clock::System().NowUs() + int64_t{8} * 24 * 3600 * kSecond;
  EXPECT_THAT(table->KeptPaths(later_us).paths, ElementsAre(EndsWith("/a"), EndsWith("/b")));
  held.reset();
  EXPECT_THAT(table->KeptPaths(later_us).paths, ElementsAre(EndsWith("/b")));
  EXPECT_THAT(table->KeptPaths(Clock::System().NowUs()).paths, SizeIs(2)) << "7 days";
}

// One that slept through the clean-up finds its next commit gone and starts from a checkpoint.
TEST_F(DeltaTableTest, RefreshAcrossACleanUp) {
  const auto sleeper = *Create();
  const auto table = *Open();
  for (int i = 1; i <= 20; ++i) {
    ASSERT_TRUE(table->Append({File(fmt::format("f{}", i), kTime)}, "n/7", i).ok());
  }
  for (int i = 0; i <= 19; ++i) std::filesystem::remove(LogPath(VersionName(i)));
  ASSERT_TRUE(sleeper->Refresh().ok());
  EXPECT_EQ(sleeper->files()->version, 0) << "only the next commit is asked for, and it is gone";
  clock_.shift_us += int64_t{2} * 3600 * 1'000'000;
  ASSERT_TRUE(sleeper->Refresh().ok());
  EXPECT_EQ(Paths(sleeper->files()), Paths(table->files()));
}

}  // namespace
}  // namespace varve::lake
