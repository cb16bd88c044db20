// Makes OpenTelemetry-like rows of otel_logs_and_spans from a seed: the same seed, the same rows.
//
// Layout:   3 projects of uneven size (70, 25, 5 %), 24 services, 200 endpoints, 3 % errors, traces
//           of 8 spans, spread evenly over 7 days in ascending time. 60 % of the spans are HTTP
//           requests, the others database calls; 39 to 46 columns are filled.
// Threads:  one owner; row i depends on the seed and on i only, so several can share the work.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace varve::bench {

enum class FieldKind { kNull, kText, kJson, kInteger, kBigint, kBool, kTimestamp, kDate, kTexts };

struct ColumnInfo {
  std::string_view name;
  FieldKind kind;
};

// All 91 columns in the table's order.
std::span<const ColumnInfo> OtelColumns();
inline constexpr size_t kOtelColumns = 91;
inline constexpr const char* kOtelTable = "otel_logs_and_spans";

struct Field {
  bool is_null = true;
  int64_t number = 0;  // integers, booleans, microseconds, days
  std::string text;    // text and JSON
  std::vector<std::string> texts;
};

struct OtelRow {
  std::array<Field, kOtelColumns> fields;
};

// What an aggregate over generated rows must give.
struct OtelTotals {
  int64_t rows = 0;
  int64_t errors = 0;
  int64_t duration_sum = 0;
  std::array<int64_t, 3> rows_of_project{};

  void Add(const OtelTotals& other);
};

inline constexpr std::array<std::string_view, 3> kProjects = {"shop", "pay", "lab"};
inline constexpr int64_t kOtelDays = 7;
inline constexpr int64_t kOtelStartUs = 1'735'689'600'000'000;  // 2025-01-01 00:00:00 UTC

class OtelGenerator {
 public:
  // `rows`: how many the 7 days hold in all.
  OtelGenerator(uint64_t seed, int64_t rows) : seed_(seed), rows_(rows) {}

  // Fills `row` with row `index` of [0, rows). Its strings' memory is used again.
  void Make(int64_t index, OtelRow& row);

  // Rows [begin, end) as one statement or as COPY data, appended to `out`; returns their totals.
  // The INSERT names the columns that some row fills, but `date`, which is derived.
  OtelTotals AppendInsert(int64_t begin, int64_t end, std::string& out);
  OtelTotals AppendCopyText(int64_t begin, int64_t end, std::string& out);
  // Without the header and the trailer, which are below.
  OtelTotals AppendCopyBinary(int64_t begin, int64_t end, std::string& out);

  static std::string CopyStatement(bool binary);
  static std::string BinaryHeader();
  static std::string BinaryTrailer();

  // Ids of row `index`, for look-ups.
  std::string IdOf(int64_t index) const;
  std::string TraceOf(int64_t index) const;

 private:
  void Http(uint64_t random, int64_t endpoint, OtelRow& row);
  void Database(uint64_t random, int64_t endpoint, OtelRow& row);
  void Resource(uint64_t random, size_t project, size_t service, OtelRow& row);
  template <typename Encoder>
  OtelTotals Encode(int64_t begin, int64_t end, std::string& out, Encoder encode);

  const uint64_t seed_;
  const int64_t rows_;
  OtelRow row_;
};

}  // namespace varve::bench
