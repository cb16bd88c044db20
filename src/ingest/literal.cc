#include "ingest/literal.h"

#include <algorithm>
#include <array>
#include <limits>

#include "ingest/number_text.h"
#include "ingest/time_text.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

// Names of more than one word; the rest is Type::Parse's.
struct LongName {
  std::array<std::string_view, 4> words;
  TypeKind kind{};
};
constexpr std::array kLongNames = {
    LongName{{"double", "precision", "", ""}, TypeKind::kFloat64},
    LongName{{"character", "varying", "", ""}, TypeKind::kText},
    LongName{{"timestamp", "with", "time", "zone"}, TypeKind::kTimestampTz},
    LongName{{"timestamp", "without", "time", "zone"}, TypeKind::kTimestamp},
    LongName{{"time", "without", "time", "zone"}, TypeKind::kTime},
};

bool TakeWords(SqlScanner& scanner, const std::array<std::string_view, 4>& words) {
  const size_t start = scanner.offset();
  for (const std::string_view word : words) {
    if (!word.empty() && !scanner.TakeWord(word)) {
      scanner.Rewind(start);
      return false;
    }
  }
  return true;
}

std::optional<Type> ReadOneWordType(SqlScanner& scanner) {
  const size_t start = scanner.offset();
  const Token token = scanner.Next();
  if (token.kind == TokenKind::kWord) {
    if (token.IsWord("int")) return Type(TypeKind::kInt32);
    if (token.IsWord("decimal")) return Type(TypeKind::kNumericText);
    Result<Type> type = Type::Parse(token.Name());
    if (type.ok()) return *std::move(type);
  }
  scanner.Rewind(start);
  return std::nullopt;
}

// A type's name without modifiers; nullopt leaves the scanner where it was.
std::optional<Type> ReadType(SqlScanner& scanner) {
  std::optional<Type> type;
  for (const LongName& name : kLongNames) {
    if (!TakeWords(scanner, name.words)) continue;
    type = Type(name.kind);
    break;
  }
  if (!type) type = ReadOneWordType(scanner);
  if (!type) return std::nullopt;
  if (scanner.TakePunct('[')) {
    if (!scanner.TakePunct(']')) return std::nullopt;
    type = Type::List(*type);
  }
  return type;
}

bool ReadArray(SqlScanner& scanner, Literal& out) {
  out.kind = LiteralKind::kArray;
  out.elements.clear();
  if (scanner.TakePunct(']')) return true;
  do {
    Literal& element = out.elements.emplace_back();
    if (!ReadLiteral(scanner, element)) return false;
    if (element.kind == LiteralKind::kArray || element.kind == LiteralKind::kDefault ||
        element.kind == LiteralKind::kParameter || element.cast) {
      return false;
    }
  } while (scanner.TakePunct(','));
  return scanner.TakePunct(']');
}

// CAST( literal AS type )
bool ReadCastCall(SqlScanner& scanner, Literal& out) {
  if (!scanner.TakePunct('(') || !ReadLiteral(scanner, out) || out.cast) return false;
  if (!scanner.TakeWord("as")) return false;
  out.cast = ReadType(scanner);
  return out.cast && scanner.TakePunct(')');
}

bool ReadWord(SqlScanner& scanner, const Token& word, Literal& out) {
  out.kind = LiteralKind::kNull;
  if (word.IsWord("null")) return true;
  out.kind = LiteralKind::kBool;
  out.boolean = word.IsWord("true");
  if (out.boolean || word.IsWord("false")) return true;
  out.kind = LiteralKind::kDefault;
  if (word.IsWord("default")) return true;
  if (word.IsWord("array")) return scanner.TakePunct('[') && ReadArray(scanner, out);
  if (word.IsWord("cast")) return ReadCastCall(scanner, out);
  // TIMESTAMP '2025-01-01'
  scanner.Rewind(word.begin);
  out.cast = ReadType(scanner);
  out.string = scanner.Next();
  out.kind = LiteralKind::kString;
  return out.cast && out.string.kind == TokenKind::kString;
}

// The sign and the number as one view; a space between them makes it an expression.
bool ReadSigned(SqlScanner& scanner, const Token& sign, Literal& out) {
  const Token number = scanner.Next();
  if (number.begin != sign.begin + 1) return false;
  if (number.kind != TokenKind::kInteger && number.kind != TokenKind::kNumber) return false;
  out.kind = number.kind == TokenKind::kInteger ? LiteralKind::kInteger : LiteralKind::kNumber;
  out.number = {sign.text.data(), number.text.size() + 1};
  return true;
}

bool ReadPlain(SqlScanner& scanner, Literal& out) {
  const Token token = scanner.Next();
  out.begin = token.begin;
  switch (token.kind) {
    case TokenKind::kString:
    case TokenKind::kEscapeString:
      out.kind = LiteralKind::kString;
      out.string = token;
      return true;
    case TokenKind::kInteger:
    case TokenKind::kNumber:
      out.kind = token.kind == TokenKind::kInteger ? LiteralKind::kInteger : LiteralKind::kNumber;
      out.number = token.text;
      return true;
    case TokenKind::kWord:
      return ReadWord(scanner, token, out);
    case TokenKind::kParameter:
      out.kind = LiteralKind::kParameter;
      return ReadInteger(token.text, out.parameter) == NumberOutcome::kOk && out.parameter-- > 0;
    case TokenKind::kPunct:
      return (token.text[0] == '-' || token.text[0] == '+') && ReadSigned(scanner, token, out);
    default:
      return false;
  }
}

[[gnu::cold]] Status NoCast() { return NotDecodable("a cast"); }

template <typename T>
Status AppendAsInteger(std::string_view number, ColumnBuilder& builder) {
  Int128 value = 0;
  if (ReadDecimal(number, 38, 0, value) != NumberOutcome::kOk ||
      value < std::numeric_limits<T>::min() || value > std::numeric_limits<T>::max()) {
    return OutOfRange(builder.type());
  }
  builder.AppendFixed(static_cast<T>(value));
  return OkStatus();
}

// numeric prints without exponent, sign + or superfluous zeros before the point; only text that is
// already in that form is the number's text.
bool IsCanonicalNumber(std::string_view number) {
  if (number.starts_with('-')) number.remove_prefix(1);
  if (number.empty() || !IsDigit(number.front()) || number.back() == '.') return false;
  if (number.find_first_of("eE") != std::string_view::npos) return false;
  return number.front() != '0' || (number.size() > 1 && number[1] == '.') || number == "0";
}

bool IsNegativeZero(std::string_view number) {
  if (!number.starts_with('-')) return false;
  const size_t digits = std::min(number.find_first_of("eE"), number.size());
  return number.substr(0, digits).find_first_of("123456789") == std::string_view::npos;
}

Status AppendNumber(const Literal& literal, const DecodeSettings& settings,
                    ColumnBuilder& builder) {
  const std::string_view number = literal.number;
  // -1::smallint negates the result of the cast, which differs at the edge of the range.
  if (literal.cast && !IsDigit(number.front()) && number.front() != '.') return NoCast();
  switch (builder.type().kind()) {
    case TypeKind::kInt64:
      if (literal.kind == LiteralKind::kInteger) {
        int64_t value = 0;
        if (ReadInteger(number, value) != NumberOutcome::kOk) return OutOfRange(builder.type());
        builder.AppendFixed(value);
        return OkStatus();
      }
      return AppendAsInteger<int64_t>(number, builder);
    case TypeKind::kInt32:
      return AppendAsInteger<int32_t>(number, builder);
    case TypeKind::kInt16:
      return AppendAsInteger<int16_t>(number, builder);
    case TypeKind::kFloat32:
    case TypeKind::kFloat64:
      // Without quotes it is zero, negated: there is no other zero until it becomes a float.
      if (IsNegativeZero(number)) return AppendText("0", settings, builder);
      return AppendText(number, settings, builder);
    case TypeKind::kDecimal:
      return AppendText(number, settings, builder);
    case TypeKind::kText:
      if (!IsCanonicalNumber(number) || number == "-0") return NoCast();
      builder.AppendBytes(number);
      return OkStatus();
    default:
      return NoCast();
  }
}

// What `cast` makes of a literal can go into `column` without a further conversion.
bool CastReaches(const Type& cast, const Type& column) {
  if (cast == column) return true;
  if (cast.kind() == TypeKind::kNumericText) return column.kind() == TypeKind::kDecimal;
  return false;
}

Status AppendString(const Literal& literal, const DecodeSettings& settings,
                    ColumnBuilder& builder) {
  thread_local std::string scratch;  // kept, so that an escape costs no allocation
  VARVE_ASSIGN_OR_RETURN(const std::string_view text, literal.string.StringValue(scratch));
  if (!literal.cast || CastReaches(*literal.cast, builder.type())) {
    return AppendText(text, settings, builder);
  }
  // A timestamp without zone is assigned to timestamptz in the session's zone.
  if (literal.cast->kind() == TypeKind::kTimestamp &&
      builder.type().kind() == TypeKind::kTimestampTz) {
    int64_t local = 0;
    VARVE_RETURN_IF_ERROR(ReadTimestamp(text, settings, local));
    const bool finite = local != kTimestampInfinity && local != kTimestampMinusInfinity;
    builder.AppendFixed(finite ? LocalToUtc(local, settings.time_zone) : local);
    return OkStatus();
  }
  return NoCast();
}

// PostgreSQL gives ARRAY['1'] the type text[] before it looks at the column, so strings go into
// text only; numbers are cast element by element. ARRAY[] takes the column's type.
Status AppendArray(const Literal& literal, const DecodeSettings& settings, ColumnBuilder& builder) {
  if (builder.type().kind() != TypeKind::kList) return NoCast();
  ColumnBuilder& elements = builder.element_builder();
  const bool is_text = elements.type().kind() == TypeKind::kText;
  bool any_string = false;
  bool any_other = false;
  for (const Literal& element : literal.elements) {
    any_string |= element.kind == LiteralKind::kString;
    any_other |= element.kind != LiteralKind::kString && element.kind != LiteralKind::kNull;
  }
  if (any_string && any_other) return NoCast();
  if (!literal.cast && !any_other && !literal.elements.empty() && !is_text) return NoCast();
  for (const Literal& element : literal.elements) {
    VARVE_RETURN_IF_ERROR(AppendLiteral(element, settings, elements));
  }
  builder.AppendList();
  return OkStatus();
}

bool IsNow(SqlScanner& scanner) {
  const Token word = scanner.Next();
  if (word.IsWord("current_timestamp")) return scanner.Next().kind == TokenKind::kEnd;
  if (!word.IsWord("now") && !word.IsWord("get_current_timestamp")) return false;
  return scanner.TakePunct('(') && scanner.TakePunct(')') && scanner.Next().kind == TokenKind::kEnd;
}

}  // namespace

bool ReadLiteral(SqlScanner& scanner, Literal& out) {
  out.cast.reset();
  if (!ReadPlain(scanner, out)) return false;
  if (scanner.Peek().kind != TokenKind::kCast) return true;
  if (out.cast || out.kind == LiteralKind::kDefault) return false;
  scanner.Next();
  out.cast = ReadType(scanner);
  return out.cast && scanner.Peek().kind != TokenKind::kCast;
}

Status AppendLiteral(const Literal& literal, const DecodeSettings& settings,
                     ColumnBuilder& builder) {
  if (literal.kind == LiteralKind::kString) return AppendString(literal, settings, builder);
  if (literal.cast && !CastReaches(*literal.cast, builder.type())) return NoCast();
  switch (literal.kind) {
    case LiteralKind::kNull:
      builder.AppendNull();
      return OkStatus();
    case LiteralKind::kInteger:
    case LiteralKind::kNumber:
      return AppendNumber(literal, settings, builder);
    case LiteralKind::kBool:
      if (builder.type().kind() != TypeKind::kBool) return NoCast();
      builder.AppendFixed(static_cast<uint8_t>(literal.boolean ? 1 : 0));
      return OkStatus();
    case LiteralKind::kArray:
      return AppendArray(literal, settings, builder);
    default:
      return NoCast();
  }
}

Result<Column> EvaluateDefault(const Type& type, std::string_view default_sql,
                               const DecodeSettings& settings) {
  ColumnBuilder builder(type);
  SqlScanner scanner(default_sql);
  Literal literal;
  if (ReadLiteral(scanner, literal) && scanner.Next().kind == TokenKind::kEnd) {
    VARVE_RETURN_IF_ERROR(AppendLiteral(literal, settings, builder));
    return builder.Finish();
  }
  scanner.Rewind(0);
  if (type.kind() == TypeKind::kTimestampTz && IsNow(scanner)) {
    builder.AppendFixed(settings.now.value);
    return builder.Finish();
  }
  return NotDecodable("a default that is not a constant");
}

}  // namespace varve::ingest
