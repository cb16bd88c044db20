#include "log/record_codec.h"

#include <gtest/gtest.h>
#include <zstd.h>

#include <random>

#include "base/bytes.h"
#include "log/log_test_support.h"

namespace varve::log {
namespace {

// The record of docs/formats/log.md, "Worked example"; the checksum comes from another program.
constexpr unsigned char kGolden[] = {
    0x56, 0x52, 0x56, 0x01, 0x01, 0x00, 0x00, 0x00, 0x05, 0x00, 0x00, 0x00, 0x05, 0x00,
    0x00, 0x00, 0x2a, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x00, 0x29, 0x00, 0x00, 0x00,
    0x00, 0x00, 0x00, 0x00, 0x01, 0x01, 0x00, 0x00, 0x07, 0x00, 0x00, 0x00, 0x03, 0x00,
    0x00, 0x00, 0x44, 0xdb, 0xee, 0x97, 0x68, 0x65, 0x6c, 0x6c, 0x6f};

std::string Golden() { return {reinterpret_cast<const char*>(kGolden), sizeof(kGolden)}; }

EncodedRecord Encode(std::string payload) {
  return *EncodeRecord({RecordType::kRows, TableId(7), 3, std::move(payload)}, true);
}

TEST(RecordCodecTest, BytesAreThoseOfTheSpecification) {
  EXPECT_EQ(Sealed(Encode("hello"), 42, 41, 1), Golden());
}

TEST(RecordCodecTest, HeaderIsReadBack) {
  const std::string bytes = Golden();
  const auto header = ReadHeader(bytes);
  ASSERT_TRUE(header.has_value());
  EXPECT_TRUE(ChecksumMatches(*header, bytes));
  EXPECT_TRUE(CheckHeader(*header).ok());
  EXPECT_EQ(header->lsn, Lsn(42));
  EXPECT_EQ(header->transaction, TransactionId(41));
  EXPECT_TRUE(header->last_of_transaction);
  EXPECT_EQ(header->unsynced_before, 1u);
  EXPECT_EQ(header->table, TableId(7));
  EXPECT_EQ(header->schema_version, 3u);
  EXPECT_EQ(header->payload_bytes, 5u);
  EXPECT_EQ(*DecodePayload(*header, std::string_view(bytes).substr(kRecordHeaderBytes)), "hello");
}

TEST(RecordCodecTest, AnyFlippedBitIsNoticed) {
  const std::string whole = Golden();
  for (size_t bit = 0; bit < whole.size() * 8; ++bit) {
    std::string bytes = whole;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    const auto header = ReadHeader(bytes);
    if (!header || header->record_bytes() != bytes.size()) continue;
    EXPECT_FALSE(ChecksumMatches(*header, bytes)) << "bit " << bit;
  }
}

TEST(RecordCodecTest, TooFewBytesAreNoHeader) {
  for (size_t size = 0; size < kRecordHeaderBytes; ++size) {
    EXPECT_FALSE(ReadHeader(Golden().substr(0, size)).has_value()) << size;
  }
}

// What a newer version may write is refused by name, not taken for a torn write.
TEST(RecordCodecTest, UnknownFieldsAreNamed) {
  const auto with_byte = [](size_t at, char value) {
    std::string bytes = Golden();
    bytes[at] = value;
    return std::string(MessageOf(CheckHeader(*ReadHeader(bytes))));
  };
  EXPECT_EQ(with_byte(3, 2), "log record has unknown format version 2");
  EXPECT_EQ(with_byte(4, 9), "log record has unknown type 9");
  EXPECT_EQ(with_byte(6, 3), "log record has unknown codec 3");
  EXPECT_EQ(with_byte(32, 5), "log record has unknown flags 4");
  EXPECT_EQ(with_byte(12, 6), "log record has impossible lengths: 5 stored, 6 raw");
  EXPECT_EQ(with_byte(24, 43), "log record has an impossible Lsn 42 or transaction 43");
}

TEST(RecordCodecTest, LargePayloadsAreCompressedWhenThatHelps) {
  const std::string repetitive(10'000, 'x');
  EncodedRecord record = Encode(repetitive);
  EXPECT_EQ(record.header.codec, Codec::kLz4);
  EXPECT_LT(record.payload.size(), 100u);
  EXPECT_EQ(record.header.raw_bytes, 10'000u);
  EXPECT_EQ(*DecodePayload(record.header, record.payload), repetitive);

  std::mt19937_64 random(3);
  std::string noise(10'000, '\0');
  for (char& byte : noise) byte = static_cast<char>(random());
  record = Encode(noise);
  EXPECT_EQ(record.header.codec, Codec::kNone);
  EXPECT_EQ(*DecodePayload(record.header, record.payload), noise);

  EXPECT_EQ(Encode(std::string(kCompressAboveBytes, 'x')).header.codec, Codec::kNone);
  EXPECT_EQ(Encode("").payload, "");
}

TEST(RecordCodecTest, ZstdPayloadsAreRead) {
  const std::string raw(5'000, 'z');
  EncodedRecord record = Encode(raw);
  std::string packed(ZSTD_compressBound(raw.size()), '\0');
  packed.resize(ZSTD_compress(packed.data(), packed.size(), raw.data(), raw.size(), 1));
  record.header.codec = Codec::kZstd;
  record.header.payload_bytes = static_cast<uint32_t>(packed.size());
  EXPECT_EQ(*DecodePayload(record.header, packed), raw);
}

TEST(RecordCodecTest, PayloadsThatDoNotFitTheirHeaderAreDataLoss) {
  EncodedRecord record = Encode(std::string(10'000, 'x'));
  for (const uint32_t raw : {9'999u, 10'001u, static_cast<uint32_t>(kPayloadBytesMax)}) {
    record.header.raw_bytes = raw;
    EXPECT_EQ(DecodePayload(record.header, record.payload).status().code(), StatusCode::kDataLoss);
  }
  record.header.raw_bytes = 10'000;
  record.header.codec = Codec::kZstd;
  EXPECT_EQ(DecodePayload(record.header, record.payload).status().code(), StatusCode::kDataLoss);
}

TEST(RecordCodecTest, InputsAboveTheLimitAreRefused) {
  RecordInput input;
  input.payload.resize(kPayloadBytesMax + 1);
  EXPECT_EQ(EncodeRecord(std::move(input), true).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(EncodeRecord({RecordType{9}, TableId(1), 1, "x"}, true).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(RecordCodecTest, DistancesAboveTheFieldSaturate) {
  const std::string bytes = Sealed(Encode("x"), 1u << 30, 1, (1u << 25));
  EXPECT_EQ(ReadHeader(bytes)->unsynced_before, kUnsyncedBeforeMax);
}

}  // namespace
}  // namespace varve::log
