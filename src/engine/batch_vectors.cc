#include "engine/batch_vectors.h"

#include <algorithm>
#include <duckdb/common/types/uuid.hpp>

namespace varve::engine {

using duckdb::FlatVector;
using duckdb::idx_t;
using duckdb::Vector;

namespace {

void CopyValidity(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  auto& mask = FlatVector::Validity(out);
  mask.Reset();
  if (!column.HasNulls()) return;
  mask.EnsureWritable();
  for (uint32_t i = 0; i < count; i++) {
    if (column.IsNull(begin + i)) mask.SetInvalid(i);
  }
}

template <typename T>
void NarrowDecimals(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  auto* data = FlatVector::GetData<T>(out);
  for (uint32_t i = 0; i < count; i++) {
    data[i] = static_cast<T>(column.Fixed<__int128>(begin + i));
  }
}

void ReferenceDecimals(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  switch (out.GetType().InternalType()) {
    case duckdb::PhysicalType::INT16:
      return NarrowDecimals<int16_t>(column, begin, count, out);
    case duckdb::PhysicalType::INT32:
      return NarrowDecimals<int32_t>(column, begin, count, out);
    case duckdb::PhysicalType::INT64:
      return NarrowDecimals<int64_t>(column, begin, count, out);
    default:
      break;
  }
  std::memcpy(FlatVector::GetData<duckdb::hugeint_t>(out), column.values.data() + begin * 16ull,
              count * 16ull);
}

void ConvertUuids(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  auto* data = FlatVector::GetData<duckdb::hugeint_t>(out);
  for (uint32_t i = 0; i < count; i++) {
    data[i] = duckdb::BaseUUID::FromBlob(column.values.data() + (begin + i) * 16ull);
  }
}

void PointToStrings(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  auto* data = FlatVector::GetData<duckdb::string_t>(out);
  for (uint32_t i = 0; i < count; i++) {
    const auto text = column.Bytes(begin + i);
    data[i] = duckdb::string_t(text.data(), static_cast<uint32_t>(text.size()));
  }
}

void ReferenceLists(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  auto* entries = FlatVector::GetData<duckdb::list_entry_t>(out);
  const uint32_t child_begin = column.offsets[begin];
  const uint32_t child_count = column.offsets[begin + count] - child_begin;
  for (uint32_t i = 0; i < count; i++) {
    const auto [first, second] = column.ListRange(begin + i);
    entries[i] = duckdb::list_entry_t(first - child_begin, second - first);
  }
  duckdb::ListVector::Reserve(out, child_count);
  auto& child = duckdb::ListVector::GetEntry(out);
  // A vector of ours holds at most one standard size; a list's child has no such bound.
  for (uint32_t done = 0; done < child_count;) {
    const uint32_t step = std::min<uint32_t>(child_count - done, STANDARD_VECTOR_SIZE);
    Vector part(child.GetType());
    ReferenceColumn(*column.child, child_begin + done, step, part);
    duckdb::VectorOperations::Copy(part, child, step, 0, done);
    done += step;
  }
  duckdb::ListVector::SetListSize(out, child_count);
}

}  // namespace

void ReferenceColumn(const Column& column, uint32_t begin, uint32_t count, Vector& out) {
  VARVE_DCHECK(begin + count <= column.rows && count <= STANDARD_VECTOR_SIZE);
  out.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  switch (column.type.kind()) {
    case TypeKind::kDecimal:
      ReferenceDecimals(column, begin, count, out);
      break;
    case TypeKind::kUuid:
      ConvertUuids(column, begin, count, out);
      break;
    case TypeKind::kList:
      ReferenceLists(column, begin, count, out);
      break;
    default:
      if (const size_t width = column.type.FixedBytes(); width > 0) {
        // DuckDB does not write into the vectors that a scan gives out.
        auto* values = const_cast<uint8_t*>(column.values.data()) + begin * width;
        FlatVector::SetData(out, values);
      } else {
        PointToStrings(column, begin, count, out);
      }
  }
  CopyValidity(column, begin, count, out);
}

}  // namespace varve::engine
