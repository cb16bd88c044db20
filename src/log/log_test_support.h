// Builds transactions and opens logs on a faulty disk, for the tests of this folder.
#pragma once

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "io/testing/faulty_disk.h"
#include "log/local_log.h"
#include "log/log.h"
#include "log/log_reader.h"
#include "log/record_codec.h"

namespace varve::log {

inline constexpr uint64_t kTestSegmentBytes = 4096;

inline RecordInput RecordOf(std::string payload, uint32_t table = 7) {
  return {RecordType::kRows, TableId(table), 3, std::move(payload)};
}

inline Transaction TransactionOf(std::vector<std::string> payloads) {
  Transaction transaction;
  for (std::string& payload : payloads) transaction.records.push_back(RecordOf(std::move(payload)));
  return transaction;
}

// The bytes of a record as the log writes them.
inline std::string Sealed(EncodedRecord record, uint64_t lsn, uint64_t transaction,
                          uint64_t unsynced) {
  SealRecord(record, Lsn(lsn), TransactionId(transaction), unsynced);
  return std::string(record.header_bytes.data(), record.header_bytes.size()) + record.payload;
}

// Bytes that do not compress.
inline std::string Noise(size_t bytes) {
  std::string noise(bytes, '\0');
  for (size_t i = 0; i < bytes; ++i) noise[i] = static_cast<char>(i * i * 2654435761u >> 9);
  return noise;
}

// What replay was given: one entry per transaction.
struct Replayed {
  std::vector<std::vector<Record>> transactions;

  ReplayFunction Function() {
    return [this](std::span<Record> records) {
      transactions.emplace_back(std::make_move_iterator(records.begin()),
                                std::make_move_iterator(records.end()));
      return OkStatus();
    };
  }
  // The payloads of all records in the order given.
  std::vector<std::string> Payloads() const {
    std::vector<std::string> payloads;
    for (const auto& transaction : transactions) {
      for (const Record& record : transaction) payloads.push_back(record.payload);
    }
    return payloads;
  }
};

// A log in the folder "log" of a disk in memory.
class LogOnFaultyDisk : public ::testing::Test {
 protected:
  LogOnFaultyDisk() {
    options_.dir = "log";
    options_.segment_bytes = kTestSegmentBytes;
    options_.max_bytes = 1 << 20;
  }

  Status Open() {
    log_.reset();
    replayed_ = {};
    Result<std::unique_ptr<LocalLog>> opened = OpenLocalLog(disk_, options_, replayed_.Function());
    if (!opened.ok()) return opened.status();
    log_ = *std::move(opened);
    return OkStatus();
  }
  void Close() { log_.reset(); }

  Result<LsnRange> Commit(std::vector<std::string> payloads) {
    return log_->Commit(TransactionOf(std::move(payloads)));
  }

  static std::string PathOf(uint64_t first) { return "log/" + SegmentName(Lsn(first)); }

  io::testing::FaultyDisk disk_;
  LocalLogOptions options_;
  Replayed replayed_;
  std::unique_ptr<LocalLog> log_;
};

}  // namespace varve::log
