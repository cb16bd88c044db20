#include "model/batch_codec.h"

#include <gtest/gtest.h>

#include <random>

namespace varve {
namespace {

// A column of `rows` random values of the type, about one in `null_one_in` NULL (0: none).
Column RandomColumn(const Type& type, size_t rows, unsigned null_one_in, std::mt19937_64& random) {
  ColumnBuilder builder(type);
  const auto append_scalar = [&random](ColumnBuilder& to) {
    switch (to.type().Physical()) {
      case PhysicalType::kFixed1:
        return to.AppendFixed(static_cast<uint8_t>(random() % 2));
      case PhysicalType::kFixed2:
        return to.AppendFixed(static_cast<int16_t>(random()));
      case PhysicalType::kFixed4:
        return to.AppendFixed(static_cast<int32_t>(random()));
      case PhysicalType::kFixed8:
        return to.AppendFixed(static_cast<int64_t>(random()));
      case PhysicalType::kFixed16:
        return to.AppendFixed(Interval{static_cast<int32_t>(random()), -1, 7});
      default:
        return to.AppendBytes(std::string(random() % 40, static_cast<char>('a' + random() % 26)));
    }
  };
  for (size_t row = 0; row < rows; ++row) {
    if (null_one_in != 0 && random() % null_one_in == 0) {
      builder.AppendNull();
    } else if (type.kind() == TypeKind::kList) {
      for (uint64_t i = random() % 4; i > 0; --i) append_scalar(builder.element_builder());
      if (random() % 3 == 0) builder.element_builder().AppendNull();
      builder.AppendList();
    } else {
      append_scalar(builder);
    }
  }
  return builder.Finish();
}

std::vector<Type> AllTypes() {
  std::vector<Type> types;
  for (int kind = 1; kind <= static_cast<int>(TypeKind::kUuid); ++kind) {
    types.emplace_back(static_cast<TypeKind>(kind));
  }
  types.push_back(Type::Decimal(38, 9));
  types.push_back(Type::Decimal(1, 0));
  const std::vector<Type> scalars = types;
  for (const Type& type : scalars) types.push_back(Type::List(type));
  return types;
}

Batch RandomBatch(size_t rows, std::mt19937_64& random) {
  Batch batch;
  batch.rows = static_cast<uint32_t>(rows);
  uint32_t id = 1;
  for (const Type& type : AllTypes()) {
    for (const unsigned null_one_in : {0u, 3u, 1u}) {
      batch.ids.emplace_back(id += 2);
      batch.columns.push_back(RandomColumn(type, rows, null_one_in, random));
    }
  }
  return batch;
}

Batch SmallBatch() {
  Batch batch;
  batch.rows = 3;
  batch.ids = {ColumnId(2), ColumnId(5), ColumnId(9), ColumnId(11)};
  ColumnBuilder number{Type(TypeKind::kInt16)};
  number.AppendFixed<int16_t>(258);
  number.AppendNull();
  number.AppendFixed<int16_t>(-1);
  ColumnBuilder text{Type(TypeKind::kText)};
  for (const char* value : {"ab", "", "c"}) text.AppendBytes(value);
  ColumnBuilder list{Type::List(Type(TypeKind::kBool))};
  list.element_builder().AppendFixed<uint8_t>(1);
  list.AppendList();
  list.AppendList();
  list.AppendNull();
  ColumnBuilder decimal{Type::Decimal(10, 2)};
  for (int i = 0; i < 3; ++i) decimal.AppendFixed(Interval{i, 0, 0});
  batch.columns = {number.Finish(), text.Finish(), list.Finish(), decimal.Finish()};
  return batch;
}

// docs/formats/log.md, "Payload of rows", explains these bytes.
constexpr unsigned char kGolden[] = {
    1,    0,    0,    0, 3,  0,    0,    0, 4, 0, 0, 0,              // version, rows, columns
    2,    0,    0,    0, 2,  0,    0,    1,                          // id 2: smallint with validity
    0x05, 0x02, 0x01, 0, 0,  0xFF, 0xFF,                             // validity, values
    5,    0,    0,    0, 7,  0,    0,    0, 3, 0, 0, 0,              // id 5: text, 3 bytes
    0,    0,    0,    0, 2,  0,    0,    0, 2, 0, 0, 0, 3, 0, 0, 0,  // offsets
    'a',  'b',  'c',                                                 //
    9,    0,    0,    0, 17, 0,    0,    1, 1, 0, 0, 0,  // id 9: list with validity, 1 element
    0x03, 0,    0,    0, 0,  1,    0,    0, 0, 1, 0, 0, 0, 1, 0, 0, 0,  // validity, offsets
    1,    0,    0,    0, 1,                                             // elements: boolean, values
    11,   0,    0,    0, 16, 10,   2,    0,                             // id 11: decimal(10,2)
    0,    0,    0,    0, 0,  0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0,     //
    1,    0,    0,    0, 0,  0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0,     //
    2,    0,    0,    0, 0,  0,    0,    0, 0, 0, 0, 0, 0, 0, 0, 0,     //
};

std::string Golden() { return {reinterpret_cast<const char*>(kGolden), sizeof(kGolden)}; }

TEST(BatchCodecTest, BytesAreThoseOfTheSpecification) {
  EXPECT_EQ(EncodeBatch(SmallBatch()), Golden());
  const Result<Batch> batch = DecodeBatch(Golden());
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_EQ(*batch, SmallBatch());
}

TEST(BatchCodecTest, EveryTypeComesBack) {
  std::mt19937_64 random(11);
  for (const size_t rows : {0, 1, 7, 8, 9, 1000}) {
    const Batch batch = RandomBatch(rows, random);
    const std::string payload = EncodeBatch(batch);
    EXPECT_EQ(payload.size(), EncodedBytes(batch));
    const Result<Batch> decoded = DecodeBatch(payload);
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(*decoded, batch) << rows << " rows";
  }
  Batch no_columns;
  no_columns.rows = 5;
  EXPECT_EQ(*DecodeBatch(EncodeBatch(no_columns)), no_columns);
}

TEST(BatchCodecTest, ACutAnywhereIsDataLoss) {
  std::mt19937_64 random(12);
  for (const std::string& payload : {Golden(), EncodeBatch(RandomBatch(9, random))}) {
    for (size_t cut = 0; cut < payload.size(); ++cut) {
      // A copy of exactly this size, so that the sanitizers see any read behind its end.
      const std::vector<char> bytes(payload.begin(), payload.begin() + static_cast<long>(cut));
      const Result<Batch> batch = DecodeBatch({bytes.data(), bytes.size()});
      ASSERT_EQ(batch.status().code(), StatusCode::kDataLoss) << cut;
    }
    EXPECT_EQ(DecodeBatch(payload + 'x').status().code(), StatusCode::kDataLoss);
  }
}

TEST(BatchCodecTest, EachWrongFieldIsDataLoss) {
  const auto with = [](size_t at, unsigned char value) {
    std::string bytes = Golden();
    bytes[at] = static_cast<char>(value);
    return DecodeBatch(bytes).status().code();
  };
  EXPECT_EQ(with(0, 2), StatusCode::kDataLoss) << "version";
  EXPECT_EQ(with(6, 2), StatusCode::kDataLoss) << "rows above kBatchRowsMax";
  EXPECT_EQ(with(10, 2), StatusCode::kDataLoss) << "columns above kColumnsMax";
  EXPECT_EQ(with(16, 0), StatusCode::kDataLoss) << "type 0";
  EXPECT_EQ(with(16, 18), StatusCode::kDataLoss) << "a type of results only";
  EXPECT_EQ(with(17, 1), StatusCode::kDataLoss) << "precision of a smallint";
  EXPECT_EQ(with(19, 3), StatusCode::kDataLoss) << "unknown flag";
  EXPECT_EQ(with(27, 1), StatusCode::kDataLoss) << "ids that do not ascend";
  EXPECT_EQ(with(39, 9), StatusCode::kDataLoss) << "first offset is not 0";
  EXPECT_EQ(with(43, 3), StatusCode::kDataLoss) << "offsets that descend";
  EXPECT_EQ(with(87, 17), StatusCode::kDataLoss) << "list of lists";
  EXPECT_EQ(with(91, 2), StatusCode::kDataLoss) << "boolean 2";
  EXPECT_EQ(with(97, 39), StatusCode::kDataLoss) << "decimal(39,2)";
  EXPECT_EQ(with(98, 11), StatusCode::kDataLoss) << "decimal(10,11)";
}

TEST(BatchCodecTest, RowsAboveTheLimitAreDataLossEvenWithoutColumns) {
  Batch batch;
  batch.rows = kBatchRowsMax;
  EXPECT_TRUE(DecodeBatch(EncodeBatch(batch)).ok());
  ++batch.rows;
  EXPECT_EQ(DecodeBatch(EncodeBatch(batch)).status().code(), StatusCode::kDataLoss);
}

// A few bytes that promise gigabytes must not be believed.
TEST(BatchCodecTest, SizesAreCheckedBeforeMemoryIsTaken) {
  std::string bytes = Golden();
  for (size_t i = 0; i < 4; ++i) bytes[35 + i] = '\xFF';  // bytes of the text column
  EXPECT_EQ(DecodeBatch(bytes).status().code(), StatusCode::kDataLoss);
  bytes = Golden();
  for (size_t i = 0; i < 4; ++i) bytes[66 + i] = '\xFF';  // elements of the list column
  EXPECT_EQ(DecodeBatch(bytes).status().code(), StatusCode::kDataLoss);
}

TEST(BatchCodecTest, PiecesHoldAllRowsInOrderAndFit) {
  std::mt19937_64 random(13);
  const Batch batch = RandomBatch(300, random);
  const size_t all = EncodedBytes(batch);
  for (const size_t limit : {all, all - 1, all / 2, all / 10, size_t{12'000}}) {
    const Result<std::vector<Batch>> pieces = SplitBatch(batch, limit);
    ASSERT_TRUE(pieces.ok()) << pieces.status();
    EXPECT_EQ(pieces->size() == 1, limit == all);
    std::vector<BatchRef> refs;
    for (const Batch& piece : *pieces) {
      EXPECT_TRUE(piece.Validate().ok());
      EXPECT_LE(EncodeBatch(piece).size(), limit);
      refs.push_back(std::make_shared<const Batch>(piece));
    }
    EXPECT_EQ(Concatenate(refs), batch);
  }
  EXPECT_TRUE(SplitBatch(Batch{}, 1)->empty());
}

TEST(BatchCodecTest, NullsInNoRowsAreDataLoss) {
  Batch batch;
  batch.ids = {ColumnId(7)};
  batch.columns.push_back(ColumnBuilder(Type(TypeKind::kBool)).Finish());
  std::string bytes = EncodeBatch(batch);
  ASSERT_TRUE(DecodeBatch(bytes).ok());
  bytes.back() = 1;  // The flag that says that a bitmap follows.
  EXPECT_EQ(DecodeBatch(bytes).status().code(), StatusCode::kDataLoss);
}

TEST(BatchCodecTest, ARowAboveTheLimitIsRefused) {
  const Status status = SplitBatch(SmallBatch(), 60).status();
  EXPECT_EQ(SqlStateOf(status), sqlstate::kStatementTooComplex);
}

TEST(BatchCodecTest, PiecesHaveNoMoreRowsThanABatchMay) {
  Batch batch;
  batch.rows = kBatchRowsMax + 1;
  const auto pieces = SplitBatch(batch, 1000);
  ASSERT_TRUE(pieces.ok());
  ASSERT_EQ(pieces->size(), 2u);
  EXPECT_EQ((*pieces)[0].rows, kBatchRowsMax);
  EXPECT_EQ((*pieces)[1].rows, 1u);
}

}  // namespace
}  // namespace varve
