// Decides from a data file's partition values and statistics whether it can hold matching rows.
//
// Role:     engine (simple filters of a scan) -> [MayMatch] -> which files are opened.
// Layout:   a bound is `column op value`, the value as text: integers and decimals in digits,
//           floats as printed, dates "2025-03-09", timestamptz either microseconds since 1970 in
//           digits or ISO ("2025-03-09T10:00:00.5Z", "2025-03-09 10:00:00+00"), uuid and text as
//           they are.
// Errors:   none: whatever cannot be decided (no statistics, text that does not parse, a type
//           without statistics) answers true. A false is proof that no row of the file matches.
// Threads:  pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/file_set.h"
#include "model/type.h"

namespace varve::lake {

enum class BoundOp {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kIsNull,
  kIsNotNull
};

struct ColumnBound {
  std::string column;
  Type type;
  BoundOp op = BoundOp::kEqual;
  // One for a comparison, any number for kIn, none for kIsNull and kIsNotNull. A comparison with
  // SQL NULL matches nothing and is the caller's to fold away.
  std::vector<std::string> values;
};

// Comparisons are SQL's: a NULL matches none of them, NaN is greater than every number, text is
// compared bytewise.
bool MayMatch(const DataFile& file, const ColumnBound& bound);

// Which of two bounds of one column is the smaller: negative, 0 or positive. Nullopt when the type
// has no order here or a text does not parse.
std::optional<int> CompareBounds(const Type& type, std::string_view a, std::string_view b);

}  // namespace varve::lake
