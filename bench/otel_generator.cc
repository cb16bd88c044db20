#include "otel_generator.h"

#include <fmt/format.h>

namespace varve::bench {
namespace {

using enum FieldKind;

constexpr std::array<ColumnInfo, kOtelColumns> kColumns = {{
    {"date", kDate},
    {"timestamp", kTimestamp},
    {"observed_timestamp", kTimestamp},
    {"id", kText},
    {"parent_id", kText},
    {"hashes", kTexts},
    {"name", kText},
    {"kind", kText},
    {"status_code", kText},
    {"status_message", kText},
    {"level", kText},
    {"severity", kText},
    {"severity___severity_text", kText},
    {"severity___severity_number", kInteger},
    {"body", kText},
    {"duration", kBigint},
    {"start_time", kTimestamp},
    {"end_time", kTimestamp},
    {"context", kJson},
    {"context___trace_id", kText},
    {"context___span_id", kText},
    {"context___trace_state", kText},
    {"context___trace_flags", kText},
    {"context___is_remote", kBool},
    {"events", kJson},
    {"links", kJson},
    {"attributes", kJson},
    {"attributes___client___address", kText},
    {"attributes___client___port", kInteger},
    {"attributes___server___address", kText},
    {"attributes___server___port", kInteger},
    {"attributes___network___local__address", kText},
    {"attributes___network___local__port", kInteger},
    {"attributes___network___peer___address", kText},
    {"attributes___network___peer__port", kInteger},
    {"attributes___network___protocol___name", kText},
    {"attributes___network___protocol___version", kText},
    {"attributes___network___transport", kText},
    {"attributes___network___type", kText},
    {"attributes___code___number", kInteger},
    {"attributes___code___file___path", kText},
    {"attributes___code___function___name", kText},
    {"attributes___code___line___number", kInteger},
    {"attributes___code___stacktrace", kText},
    {"attributes___log__record___original", kText},
    {"attributes___log__record___uid", kText},
    {"attributes___error___type", kText},
    {"attributes___exception___type", kText},
    {"attributes___exception___message", kText},
    {"attributes___exception___stacktrace", kText},
    {"attributes___url___fragment", kText},
    {"attributes___url___full", kText},
    {"attributes___url___path", kText},
    {"attributes___url___query", kText},
    {"attributes___url___scheme", kText},
    {"attributes___user_agent___original", kText},
    {"attributes___http___request___method", kText},
    {"attributes___http___request___method_original", kText},
    {"attributes___http___response___status_code", kInteger},
    {"attributes___http___request___resend_count", kInteger},
    {"attributes___http___request___body___size", kBigint},
    {"attributes___session___id", kText},
    {"attributes___session___previous___id", kText},
    {"attributes___db___system___name", kText},
    {"attributes___db___collection___name", kText},
    {"attributes___db___namespace", kText},
    {"attributes___db___operation___name", kText},
    {"attributes___db___response___status_code", kText},
    {"attributes___db___operation___batch___size", kInteger},
    {"attributes___db___query___summary", kText},
    {"attributes___db___query___text", kText},
    {"attributes___user___id", kText},
    {"attributes___user___email", kText},
    {"attributes___user___full_name", kText},
    {"attributes___user___name", kText},
    {"attributes___user___hash", kText},
    {"resource", kJson},
    {"resource___service___name", kText},
    {"resource___service___version", kText},
    {"resource___service___instance___id", kText},
    {"resource___service___namespace", kText},
    {"resource___deployment___environment___name", kText},
    {"resource___telemetry___sdk___language", kText},
    {"resource___telemetry___sdk___name", kText},
    {"resource___telemetry___sdk___version", kText},
    {"resource___user_agent___original", kText},
    {"project_id", kText},
    {"summary", kTexts},
    {"errors", kJson},
    {"message_size_bytes", kBigint},
    {"log_pattern", kText},
}};

// The index of a column, known when the program is compiled; a wrong name does not compile.
consteval size_t At(std::string_view name) {
  for (size_t i = 0; i < kColumns.size(); ++i) {
    if (kColumns[i].name == name) return i;
  }
  throw "no such column";
}

constexpr std::array<std::string_view, 24> kServices = {
    "cart",     "checkout", "catalog",   "search",  "pricing",   "inventory", "shipping", "email",
    "payments", "ledger",   "fraud",     "refunds", "auth",      "users",     "sessions", "gateway",
    "media",    "reviews",  "recommend", "ads",     "analytics", "export",    "billing",  "notify"};
constexpr std::array<std::string_view, 8> kNouns = {"items",  "orders", "users",    "carts",
                                                    "prices", "events", "accounts", "reports"};
constexpr std::array<std::string_view, 4> kMethods = {"GET", "GET", "POST", "PUT"};
constexpr std::array<std::string_view, 4> kLanguages = {"go", "java", "python", "nodejs"};
constexpr std::array<std::string_view, 3> kAgents = {
    "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", "okhttp/4.12.0",
    "python-requests/2.32.3"};

// SplitMix64: a good mix of one counter, so that any row can be made without the ones before it.
uint64_t Mix(uint64_t x) {
  x += 0x9E3779B97F4A7C15u;
  x = (x ^ (x >> 30)) * 0xBF58476D1CE4E5B9u;
  x = (x ^ (x >> 27)) * 0x94D049BB133111EBu;
  return x ^ (x >> 31);
}

void PutHex(uint64_t value, std::string& out) {
  constexpr char kDigits[] = "0123456789abcdef";
  for (int shift = 60; shift >= 0; shift -= 4) out.push_back(kDigits[value >> shift & 15]);
}

void SetText(OtelRow& row, size_t column, std::string_view text) {
  Field& field = row.fields[column];
  field.is_null = false;
  field.text.assign(text);
}

void SetNumber(OtelRow& row, size_t column, int64_t number) {
  row.fields[column].is_null = false;
  row.fields[column].number = number;
}

template <typename... Args>
void SetFormat(OtelRow& row, size_t column, fmt::format_string<Args...> format, Args&&... args) {
  Field& field = row.fields[column];
  field.is_null = false;
  field.text.clear();
  fmt::format_to(std::back_inserter(field.text), format, std::forward<Args>(args)...);
}

void SetHex(OtelRow& row, size_t column, uint64_t high, uint64_t low, bool both) {
  Field& field = row.fields[column];
  field.is_null = false;
  field.text.clear();
  PutHex(high, field.text);
  if (both) PutHex(low, field.text);
}

void SetTexts(OtelRow& row, size_t column, std::string_view first, std::string_view second) {
  Field& field = row.fields[column];
  field.is_null = false;
  field.texts.resize(2);
  field.texts[0].assign(first);
  field.texts[1].assign(second);
}

size_t ProjectOf(uint64_t random) {
  const uint64_t percent = random % 100;
  return percent < 70 ? 0 : percent < 95 ? 1 : 2;
}

}  // namespace

std::span<const ColumnInfo> OtelColumns() { return kColumns; }

void OtelTotals::Add(const OtelTotals& other) {
  rows += other.rows;
  errors += other.errors;
  duration_sum += other.duration_sum;
  for (size_t i = 0; i < rows_of_project.size(); ++i)
    rows_of_project[i] += other.rows_of_project[i];
}

std::string OtelGenerator::IdOf(int64_t index) const {
  const uint64_t a = Mix(seed_ ^ Mix(static_cast<uint64_t>(index) * 4 + 1));
  const uint64_t b = Mix(a);
  std::string hex;
  PutHex(a, hex);
  PutHex(b, hex);
  return fmt::format("{}-{}-{}-{}-{}", hex.substr(0, 8), hex.substr(8, 4), hex.substr(12, 4),
                     hex.substr(16, 4), hex.substr(20));
}

std::string OtelGenerator::TraceOf(int64_t index) const {
  const uint64_t trace = Mix(seed_ + static_cast<uint64_t>(index / 8));
  std::string hex;
  PutHex(trace, hex);
  PutHex(Mix(trace), hex);
  return hex;
}

void OtelGenerator::Http(uint64_t random, int64_t endpoint, OtelRow& row) {
  const std::string_view method = kMethods[random % kMethods.size()];
  const std::string_view noun = kNouns[static_cast<size_t>(endpoint) % kNouns.size()];
  const bool error = row.fields[At("status_code")].text == "ERROR";
  const int status = error ? 500 : 200;
  SetFormat(row, At("name"), "{} /api/v1/{}/{}", method, noun, endpoint);
  SetText(row, At("kind"), "server");
  SetText(row, At("attributes___http___request___method"), method);
  SetNumber(row, At("attributes___http___response___status_code"), status);
  SetFormat(row, At("attributes___url___path"), "/api/v1/{}/{}", noun, endpoint);
  SetText(row, At("attributes___url___scheme"), "https");
  SetText(row, At("attributes___user_agent___original"), kAgents[random / 7 % kAgents.size()]);
  SetFormat(row, At("attributes___session___id"), "s-{:06}", random / 11 % 50'000);
  SetFormat(row, At("attributes___user___id"), "u-{:06}", random / 13 % 20'000);
  SetFormat(row, At("attributes"),
            "{{\"http\":{{\"method\":\"{}\",\"status\":{},\"route\":\"/api/v1/{}/:id\"}},"
            "\"feature\":\"{}\",\"shard\":{},\"retry\":false}}",
            method, status, noun, noun, random / 17 % 64);
  SetTexts(row, At("summary"), method, row.fields[At("attributes___url___path")].text);
}

void OtelGenerator::Database(uint64_t random, int64_t endpoint, OtelRow& row) {
  const std::string_view noun = kNouns[static_cast<size_t>(endpoint) % kNouns.size()];
  SetFormat(row, At("name"), "SELECT {}", noun);
  SetText(row, At("kind"), "client");
  SetText(row, At("attributes___db___system___name"), "postgresql");
  SetText(row, At("attributes___db___collection___name"), noun);
  SetText(row, At("attributes___db___namespace"), "main");
  SetText(row, At("attributes___db___operation___name"), "SELECT");
  SetFormat(row, At("attributes___db___query___text"),
            "SELECT id, state, total FROM {} WHERE owner = $1 AND state <> 'gone' LIMIT {}", noun,
            10 + random % 90);
  SetFormat(row, At("attributes"),
            "{{\"db\":{{\"system\":\"postgresql\",\"rows\":{},\"pool\":\"primary\"}},"
            "\"shard\":{}}}",
            random / 7 % 1000, random / 17 % 64);
  SetTexts(row, At("summary"), "postgresql", noun);
}

void OtelGenerator::Make(int64_t index, OtelRow& row) {
  for (Field& field : row.fields) field.is_null = true;
  const uint64_t random = Mix(seed_ ^ Mix(static_cast<uint64_t>(index) * 4));
  const uint64_t trace = Mix(seed_ + static_cast<uint64_t>(index / 8));
  const size_t project = ProjectOf(trace);
  const size_t service = (trace / 100 + static_cast<uint64_t>(index % 8) / 2) % kServices.size();
  const auto endpoint = static_cast<int64_t>(trace / 3000 % 200);
  const int64_t step = kOtelDays * 86'400'000'000 / rows_;
  const int64_t time = kOtelStartUs + index * step;
  // Most spans are quick, some a hundred times slower.
  const auto duration =
      static_cast<int64_t>(200'000 + random % 20'000'000 * (random % 50 == 0 ? 100 : 1));
  const bool error = random / 1000 % 100 < 3;

  SetNumber(row, At("timestamp"), time);
  SetNumber(row, At("observed_timestamp"), time + 1500);
  SetText(row, At("id"), IdOf(index));
  if (index % 8 != 0)
    SetHex(row, At("parent_id"), Mix(trace + static_cast<uint64_t>(index % 8 - 1)), 0, false);
  SetHex(row, At("context___trace_id"), trace, Mix(trace), true);
  SetHex(row, At("context___span_id"), Mix(trace + static_cast<uint64_t>(index % 8)), 0, false);
  SetText(row, At("context___trace_flags"), "01");
  SetNumber(row, At("context___is_remote"), index % 8 == 0 ? 1 : 0);
  SetFormat(row, At("context"), "{{\"trace_id\":\"{}\",\"span_id\":\"{}\"}}",
            row.fields[At("context___trace_id")].text, row.fields[At("context___span_id")].text);
  SetNumber(row, At("duration"), duration);
  SetNumber(row, At("start_time"), time);
  SetNumber(row, At("end_time"), time + duration / 1000);
  SetText(row, At("status_code"), error ? "ERROR" : "OK");
  SetText(row, At("level"), error ? "ERROR" : "INFO");
  SetText(row, At("severity___severity_text"), error ? "ERROR" : "INFO");
  SetNumber(row, At("severity___severity_number"), error ? 17 : 9);
  if (error) {
    SetFormat(row, At("status_message"), "upstream didn't answer in {} ms", duration / 1'000'000);
    SetText(row, At("attributes___error___type"), "timeout");
    SetText(row, At("events"), "[{\"name\":\"exception\",\"attributes\":{\"type\":\"timeout\"}}]");
  }
  if (random / 5 % 10 < 6) {
    Http(Mix(random), endpoint, row);
  } else {
    Database(Mix(random), endpoint, row);
  }
  Resource(random, project, service, row);
}

void OtelGenerator::Resource(uint64_t random, size_t project, size_t service, OtelRow& row) {
  SetTexts(row, At("hashes"), row.fields[At("context___span_id")].text, kServices[service]);
  SetFormat(row, At("attributes___server___address"), "{}.{}.internal", kServices[service],
            kProjects[project]);
  SetNumber(row, At("attributes___server___port"), 8080 + static_cast<int64_t>(service));
  SetText(row, At("attributes___network___protocol___name"), "http");
  SetText(row, At("attributes___network___protocol___version"), "1.1");
  SetText(row, At("resource___service___name"), kServices[service]);
  SetText(row, At("resource___service___version"), service % 2 == 0 ? "1.4.2" : "2.0.1");
  SetFormat(row, At("resource___service___instance___id"), "{}-{}", kServices[service],
            random / 19 % 4);
  SetText(row, At("resource___service___namespace"), kProjects[project]);
  SetText(row, At("resource___deployment___environment___name"), "production");
  SetText(row, At("resource___telemetry___sdk___language"),
          kLanguages[service % kLanguages.size()]);
  SetText(row, At("resource___telemetry___sdk___name"), "opentelemetry");
  SetText(row, At("resource___telemetry___sdk___version"), "1.38.0");
  SetFormat(
      row, At("resource"),
      "{{\"service\":{{\"name\":\"{}\",\"namespace\":\"{}\"}},\"host\":{{\"name\":\"node-{}\"}},"
      "\"os\":\"linux\"}}",
      kServices[service], kProjects[project], random / 23 % 12);
  SetText(row, At("project_id"), kProjects[project]);
  SetNumber(row, At("message_size_bytes"), static_cast<int64_t>(400 + random / 29 % 900));
}

}  // namespace varve::bench
