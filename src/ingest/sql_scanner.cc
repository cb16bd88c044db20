#include "ingest/sql_scanner.h"

#include <cstring>

#include "ingest/ascii.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

bool IsWordStart(char c) { return IsAlpha(c) || c == '_' || static_cast<unsigned char>(c) >= 0x80; }

bool IsWordPart(char c) { return IsWordStart(c) || IsDigit(c) || c == '$'; }

void AppendUtf8(uint32_t code, std::string& out) {
  if (code < 0x80) {
    out.push_back(static_cast<char>(code));
  } else if (code < 0x800) {
    out.push_back(static_cast<char>(0xC0 | code >> 6));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else if (code < 0x10000) {
    out.push_back(static_cast<char>(0xE0 | code >> 12));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  } else {
    out.push_back(static_cast<char>(0xF0 | code >> 18));
    out.push_back(static_cast<char>(0x80 | (code >> 12 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code >> 6 & 0x3F)));
    out.push_back(static_cast<char>(0x80 | (code & 0x3F)));
  }
}

// Reads up to `most` digits of a base from text[at], as far as they go.
uint32_t TakeDigits(std::string_view text, size_t& at, size_t most, int base) {
  uint32_t value = 0;
  for (size_t i = 0; i < most && at < text.size(); ++i, ++at) {
    const int digit = HexDigit(text[at]);
    if (digit < 0 || digit >= base) break;
    value = value * static_cast<uint32_t>(base) + static_cast<uint32_t>(digit);
  }
  return value;
}

// \uXXXX and \UXXXXXXXX; surrogates come in pairs. `at` is behind the u.
bool TakeUnicode(std::string_view text, size_t& at, size_t digits, std::string& out) {
  const auto unit = [&text, &at](size_t count, uint32_t& value) {
    const size_t first = at;
    value = TakeDigits(text, at, count, 16);
    return at - first == count;
  };
  uint32_t code = 0;
  if (!unit(digits, code)) return false;
  if (code >= 0xD800 && code <= 0xDBFF) {
    uint32_t low = 0;
    if (text.substr(at, 2) != "\\u") return false;
    at += 2;
    if (!unit(4, low) || low < 0xDC00 || low > 0xDFFF) return false;
    code = 0x10000 + ((code - 0xD800) << 10) + (low - 0xDC00);
  } else if (code >= 0xDC00 && code <= 0xDFFF) {
    return false;
  }
  if (code == 0 || code > 0x10FFFF) return false;
  AppendUtf8(code, out);
  return true;
}

// The character behind a backslash and what follows it.
bool TakeEscape(std::string_view text, size_t& at, std::string& out) {
  const char c = text[at++];
  switch (c) {
    case 'b':
      out.push_back('\b');
      return true;
    case 'f':
      out.push_back('\f');
      return true;
    case 'n':
      out.push_back('\n');
      return true;
    case 'r':
      out.push_back('\r');
      return true;
    case 't':
      out.push_back('\t');
      return true;
    case 'x':
      if (at < text.size() && HexDigit(text[at]) >= 0) {
        out.push_back(static_cast<char>(TakeDigits(text, at, 2, 16)));
      } else {
        out.push_back(c);
      }
      return true;
    case 'u':
      return TakeUnicode(text, at, 4, out);
    case 'U':
      return TakeUnicode(text, at, 8, out);
    default:
      break;
  }
  if (c >= '0' && c <= '7') {
    --at;
    out.push_back(static_cast<char>(TakeDigits(text, at, 3, 8)));
  } else {
    out.push_back(c);
  }
  return true;
}

std::string Undouble(std::string_view text, char quote) {
  std::string out;
  out.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    out.push_back(text[i]);
    if (text[i] == quote) ++i;
  }
  return out;
}

}  // namespace

bool Token::IsWord(std::string_view lower) const {
  return kind == TokenKind::kWord && EqualsIgnoreCase(text, lower);
}

std::string Token::Name() const {
  if (kind == TokenKind::kQuotedName) return has_doubled ? Undouble(text, '"') : std::string(text);
  std::string folded(text);
  for (char& c : folded) c = ToLower(c);
  return folded;
}

Result<std::string_view> Token::StringValue(std::string& scratch) const {
  if (kind == TokenKind::kString) {
    if (!has_doubled) return text;
    scratch = Undouble(text, '\'');
    return std::string_view(scratch);
  }
  scratch.clear();
  for (size_t i = 0; i < text.size();) {
    const char c = text[i++];
    if (c == '\\' && i < text.size()) {
      if (!TakeEscape(text, i, scratch)) {
        return SqlError("22025", "invalid Unicode escape");
      }
      continue;
    }
    scratch.push_back(c);
    if (c == '\'') ++i;
  }
  VARVE_RETURN_IF_ERROR(CheckText(scratch));
  return std::string_view(scratch);
}

Token SqlScanner::Make(TokenKind kind, size_t begin, size_t text_begin, size_t text_end) const {
  Token token;
  token.kind = kind;
  token.text = sql_.substr(text_begin, text_end - text_begin);
  token.begin = begin;
  return token;
}

bool SqlScanner::SkipSpace() {
  while (at_ < sql_.size()) {
    const char c = sql_[at_];
    if (IsSpace(c)) {
      ++at_;
    } else if (c == '-' && sql_.substr(at_, 2) == "--") {
      at_ = sql_.find_first_of("\r\n", at_);
      if (at_ == std::string_view::npos) at_ = sql_.size();
    } else if (c == '/' && sql_.substr(at_, 2) == "/*") {
      const size_t begin = at_;
      size_t depth = 0;
      do {
        if (sql_.substr(at_, 2) == "/*") {
          ++depth;
          at_ += 2;
        } else if (sql_.substr(at_, 2) == "*/") {
          --depth;
          at_ += 2;
        } else if (++at_ >= sql_.size()) {
          at_ = begin;
          return false;
        }
      } while (depth > 0);
    } else {
      return true;
    }
  }
  return true;
}

// From the character behind the opening quote to the closing one; a doubled quote is part of it.
Token SqlScanner::ScanQuoted(TokenKind kind, size_t begin, size_t first, char quote) {
  bool has_doubled = false;
  size_t at = first;
  while (true) {
    const void* hit = std::memchr(sql_.data() + at, quote, sql_.size() - at);
    if (hit == nullptr) {
      at_ = sql_.size();
      return Make(TokenKind::kOther, begin, begin, begin);
    }
    at = static_cast<size_t>(static_cast<const char*>(hit) - sql_.data());
    if (at + 1 >= sql_.size() || sql_[at + 1] != quote) break;
    has_doubled = true;
    at += 2;
  }
  at_ = at + 1;
  Token token = Make(kind, begin, first, at);
  token.has_doubled = has_doubled;
  return token;
}

Token SqlScanner::ScanEscapeString(size_t begin) {
  size_t at = begin + 2;
  while (at < sql_.size()) {
    if (sql_[at] == '\\') {
      at += 2;
    } else if (sql_[at] != '\'') {
      ++at;
    } else if (at + 1 < sql_.size() && sql_[at + 1] == '\'') {
      at += 2;
    } else {
      at_ = at + 1;
      return Make(TokenKind::kEscapeString, begin, begin + 2, at);
    }
  }
  at_ = sql_.size();
  return Make(TokenKind::kOther, begin, begin, begin);
}

// $1, or $tag$..$tag$.
Token SqlScanner::ScanDollar() {
  const size_t begin = at_;
  size_t at = begin + 1;
  while (at < sql_.size() && IsDigit(sql_[at])) ++at;
  if (at > begin + 1) {
    at_ = at;
    return Make(TokenKind::kParameter, begin, begin + 1, at);
  }
  while (at < sql_.size() && IsWordPart(sql_[at]) && sql_[at] != '$') ++at;
  at_ = sql_.size();
  if (at >= sql_.size() || sql_[at] != '$') return Make(TokenKind::kOther, begin, begin, begin);
  const std::string_view tag = sql_.substr(begin, at + 1 - begin);
  const size_t end = sql_.find(tag, at + 1);
  if (end == std::string_view::npos) return Make(TokenKind::kOther, begin, begin, begin);
  at_ = end + tag.size();
  return Make(TokenKind::kString, begin, at + 1, end);
}

Token SqlScanner::ScanNumber() {
  const size_t begin = at_;
  const auto digits = [this] {
    while (at_ < sql_.size() && IsDigit(sql_[at_])) ++at_;
  };
  digits();
  bool is_integer = true;
  if (at_ < sql_.size() && sql_[at_] == '.') {
    is_integer = false;
    ++at_;
    digits();
  }
  if (at_ < sql_.size() && (sql_[at_] == 'e' || sql_[at_] == 'E')) {
    size_t at = at_ + 1;
    if (at < sql_.size() && (sql_[at] == '+' || sql_[at] == '-')) ++at;
    if (at < sql_.size() && IsDigit(sql_[at])) {
      is_integer = false;
      at_ = at;
      digits();
    }
  }
  // 123abc is not a number and a name for us: let the engine say what it is.
  const bool joined = at_ < sql_.size() && (IsWordPart(sql_[at_]) || sql_[at_] == '.');
  if (joined) return Make(TokenKind::kOther, begin, begin, at_);
  return Make(is_integer ? TokenKind::kInteger : TokenKind::kNumber, begin, begin, at_);
}

Token SqlScanner::ScanWord() {
  const size_t begin = at_;
  if ((sql_[at_] == 'e' || sql_[at_] == 'E') && at_ + 1 < sql_.size() && sql_[at_ + 1] == '\'') {
    return ScanEscapeString(begin);
  }
  while (at_ < sql_.size() && IsWordPart(sql_[at_])) ++at_;
  return Make(TokenKind::kWord, begin, begin, at_);
}

Token SqlScanner::Next() {
  if (!SkipSpace()) return Make(TokenKind::kOther, at_, at_, at_);
  if (at_ >= sql_.size()) return Make(TokenKind::kEnd, at_, at_, at_);
  const char c = sql_[at_];
  if (c == '\'') return ScanQuoted(TokenKind::kString, at_, at_ + 1, '\'');
  if (c == '"') return ScanQuoted(TokenKind::kQuotedName, at_, at_ + 1, '"');
  if (IsDigit(c)) return ScanNumber();
  if (IsWordStart(c)) return ScanWord();
  if (c == '$') return ScanDollar();
  if (c == '.' && at_ + 1 < sql_.size() && IsDigit(sql_[at_ + 1])) return ScanNumber();
  if (c == ':' && at_ + 1 < sql_.size() && sql_[at_ + 1] == ':') {
    at_ += 2;
    return Make(TokenKind::kCast, at_ - 2, at_ - 2, at_);
  }
  ++at_;
  return Make(TokenKind::kPunct, at_ - 1, at_ - 1, at_);
}

Token SqlScanner::Peek() {
  const size_t at = at_;
  const Token token = Next();
  at_ = at;
  return token;
}

bool SqlScanner::TakePunct(char c) {
  if (at_ < sql_.size() && sql_[at_] == c) {  // the usual case: nothing in between
    ++at_;
    return true;
  }
  const size_t at = at_;
  if (Next().IsPunct(c)) return true;
  at_ = at;
  return false;
}

bool SqlScanner::TakeWord(std::string_view lower) {
  const size_t at = at_;
  if (Next().IsWord(lower)) return true;
  at_ = at;
  return false;
}

size_t CharacterPosition(std::string_view sql, size_t byte) {
  size_t position = 1;
  for (size_t i = 0; i < byte && i < sql.size(); ++i) {
    if ((static_cast<unsigned char>(sql[i]) & 0xC0) != 0x80) ++position;
  }
  return position;
}

}  // namespace varve::ingest
