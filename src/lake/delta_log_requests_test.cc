// Counts how often a reader of a Delta log on a remote store waits for an answer before it can ask
// the next question.
#include <gmock/gmock.h>

#include <chrono>
#include <thread>

#include "base/mutex.h"
#include "io/testing/remote_store.h"
#include "lake/delta_table_test.h"

namespace varve::lake {
namespace {

// Answers in rounds: only when no further request has come for a while are those that wait let go.
// So whatever needs no other answer is in one round.
class RoundsStore final : public io::testing::RemoteStore {
 public:
  explicit RoundsStore(io::ObjectStore& inner)
      : RemoteStore("lake", inner), gate_([this] { Open(); }) {}
  ~RoundsStore() override {
    {
      MutexLock lock(mu_);
      stopped_ = true;
    }
    stop_.NotifyAll();
    gate_.join();
  }

  Result<std::string> Get(std::string_view name) override {
    WaitForRound(std::string(name));
    return RemoteStore::Get(name);
  }
  Result<std::vector<io::ObjectInfo>> List(std::string_view prefix,
                                           std::string_view start_after) override {
    WaitForRound("list " + std::string(start_after));
    return RemoteStore::List(prefix, start_after);
  }

  // The requests of each round since the last call.
  std::vector<std::vector<std::string>> TakeRounds() {
    MutexLock lock(mu_);
    return std::exchange(rounds_, {});
  }

 private:
  void WaitForRound(std::string request) {
    MutexLock lock(mu_);
    waiting_.push_back(std::move(request));
    const size_t mine = generation_;
    changed_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return generation_ != mine; });
  }

  void Open() {
    size_t before = 0;
    for (;;) {
      MutexLock lock(mu_);
      stop_.WaitFor(mu_, std::chrono::milliseconds(60),
                    [&]() VARVE_REQUIRES(mu_) { return stopped_; });
      if (stopped_) return;
      if (waiting_.empty() || waiting_.size() != before) {
        before = waiting_.size();
        continue;
      }
      rounds_.push_back(std::exchange(waiting_, {}));
      before = 0;
      ++generation_;
      changed_.NotifyAll();
    }
  }

  Mutex mu_;
  CondVar changed_;
  CondVar stop_;
  std::vector<std::string> waiting_ VARVE_GUARDED_BY(mu_);
  std::vector<std::vector<std::string>> rounds_ VARVE_GUARDED_BY(mu_);
  size_t generation_ VARVE_GUARDED_BY(mu_) = 0;
  bool stopped_ VARVE_GUARDED_BY(mu_) = false;
  std::thread gate_;  // last: it uses everything above
};

class DeltaLogRequests : public DeltaTableFixture {
 protected:
  DeltaTable::Context Remote() {
    DeltaTable::Context context = Context();
    context.store = &remote_;
    context.commits = &remote_commits_;
    return context;
  }
  void AppendVersions(int last) {
    const auto table = *Create();
    for (int i = 1; i <= last; ++i) {
      ASSERT_TRUE(
          table->Append({File(fmt::format("f{}", i), 1'741'514'400'000'000 + i)}, "n/7", i).ok());
    }
  }

  RoundsStore remote_{*store_};
  PutIfAbsentCommits remote_commits_{remote_};
};

TEST_F(DeltaLogRequests, ATableIsOpenBeforeTheThirdRound) {
  AppendVersions(27);  // the checkpoint is that of version 20
  const auto opened = DeltaTable::Open(Remote(), events_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->files()->version, 27);
  EXPECT_EQ((*opened)->files()->files.size(), 27u);
  const auto rounds = remote_.TakeRounds();
  ASSERT_EQ(rounds.size(), 2u) << "the third is the first of the data";
  EXPECT_EQ(rounds[0], std::vector<std::string>{"events/_delta_log/_last_checkpoint"});
  EXPECT_TRUE(std::filesystem::is_empty(dir_ + "/scratch")) << "scratch files are left behind";
}

TEST_F(DeltaLogRequests, ARefreshThatFindsNothingIsOneGet) {
  AppendVersions(3);
  const auto opened = *DeltaTable::Open(Remote(), events_);
  remote_.TakeRounds();
  ASSERT_TRUE(opened->Refresh().ok());
  const auto rounds = remote_.TakeRounds();
  ASSERT_EQ(rounds.size(), 1u);
  EXPECT_EQ(rounds[0], std::vector<std::string>{"events/_delta_log/00000000000000000004.json"});
}

// Without a checkpoint every commit is read; not one after the other.
TEST_F(DeltaLogRequests, CommitsAreReadSideBySide) {
  AppendVersions(30);
  for (const auto& entry : std::filesystem::directory_iterator(LogPath(""))) {
    if (entry.path().extension() != ".json") std::filesystem::remove(entry.path());
  }
  const auto opened = DeltaTable::Open(Remote(), events_);
  ASSERT_TRUE(opened.ok()) << opened.status();
  EXPECT_EQ((*opened)->files()->files.size(), 30u);
  EXPECT_EQ(remote_.TakeRounds().size(), 3u) << "hint, listing, commits";
}

}  // namespace
}  // namespace varve::lake
