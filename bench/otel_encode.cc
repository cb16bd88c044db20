// The forms in which generated rows go to a server: INSERT, COPY text, COPY binary.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "otel_generator.h"

namespace varve::bench {
namespace {

using enum FieldKind;

// What an INSERT names: the columns that some row fills, without the derived date.
constexpr std::string_view kFilledNames[] = {
    "timestamp",
    "observed_timestamp",
    "id",
    "parent_id",
    "hashes",
    "name",
    "kind",
    "status_code",
    "status_message",
    "level",
    "severity___severity_text",
    "severity___severity_number",
    "duration",
    "start_time",
    "end_time",
    "context",
    "context___trace_id",
    "context___span_id",
    "context___trace_flags",
    "context___is_remote",
    "events",
    "attributes",
    "attributes___server___address",
    "attributes___server___port",
    "attributes___network___protocol___name",
    "attributes___network___protocol___version",
    "attributes___error___type",
    "attributes___url___path",
    "attributes___url___scheme",
    "attributes___user_agent___original",
    "attributes___http___request___method",
    "attributes___http___response___status_code",
    "attributes___session___id",
    "attributes___db___system___name",
    "attributes___db___collection___name",
    "attributes___db___namespace",
    "attributes___db___operation___name",
    "attributes___db___query___text",
    "attributes___user___id",
    "resource",
    "resource___service___name",
    "resource___service___version",
    "resource___service___instance___id",
    "resource___service___namespace",
    "resource___deployment___environment___name",
    "resource___telemetry___sdk___language",
    "resource___telemetry___sdk___name",
    "resource___telemetry___sdk___version",
    "project_id",
    "summary",
    "message_size_bytes",
};

std::vector<size_t> FilledColumns() {
  std::vector<size_t> indexes;
  for (const std::string_view name : kFilledNames) {
    for (size_t i = 0; i < kOtelColumns; ++i) {
      if (OtelColumns()[i].name == name) indexes.push_back(i);
    }
  }
  return indexes;
}

// "2025-01-01 00:00:00.123456+00"
void PutTimestamp(int64_t micros, std::string& out) {
  const int64_t days = micros / 86'400'000'000;
  int64_t rest = micros % 86'400'000'000;
  const std::chrono::year_month_day date{std::chrono::sys_days(std::chrono::days(days))};
  char text[] = "0000-00-00 00:00:00.000000+00";
  const auto put = [&text](size_t at, size_t digits, int64_t value) {
    for (size_t i = digits; i-- > 0; value /= 10)
      text[at + i] = static_cast<char>('0' + value % 10);
  };
  put(0, 4, static_cast<int>(date.year()));
  put(5, 2, static_cast<unsigned>(date.month()));
  put(8, 2, static_cast<unsigned>(date.day()));
  put(20, 6, rest % 1'000'000);
  rest /= 1'000'000;
  put(17, 2, rest % 60);
  put(14, 2, rest / 60 % 60);
  put(11, 2, rest / 3600);
  out.append(text, sizeof(text) - 1);
}

void PutNumber(int64_t number, std::string& out) {
  const fmt::format_int text(number);
  out.append(text.data(), text.size());
}

// A value's text with `escape` before every character of `special`.
void PutEscaped(std::string_view text, std::string_view special, char escape, std::string& out) {
  size_t from = 0;
  for (size_t at = text.find_first_of(special); at != std::string_view::npos;
       at = text.find_first_of(special, at + 1)) {
    out.append(text, from, at - from);
    out.push_back(escape);
    from = at;
  }
  out.append(text, from);
}

// How a value is written where it is text: as an SQL literal, or as a field of COPY text.
struct TextForm {
  std::string_view null;
  std::string_view yes;
  std::string_view no;
  std::string_view quote;          // around texts and timestamps
  std::string_view array_open;     // before the elements of an array
  std::string_view array_close;    // behind them
  std::string_view element_quote;  // around each of them
  std::string_view special;        // characters of a text that need `escape` before them
  char escape;
};
constexpr TextForm kLiteral{"NULL", "TRUE", "FALSE", "'", "ARRAY[", "]", "'", "'", '\''};
constexpr TextForm kCopyText{"\\N", "t", "f", "", "{", "}", "\"", "\\\t\n", '\\'};

void PutText(const Field& field, FieldKind kind, const TextForm& form, std::string& out) {
  if (field.is_null) {
    out += form.null;
    return;
  }
  switch (kind) {
    case kInteger:
    case kBigint:
      PutNumber(field.number, out);
      return;
    case kBool:
      out += field.number != 0 ? form.yes : form.no;
      return;
    case kTimestamp:
      out += form.quote;
      PutTimestamp(field.number, out);
      out += form.quote;
      return;
    case kTexts:
      out += form.array_open;
      for (size_t i = 0; i < field.texts.size(); ++i) {
        if (i > 0) out.push_back(',');
        out += form.element_quote;
        PutEscaped(field.texts[i], form.special, form.escape, out);
        out += form.element_quote;
      }
      out += form.array_close;
      return;
    default:
      out += form.quote;
      PutEscaped(field.text, form.special, form.escape, out);
      out += form.quote;
  }
}

template <typename T>
void PutBigEndian(T value, std::string& out) {
  for (int shift = static_cast<int>(sizeof(T)) * 8 - 8; shift >= 0; shift -= 8) {
    out.push_back(static_cast<char>(static_cast<uint64_t>(value) >> shift & 0xFF));
  }
}

void PutSized(std::string_view bytes, std::string& out) {
  PutBigEndian(static_cast<int32_t>(bytes.size()), out);
  out += bytes;
}

void PutBinary(const Field& field, FieldKind kind, std::string& out) {
  constexpr int64_t kMicrosTo2000 = 946'684'800'000'000;
  constexpr int32_t kTextOid = 25;
  if (field.is_null) {
    PutBigEndian(int32_t{-1}, out);
    return;
  }
  switch (kind) {
    case kInteger:
      PutBigEndian(int32_t{4}, out);
      PutBigEndian(static_cast<int32_t>(field.number), out);
      return;
    case kBigint:
      PutBigEndian(int32_t{8}, out);
      PutBigEndian(field.number, out);
      return;
    case kBool:
      PutBigEndian(int32_t{1}, out);
      out.push_back(field.number != 0 ? '\1' : '\0');
      return;
    case kTimestamp:
      PutBigEndian(int32_t{8}, out);
      PutBigEndian(field.number - kMicrosTo2000, out);
      return;
    case kJson:
      PutBigEndian(static_cast<int32_t>(field.text.size() + 1), out);
      out.push_back('\1');
      out += field.text;
      return;
    case kTexts: {
      int32_t bytes = 20;
      for (const std::string& text : field.texts) bytes += 4 + static_cast<int32_t>(text.size());
      PutBigEndian(bytes, out);
      for (const int32_t word : {1, 0, kTextOid, static_cast<int32_t>(field.texts.size()), 1}) {
        PutBigEndian(word, out);
      }
      for (const std::string& text : field.texts) PutSized(text, out);
      return;
    }
    default:
      PutSized(field.text, out);
  }
}

size_t IndexOf(std::string_view name) {
  const auto columns = OtelColumns();
  size_t i = 0;
  while (i < columns.size() && columns[i].name != name) ++i;
  return i;
}

}  // namespace

template <typename Encoder>
OtelTotals OtelGenerator::Encode(int64_t begin, int64_t end, std::string& out, Encoder encode) {
  static const size_t kStatusCode = IndexOf("status_code");
  static const size_t kDuration = IndexOf("duration");
  static const size_t kProject = IndexOf("project_id");
  OtelTotals totals;
  for (int64_t index = begin; index < end; ++index) {
    Make(index, row_);
    encode(row_, out);
    ++totals.rows;
    totals.errors += row_.fields[kStatusCode].text == "ERROR" ? 1 : 0;
    totals.duration_sum += row_.fields[kDuration].number;
    const std::string& project = row_.fields[kProject].text;
    const auto at = std::find(kProjects.begin(), kProjects.end(), project) - kProjects.begin();
    ++totals.rows_of_project[static_cast<size_t>(at)];
  }
  return totals;
}

OtelTotals OtelGenerator::AppendInsert(int64_t begin, int64_t end, std::string& out) {
  static const std::vector<size_t> filled = FilledColumns();
  out += fmt::format("INSERT INTO {} (", kOtelTable);
  for (size_t i = 0; i < filled.size(); ++i) {
    if (i > 0) out += ", ";
    out += OtelColumns()[filled[i]].name;
  }
  out += ") VALUES";
  bool first = true;
  return Encode(begin, end, out, [&first](const OtelRow& row, std::string& to) {
    to += first ? " (" : ", (";
    first = false;
    for (size_t i = 0; i < filled.size(); ++i) {
      if (i > 0) to += ", ";
      PutText(row.fields[filled[i]], OtelColumns()[filled[i]].kind, kLiteral, to);
    }
    to.push_back(')');
  });
}

std::string OtelGenerator::CopyStatement(bool binary) {
  std::string sql = fmt::format("COPY {} (", kOtelTable);
  for (size_t i = 1; i < kOtelColumns; ++i) {
    if (i > 1) sql += ", ";
    sql += OtelColumns()[i].name;
  }
  sql += binary ? ") FROM STDIN (FORMAT binary)" : ") FROM STDIN";
  return sql;
}

OtelTotals OtelGenerator::AppendCopyText(int64_t begin, int64_t end, std::string& out) {
  return Encode(begin, end, out, [](const OtelRow& row, std::string& to) {
    for (size_t i = 1; i < kOtelColumns; ++i) {
      if (i > 1) to.push_back('\t');
      PutText(row.fields[i], OtelColumns()[i].kind, kCopyText, to);
    }
    to.push_back('\n');
  });
}

OtelTotals OtelGenerator::AppendCopyBinary(int64_t begin, int64_t end, std::string& out) {
  return Encode(begin, end, out, [](const OtelRow& row, std::string& to) {
    PutBigEndian(static_cast<int16_t>(kOtelColumns - 1), to);
    for (size_t i = 1; i < kOtelColumns; ++i) PutBinary(row.fields[i], OtelColumns()[i].kind, to);
  });
}

std::string OtelGenerator::BinaryHeader() {
  return std::string("PGCOPY\n\xff\r\n\0", 11) + std::string(8, '\0');
}

std::string OtelGenerator::BinaryTrailer() { return "\xff\xff"; }

}  // namespace varve::bench
