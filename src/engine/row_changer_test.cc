// DELETE and UPDATE down to the commit: what is kept of it when the store, another writer or the
// user comes between. What statements mean is in tests/slt/delete_update.slt.
#include "engine/row_changer.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <functional>
#include <map>
#include <thread>

#include "engine/testing/engine_fixture.h"
#include "io/posix/local_store.h"

namespace varve::engine {
namespace {

using ::testing::HasSubstr;
using ::testing::SizeIs;

// Calls a hook around each write; an error of the hook is the call's answer.
class MeddledStore final : public io::ObjectStore {
 public:
  using Hook = std::function<Status(std::string_view name)>;
  explicit MeddledStore(std::unique_ptr<io::ObjectStore> store) : store_(std::move(store)) {}

  Result<std::string> Get(std::string_view name) override { return store_->Get(name); }
  Result<std::string> GetRange(std::string_view name, uint64_t begin, uint64_t end) override {
    return store_->GetRange(name, begin, end);
  }
  Result<io::ObjectInfo> Head(std::string_view name) override { return store_->Head(name); }
  Status Put(std::string_view name, std::string_view content) override {
    return store_->Put(name, content);
  }
  Status PutIfAbsent(std::string_view name, std::string_view content) override {
    if (before_commit) VARVE_RETURN_IF_ERROR(before_commit(name));
    VARVE_RETURN_IF_ERROR(store_->PutIfAbsent(name, content));
    return after_commit ? after_commit(name) : OkStatus();
  }
  Status PutFile(std::string_view name, const std::string& path) override {
    VARVE_RETURN_IF_ERROR(store_->PutFile(name, path));
    return after_file ? after_file(name) : OkStatus();
  }
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after) override {
    return store_->List(prefix, start_after);
  }
  Status Delete(std::string_view name) override { return store_->Delete(name); }
  std::string ReadPath(std::string_view name) const override { return store_->ReadPath(name); }

  Hook before_commit;
  Hook after_commit;
  Hook after_file;

 private:
  const std::unique_ptr<io::ObjectStore> store_;
};

class RowChangerTest : public EngineFixture {
 protected:
  // Nine rows in three files, by day.
  void SetUp() override {
    EngineFixture::SetUp();
    Run("CREATE TABLE public.t (timestamp timestamptz NOT NULL, n bigint, grp text NOT NULL) "
        "WITH (partition_by = 'grp')");
    Run("INSERT INTO public.t SELECT timestamptz '2025-03-09 10:00:00+00' + x * interval '1 hour', "
        "x, 'g' || (x % 3) FROM range(9) r(x)");
    Flush("public", "t");
    ASSERT_THAT(Objects(), SizeIs(3));
  }
  std::unique_ptr<io::ObjectStore> OpenStore() override {
    auto store = std::make_unique<MeddledStore>(EngineFixture::OpenStore());
    meddled_ = store.get();
    return store;
  }

  lake::DeltaTable& Delta() { return *tables_->Find(catalog_->Find({"public", "t"})->id); }
  // Data files in the store, whether or not the table has them.
  std::vector<std::string> Objects() {
    const auto objects = *store_->List("t/", "");
    std::vector<std::string> names;
    for (const auto& object : objects) {
      if (object.name.ends_with(".parquet")) names.push_back(object.name);
    }
    return names;
  }
  // The table as another server has it open, and what that one has done there.
  std::unique_ptr<lake::DeltaTable> OpenElsewhere() {
    return *lake::DeltaTable::Open(LakeContext(), catalog_->Find({"public", "t"}));
  }
  // Takes the file with the rows of `grp` out.
  void TakeOutElsewhere(const std::string& grp) {
    const auto other = OpenElsewhere();
    for (const auto& file : other->files()->files) {
      if (GroupOf(*file) != grp) continue;
      ASSERT_TRUE(other->Replace({"DELETE", {file->path}, {}, true}).ok());
    }
  }
  static std::string GroupOf(const DataFile& file) {
    return file.partition_values.at("grp").value_or("");
  }
  std::string Sum() { return Run("SELECT sum(n) FROM public.t").at(0).at(0); }

  MeddledStore* meddled_ = nullptr;
};

TEST_F(RowChangerTest, OnlyFilesWithSuchRowsAreReplaced) {
  const auto before = Delta().files();
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n IN (1, 4)"), "DELETE 2");
  const auto after = Delta().files();
  EXPECT_EQ(after->version, before->version + 1);
  ASSERT_THAT(after->files, SizeIs(3));
  int same = 0;
  for (const auto& file : after->files) {
    same += std::any_of(before->files.begin(), before->files.end(),
                        [&](const auto& old) { return old->path == file->path; });
    if (GroupOf(*file) != "g1") continue;
    EXPECT_EQ(file->rows, 1);
    EXPECT_EQ(file->stats.at("n").min, "7");
    EXPECT_EQ(file->stats.at("n").max, "7");
    EXPECT_EQ(file->time_range.min, file->time_range.max);
    EXPECT_THAT(file->path, HasSubstr("grp=g1/"));
  }
  EXPECT_EQ(same, 2);
  EXPECT_EQ(Sum(), "31");
}

TEST_F(RowChangerTest, NewRowsGoToTheirPartition) {
  EXPECT_EQ(Tag("UPDATE public.t SET grp = 'new', n = n + 100 WHERE n IN (0, 1)"), "UPDATE 2");
  std::map<std::string, int64_t> rows;
  for (const auto& file : Delta().files()->files) {
    rows[GroupOf(*file)] += file->rows.value_or(0);
    EXPECT_THAT(file->path, HasSubstr("grp=" + GroupOf(*file) + "/"));
  }
  EXPECT_EQ(rows, (std::map<std::string, int64_t>{{"g0", 2}, {"g1", 2}, {"g2", 3}, {"new", 2}}));
  EXPECT_EQ(Run("SELECT n FROM public.t WHERE grp = 'new' ORDER BY n"), (Rows{{"100"}, {"101"}}));
}

TEST_F(RowChangerTest, AStatementIsDoneAgainOnWhatAnotherWriterLeft) {
  const size_t files = Objects().size();
  meddled_->after_file = [&](auto) {
    meddled_->after_file = nullptr;
    TakeOutElsewhere("g1");
    return OkStatus();
  };
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n IN (1, 2)"), "DELETE 1") << "1 is gone already";
  EXPECT_EQ(Sum(), "22");
  EXPECT_THAT(Objects(), SizeIs(files + 1)) << "what the first attempt wrote is deleted";
}

TEST_F(RowChangerTest, AStatementThatIsAlwaysTooLateGivesUp) {
  const size_t files = Objects().size();
  int attempts = 0;
  meddled_->after_file = [&](std::string_view) {
    // The file of g1 is replaced by another one with the same rows, as a compaction does.
    ++attempts;
    const auto other = OpenElsewhere();
    for (const auto& file : other->files()->files) {
      if (GroupOf(*file) != "g1") continue;
      DataFile copy = *file;
      copy.path = fmt::format("grp=g1/copy-{}.parquet", attempts);
      const std::string from = "t/" + file->path;
      EXPECT_TRUE(store_->Put("t/" + copy.path, *store_->Get(from)).ok());
      EXPECT_TRUE(other->Replace({"OPTIMIZE", {file->path}, {copy}, false}).ok());
    }
    return OkStatus();
  };
  EXPECT_EQ(StateOf("DELETE FROM public.t WHERE n = 1"), sqlstate::kSerializationFailure);
  EXPECT_EQ(attempts, 5);
  meddled_->after_file = nullptr;
  EXPECT_EQ(Sum(), "36");
  EXPECT_THAT(Objects(), SizeIs(files + 5)) << "the copies; nothing of ours";
}

TEST_F(RowChangerTest, ATransactionIsNotDoneAgain) {
  const size_t files = Objects().size();
  Run("BEGIN");
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n IN (1, 2)"), "DELETE 2");
  TakeOutElsewhere("g1");
  EXPECT_EQ(StateOf("COMMIT"), sqlstate::kSerializationFailure);
  EXPECT_EQ(Run("SELECT count(*) FROM public.t WHERE n = 2"), (Rows{{"1"}}));
  EXPECT_EQ(Run("SELECT count(*) FROM public.t WHERE n = 1"), (Rows{{"0"}})) << "the other's work";
  EXPECT_THAT(Objects(), SizeIs(files)) << "its files are gone";
}

TEST_F(RowChangerTest, RollbackLeavesNothing) {
  const size_t files = Objects().size();
  Run("BEGIN");
  Run("INSERT INTO public.t VALUES (timestamptz '2025-03-10 10:00:00+00', 50, 'g9')");
  Run("UPDATE public.t SET n = n + 1");
  Run("UPDATE public.t SET n = n + 1");
  EXPECT_GT(Objects().size(), files);
  EXPECT_EQ(Sum(), "106");
  Run("ROLLBACK");
  EXPECT_THAT(Objects(), SizeIs(files));
  EXPECT_EQ(Sum(), "36");
}

TEST_F(RowChangerTest, AFileThatTheTransactionHasReplacedAgainGoesWithTheCommit) {
  const int64_t version = Delta().files()->version;
  Run("BEGIN");
  Run("UPDATE public.t SET n = n + 1 WHERE grp = 'g1'");
  Run("UPDATE public.t SET n = n + 1 WHERE grp = 'g1'");
  Run("COMMIT");
  EXPECT_EQ(Sum(), "42");
  EXPECT_EQ(Delta().files()->version, version + 1) << "one commit";
  EXPECT_THAT(Objects(), SizeIs(4)) << "the old file of g1, and the last of the new ones";
  // The lock is given back.
  auto other = NewSession();
  EXPECT_EQ(Tag(*other, "DELETE FROM public.t WHERE n = 0"), "DELETE 1");
}

TEST_F(RowChangerTest, ACommitWhoseAnswerIsLostIsMadeOnce) {
  const int64_t version = Delta().files()->version;
  for (const std::string statement :
       {"UPDATE public.t SET n = n + 100 WHERE n = 0", "DELETE FROM public.t WHERE grp = 'g2'"}) {
    meddled_->after_commit = [&](auto) {
      meddled_->after_commit = nullptr;
      return Unavailable("the answer was lost (test)");
    };
    Run(statement);
  }
  EXPECT_EQ(Sum(), "121");
  EXPECT_EQ(Delta().files()->version, version + 2);
}

// Whether the commit happened cannot be told; if it has, the table needs the files.
TEST_F(RowChangerTest, FilesOfACommitInDoubtStay) {
  bool is_off = false;
  meddled_->before_commit = [&](auto) { return is_off ? Unavailable("off (test)") : OkStatus(); };
  meddled_->after_commit = [&](auto) {
    is_off = true;
    return Unavailable("the answer was lost (test)");
  };
  const Status update = Try("UPDATE public.t SET n = n + 100 WHERE n = 0");
  EXPECT_EQ(update.code(), StatusCode::kUnavailable) << update;
  EXPECT_THAT(std::string(MessageOf(update)), HasSubstr("it is not known"));
  is_off = false;
  meddled_->after_commit = nullptr;
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Sum(), "136");

  meddled_->after_commit = [&](auto) {
    is_off = true;
    return Unavailable("the answer was lost (test)");
  };
  Run("BEGIN");
  Run("UPDATE public.t SET n = n + 100 WHERE n = 1");
  EXPECT_FALSE(Try("COMMIT").ok());
  is_off = false;
  meddled_->after_commit = nullptr;
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Sum(), "236");
}

// The commit is there and its answer was lost; what the next try is told says nothing of that.
TEST_F(RowChangerTest, FilesStayWhateverTheSecondTryIsTold) {
  const Status full = SqlError(sqlstate::kDiskFull, "full (test)");
  const auto lose_the_answer = [&](const Status& then) {
    meddled_->before_commit = nullptr;
    meddled_->after_commit = [this, then](auto) {
      meddled_->before_commit = [then](auto) { return then; };
      return Unavailable("the answer was lost (test)");
    };
  };
  int64_t sum = 36;
  const auto expect_in_doubt = [&](const Status& status) {
    EXPECT_EQ(SqlStateOf(status), sqlstate::kIoError) << status;
    EXPECT_THAT(std::string(MessageOf(status)), HasSubstr("it is not known"));
    meddled_->after_commit = nullptr;
    meddled_->before_commit = nullptr;
    ASSERT_TRUE(engine_->RefreshLake().ok());
    sum += 100;
    EXPECT_EQ(Sum(), std::to_string(sum));
  };
  for (const Status& then :
       {full, NotFound("no such bucket (test)"), FailedPrecondition("(test)")}) {
    lose_the_answer(then);
    expect_in_doubt(Try("UPDATE public.t SET n = n + 100 WHERE n = 0 OR n >= 100"));
    Run("UPDATE public.t SET n = n - 100 WHERE n >= 100");
    sum -= 100;
    lose_the_answer(then);
    Run("BEGIN");
    Run("UPDATE public.t SET n = n + 100 WHERE n = 1 OR n >= 100");
    expect_in_doubt(Try("COMMIT"));
    Run("UPDATE public.t SET n = n - 100 WHERE n >= 100");
    sum -= 100;
  }
}

TEST_F(RowChangerTest, ARefusedCommitLeavesNothing) {
  const size_t files = Objects().size();
  meddled_->before_commit = [](auto) { return SqlError(sqlstate::kDiskFull, "full (test)"); };
  EXPECT_EQ(StateOf("UPDATE public.t SET n = n + 100"), sqlstate::kDiskFull);
  EXPECT_THAT(Objects(), SizeIs(files));
  Run("BEGIN");
  Run("UPDATE public.t SET n = n + 100");
  EXPECT_GT(Objects().size(), files);
  EXPECT_EQ(StateOf("COMMIT"), sqlstate::kDiskFull);
  EXPECT_THAT(Objects(), SizeIs(files));
  meddled_->before_commit = nullptr;
  EXPECT_EQ(Sum(), "36");
}

// The version is there for all to read, only this server does not know it yet.
TEST_F(RowChangerTest, FilesOfACommitThatCannotBeShownStay) {
  maintenance_->fail_show_with = DataLoss("cannot be shown (test)");
  const Status unseen = Try("UPDATE public.t SET n = n + 100 WHERE n = 0");
  EXPECT_THAT(std::string(MessageOf(unseen)), HasSubstr("the rows were changed"));
  Run("BEGIN");
  Run("UPDATE public.t SET n = n + 100 WHERE n = 1");
  EXPECT_FALSE(Try("COMMIT").ok());
  // Not done again either: it has not been in conflict with anybody.
  maintenance_->fail_show_with = SqlError(sqlstate::kSerializationFailure, "(test)");
  EXPECT_FALSE(Try("UPDATE public.t SET n = n + 100 WHERE n = 2").ok());
  maintenance_->fail_show_with = OkStatus();
  ASSERT_TRUE(engine_->RefreshLake().ok());
  EXPECT_EQ(Sum(), "336");
}

TEST_F(RowChangerTest, ACancelBetweenTwoFilesChangesNothing) {
  const size_t files = Objects().size();
  const int64_t version = Delta().files()->version;
  meddled_->after_file = [&](auto) {
    session_->Cancel();
    return OkStatus();
  };
  EXPECT_EQ(StateOf("UPDATE public.t SET n = n + 1"), "57014");
  EXPECT_EQ(StateOf("DELETE FROM public.t WHERE n < 3"), "57014");
  meddled_->after_file = nullptr;
  EXPECT_THAT(Objects(), SizeIs(files));
  EXPECT_EQ(Delta().files()->version, version);
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n < 3"), "DELETE 3") << "the cancel is over";
}

TEST_F(RowChangerTest, AFailedFileLeavesNothing) {
  const size_t files = Objects().size();
  int stored = 0;
  meddled_->after_file = [&](auto) {
    return ++stored < 2 ? OkStatus() : SqlError(sqlstate::kDiskFull, "full (test)");
  };
  EXPECT_EQ(StateOf("DELETE FROM public.t WHERE n < 3"), sqlstate::kDiskFull);
  meddled_->after_file = nullptr;
  EXPECT_THAT(Objects(), SizeIs(files)) << "also the one that failed may be there";
  EXPECT_EQ(Sum(), "36");
}

// Twice in USING or FROM is once in the table.
TEST_F(RowChangerTest, ARowThatIsFoundTwiceIsChangedOnce) {
  EXPECT_EQ(Tag("UPDATE public.t SET n = n + 100 FROM (VALUES (0), (0)) v(x) WHERE n = v.x"),
            "UPDATE 1");
  EXPECT_EQ(Tag("DELETE FROM public.t USING (VALUES (1), (1)) v(x) WHERE n = v.x"), "DELETE 1");
  EXPECT_EQ(Sum(), "135");
  EXPECT_EQ(Run("SELECT count(*) FROM public.t"), (Rows{{"8"}}));
}

TEST_F(RowChangerTest, RowsInMemoryAreChangedToo) {
  Run("INSERT INTO public.t VALUES (timestamptz '2025-03-10 10:00:00+00', 50, 'g9')");
  Run("BEGIN");
  Run("INSERT INTO public.t VALUES (timestamptz '2025-03-10 11:00:00+00', 60, 'g9')");
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n IN (0, 50)"), "DELETE 2");
  EXPECT_EQ(Tag("UPDATE public.t SET n = 61 WHERE n = 60"), "UPDATE 1");
  Run("INSERT INTO public.t VALUES (timestamptz '2025-03-10 12:00:00+00', 70, 'g9')");
  Run("COMMIT");
  EXPECT_EQ(Run("SELECT n FROM public.t WHERE n = 0 OR n >= 50 ORDER BY n"),
            (Rows{{"61"}, {"70"}}));
}

// A file of which every row goes is not read, and none is written.
TEST_F(RowChangerTest, AWholeFileIsOnlyTakenOut) {
  const size_t files = Objects().size();
  EXPECT_EQ(Tag("DELETE FROM public.t WHERE n % 3 = 1"), "DELETE 3");
  EXPECT_THAT(Objects(), SizeIs(files));
  EXPECT_THAT(Delta().files()->files, SizeIs(2));
}

// One statement or transaction of a table at a time: none of them has to be done again.
TEST_F(RowChangerTest, ChangesOfATableWaitForEachOther) {
  Run("BEGIN");
  Run("UPDATE public.t SET n = n + 100 WHERE n = 0");
  auto other = NewSession();
  std::atomic<bool> through = false;
  std::thread second([&] {
    Run(*other, "UPDATE public.t SET n = n + 1 WHERE grp = 'g0'");
    through = true;
  });
  std::this_thread::yield();
  EXPECT_FALSE(through);
  Run("COMMIT");
  second.join();
  EXPECT_EQ(Sum(), "139");
}

TEST_F(RowChangerTest, OneTableForATransaction) {
  Run("CREATE TABLE public.u (timestamp timestamptz NOT NULL, n bigint)");
  Run("INSERT INTO public.u VALUES (timestamptz '2025-03-09 10:00:00+00', 1)");
  Run("BEGIN");
  Run("DELETE FROM public.t WHERE n = 1");
  EXPECT_EQ(StateOf("INSERT INTO public.u VALUES (now(), 2)"), "0A000");
  Run("ROLLBACK");
  Run("BEGIN");
  Run("DELETE FROM public.t WHERE n = 1");
  EXPECT_EQ(StateOf("DELETE FROM public.u"), "0A000");
  Run("ROLLBACK");
  Run("BEGIN");
  Run("INSERT INTO public.u VALUES (timestamptz '2025-03-09 10:00:00+00', 2)");
  EXPECT_EQ(StateOf("DELETE FROM public.t"), "0A000");
  Run("ROLLBACK");
  EXPECT_EQ(Sum(), "36");
}

}  // namespace
}  // namespace varve::engine
