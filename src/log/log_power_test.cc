// Cuts the power at random calls, with random sectors landing, over and over on one log.
#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <random>

#include "log/log_test_support.h"

namespace varve::log {
namespace {

using io::testing::FaultyDisk;
using Op = FaultyDisk::Op;

// What the log has promised: payload by Lsn, and how far it was told that rows are elsewhere.
struct Ledger {
  std::map<uint64_t, std::string> promised;
  uint64_t truncated_through = 0;
};

class LogPowerTest : public LogOnFaultyDisk, public ::testing::WithParamInterface<int> {
 protected:
  static constexpr Op kOps[] = {Op::kCreate,   Op::kRecreate, Op::kGrow,   Op::kAppend,
                                Op::kDataSync, Op::kTruncate, Op::kRemove, Op::kSyncDir};

  // Power fails at one of the next calls.
  void ArmPowerCut() {
    calls_left_ = static_cast<int>(random_() % 40) + 1;
    for (const Op op : kOps) {
      disk_.SetHook(op, [this] {
        if (--calls_left_ == 0) disk_.CutPower(cut_random_);
      });
    }
  }
  void DisarmPowerCut() {
    for (const Op op : kOps) disk_.SetHook(op, {});
    disk_.RestorePower();
  }

  std::string UniquePayload() {
    std::string payload = fmt::format("#{} ", ++payloads_);
    const size_t bytes = random_() % 8 == 0 ? random_() % 9'000 : random_() % 900;
    for (size_t i = 0; i < bytes; ++i) payload.push_back(static_cast<char>(payload_bytes_()));
    return payload;
  }

  // Commits groups of transactions, some truncations between, until the power is gone.
  void RunUntilDark(Ledger& ledger) {
    for (int round = 0; round < 60; ++round) {
      const int waiting = static_cast<int>(random_() % 4) + 1;
      answered_ = 0;
      std::vector<Result<LsnRange>> answers(static_cast<size_t>(waiting), LsnRange{});
      std::vector<std::vector<std::string>> sent;
      for (int i = 0; i < waiting; ++i) {
        std::vector<std::string> payloads;
        for (uint64_t records = random_() % 3 + 1; records > 0; --records) {
          payloads.push_back(UniquePayload());
        }
        sent.push_back(payloads);
        Transaction transaction = TransactionOf(std::move(payloads));
        transaction.done = [&, i](Result<LsnRange> lsns) {
          answers[static_cast<size_t>(i)] = std::move(lsns);
          ++answered_;
          answered_.notify_all();
        };
        log_->CommitAsync(std::move(transaction));
      }
      for (int now = answered_; now != waiting; now = answered_) answered_.wait(now);
      for (size_t i = 0; i < sent.size(); ++i) {
        if (!answers[i].ok()) return;
        for (size_t k = 0; k < sent[i].size(); ++k) {
          const bool fresh =
              ledger.promised.emplace(answers[i]->begin.value + k, sent[i][k]).second;
          ASSERT_TRUE(fresh) << "an Lsn was given out twice";
        }
      }
      if (random_() % 8 == 0) {
        ledger.truncated_through = log_->durable().value - random_() % 5;
        if (!log_->TruncateThrough(Lsn(ledger.truncated_through)).ok()) return;
      }
    }
  }

  void CheckAgainst(Ledger& ledger) {
    uint64_t last = 0;
    std::map<uint64_t, std::string> found;
    for (const auto& transaction : replayed_.transactions) {
      for (const Record& record : transaction) {
        ASSERT_GT(record.lsn.value, last);
        last = record.lsn.value;
        found[last] = record.payload;
      }
    }
    for (const auto& [lsn, payload] : ledger.promised) {
      if (lsn <= ledger.truncated_through && !found.contains(lsn)) continue;
      ASSERT_TRUE(found.contains(lsn)) << "an acknowledged record is gone: " << lsn;
      ASSERT_EQ(found[lsn], payload) << lsn;
    }
    // Others may only be those of the write that the cut met. From here on they must stay.
    const uint64_t newest = ledger.promised.empty() ? 0 : ledger.promised.rbegin()->first;
    for (const auto& [lsn, payload] : found) {
      if (ledger.promised.contains(lsn)) continue;
      ASSERT_GT(lsn, newest) << "a record was invented";
    }
    ledger.promised.insert(found.begin(), found.end());
  }

  std::mt19937_64 random_{static_cast<uint64_t>(GetParam())};
  std::mt19937_64 cut_random_{static_cast<uint64_t>(GetParam()) + 1000};  // Used by the hooks.
  std::mt19937_64 payload_bytes_{7};
  std::atomic<int> answered_ = 0;
  std::atomic<int> calls_left_ = 0;
  int payloads_ = 0;
};

TEST_P(LogPowerTest, EveryAcknowledgedRecordSurvivesEveryPowerCut) {
  Ledger ledger;
  for (int cut = 0; cut < 12; ++cut) {
    SCOPED_TRACE(fmt::format("seed {}, power cut {}", GetParam(), cut));
    ArmPowerCut();
    // Opening may itself be cut; then it must work the next time.
    if (Status opened = Open(); opened.ok()) {
      ASSERT_NO_FATAL_FAILURE(CheckAgainst(ledger));
      ASSERT_NO_FATAL_FAILURE(RunUntilDark(ledger));
    } else {
      ASSERT_EQ(opened.code(), StatusCode::kUnavailable) << opened;
    }
    Close();
    DisarmPowerCut();
    const Status opened = Open();
    ASSERT_TRUE(opened.ok()) << opened;
    ASSERT_NO_FATAL_FAILURE(CheckAgainst(ledger));
    Close();
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, LogPowerTest, ::testing::Range(1, 61));

}  // namespace
}  // namespace varve::log
