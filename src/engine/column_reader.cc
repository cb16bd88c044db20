#include "engine/column_reader.h"

#include <duckdb/common/types/uuid.hpp>

#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::UnifiedVectorFormat;
using duckdb::Vector;

namespace {

void ReadValidity(const UnifiedVectorFormat& format, uint32_t count, Column& out) {
  if (format.validity.AllValid()) return;
  std::vector<uint8_t> bits((count + 7) / 8, 0);
  bool has_nulls = false;
  for (uint32_t i = 0; i < count; i++) {
    if (format.validity.RowIsValid(format.sel->get_index(i))) {
      bits[i >> 3] |= static_cast<uint8_t>(1u << (i & 7));
    } else {
      has_nulls = true;
    }
  }
  if (has_nulls) out.validity = std::move(bits);
}

// Stores convert(source[i]) for each row; a NULL's bytes stay zero.
template <typename Source, typename Target, typename Convert>
void ReadFixed(const UnifiedVectorFormat& format, uint32_t count, Column& out, Convert convert) {
  out.values.assign(count * sizeof(Target), 0);
  const auto* source = reinterpret_cast<const Source*>(format.data);
  for (uint32_t i = 0; i < count; i++) {
    if (out.IsNull(i)) continue;
    const Target value = convert(source[format.sel->get_index(i)]);
    std::memcpy(out.values.data() + i * sizeof(Target), &value, sizeof(Target));
  }
}

template <typename T>
void ReadSame(const UnifiedVectorFormat& format, uint32_t count, Column& out) {
  const auto* source = reinterpret_cast<const T*>(format.data);
  if (!format.sel->IsSet() && !out.HasNulls()) {
    const auto* bytes = reinterpret_cast<const uint8_t*>(source);
    out.values.assign(bytes, bytes + count * sizeof(T));
    return;
  }
  ReadFixed<T, T>(format, count, out, [](T value) { return value; });
}

__int128 FromHuge(duckdb::hugeint_t value) {
  return static_cast<__int128>(
      static_cast<unsigned __int128>(static_cast<uint64_t>(value.upper)) << 64 | value.lower);
}

void ReadDecimals(const UnifiedVectorFormat& format, duckdb::PhysicalType physical, uint32_t count,
                  Column& out) {
  const auto widen = [](auto value) { return static_cast<__int128>(value); };
  switch (physical) {
    case duckdb::PhysicalType::INT16:
      return ReadFixed<int16_t, __int128>(format, count, out, widen);
    case duckdb::PhysicalType::INT32:
      return ReadFixed<int32_t, __int128>(format, count, out, widen);
    case duckdb::PhysicalType::INT64:
      return ReadFixed<int64_t, __int128>(format, count, out, widen);
    default:
      return ReadFixed<duckdb::hugeint_t, __int128>(format, count, out, FromHuge);
  }
}

void ReadUuids(const UnifiedVectorFormat& format, uint32_t count, Column& out) {
  struct Bytes16 {
    duckdb::data_t bytes[16];
  };
  ReadFixed<duckdb::hugeint_t, Bytes16>(format, count, out, [](duckdb::hugeint_t value) {
    Bytes16 result{};
    duckdb::BaseUUID::ToBlob(value, result.bytes);
    return result;
  });
}

void CheckBytesLimit(uint64_t bytes) {
  if (bytes > UINT32_MAX) {
    throw duckdb::OutOfRangeException("the text of one column exceeds 4 GiB in one batch");
  }
}

void ReadStrings(const UnifiedVectorFormat& format, uint32_t count, Column& out) {
  const auto* source = UnifiedVectorFormat::GetData<duckdb::string_t>(format);
  uint64_t total = 0;
  out.offsets.resize(count + 1);
  for (uint32_t i = 0; i < count; i++) {
    if (!out.IsNull(i)) total += source[format.sel->get_index(i)].GetSize();
    CheckBytesLimit(total);
    out.offsets[i + 1] = static_cast<uint32_t>(total);
  }
  out.bytes.resize(total);
  for (uint32_t i = 0; i < count; i++) {
    if (out.IsNull(i)) continue;
    const auto& text = source[format.sel->get_index(i)];
    if (text.GetSize() > 0) {
      std::memcpy(out.bytes.data() + out.offsets[i], text.GetData(), text.GetSize());
    }
  }
}

void ReadLists(Vector& vector, const UnifiedVectorFormat& format, uint32_t count, Column& out) {
  const auto* entries = UnifiedVectorFormat::GetData<duckdb::list_entry_t>(format);
  uint64_t total = 0;
  out.offsets.resize(count + 1);
  for (uint32_t i = 0; i < count; i++) {
    if (!out.IsNull(i)) total += entries[format.sel->get_index(i)].length;
    CheckBytesLimit(total);
    out.offsets[i + 1] = static_cast<uint32_t>(total);
  }
  // Lists of one vector may share, skip and reorder the child's rows: gather them in our order.
  duckdb::SelectionVector rows(std::max<uint64_t>(total, 1));
  uint64_t next = 0;
  for (uint32_t i = 0; i < count; i++) {
    if (out.IsNull(i)) continue;
    const auto entry = entries[format.sel->get_index(i)];
    for (uint64_t k = 0; k < entry.length; k++) rows.set_index(next++, entry.offset + k);
  }
  Vector gathered(duckdb::ListVector::GetEntry(vector), rows, total);
  out.child = std::make_shared<Column>(
      ReadVector(gathered, static_cast<uint32_t>(total), out.type.element()));
}

}  // namespace

Column ReadVector(Vector& vector, uint32_t count, const Type& type) {
  UnifiedVectorFormat format;
  vector.ToUnifiedFormat(count, format);
  Column out;
  out.type = type;
  out.rows = count;
  ReadValidity(format, count, out);
  switch (type.Physical()) {
    case PhysicalType::kFixed1:
      ReadSame<uint8_t>(format, count, out);
      break;
    case PhysicalType::kFixed2:
      ReadSame<uint16_t>(format, count, out);
      break;
    case PhysicalType::kFixed4:
      ReadSame<uint32_t>(format, count, out);
      break;
    case PhysicalType::kFixed8:
      ReadSame<uint64_t>(format, count, out);
      break;
    case PhysicalType::kFixed16:
      if (type.kind() == TypeKind::kDecimal) {
        ReadDecimals(format, vector.GetType().InternalType(), count, out);
      } else if (type.kind() == TypeKind::kUuid) {
        ReadUuids(format, count, out);
      } else {
        ReadSame<duckdb::interval_t>(format, count, out);
      }
      break;
    case PhysicalType::kBytes:
      ReadStrings(format, count, out);
      break;
    case PhysicalType::kList:
      ReadLists(vector, format, count, out);
      break;
  }
  return out;
}

Column ReadAnyVector(duckdb::ClientContext& context, Vector& vector, uint32_t count,
                     const Type& type) {
  const auto readable = ReadableType(vector.GetType());
  if (readable == vector.GetType()) return ReadVector(vector, count, type);
  Vector converted(readable, count);
  duckdb::VectorOperations::Cast(context, vector, converted, count);
  return ReadVector(converted, count, type);
}

}  // namespace varve::engine
