// Builds columns of fixed width for the tests of this folder.
#pragma once

#include <optional>
#include <vector>

#include "model/column.h"

namespace varve {

template <typename T>
Column FixedColumn(TypeKind kind, const std::vector<std::optional<T>>& values) {
  ColumnBuilder builder{Type(kind)};
  for (const auto& value : values) {
    if (value) {
      builder.AppendFixed(*value);
    } else {
      builder.AppendNull();
    }
  }
  return builder.Finish();
}

}  // namespace varve
