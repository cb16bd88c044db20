// Cuts SQL text into tokens as PostgreSQL's lexer does, as far as INSERT and COPY need it.
//
// Role:     statement text -> [SqlScanner] -> insert_decoder, copy_spec, constant defaults. Strings
//           are read with standard_conforming_strings on. Comments and white space are skipped.
// Limits:   no allocation: a token is a view of the text, taken apart only where it is used.
// Errors:   what it does not know is kOther; what does not end is kOther as well.
// Threads:  single owner.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::ingest {

enum class TokenKind {
  kEnd,
  kWord,          // unquoted identifier or keyword
  kQuotedName,    // "identifier", text without the quotes
  kString,        // '..' or $tag$..$tag$, text without the quotes
  kEscapeString,  // E'..'
  kInteger,       // digits only
  kNumber,        // with a point or an exponent
  kParameter,     // $1, text is the digits
  kCast,          // ::
  kPunct,         // one character
  kOther,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string_view text;
  size_t begin = 0;          // byte offset in the statement
  bool has_doubled = false;  // a quote inside is written twice

  bool IsPunct(char c) const { return kind == TokenKind::kPunct && text[0] == c; }
  // A keyword, in any case; never a quoted name. `lower` in lower case.
  bool IsWord(std::string_view lower) const;
  bool IsName() const { return kind == TokenKind::kWord || kind == TokenKind::kQuotedName; }
  // The identifier: folded to lower case, or with its doubled quotes undone.
  std::string Name() const;
  // The value of a kString or kEscapeString. `scratch` holds it when it is not a part of the text.
  // 22P06-class errors of bad escapes; 22021 when the escapes make invalid UTF-8.
  Result<std::string_view> StringValue(std::string& scratch) const;
};

class SqlScanner {
 public:
  explicit SqlScanner(std::string_view sql) : sql_(sql) {}

  Token Next();
  // The next token, left in place.
  Token Peek();
  // Takes the next token when it is this one.
  bool TakePunct(char c);
  bool TakeWord(std::string_view lower);

  size_t offset() const { return at_; }
  void Rewind(size_t offset) { at_ = offset; }
  // Passes white space and comments; false when a comment does not end.
  bool SkipSpace();

 private:
  Token Make(TokenKind kind, size_t begin, size_t text_begin, size_t text_end) const;
  Token ScanQuoted(TokenKind kind, size_t begin, size_t first, char quote);
  Token ScanEscapeString(size_t begin);
  Token ScanDollar();
  Token ScanNumber();
  Token ScanWord();

  std::string_view sql_;
  size_t at_ = 0;
};

// 1-based character index of a byte of `sql`, as error positions count.
size_t CharacterPosition(std::string_view sql, size_t byte);

}  // namespace varve::ingest
