#include "maintenance/vacuum.h"

#include <gmock/gmock.h>

#include "maintenance/expiry.h"
#include "maintenance/maintenance_test.h"

namespace varve::maintenance {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

constexpr const char* kOrphan =
    "project_id=shop/date=2025-03-09/part-01234567-89ab-cdef-0123-456789abcdef.zstd.parquet";

class VacuumTest : public UpkeepFixture {
 protected:
  void PutObject(const std::string& path) { ASSERT_TRUE(store_->Put("events/" + path, "x").ok()); }
  bool IsThere(const std::string& path) { return store_->Head("events/" + path).ok(); }
  int64_t Run() {
    const auto report = Vacuum(Parts(), events_, {});
    EXPECT_TRUE(report.ok()) << report.status();
    EXPECT_FALSE(std::filesystem::exists(ObjectPath(".varve-clock")));
    return report.ok() ? report->files : -1;
  }
};

TEST_F(VacuumTest, AFileWithoutAVersionGoesAfterAnHour) {
  AddFiles({{"a.parquet", 10}});
  PutObject(kOrphan);
  MakeOlder(delta_->files()->files[0]->path, 1000);
  EXPECT_EQ(Run(), 0);
  MakeOlder(kOrphan, std::chrono::minutes(58));
  EXPECT_EQ(Run(), 0) << "its writer may be about to commit it";
  MakeOlder(kOrphan, std::chrono::minutes(62));
  EXPECT_EQ(Run(), 1);
  EXPECT_FALSE(IsThere(kOrphan));
  EXPECT_TRUE(IsThere(delta_->files()->files[0]->path));
}

// Of a transaction of this server that is open for more than an hour.
TEST_F(VacuumTest, AFileThatSomebodyIsAboutToCommitStays) {
  PutObject(kOrphan);
  MakeOlder(kOrphan, 2);
  auto kept = delta_->Keep(kOrphan);
  EXPECT_EQ(Run(), 0);
  kept.reset();
  EXPECT_EQ(Run(), 1);
}

// Its upload took long; the commit comes while vacuum looks.
TEST_F(VacuumTest, AFileThatIsCommittedMeanwhileStays) {
  PutObject(kOrphan);
  MakeOlder(kOrphan, 2);
  BucketStore bucket(*store_);
  bucket.after_list = [&] {
    DataFile file = File("any", time_us_);
    file.path = kOrphan;
    EXPECT_TRUE((*Open())->Append({file}, "other/7", 1).ok());
  };
  const auto report = Vacuum(PartsOn(bucket), events_, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files, 0);
  EXPECT_TRUE(IsThere(kOrphan));
}

// Another server's vacuum, of a file that was taken out since.
TEST_F(VacuumTest, AFileThatGoesMeanwhileIsNotMissed) {
  AddFiles({{"a.parquet", 10}});
  PutObject(kOrphan);
  MakeOlder(kOrphan, 2);
  const std::string gone = delta_->files()->files[0]->path;
  BucketStore bucket(*store_);
  bucket.before_list = [&] {
    EXPECT_TRUE((*Open())->Replace({"DELETE", {gone}, {}, true}).ok());
    EXPECT_TRUE(store_->Delete("events/" + gone).ok());
  };
  const auto report = Vacuum(PartsOn(bucket), events_, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files, 1);
}

TEST_F(VacuumTest, StopsBeforeItDeletes) {
  PutObject(kOrphan);
  MakeOlder(kOrphan, 2);
  const Status stopped = Vacuum(Parts(), events_, [] { return true; }).status();
  EXPECT_EQ(SqlStateOf(stopped), sqlstate::kQueryCanceled);
  EXPECT_TRUE(IsThere(kOrphan));
}

// Our clock is wrong by hours: the age of a file is the store's to say.
TEST_F(VacuumTest, AgesAreTakenByTheStoresClock) {
  AddFiles({{"a.parquet", 10}});
  PutObject(kOrphan);
  clock_.ahead_us = 100 * kHourUs;
  EXPECT_EQ(Run(), 0);
  clock_.ahead_us = -100 * kHourUs;
  MakeOlder(kOrphan, 2);
  EXPECT_EQ(Run(), 0) << "the earlier of the two";
  clock_.ahead_us = 0;
  EXPECT_EQ(Run(), 1);
}

TEST_F(VacuumTest, RemovedFilesStayForTheRetention) {
  AddFiles({{"part-0.parquet", 10}, {"b.parquet", 10}});
  const std::string removed = delta_->files()->files[1]->path;
  clock_.ahead_us = -24 * 8 * kHourUs;
  ASSERT_TRUE(delta_->Replace({"DELETE", {removed}, {}, true}).ok());
  MakeOlder(removed, 1000);
  EXPECT_EQ(Run(), 0);
  clock_.ahead_us = -24 * 2 * kHourUs;
  EXPECT_EQ(Run(), 0);
  clock_.ahead_us = 0;
  EXPECT_EQ(Run(), 1);
  EXPECT_FALSE(IsThere(removed));
}

// Readers of other servers count on the retention, whatever this one takes for the time.
TEST_F(VacuumTest, AClockThatIsAheadDoesNotShortenTheRetention) {
  AddFiles({{"a.parquet", 10}, {"b.parquet", 10}});
  const std::string removed = delta_->files()->files[1]->path;
  ASSERT_TRUE(delta_->Replace({"DELETE", {removed}, {}, true}).ok());
  MakeOlder(removed, 1000);
  clock_.ahead_us = 24 * 8 * kHourUs;
  EXPECT_EQ(Run(), 0);
  EXPECT_TRUE(IsThere(removed));
}

TEST_F(VacuumTest, FilesThatAStatementReadsStay) {
  AddFiles({{"a.parquet", 10}});
  FileSetRef statement = delta_->files();
  const std::string removed = statement->files[0]->path;
  clock_.ahead_us = -24 * 30 * kHourUs;
  ASSERT_TRUE(delta_->Replace({"DELETE", {removed}, {}, true}).ok());
  MakeOlder(removed, 1000);
  clock_.ahead_us = 0;
  EXPECT_EQ(Run(), 0);
  statement.reset();
  EXPECT_EQ(Run(), 1);
}

TEST_F(VacuumTest, WhatIsNotOfTheTablesLayoutStays) {
  AddFiles({{"a.parquet", 10}});
  const std::vector<std::string> kept = {"notes.txt", "_mine/x.parquet", ".hidden/x.parquet",
                                         "project_id=shop/_x.parquet", "_delta_log/x.parquet"};
  const std::vector<std::string> deleted = {"x.parquet", "_change_data/x.parquet",
                                            "project_id=_a/x.parquet"};
  for (const auto& paths : {kept, deleted}) {
    for (const std::string& path : paths) {
      PutObject(path);
      MakeOlder(path, 24 * 6);
    }
  }
  EXPECT_EQ(Run(), 0) << "names of other engines: their writers may take days";
  for (const auto& paths : {kept, deleted}) {
    for (const std::string& path : paths) MakeOlder(path, 24 * 8);
  }
  EXPECT_EQ(Run(), 3);
  for (const std::string& path : kept) EXPECT_TRUE(IsThere(path)) << path;
  for (const std::string& path : deleted) EXPECT_FALSE(IsThere(path)) << path;
}

// Whatever makes the two differ, deleting by such names would delete the table.
TEST_F(VacuumTest, NothingIsDeletedWhenTheListingLacksAFileOfTheTable) {
  AddFiles({{"a.parquet", 10}});
  ASSERT_TRUE(delta_->Append({File("not-there.parquet", 0)}, "n/7", 99).ok());
  PutObject(kOrphan);
  MakeOlder(kOrphan, 2);
  const Status status = Vacuum(Parts(), events_, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("not-there.parquet"));
  EXPECT_TRUE(IsThere(kOrphan));
}

TEST_F(VacuumTest, ExpiryTakesOutWholeFilesOnly) {
  time_us_ = clock_.NowUs() - 10 * kHourUs;
  AddFiles({{"old.parquet", 10}});
  time_us_ = clock_.NowUs() - kHourUs;
  AddFiles({{"new.parquet", 10}});
  DataFile partly = File("partly.parquet", clock_.NowUs() - 10 * kHourUs);
  partly.time_range.Include(TimestampUs(clock_.NowUs()));
  partly.stats.at("timestamp").max = "2999-01-01T00:00:00.000Z";
  DataFile unknown = File("unknown.parquet", 0);
  unknown.stats.clear();
  unknown.time_range = {};
  ASSERT_TRUE(delta_->Append({partly, unknown}, "n/7", 99).ok());

  EXPECT_EQ(Expire(Parts(), events_, {})->files, 0) << "the table has no retention";
  auto limited = std::make_shared<TableDef>(*events_);
  limited->retention_us = 5 * kHourUs;
  const auto report = Expire(Parts(), limited, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->ToString(), "1 files of 1 rows taken out");
  EXPECT_THAT(delta_->files()->files, SizeIs(3));
  EXPECT_EQ(maintenance_.shown, delta_->files());
  const std::string commit = ReadLog("00000000000000000004.json");
  EXPECT_THAT(commit, HasSubstr(R"("operation":"DELETE")"));
  EXPECT_THAT(commit, HasSubstr("old.parquet"));
  EXPECT_THAT(commit, HasSubstr(R"("dataChange":true)"));
}

TEST_F(VacuumTest, ExpiryDoesNotBelieveAClockThatIsAhead) {
  time_us_ = clock_.NowUs() - kHourUs;
  AddFiles({{"new.parquet", 10}});
  auto limited = std::make_shared<TableDef>(*events_);
  limited->retention_us = 5 * kHourUs;
  clock_.ahead_us = 24 * 365 * kHourUs;
  const auto report = Expire(Parts(), limited, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files, 0);
  EXPECT_THAT(delta_->files()->files, SizeIs(1));
}

// A compaction of another server has merged the file between our look and our commit.
TEST_F(VacuumTest, ExpiryLooksAgainAfterAConflict) {
  AddFiles({{"old.parquet", 10}});
  const std::string old = delta_->files()->files[0]->path;
  const DataFile merged = File("merged.parquet", time_us_);
  auto limited = std::make_shared<TableDef>(*events_);
  limited->retention_us = 5 * kHourUs;
  struct Meddling final : lake::CommitStore {
    explicit Meddling(lake::CommitStore& commits) : inner(commits) {}
    Status Put(const std::string& location, int64_t version, std::string_view content) override {
      if (before_put) std::exchange(before_put, {})();
      return inner.Put(location, version, content);
    }
    Status Settle(const std::string& location) override { return inner.Settle(location); }
    lake::CommitStore& inner;
    std::function<void()> before_put;
  } meddling(*commits_);
  meddling.before_put = [&] {
    EXPECT_TRUE((*Open())->Replace({"OPTIMIZE", {old}, {merged}, false}).ok());
  };
  lake::DeltaTable::Context context = Context();
  context.clock = &clock_;
  context.commits = &meddling;
  tables_.Put(events_->id, *lake::DeltaTable::Open(context, events_));
  const auto report = Expire(Parts(), limited, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->files, 1);
  EXPECT_THAT((*delta_->Refresh())->files, SizeIs(0));
}

}  // namespace
}  // namespace varve::maintenance
