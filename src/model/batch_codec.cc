#include "model/batch_codec.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"

namespace varve {
namespace {

static_assert(std::endian::native == std::endian::little, "columns are copied as they lie");

constexpr size_t kBatchHeaderBytes = 4 + 4 + 4;  // version, rows, columns
constexpr size_t kColumnIdBytes = 4;
constexpr size_t kTypeTagBytes = 4;  // kind, precision, scale, flags
constexpr size_t kCountBytes = 4;    // bytes of a text column, elements of a list column
constexpr uint8_t kFlagValidity = 1;

size_t ValidityBytes(size_t rows) { return (rows + 7) / 8; }

// Encoded bytes of rows [begin, end) of a column, without its id.
size_t BodyBytes(const Column& column, size_t begin, size_t end) {
  const size_t rows = end - begin;
  size_t bytes = kTypeTagBytes + (column.HasNulls() ? ValidityBytes(rows) : 0);
  switch (column.type.Physical()) {
    case PhysicalType::kBytes:
      return bytes + kCountBytes + (rows + 1) * sizeof(uint32_t) +
             (column.offsets[end] - column.offsets[begin]);
    case PhysicalType::kList:
      return bytes + kCountBytes + (rows + 1) * sizeof(uint32_t) +
             BodyBytes(*column.child, column.offsets[begin], column.offsets[end]);
    default:
      return bytes + rows * column.type.FixedBytes();
  }
}

size_t RangeBytes(const Batch& batch, size_t begin, size_t end) {
  size_t bytes = kBatchHeaderBytes;
  for (const Column& column : batch.columns)
    bytes += kColumnIdBytes + BodyBytes(column, begin, end);
  return bytes;
}

template <typename T>
void AppendArray(std::string& to, const std::vector<T>& values) {
  to.append(reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T));
}

void AppendBody(std::string& to, const Column& column) {
  VARVE_CHECK(column.type.kind() <= TypeKind::kList);
  to.push_back(static_cast<char>(column.type.kind()));
  to.push_back(static_cast<char>(column.type.precision()));
  to.push_back(static_cast<char>(column.type.scale()));
  to.push_back(column.HasNulls() ? kFlagValidity : 0);
  switch (column.type.Physical()) {
    case PhysicalType::kBytes:
      AppendLittle(to, static_cast<uint32_t>(column.bytes.size()));
      AppendArray(to, column.validity);
      AppendArray(to, column.offsets);
      AppendArray(to, column.bytes);
      return;
    case PhysicalType::kList:
      VARVE_CHECK(column.child->type.kind() != TypeKind::kList);
      AppendLittle(to, column.child->rows);
      AppendArray(to, column.validity);
      AppendArray(to, column.offsets);
      AppendBody(to, *column.child);
      return;
    default:
      AppendArray(to, column.validity);
      AppendArray(to, column.values);
  }
}

class Decoder {
 public:
  explicit Decoder(std::string_view payload) : reader_(payload) {}

  Result<Batch> Read() {
    VARVE_ASSIGN_OR_RETURN(const uint32_t version, reader_.Little<uint32_t>());
    if (version != kBatchFormatVersion) return Malformed("unknown format version");
    Batch batch;
    VARVE_ASSIGN_OR_RETURN(batch.rows, reader_.Little<uint32_t>());
    VARVE_ASSIGN_OR_RETURN(const uint32_t columns, reader_.Little<uint32_t>());
    if (batch.rows > kBatchRowsMax) return Malformed("too many rows");
    if (columns > kColumnsMax) return Malformed("too many columns");
    batch.ids.reserve(columns);
    batch.columns.reserve(columns);
    for (uint32_t i = 0; i < columns; ++i) {
      VARVE_ASSIGN_OR_RETURN(const uint32_t id, reader_.Little<uint32_t>());
      VARVE_ASSIGN_OR_RETURN(Column column, ReadBody(batch.rows, /*may_be_list=*/true));
      batch.ids.emplace_back(id);
      batch.columns.push_back(std::move(column));
    }
    if (reader_.remaining() != 0) return Malformed("bytes behind the last column");
    VARVE_RETURN_IF_ERROR(batch.Validate());
    return batch;
  }

 private:
  // What the type tag says; for lists the element type follows with the child.
  struct Tag {
    uint8_t kind;
    uint8_t precision;
    uint8_t scale;
    uint8_t flags;
  };

  Result<Column> ReadBody(uint32_t rows, bool may_be_list) {
    VARVE_ASSIGN_OR_RETURN(const std::string_view bytes, reader_.Bytes(kTypeTagBytes));
    Tag tag{};
    std::memcpy(&tag, bytes.data(), sizeof(tag));
    if ((tag.flags & ~kFlagValidity) != 0) return Malformed("unknown column flags");
    const bool has_validity = (tag.flags & kFlagValidity) != 0;
    // An empty bitmap means that no value is NULL, so a batch would have two encodings.
    if (has_validity && rows == 0) return Malformed("NULLs in no rows");
    Column column;
    column.rows = rows;
    if (tag.kind == static_cast<uint8_t>(TypeKind::kList)) {
      if (!may_be_list || tag.precision != 0 || tag.scale != 0) return Malformed("list type");
      VARVE_RETURN_IF_ERROR(ReadList(column, has_validity));
      return column;
    }
    VARVE_ASSIGN_OR_RETURN(column.type, ScalarType(tag));
    const size_t width = column.type.FixedBytes();
    if (width != 0) {
      VARVE_RETURN_IF_ERROR(ReadValidity(column, has_validity));
      VARVE_RETURN_IF_ERROR(ReadArray(column.values, size_t{rows} * width));
      return CheckedBool(std::move(column));
    }
    VARVE_ASSIGN_OR_RETURN(const uint32_t count, reader_.Little<uint32_t>());
    VARVE_RETURN_IF_ERROR(ReadValidity(column, has_validity));
    VARVE_RETURN_IF_ERROR(ReadArray(column.offsets, size_t{rows} + 1));
    VARVE_RETURN_IF_ERROR(ReadArray(column.bytes, count));
    return column;
  }

  Status ReadList(Column& column, bool has_validity) {
    VARVE_ASSIGN_OR_RETURN(const uint32_t elements, reader_.Little<uint32_t>());
    VARVE_RETURN_IF_ERROR(ReadValidity(column, has_validity));
    VARVE_RETURN_IF_ERROR(ReadArray(column.offsets, size_t{column.rows} + 1));
    VARVE_ASSIGN_OR_RETURN(Column child, ReadBody(elements, /*may_be_list=*/false));
    column.type = Type::List(child.type);
    column.child = std::make_shared<const Column>(std::move(child));
    return OkStatus();
  }

  Result<Type> ScalarType(const Tag& tag) const {
    if (tag.kind < static_cast<uint8_t>(TypeKind::kBool) ||
        tag.kind > static_cast<uint8_t>(TypeKind::kDecimal)) {
      return Malformed("unknown type");
    }
    const auto kind = static_cast<TypeKind>(tag.kind);
    if (kind != TypeKind::kDecimal) {
      if (tag.precision != 0 || tag.scale != 0) return Malformed("precision of a plain type");
      return Type(kind);
    }
    if (tag.precision < 1 || tag.precision > 38 || tag.scale > tag.precision) {
      return Malformed("precision or scale");
    }
    return Type::Decimal(tag.precision, tag.scale);
  }

  Status ReadValidity(Column& column, bool present) {
    return present ? ReadArray(column.validity, ValidityBytes(column.rows)) : OkStatus();
  }

  // Checks that the bytes are there before it allocates.
  template <typename T>
  Status ReadArray(std::vector<T>& into, size_t count) {
    VARVE_ASSIGN_OR_RETURN(const std::string_view bytes, reader_.Bytes(count * sizeof(T)));
    if constexpr (sizeof(T) == 1) {
      into.assign(bytes.begin(), bytes.end());
    } else {
      into.resize(count);
      std::memcpy(into.data(), bytes.data(), bytes.size());
    }
    return OkStatus();
  }

  // The engine reads booleans as C++ ones, where any other value is undefined behaviour.
  Result<Column> CheckedBool(Column column) const {
    if (column.type.kind() == TypeKind::kBool &&
        std::any_of(column.values.begin(), column.values.end(), [](uint8_t v) { return v > 1; })) {
      return Malformed("a boolean that is neither 0 nor 1");
    }
    return column;
  }

  Status Malformed(std::string_view what) const {
    return DataLoss("batch is malformed before offset {}: {}", reader_.position(), what);
  }

  ByteReader reader_;
};

Batch Slice(const Batch& batch, size_t begin, size_t end) {
  Batch slice;
  slice.rows = static_cast<uint32_t>(end - begin);
  slice.ids = batch.ids;
  slice.columns.reserve(batch.columns.size());
  for (const Column& column : batch.columns) {
    ColumnBuilder builder(column.type);
    builder.Reserve(end - begin);
    builder.AppendRange(column, begin, end);
    slice.columns.push_back(builder.Finish());
  }
  return slice;
}

}  // namespace

size_t EncodedBytes(const Batch& batch) { return RangeBytes(batch, 0, batch.rows); }

std::string EncodeBatch(const Batch& batch) {
  VARVE_CHECK(batch.ids.size() == batch.columns.size());
  const size_t bytes = EncodedBytes(batch);
  std::string payload;
  payload.reserve(bytes);
  AppendLittle(payload, kBatchFormatVersion);
  AppendLittle(payload, batch.rows);
  AppendLittle(payload, static_cast<uint32_t>(batch.columns.size()));
  for (size_t i = 0; i < batch.columns.size(); ++i) {
    AppendLittle(payload, batch.ids[i].value);
    AppendBody(payload, batch.columns[i]);
  }
  // A column whose arrays do not have the sizes that its rows ask for would be unreadable.
  VARVE_CHECK(payload.size() == bytes);
  return payload;
}

Result<Batch> DecodeBatch(std::string_view payload) { return Decoder(payload).Read(); }

Result<std::vector<Batch>> SplitBatch(const Batch& batch, size_t bytes_max) {
  std::vector<Batch> pieces;
  size_t begin = 0;
  while (begin < batch.rows) {
    // The most rows from `begin` on that fit: sizes grow with every row, so halving finds it.
    size_t fits = begin;
    size_t too_many = std::min<size_t>(batch.rows, begin + kBatchRowsMax) + 1;
    while (too_many - fits > 1) {
      const size_t middle = fits + (too_many - fits) / 2;
      (RangeBytes(batch, begin, middle) <= bytes_max ? fits : too_many) = middle;
    }
    if (fits == begin) {
      return WithHint(SqlErrorf(sqlstate::kStatementTooComplex,
                                "row {} needs {} bytes in the log, more than the limit of {}",
                                begin + 1, RangeBytes(batch, begin, begin + 1), bytes_max),
                      "Store large values elsewhere and keep a reference.");
    }
    pieces.push_back(Slice(batch, begin, fits));
    begin = fits;
  }
  return pieces;
}

}  // namespace varve
