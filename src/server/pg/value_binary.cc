#include "server/pg/value_binary.h"

#include <cstring>
#include <vector>

#include "base/check.h"
#include "server/core/datetime_text.h"
#include "server/core/value_text.h"
#include "server/pg/numeric_binary.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {
namespace {

constexpr int32_t kDaysTo2000 = 10'957;
constexpr int64_t kMicrosTo2000 = int64_t{kDaysTo2000} * 86'400'000'000;
constexpr size_t kDimensionsMax = 6;  // PostgreSQL's MAXDIM.

template <typename T>
void AppendBigEndian(T value, std::string& out) {
  using Unsigned = std::make_unsigned_t<T>;
  const auto bits = static_cast<Unsigned>(value);
  for (size_t i = sizeof(T); i-- > 0;) out += static_cast<char>(bits >> (8 * i) & 0xff);
}

void AppendDateBinary(int32_t days, std::string& out) {
  if (days == kInfinityDays) return AppendBigEndian(INT32_MAX, out);
  if (days == kMinusInfinityDays) return AppendBigEndian(INT32_MIN, out);
  AppendBigEndian(days - kDaysTo2000, out);
}

void AppendTimestampBinary(int64_t micros, std::string& out) {
  if (micros == kInfinityUs) return AppendBigEndian(INT64_MAX, out);
  if (micros == kMinusInfinityUs) return AppendBigEndian(INT64_MIN, out);
  AppendBigEndian(micros - kMicrosTo2000, out);
}

// The sizes of a nested list, outermost first; 0A000 unless all lists of a level are equally long.
Status MeasureArray(const Column& column, uint32_t begin, uint32_t end, size_t level,
                    std::vector<int32_t>& sizes) {
  const auto size = static_cast<int32_t>(end - begin);
  if (sizes.size() <= level) {
    sizes.push_back(size);
  } else if (sizes[level] != size) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "an array of arrays of different lengths has no binary form: {} and {}",
                     sizes[level], size);
  }
  const Column& child = *column.child;
  if (child.type.kind() != TypeKind::kList) return OkStatus();
  if (level + 1 >= kDimensionsMax) {
    return SqlErrorf(sqlstate::kFeatureNotSupported, "an array has more than {} dimensions",
                     kDimensionsMax);
  }
  for (uint32_t i = begin; i < end; ++i) {
    if (child.IsNull(i)) {
      return SqlError(sqlstate::kFeatureNotSupported, "an array of arrays holds a NULL array");
    }
    const auto [first, last] = child.ListRange(i);
    VARVE_RETURN_IF_ERROR(MeasureArray(child, first, last, level + 1, sizes));
  }
  return OkStatus();
}

Status AppendElements(const Column& column, uint32_t begin, uint32_t end, bool& has_null,
                      std::string& out) {
  const Column& child = *column.child;
  for (uint32_t i = begin; i < end; ++i) {
    if (child.type.kind() == TypeKind::kList) {
      const auto [first, last] = child.ListRange(i);
      VARVE_RETURN_IF_ERROR(AppendElements(child, first, last, has_null, out));
    } else if (child.IsNull(i)) {
      has_null = true;
      AppendBigEndian(int32_t{-1}, out);
    } else {
      const size_t mark = out.size();
      out.append(4, '\0');
      VARVE_RETURN_IF_ERROR(AppendValueBinary(child, i, out));
      std::string length;
      AppendBigEndian(static_cast<int32_t>(out.size() - mark - 4), length);
      out.replace(mark, 4, length);
    }
  }
  return OkStatus();
}

Status AppendArrayBinary(const Column& column, size_t row, std::string& out) {
  const auto [begin, end] = column.ListRange(row);
  std::vector<int32_t> sizes;
  VARVE_RETURN_IF_ERROR(MeasureArray(column, begin, end, 0, sizes));
  const Column* leaf = &column;
  while (leaf->type.kind() == TypeKind::kList) leaf = leaf->child.get();
  for (const int32_t size : sizes) {
    if (size == 0) sizes.clear();
    if (sizes.empty()) break;
  }
  AppendBigEndian(static_cast<int32_t>(sizes.size()), out);
  const size_t null_flag_at = out.size();
  AppendBigEndian(int32_t{0}, out);
  AppendBigEndian(static_cast<int32_t>(OidOf(leaf->type)), out);
  for (const int32_t size : sizes) {
    AppendBigEndian(size, out);
    AppendBigEndian(int32_t{1}, out);  // Lower bound.
  }
  bool has_null = false;
  if (!sizes.empty()) {
    VARVE_RETURN_IF_ERROR(AppendElements(column, begin, end, has_null, out));
  }
  if (has_null) out[null_flag_at + 3] = 1;
  return OkStatus();
}

void AppendIntervalBinary(const Interval& interval, std::string& out) {
  AppendBigEndian(interval.micros, out);
  AppendBigEndian(interval.days, out);
  AppendBigEndian(interval.months, out);
}

Status AppendNumberText(const Column& column, size_t row, std::string& out) {
  std::string text;
  AppendValueText(column, row, {}, text);
  return AppendNumericBinary(text, out);
}

template <typename Bits, typename Float>
void AppendFloatBits(Float value, std::string& out) {
  Bits bits;
  std::memcpy(&bits, &value, sizeof(bits));
  AppendBigEndian(bits, out);
}

}  // namespace

Status AppendValueBinary(const Column& column, size_t row, std::string& out) {
  switch (column.type.kind()) {
    case TypeKind::kBool:
      out += column.Fixed<uint8_t>(row) != 0 ? '\1' : '\0';
      return OkStatus();
    case TypeKind::kInt16:
      AppendBigEndian(column.Fixed<int16_t>(row), out);
      return OkStatus();
    case TypeKind::kInt32:
      AppendBigEndian(column.Fixed<int32_t>(row), out);
      return OkStatus();
    case TypeKind::kInt64:
    case TypeKind::kTime:
      AppendBigEndian(column.Fixed<int64_t>(row), out);
      return OkStatus();
    case TypeKind::kFloat32:
      AppendFloatBits<uint32_t>(column.Fixed<float>(row), out);
      return OkStatus();
    case TypeKind::kFloat64:
      AppendFloatBits<uint64_t>(column.Fixed<double>(row), out);
      return OkStatus();
    case TypeKind::kJson:
      out += '\1';  // The version of jsonb's binary form.
      [[fallthrough]];
    case TypeKind::kText:
    case TypeKind::kBytea:
    case TypeKind::kUnknown:
      out += column.Bytes(row);
      return OkStatus();
    case TypeKind::kDate:
      AppendDateBinary(column.Fixed<int32_t>(row), out);
      return OkStatus();
    case TypeKind::kTimestamp:
    case TypeKind::kTimestampTz:
      AppendTimestampBinary(column.Fixed<int64_t>(row), out);
      return OkStatus();
    case TypeKind::kInterval:
      AppendIntervalBinary(column.Fixed<Interval>(row), out);
      return OkStatus();
    case TypeKind::kUuid:
      out.append(reinterpret_cast<const char*>(column.values.data()) + row * size_t{16}, 16);
      return OkStatus();
    case TypeKind::kDecimal:
    case TypeKind::kNumericText:
      return AppendNumberText(column, row, out);
    case TypeKind::kList:
      return AppendArrayBinary(column, row, out);
  }
  VARVE_CHECK(false);
}

}  // namespace varve::server::pg
