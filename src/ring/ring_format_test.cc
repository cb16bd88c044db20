// Holds the bytes of docs/formats/ring.md (the expected ones come from another program), and what
// damaged ones do.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "ring/ring_store_for_test.h"

namespace varve::ring {
namespace {

std::string FromHex(std::string_view hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<char>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

const std::string kHeader = FromHex("56525653010000000400000001000000020000003611e1ef");
const std::string kSlot = FromHex("0c00000001000000000000000000f83f");
const std::string kRegistry = FromHex(
    "5652565201000000010000000100000000000000010000000a000000040000000000010003006370750400"
    "0100686f737461");
const std::string kCheckpoint = FromHex(
    "56525643010000000700000000000000020000000000000001000000000000003200000000000000507f22"
    "9c05ddbcd9");
const std::string kChange = FromHex(
    "0100000001000000010000000100000001000000010000000a0000000400000000000100030063707504000100"
    "686f737461010000007d000000000000000000f83f02000000030000003c000000a0050000");
constexpr const char* kSlabPath = "rings/00000004-0000000001.slab";
constexpr const char* kRegistryPath = "rings/registry-0000000001";
constexpr const char* kCheckpointPath = "rings/checkpoint";

std::string Flipped(std::string bytes, size_t at, int bit) {
  bytes[at] = static_cast<char>(bytes[at] ^ (1 << bit));
  return bytes;
}

class RingFormatTest : public RingStoreFixture {
 protected:
  // The worked example.
  void SetUp() override {
    options_.slab_bytes_max = 4096 + 2 * 4 * 16;
    Reopen();
    last_ = Lsn(6);
    RingChange change;
    change.created.push_back(
        {store_->TakeId(), "cpu", {{"host", "a"}}, MetricType::kGauge, {10, 4}});
    change.samples.push_back({MetricId(1), 125, 1.5});
    ASSERT_TRUE(Commit(change).ok());
    ASSERT_TRUE(store_->Checkpoint().ok());
    store_.reset();
    slab_ = disk_.Contents(kSlabPath);
  }
  // What a store says that finds `content` there. The folder is as it was before afterwards.
  Status OpenWith(const std::string& path, std::string content) {
    disk_.SetContents(path, std::move(content));
    Result<std::unique_ptr<RingStore>> opened = RingStore::Open(disk_, options_);
    points_.clear();
    if (opened.ok()) {
      EXPECT_TRUE((*opened)->Read(MetricId(1), SecondsRange(), points_).ok());
      opened->reset();
    }
    disk_.SetContents(kSlabPath, slab_);
    disk_.SetContents(kRegistryPath, kRegistry);
    disk_.SetContents(kCheckpointPath, kCheckpoint);
    return opened.status();
  }
  void ExpectDataLoss(const std::string& path, std::string content, const std::string& what) {
    const Status status = OpenWith(path, std::move(content));
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << what << ": " << status;
    EXPECT_NE(MessageOf(status).find(path), std::string_view::npos) << status;
  }

  std::string slab_;
  std::vector<Point> points_;
};

TEST_F(RingFormatTest, BytesAreThoseOfTheSpecification) {
  EXPECT_EQ(disk_.Names("rings"), (std::vector<std::string>{"00000004-0000000001.slab",
                                                            "checkpoint", "registry-0000000001",
                                                            "spare-checkpoint", "spare-registry"}));
  EXPECT_EQ(disk_.Contents(kCheckpointPath), kCheckpoint);
  EXPECT_EQ(disk_.Contents(kRegistryPath), kRegistry);
  ASSERT_EQ(slab_.size(), 4096u + 128u);
  std::string expected = kHeader;
  expected.resize(4096);
  expected += kSlot;
  expected.resize(4096 + 128);
  EXPECT_EQ(slab_, expected);
  ASSERT_TRUE(OpenWith(kSlabPath, slab_).ok());
  EXPECT_EQ(points_, (std::vector<Point>{{120, 1.5}}));
}

TEST_F(RingFormatTest, AnyFlippedBitOfCheckpointAndRegistryIsDataLoss) {
  for (const auto& [path, whole] :
       {std::pair(kCheckpointPath, kCheckpoint), std::pair(kRegistryPath, kRegistry)}) {
    for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
      ExpectDataLoss(path, Flipped(whole, bit / 8, static_cast<int>(bit % 8)),
                     fmt::format("bit {}", bit));
    }
    for (size_t bytes = 0; bytes < whole.size(); ++bytes) {
      ExpectDataLoss(path, whole.substr(0, bytes), fmt::format("{} bytes", bytes));
    }
    ExpectDataLoss(path, whole + "x", "a byte more");
  }
}

TEST_F(RingFormatTest, AFlippedBitOfASlabIsDataLossInTheHeaderAndIgnoredElsewhere) {
  for (size_t bit = 0; bit < kHeader.size() * 8; ++bit) {
    ExpectDataLoss(kSlabPath, Flipped(slab_, bit / 8, static_cast<int>(bit % 8)),
                   fmt::format("bit {}", bit));
  }
  EXPECT_TRUE(OpenWith(kSlabPath, Flipped(slab_, 4095, 1)).ok());
  EXPECT_EQ(points_, (std::vector<Point>{{120, 1.5}}));
  for (const size_t bytes : {0u, 23u, 24u, 4096u, 4223u}) {
    ExpectDataLoss(kSlabPath, slab_.substr(0, bytes), fmt::format("{} bytes", bytes));
  }
  ExpectDataLoss(kSlabPath, slab_ + "x", "a byte more");
}

TEST_F(RingFormatTest, ASlotThatCannotBeCountsAsNeverWritten) {
  for (const int bit : {0, 1, 7}) {  // Of the flags.
    ASSERT_TRUE(OpenWith(kSlabPath, Flipped(slab_, 4096 + 4, bit)).ok());
    EXPECT_TRUE(points_.empty()) << bit;
  }
  ASSERT_TRUE(OpenWith(kSlabPath, Flipped(slab_, 4096, 0)).ok());  // Window 13 is not of slot 0.
  EXPECT_TRUE(points_.empty());
  ASSERT_TRUE(OpenWith(kSlabPath, Flipped(slab_, 4096, 2)).ok());  // Window 8 is.
  EXPECT_EQ(points_, (std::vector<Point>{{80, 1.5}}));
}

TEST_F(RingFormatTest, AFileThatIsMissingIsDataLoss) {
  for (const char* path : {kSlabPath, kRegistryPath, kCheckpointPath}) {
    const std::string content = disk_.Contents(path);
    ASSERT_TRUE(disk_.Remove(path).ok());
    const Status status = RingStore::Open(disk_, options_).status();
    EXPECT_EQ(status.code(), StatusCode::kDataLoss) << status;
    EXPECT_NE(MessageOf(status).find(path), std::string_view::npos) << status;
    disk_.SetContents(path, content);
  }
  Reopen();
}

TEST_F(RingFormatTest, LeftoversAreRemovedAndOtherFilesAreNot) {
  disk_.SetContents("rings/00000004-0000000009.slab", "anything");
  disk_.SetContents("rings/registry-0000000003", "anything");
  disk_.SetContents("rings/notes.txt", "anything");
  Reopen();
  EXPECT_EQ(
      disk_.Names("rings"),
      (std::vector<std::string>{"00000004-0000000001.slab", "checkpoint", "notes.txt",
                                "registry-0000000001", "spare-checkpoint", "spare-registry"}));
  // Their numbers are not used again: a power cut could bring them back.
  Create("b", {}, {1, 9});
  ASSERT_TRUE(store_->Checkpoint().ok());
  EXPECT_EQ(disk_.Names("rings"),
            (std::vector<std::string>{"00000004-0000000001.slab", "00000009-0000000010.slab",
                                      "checkpoint", "notes.txt", "registry-0000000004",
                                      "spare-checkpoint", "spare-registry"}));
}

RingChange GoldenChange() {
  RingChange change;
  change.created.push_back({MetricId(1), "cpu", {{"host", "a"}}, MetricType::kGauge, {10, 4}});
  change.samples.push_back({MetricId(1), 125, 1.5});
  change.dropped.push_back({MetricId(2)});
  change.reshaped.push_back({MetricId(3), {60, 1440}});
  return change;
}

TEST(RingChangeTest, BytesAreThoseOfTheSpecification) {
  std::string encoded;
  EncodeChange(GoldenChange(), encoded);
  EXPECT_EQ(encoded, kChange);
}

TEST(RingChangeTest, IsReadBack) {
  const Result<RingChange> change = DecodeChange(kChange);
  ASSERT_TRUE(change.ok()) << change.status();
  std::string again;
  EncodeChange(*change, again);
  EXPECT_EQ(again, kChange);
  EXPECT_EQ(change->samples.at(0).ts, 125);
  EXPECT_EQ(change->samples.at(0).value, 1.5);
}

TEST(RingChangeTest, WhatIsNoChangeIsDataLoss) {
  for (size_t bytes = 0; bytes < kChange.size(); ++bytes) {
    EXPECT_EQ(DecodeChange(kChange.substr(0, bytes)).status().code(), StatusCode::kDataLoss);
  }
  EXPECT_EQ(DecodeChange(kChange + "x").status().code(), StatusCode::kDataLoss);
  for (size_t bit = 0; bit < kChange.size() * 8; ++bit) {
    const Result<RingChange> change =
        DecodeChange(Flipped(kChange, bit / 8, static_cast<int>(bit % 8)));
    EXPECT_TRUE(change.ok() || change.status().code() == StatusCode::kDataLoss) << bit;
  }
  const auto with = [](auto edit) {
    RingChange change = GoldenChange();
    edit(change);
    std::string bytes;
    EncodeChange(change, bytes);
    return DecodeChange(bytes).status().code();
  };
  EXPECT_EQ(with([](RingChange&) {}), StatusCode::kOk);
  const auto expect_loss = [&](auto edit) { EXPECT_EQ(with(edit), StatusCode::kDataLoss); };
  expect_loss([](RingChange& c) { c.samples[0].value = std::numeric_limits<double>::infinity(); });
  expect_loss([](RingChange& c) { c.samples[0].value = std::nan(""); });
  expect_loss([](RingChange& c) { c.created[0].id = MetricId(0); });
  expect_loss([](RingChange& c) { c.created[0].name.clear(); });
  expect_loss([](RingChange& c) { c.created[0].name.assign(kNameBytesMax + 1, 'x'); });
  expect_loss([](RingChange& c) { c.created[0].tags = {{"b", ""}, {"a", ""}}; });
  expect_loss([](RingChange& c) { c.created[0].tags = {{"a", "1"}, {"a", "2"}}; });
  expect_loss([](RingChange& c) { c.created[0].type = static_cast<MetricType>(2); });
  expect_loss([](RingChange& c) { c.created[0].shape.slots = 0; });
  expect_loss([](RingChange& c) { c.created[0].shape.slots = kSlotsMax + 1; });
  expect_loss([](RingChange& c) { c.reshaped[0].shape.step_seconds = 0; });
  expect_loss([](RingChange& c) { c.reshaped[0].shape.step_seconds = kStepSecondsMax + 1; });
}

}  // namespace
}  // namespace varve::ring
