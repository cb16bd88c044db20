#include "engine/output_names.h"

namespace varve::engine {

void ApplyPostgresNames(duckdb::SQLStatement& /*statement*/) {}

}  // namespace varve::engine
