// Feeds arbitrary bytes to the reader of the Delta log: it must answer with actions or a Status.

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "lake/actions.h"
#include "lake/table_state.h"

namespace {

varve::TableDef MakeTable() {
  varve::TableDef table;
  varve::ColumnDef time;
  time.id = varve::ColumnId(1);
  time.name = "t";
  time.type = varve::Type(varve::TypeKind::kTimestampTz);
  varve::ColumnDef number;
  number.id = varve::ColumnId(2);
  number.name = "n";
  number.type = varve::Type(varve::TypeKind::kInt64);
  table.columns = {time, number};
  return table;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const varve::TableDef table = MakeTable();
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  auto actions = varve::lake::ParseActions(text, "fuzz");
  if (!actions.ok()) return 0;
  varve::lake::TableState state;
  if (!state.Apply(1, *std::move(actions), table).ok() || !state.CheckSupported().ok()) return 0;
  (void)state.CheckFits(table);
  // What a checkpoint of the state says is what is read from it.
  const auto checkpoint = state.MakeCheckpoint(0);
  auto again = varve::lake::ParseActions(checkpoint.ndjson, "again");
  VARVE_CHECK(again.ok());
  varve::lake::TableState copy;
  VARVE_CHECK(copy.Apply(1, *std::move(again), table).ok());
  VARVE_CHECK(copy.MakeCheckpoint(0).ndjson == checkpoint.ndjson);
  VARVE_CHECK(copy.MakeFileSet()->files.size() == state.MakeFileSet()->files.size());
  return 0;
}
