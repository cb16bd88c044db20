#include "engine/dialect_settings.h"

namespace varve::engine {

void ConfigureDialect(duckdb::DBConfig& config) {
  using duckdb::Value;
  config.SetOptionByName("default_null_order", Value("nulls_last_on_asc_first_on_desc"));
  // Errors keep their position as a field instead of a drawing below the message.
  config.SetOptionByName("errors_as_json", Value::BOOLEAN(true));
  config.SetOptionByName("autoinstall_known_extensions", Value::BOOLEAN(false));
  config.SetOptionByName("autoload_known_extensions", Value::BOOLEAN(false));
}

}  // namespace varve::engine
