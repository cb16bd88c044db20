// Feeds any bytes to COPY: the first says which format and how the rest is cut. The cut must not
// change the result.
#include <cstddef>
#include <cstdint>
#include <string>

#include "base/check.h"
#include "ingest/copy_decoder.h"
#include "ingest/table_for_test.h"

using namespace varve;          // NOLINT(google-build-using-namespace)
using namespace varve::ingest;  // NOLINT(google-build-using-namespace)

namespace {

struct Outcome {
  std::string state;
  uint64_t rows = 0;
};

Outcome Decode(const CopySpec& spec, std::string_view data, size_t piece) {
  auto decoder = CopyDecoder::Create(spec, TableForTest(), {});
  VARVE_CHECK(decoder.ok());
  Status status;
  for (size_t at = 0; at < data.size() && status.ok(); at += piece) {
    status = (*decoder)->Feed(data.substr(at, piece));
  }
  if (status.ok()) status = (*decoder)->Finish();
  for (const BatchRef& batch : (*decoder)->TakeBatches()) VARVE_CHECK(batch->Validate().ok());
  return {SqlStateOf(status), status.ok() ? (*decoder)->rows() : 0};
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  constexpr const char* kStatements[] = {
      "COPY t (ts, id, n, x, ok, doc, tags, price, day) FROM STDIN",
      "COPY t (ts, id, tags) FROM STDIN (FORMAT csv, HEADER)",
      "COPY t (ts, id, level) FROM STDIN (FORMAT csv, QUOTE '''', ESCAPE '\\', FORCE_NULL (id))",
      "COPY t (ts, id, n, x, ok, doc, tags, price, day) FROM STDIN (FORMAT binary)",
  };
  const auto spec = ParseCopy(kStatements[data[0] % 4]);
  VARVE_CHECK(spec.ok() && spec->has_value());
  const std::string_view rest(reinterpret_cast<const char*>(data + 1), size - 1);
  const Outcome whole = Decode(**spec, rest, SIZE_MAX);
  const Outcome cut = Decode(**spec, rest, 1 + data[0] / 4 % 16);
  VARVE_CHECK(whole.state == cut.state && whole.rows == cut.rows);
  (void)ParseCopy(rest);
  return 0;
}
