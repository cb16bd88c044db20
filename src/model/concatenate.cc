// Concatenate is on the way of every row into the buffer, several times: it sizes each column once
// and copies whole runs, and leaves no spare capacity that the memory budget would have to bear.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "model/batch.h"

namespace varve {
namespace {

// One column's pieces, each with its rows; a null piece is of a batch that does not fill the
// column.
struct Pieces {
  std::vector<const Column*> columns;
  std::vector<uint32_t> rows;
  uint32_t rows_total = 0;

  void Add(const Column* column, uint32_t count) {
    columns.push_back(column);
    rows.push_back(count);
    rows_total += count;
  }
};

// Sets bits [at, at + count) of `to`, which are 0, to those of `from`; nullptr stands for ones.
void CopyBits(const uint8_t* from, size_t count, uint8_t* to, size_t at) {
  const unsigned shift = at & 7;
  to += at >> 3;
  for (size_t bit = 0; bit < count; bit += 8, ++to) {
    unsigned byte = from == nullptr ? 0xFFu : from[bit >> 3];
    if (count - bit < 8) byte &= (1u << (count - bit)) - 1;
    byte <<= shift;
    to[0] |= static_cast<uint8_t>(byte);
    if (byte >> 8 != 0) to[1] |= static_cast<uint8_t>(byte >> 8);
  }
}

std::vector<uint8_t> JoinValidity(const Pieces& pieces) {
  const bool has_nulls = std::any_of(pieces.columns.begin(), pieces.columns.end(),
                                     [](const Column* c) { return c == nullptr || c->HasNulls(); });
  if (!has_nulls) return {};
  std::vector<uint8_t> validity((size_t{pieces.rows_total} + 7) / 8);
  size_t at = 0;
  for (size_t i = 0; i < pieces.columns.size(); ++i) {
    const Column* column = pieces.columns[i];
    if (column != nullptr) {
      const uint8_t* bits = column->HasNulls() ? column->validity.data() : nullptr;
      CopyBits(bits, pieces.rows[i], validity.data(), at);
    }
    at += pieces.rows[i];
  }
  return validity;
}

// Sized with zeros first: that is what a NULL's bytes are.
std::vector<uint8_t> JoinValues(const Pieces& pieces, size_t width) {
  std::vector<uint8_t> values(pieces.rows_total * width);
  uint8_t* to = values.data();
  for (size_t i = 0; i < pieces.columns.size(); ++i) {
    const Column* column = pieces.columns[i];
    const size_t bytes = pieces.rows[i] * width;
    if (column != nullptr && bytes > 0) std::memcpy(to, column->values.data(), bytes);
    to += bytes;
  }
  return values;
}

std::vector<uint32_t> JoinOffsets(const Pieces& pieces) {
  std::vector<uint32_t> offsets(size_t{pieces.rows_total} + 1);
  size_t row = 0;
  uint64_t base = 0;
  for (size_t i = 0; i < pieces.columns.size(); ++i) {
    const Column* column = pieces.columns[i];
    const auto start = static_cast<uint32_t>(base);
    for (uint32_t j = 0; j < pieces.rows[i]; ++j) {
      offsets[row++] = column == nullptr ? start : start + column->offsets[j];
    }
    if (column != nullptr) base += column->offsets.back();
    VARVE_CHECK(base <= UINT32_MAX);
  }
  offsets[row] = static_cast<uint32_t>(base);
  return offsets;
}

std::vector<uint8_t> JoinBytes(const Pieces& pieces, size_t bytes_total) {
  std::vector<uint8_t> bytes;
  bytes.reserve(bytes_total);
  for (const Column* column : pieces.columns) {
    if (column != nullptr) {
      bytes.insert(bytes.end(), column->bytes.begin(), column->bytes.end());
    }
  }
  return bytes;
}

Column Join(const Type& type, const Pieces& pieces) {
  Column joined;
  joined.type = type;
  joined.rows = pieces.rows_total;
  joined.validity = JoinValidity(pieces);
  switch (type.Physical()) {
    case PhysicalType::kBytes:
      joined.offsets = JoinOffsets(pieces);
      joined.bytes = JoinBytes(pieces, joined.offsets.back());
      break;
    case PhysicalType::kList: {
      joined.offsets = JoinOffsets(pieces);
      Pieces elements;
      for (const Column* column : pieces.columns) {
        if (column != nullptr) elements.Add(column->child.get(), column->child->rows);
      }
      joined.child = std::make_shared<const Column>(Join(type.element(), elements));
      break;
    }
    default:
      joined.values = JoinValues(pieces, type.FixedBytes());
  }
  return joined;
}

}  // namespace

Batch Concatenate(std::span<const BatchRef> batches) {
  Batch all;
  for (const BatchRef& batch : batches) {
    VARVE_CHECK(batch->rows <= UINT32_MAX - all.rows);
    all.rows += batch->rows;
    all.ids.insert(all.ids.end(), batch->ids.begin(), batch->ids.end());
  }
  std::sort(all.ids.begin(), all.ids.end());
  all.ids.erase(std::unique(all.ids.begin(), all.ids.end()), all.ids.end());
  all.ids.shrink_to_fit();
  all.columns.reserve(all.ids.size());
  for (const ColumnId id : all.ids) {
    Pieces pieces;
    const Type* type = nullptr;
    for (const BatchRef& batch : batches) {
      const Column* column = batch->Find(id);
      if (column != nullptr) {
        VARVE_CHECK(type == nullptr || *type == column->type);
        type = &column->type;
      }
      pieces.Add(column, batch->rows);
    }
    all.columns.push_back(Join(*type, pieces));
  }
  return all;
}

}  // namespace varve
