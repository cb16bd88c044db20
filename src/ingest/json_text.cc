#include "ingest/json_text.h"

#include <bitset>

#include "ingest/ascii.h"

namespace varve::ingest {
namespace {

enum class JsonOutcome { kOk, kSyntax, kNul, kDepth };

class JsonChecker {
 public:
  explicit JsonChecker(std::string_view text)
      : begin_(text.data()), p_(text.data()), end_(text.data() + text.size()) {}

  JsonOutcome Run() {
    JsonOutcome outcome = Values();
    SkipSpace();
    if (outcome == JsonOutcome::kOk && p_ != end_) outcome = JsonOutcome::kSyntax;
    return outcome;
  }
  size_t offset() const { return static_cast<size_t>(p_ - begin_); }

 private:
  void SkipSpace() {
    while (p_ < end_ && (*p_ == ' ' || *p_ == '\n' || *p_ == '\t' || *p_ == '\r')) ++p_;
  }

  bool Take(char c) {
    if (p_ == end_ || *p_ != c) return false;
    ++p_;
    return true;
  }

  // One value with all that is in it. An explicit stack of bits, because the depth is the user's.
  JsonOutcome Values() {
    size_t depth = 0;
    while (true) {
      SkipSpace();
      if (Take('[')) {
        SkipSpace();
        if (!Take(']')) {
          if (depth == kJsonDepthMax) return JsonOutcome::kDepth;
          in_object_[depth++] = false;
          continue;
        }
      } else if (Take('{')) {
        SkipSpace();
        if (!Take('}')) {
          if (depth == kJsonDepthMax) return JsonOutcome::kDepth;
          in_object_[depth++] = true;
          if (const JsonOutcome key = Key(); key != JsonOutcome::kOk) return key;
          continue;
        }
      } else if (const JsonOutcome scalar = Scalar(); scalar != JsonOutcome::kOk) {
        return scalar;
      }
      // A value has ended: close what it ends, or go on to the next one.
      while (true) {
        if (depth == 0) return JsonOutcome::kOk;
        SkipSpace();
        if (Take(',')) break;
        if (!Take(in_object_[depth - 1] ? '}' : ']')) return JsonOutcome::kSyntax;
        --depth;
      }
      if (in_object_[depth - 1]) {
        if (const JsonOutcome key = Key(); key != JsonOutcome::kOk) return key;
      }
    }
  }

  JsonOutcome Key() {
    SkipSpace();
    if (!Take('"')) return JsonOutcome::kSyntax;
    if (const JsonOutcome string = String(); string != JsonOutcome::kOk) return string;
    SkipSpace();
    return Take(':') ? JsonOutcome::kOk : JsonOutcome::kSyntax;
  }

  JsonOutcome Scalar() {
    if (Take('"')) return String();
    if (p_ == end_) return JsonOutcome::kSyntax;
    if (*p_ == '-' || IsDigit(*p_)) return Number() ? JsonOutcome::kOk : JsonOutcome::kSyntax;
    return Word("true") || Word("false") || Word("null") ? JsonOutcome::kOk : JsonOutcome::kSyntax;
  }

  bool Word(std::string_view word) {
    if (static_cast<size_t>(end_ - p_) < word.size() || std::string_view(p_, word.size()) != word) {
      return false;
    }
    p_ += word.size();
    return true;
  }

  bool Digits() {
    const char* first = p_;
    while (p_ < end_ && IsDigit(*p_)) ++p_;
    return p_ != first;
  }

  bool Number() {
    Take('-');
    if (!Take('0') && !Digits()) return false;
    if (Take('.') && !Digits()) return false;
    if (Take('e') || Take('E')) {
      if (!Take('-')) Take('+');
      if (!Digits()) return false;
    }
    return p_ == end_ || !(IsAlpha(*p_) || IsDigit(*p_));
  }

  // After the opening quote.
  JsonOutcome String() {
    while (p_ < end_) {
      const auto c = static_cast<unsigned char>(*p_++);
      if (c == '"') return JsonOutcome::kOk;
      if (c < 0x20) return JsonOutcome::kSyntax;
      if (c != '\\') continue;
      if (p_ == end_) return JsonOutcome::kSyntax;
      const char escape = *p_++;
      if (escape == 'u') {
        if (const JsonOutcome unit = Unicode(); unit != JsonOutcome::kOk) return unit;
      } else if (std::string_view("\"\\/bfnrt").find(escape) == std::string_view::npos) {
        return JsonOutcome::kSyntax;
      }
    }
    return JsonOutcome::kSyntax;
  }

  // Four hexadecimal digits, or -1.
  int CodeUnit() {
    if (end_ - p_ < 4) return -1;
    int unit = 0;
    for (int i = 0; i < 4; ++i) {
      const int digit = HexDigit(*p_++);
      if (digit < 0) return -1;
      unit = unit * 16 + digit;
    }
    return unit;
  }

  JsonOutcome Unicode() {
    const int unit = CodeUnit();
    if (unit < 0) return JsonOutcome::kSyntax;
    if (unit == 0) return JsonOutcome::kNul;
    if (unit < 0xD800 || unit > 0xDFFF) return JsonOutcome::kOk;
    if (unit > 0xDBFF || !Take('\\') || !Take('u')) return JsonOutcome::kSyntax;
    const int low = CodeUnit();
    return low >= 0xDC00 && low <= 0xDFFF ? JsonOutcome::kOk : JsonOutcome::kSyntax;
  }

  const char* begin_;
  const char* p_;
  const char* end_;
  std::bitset<kJsonDepthMax> in_object_;
};

}  // namespace

Status CheckJson(std::string_view text) {
  JsonChecker checker(text);
  switch (checker.Run()) {
    case JsonOutcome::kOk:
      return OkStatus();
    case JsonOutcome::kNul:
      return WithDetail(SqlError("22P05", "unsupported Unicode escape sequence"),
                        "\\u0000 cannot be converted to text.");
    case JsonOutcome::kDepth:
      return SqlErrorf("54001", "stack depth limit exceeded: JSON nested deeper than {} levels",
                       kJsonDepthMax);
    case JsonOutcome::kSyntax:
      break;
  }
  return WithDetail(
      SqlError(sqlstate::kInvalidTextRepresentation, "invalid input syntax for type json"),
      fmt::format("The text is not JSON from byte {} on.", checker.offset()));
}

}  // namespace varve::ingest
