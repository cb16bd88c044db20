// Makes a cast from text in SQL read what an INSERT of literals and COPY read, by the same code,
// and a cast to text write what a client is sent.
//
// Role:     main gives reader and writer -> [RegisterTextCasts] -> DuckDB's binder, for users'
//           sessions; SQL of the engine's own keeps DuckDB's casts.
// Errors:   those of the reader, thrown; TRY_CAST gets NULL.
// Threads:  a reader that was made may be used by many at once.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <string_view>

#include "base/status.h"
#include "model/column.h"

namespace varve::engine {

// Appends one value, not NULL, of the builder's type.
using TextReader = std::function<Status(std::string_view text, ColumnBuilder& builder)>;
// The reader for a session in a time zone. 22023 when there is no such zone.
using TextReaders = std::function<Result<TextReader>(std::string_view time_zone)>;

// Appends the text of the value at `row`, which is not NULL.
using TextWriter = std::function<void(const Column& column, size_t row, std::string& out)>;

void RegisterTextCasts(duckdb::DatabaseInstance& db);
// The ICU extension was first with its cast to timestamptz, and DuckDB keeps the first; a cast that
// is registered for lists of one type hides the JSON extension's. This puts ours in their places in
// a user's plan.
void ReplaceExtensionCasts(duckdb::ClientContext& context, duckdb::LogicalOperator& plan);

// The value of a parameter's text.
Result<duckdb::Value> ValueOfText(const TextReader& read, const Type& type, std::string_view text);

// The zone of the session, as SET TimeZone named it.
std::string ZoneOf(duckdb::ClientContext& context);

}  // namespace varve::engine
