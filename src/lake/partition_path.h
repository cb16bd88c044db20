// Turns partition values into folder names and paths into the form of the Delta log, and back.
//
// Role:     flush (values of a file's rows) -> [partition path] -> where the file is put; log
//           paths.
// Layout:   folders as Hive names them: `column=value`, each special character as %XX of its byte.
//           In the log the whole path is percent-encoded once more, as a URI asks for.
// Threads:  pure functions.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "model/column.h"
#include "model/schema.h"

namespace varve::lake {

// "project_id=shop/date=2025-03-09" with the escapes of the Delta protocol; empty when not
// partitioned. NULL and empty text become __HIVE_DEFAULT_PARTITION__. A folder's name is cut to
// what a file system takes, and the path to what an object's name has room for: the log tells the
// values, not the path.
std::string PartitionPath(
    const TableDef& table,
    const std::map<std::string, std::optional<std::string>, std::less<>>& values);

// The value of a partition column as the log keeps it: text as it is, integers in digits, dates as
// "2025-03-09". Nullopt for NULL. `column` may be nullptr: no row fills it. InvalidArgument for a
// date that has no text.
Result<std::optional<std::string>> PartitionValue(const Column* column, size_t row);

// "a b/c%3Dd" -> "a%20b/c%253Dd".
std::string EncodePath(std::string_view path);
// The reverse; DataLoss for a broken escape.
Result<std::string> DecodePath(std::string_view encoded);

}  // namespace varve::lake
