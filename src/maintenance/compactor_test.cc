#include "maintenance/compactor.h"

#include <gmock/gmock.h>

#include <future>
#include <thread>

#include "maintenance/maintenance_test.h"

namespace varve::maintenance {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

class CompactorTest : public UpkeepFixture {
 protected:
  CompactorSettings Settings() {
    CompactorSettings settings;
    settings.limits.target_bytes = 1000;
    settings.scratch_dir = dir_ + "/scratch";
    return settings;
  }
  bool ScratchIsEmpty() { return std::filesystem::is_empty(dir_ + "/scratch"); }
  std::vector<std::string> Objects() {
    std::vector<std::string> names;
    const auto objects = *store_->List("events/project_id=shop/");
    for (const auto& object : objects) names.push_back(object.name);
    return names;
  }

  Compactor compactor_{Parts(), Settings()};
};

TEST_F(CompactorTest, SmallFilesBecomeOne) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}, {"big", 800}});
  const auto report = compactor_.Run(events_, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->merges, 1);
  EXPECT_EQ(report->files_read, 4);
  EXPECT_EQ(report->ToString(), "4 files of 400 bytes merged into 1 of 400 bytes");
  const FileSetRef files = delta_->files();
  ASSERT_THAT(files->files, SizeIs(2));
  EXPECT_EQ(maintenance_.shown, files) << "readers are told";
  const DataFile& merged = *files->files[1];
  EXPECT_EQ(merged.rows, 4);
  EXPECT_EQ(*store_->Get("events/" + merged.path), std::string(100, 'a') + std::string(100, 'b') +
                                                       std::string(100, 'c') +
                                                       std::string(100, 'd'));
  EXPECT_THAT(merged.path, HasSubstr("project_id=shop/date=2025-03-09/part-"));
  EXPECT_EQ(merged.time_range.max.value, time_us_ - 1'000'000);
  EXPECT_EQ(merged.partition_values, files->files[0]->partition_values);
  EXPECT_EQ(rewriter_.last.format.zstd_level, 9);
  EXPECT_THAT(ReadLog("00000000000000000002.json"), HasSubstr(R"("operation":"OPTIMIZE")"));
  EXPECT_TRUE(ScratchIsEmpty());
  EXPECT_EQ(compactor_.doing(), "");
  const auto again = compactor_.Run(events_, {});
  EXPECT_EQ(again->ToString(), "nothing to merge");
  EXPECT_EQ(rewriter_.calls, 1);
}

// A DELETE of another writer comes while the files are merged.
TEST_F(CompactorTest, AnInputThatGoesAwayEndsTheMergeQuietly) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  const auto other = *Open();
  const std::string gone = other->files()->files[1]->path;
  rewriter_.hook = [&] { EXPECT_TRUE(other->Replace({"DELETE", {gone}, {}, true}).ok()); };
  const auto report = compactor_.Run(events_, {});
  ASSERT_TRUE(report.ok()) << report.status();
  EXPECT_EQ(report->merges, 0);
  EXPECT_EQ(report->given_up, 1);
  EXPECT_THAT(delta_->files()->files, SizeIs(3));
  EXPECT_THAT(Objects(), SizeIs(4)) << "the merged file is deleted at once";
}

// The commit is there, though its answer was lost: without its file, the rows would be lost.
TEST_F(CompactorTest, AMergeOfUnknownOutcomeKeepsItsFile) {
  struct Forgetful final : lake::CommitStore {
    explicit Forgetful(lake::CommitStore& commits) : inner(commits) {}
    Status Put(const std::string& location, int64_t version, std::string_view content) override {
      EXPECT_TRUE(inner.Put(location, version, content).ok());
      return answer;
    }
    Status Settle(const std::string& location) override { return inner.Settle(location); }
    lake::CommitStore& inner;
    Status answer = Unavailable("the answer was lost (test)");
  } forgetful(*commits_);
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  BucketStore store(*store_);
  lake::DeltaTable::Context context = Context();
  context.store = &store;
  context.clock = &clock_;
  context.commits = &forgetful;
  tables_.Put(events_->id, *lake::DeltaTable::Open(context, events_));
  EXPECT_EQ(compactor_.Run(events_, {}).status().code(), StatusCode::kUnavailable);
  const FileSetRef files = *delta_->Refresh();
  ASSERT_THAT(files->files, SizeIs(1));
  EXPECT_EQ(store_->Get("events/" + files->files[0]->path)->size(), 400u);

  // Nor does what a proxy says that has sent the request twice, when the log cannot be read then.
  AddFiles({{"e", 100}, {"f", 100}, {"g", 100}, {"h", 100}});
  forgetful.answer = AlreadyExists("the version is there (test)");
  store.unreadable = "events/_delta_log/00000000000000000004.json";
  EXPECT_EQ(compactor_.Run(events_, {}).status().code(), StatusCode::kFailedPrecondition);
  for (const auto& file : (*delta_->Refresh())->files) {
    EXPECT_TRUE(store_->Get("events/" + file->path).ok()) << file->path;
  }
}

TEST_F(CompactorTest, AMergeThatIsNotCommittedLeavesNoFile) {
  struct Refusing final : lake::CommitStore {
    Status Put(const std::string&, int64_t, std::string_view) override {
      return SqlError(sqlstate::kDiskFull, "full (test)");
    }
    Status Settle(const std::string&) override { return OkStatus(); }
  } refusing;
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  lake::DeltaTable::Context context = Context();
  context.commits = &refusing;
  tables_.Put(events_->id, *lake::DeltaTable::Open(context, events_));
  EXPECT_EQ(SqlStateOf(compactor_.Run(events_, {}).status()), sqlstate::kDiskFull);
  EXPECT_THAT(Objects(), SizeIs(4));
}

TEST_F(CompactorTest, AMergeThatLosesARowIsNotCommitted) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  rewriter_.lose_a_row = true;
  const Status status = compactor_.Run(events_, {}).status();
  EXPECT_EQ(status.code(), StatusCode::kInternal) << status;
  EXPECT_THAT(Paths(*delta_->Refresh()), SizeIs(4));
  EXPECT_TRUE(ScratchIsEmpty());
}

TEST_F(CompactorTest, StopsAndNamesWhatItDoes) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  bool stop = false;
  rewriter_.hook = [&] {
    EXPECT_EQ(compactor_.doing(), "public.events: merging 4 files of 400 bytes");
    stop = true;
  };
  EXPECT_EQ(SqlStateOf(compactor_.Run(events_, [&] { return stop; }).status()),
            sqlstate::kQueryCanceled);
  EXPECT_EQ(delta_->files()->version, 1);
  EXPECT_TRUE(ScratchIsEmpty());
}

TEST_F(CompactorTest, ADroppedTableEndsIt) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  rewriter_.hook = [&] { tables_.Remove(events_->id); };
  EXPECT_EQ(SqlStateOf(compactor_.Run(events_, {}).status()), sqlstate::kQueryCanceled);
  EXPECT_EQ(delta_->files()->version, 1);
  EXPECT_EQ(SqlStateOf(compactor_.Run(events_, {}).status()), sqlstate::kUndefinedTable);
}

TEST_F(CompactorTest, OneAtATime) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  std::thread second;
  std::promise<void> begun;
  rewriter_.hook = [&] {
    if (second.joinable()) return;
    second = std::thread([&] {
      begun.set_value();
      const auto report = compactor_.Run(events_, {});
      EXPECT_TRUE(report.ok());
      EXPECT_EQ(report->merges, 0) << "the first one has done it all";
    });
    begun.get_future().wait();
  };
  EXPECT_EQ(compactor_.Run(events_, {})->merges, 1);
  second.join();
  EXPECT_EQ(rewriter_.calls, 1);
}

TEST_F(CompactorTest, FilesOfABucketAreCopiedFirst) {
  AddFiles({{"a", 100}, {"b", 100}, {"c", 100}, {"d", 100}});
  BucketStore bucket(*store_);
  Compactor compactor(PartsOn(bucket), Settings());
  ASSERT_TRUE(compactor.Run(events_, {}).ok());
  EXPECT_EQ(delta_->files()->files[0]->bytes, 400);
  EXPECT_THAT(rewriter_.last.inputs[0].path, HasSubstr("/scratch/compact-"));
  EXPECT_TRUE(ScratchIsEmpty());
}

}  // namespace
}  // namespace varve::maintenance
