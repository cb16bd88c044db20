// Feeds any text to the INSERT recogniser, as a statement and as a prepared one: it may decline or
// refuse, never crash, hang or give a malformed batch.
#include <cstddef>
#include <cstdint>

#include "base/check.h"
#include "ingest/insert_decoder.h"
#include "ingest/table_for_test.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::ingest;  // NOLINT(google-build-using-namespace)

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const TableFinder kFinder = FinderForTest();
  const std::string_view sql(reinterpret_cast<const char*>(data), size);
  const auto insert = DecodeInsert(sql, kFinder, {});
  if (insert.ok() && insert->has_value()) {
    VARVE_CHECK((*insert)->text_bytes <= size);
    for (const BatchRef& batch : (*insert)->batches) VARVE_CHECK(batch->Validate().ok());
  }
  const auto plan = CompileInsert(sql, {}, kFinder);
  if (!plan.ok() || *plan == nullptr) return 0;
  // The statement's own bytes serve as the parameters' values, as text and as binary.
  std::vector<InsertParameter> parameters((*plan)->parameter_types().size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    parameters[i] = {sql.substr(size / 2, i % 20), i % 2 == 1};
  }
  auto rows = (*plan)->NewAssembler({});
  if (!rows.ok() || !(*plan)->Append(parameters, {}, **rows).ok() || !(*rows)->Flush().ok()) {
    return 0;
  }
  for (const BatchRef& batch : (*rows)->TakeBatches()) VARVE_CHECK(batch->Validate().ok());
  return 0;
}
