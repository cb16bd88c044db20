#include "ingest/copy_spec.h"

#include <fmt/format.h>

#include "ingest/ascii.h"
#include "ingest/sql_scanner.h"

namespace varve::ingest {
namespace {

Status NotInMode(std::string_view option, std::string_view mode) {
  return SqlErrorf(sqlstate::kSyntaxError, "cannot specify {} in {} mode", option, mode);
}
Status OnlyInCsv(std::string_view option) {
  return SqlErrorf(sqlstate::kFeatureNotSupported, "COPY {} available only in CSV mode", option);
}

class CopyReader {
 public:
  explicit CopyReader(std::string_view sql) : sql_(sql), scanner_(sql) {}

  // False: not a COPY statement, or more than one statement.
  Result<bool> Run() {
    if (!scanner_.TakeWord("copy")) return false;
    if (scanner_.TakeWord("binary")) VARVE_RETURN_IF_ERROR(SetFormat("binary"));
    VARVE_RETURN_IF_ERROR(ReadSource());
    VARVE_RETURN_IF_ERROR(ReadDirection());
    scanner_.TakeWord("with");
    if (scanner_.TakePunct('(')) {
      VARVE_RETURN_IF_ERROR(ReadOptionList());
    } else {
      VARVE_RETURN_IF_ERROR(ReadOldOptions());
    }
    if (scanner_.Peek().IsWord("where")) {
      return SqlError(sqlstate::kFeatureNotSupported, "COPY FROM with WHERE is not supported");
    }
    bool ended = false;
    while (scanner_.TakePunct(';')) ended = true;
    const Token rest = scanner_.Next();
    if (rest.kind == TokenKind::kEnd) {
      VARVE_RETURN_IF_ERROR(Check());
      return true;
    }
    if (ended) return false;
    return SyntaxError(rest);
  }

  CopySpec Take() { return std::move(spec_); }

 private:
  Status SyntaxError(const Token& token) const {
    Status status = token.kind == TokenKind::kEnd
                        ? SqlError(sqlstate::kSyntaxError, "syntax error at end of input")
                        : SqlErrorf(sqlstate::kSyntaxError, "syntax error at or near \"{}\"",
                                    token.text.empty() ? sql_.substr(token.begin, 20) : token.text);
    return WithPosition(std::move(status), CharacterPosition(sql_, token.begin));
  }

  Status ReadName(std::string& name) {
    const Token token = scanner_.Next();
    if (!token.IsName()) return SyntaxError(token);
    name = token.Name();
    return OkStatus();
  }

  // Names up to the closing parenthesis; the opening one is taken.
  Status ReadNames(std::vector<std::string>& names) {
    do {
      VARVE_RETURN_IF_ERROR(ReadName(names.emplace_back()));
    } while (scanner_.TakePunct(','));
    return scanner_.TakePunct(')') ? OkStatus() : SyntaxError(scanner_.Peek());
  }

  Status ReadSource() {
    if (scanner_.TakePunct('(')) return ReadQuery();
    VARVE_RETURN_IF_ERROR(ReadName(spec_.table));
    if (scanner_.TakePunct('.')) {
      spec_.schema = std::move(spec_.table);
      VARVE_RETURN_IF_ERROR(ReadName(spec_.table));
    }
    return scanner_.TakePunct('(') ? ReadNames(spec_.columns) : OkStatus();
  }

  Status ReadQuery() {
    const size_t begin = scanner_.offset();
    int depth = 1;
    Token token;
    while (depth > 0) {
      token = scanner_.Next();
      if (token.kind == TokenKind::kEnd || token.kind == TokenKind::kOther) {
        return SyntaxError(token);
      }
      if (token.IsPunct('(')) ++depth;
      if (token.IsPunct(')')) --depth;
    }
    spec_.query = TrimSpace(sql_.substr(begin, token.begin - begin));
    return OkStatus();
  }

  Status ReadDirection() {
    const Token direction = scanner_.Next();
    spec_.to_client = direction.IsWord("to");
    if (!spec_.to_client && (!direction.IsWord("from") || !spec_.query.empty())) {
      return SyntaxError(direction);
    }
    const Token target = scanner_.Next();
    if (target.IsWord(spec_.to_client ? "stdout" : "stdin")) return OkStatus();
    // PostgreSQL takes either word for either direction.
    if (target.IsWord("stdin") || target.IsWord("stdout")) return OkStatus();
    const bool is_file = target.kind == TokenKind::kString ||
                         target.kind == TokenKind::kEscapeString || target.IsWord("program");
    if (!is_file) return SyntaxError(target);
    return WithHint(
        SqlErrorf(sqlstate::kInsufficientPrivilege, "COPY {} a file or program is not allowed",
                  spec_.to_client ? "TO" : "FROM"),
        "Anyone can COPY to stdout or from stdin. psql's \\copy command also works for "
        "anyone.");
  }

  Status ReadString(std::string& value) {
    const Token token = scanner_.Next();
    if (token.kind != TokenKind::kString && token.kind != TokenKind::kEscapeString) {
      return SyntaxError(token);
    }
    std::string scratch;
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, token.StringValue(scratch));
    value = text;
    return OkStatus();
  }

  // DELIMITER, QUOTE and ESCAPE.
  Status ReadCharacter(std::string_view option, std::optional<char>& value) {
    std::string text;
    VARVE_RETURN_IF_ERROR(ReadString(text));
    if (text.size() != 1) {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "COPY {} must be a single one-byte character", option);
    }
    value = text[0];
    return OkStatus();
  }

  Status SetFormat(std::string_view format) {
    if (format == "text") {
      spec_.format = CopyFormat::kText;
    } else if (format == "csv") {
      spec_.format = CopyFormat::kCsv;
    } else if (format == "binary") {
      spec_.format = CopyFormat::kBinary;
    } else {
      return SqlErrorf(sqlstate::kInvalidParameterValue, "COPY format \"{}\" not recognized",
                       format);
    }
    return OkStatus();
  }

  // The value of a switch; none means on.
  Status ReadSwitch(std::string_view option, bool& value) {
    const Token token = scanner_.Peek();
    value = true;
    if (token.IsPunct(',') || token.IsPunct(')')) return OkStatus();
    scanner_.Next();
    std::string word(token.text);
    for (char& c : word) c = ToLower(c);
    value = word == "true" || word == "on" || word == "1";
    if (value || word == "false" || word == "off" || word == "0") return OkStatus();
    return SqlErrorf(sqlstate::kSyntaxError, "{} requires a Boolean value", option);
  }

  Status ReadHeader() {
    if (scanner_.TakeWord("match")) {
      spec_.header = CopyHeader::kMatch;
      return OkStatus();
    }
    bool on = false;
    Status status = ReadSwitch("header", on);
    if (!status.ok()) {
      return SqlError(sqlstate::kSyntaxError, "header requires a Boolean value or \"match\"");
    }
    spec_.header = on ? CopyHeader::kSkip : CopyHeader::kNone;
    return OkStatus();
  }

  Status ReadColumnOption(std::vector<std::string>& columns) {
    if (!scanner_.TakePunct('(')) return SyntaxError(scanner_.Peek());
    return ReadNames(columns);
  }

  Status ReadOptionList() {
    std::vector<std::string> seen;
    do {
      std::string option;
      const Token token = scanner_.Peek();
      VARVE_RETURN_IF_ERROR(ReadName(option));
      for (const std::string& other : seen) {
        if (other != option) continue;
        return WithPosition(SqlError(sqlstate::kSyntaxError, "conflicting or redundant options"),
                            CharacterPosition(sql_, token.begin));
      }
      seen.push_back(option);
      VARVE_RETURN_IF_ERROR(ReadOption(option, token));
    } while (scanner_.TakePunct(','));
    return scanner_.TakePunct(')') ? OkStatus() : SyntaxError(scanner_.Peek());
  }

  Status ReadOption(const std::string& option, const Token& token) {
    if (option == "format") {
      std::string format;
      const Token value = scanner_.Peek();
      VARVE_RETURN_IF_ERROR(value.kind == TokenKind::kString ? ReadString(format)
                                                             : ReadName(format));
      return SetFormat(format);
    }
    if (option == "delimiter") return ReadCharacter("delimiter", delimiter_);
    if (option == "null") return ReadString(null_text_.emplace());
    if (option == "header") return ReadHeader();
    if (option == "quote") return ReadCharacter("quote", quote_);
    if (option == "escape") return ReadCharacter("escape", escape_);
    if (option == "force_quote") {
      spec_.force_quote_all = scanner_.TakePunct('*');
      return spec_.force_quote_all ? OkStatus() : ReadColumnOption(spec_.force_quote);
    }
    if (option == "force_not_null") return ReadColumnOption(spec_.force_not_null);
    if (option == "force_null") return ReadColumnOption(spec_.force_null);
    if (option == "encoding") return ReadEncoding();
    if (option == "freeze") {
      bool on = false;
      VARVE_RETURN_IF_ERROR(ReadSwitch("freeze", on));
      return on ? SqlError(sqlstate::kFeatureNotSupported, "COPY FREEZE is not supported")
                : OkStatus();
    }
    return WithPosition(SqlErrorf(sqlstate::kSyntaxError, "option \"{}\" not recognized", option),
                        CharacterPosition(sql_, token.begin));
  }

  Status ReadEncoding() {
    std::string encoding;
    VARVE_RETURN_IF_ERROR(ReadString(encoding));
    if (EqualsIgnoreCase(encoding, "utf8") || EqualsIgnoreCase(encoding, "utf-8")) {
      return OkStatus();
    }
    return SqlErrorf(sqlstate::kFeatureNotSupported, "COPY encoding \"{}\" is not supported",
                     encoding);
  }

  // The syntax of before PostgreSQL 9: words without parentheses.
  Status ReadOldOptions() {
    while (true) {
      const Token token = scanner_.Peek();
      if (token.kind != TokenKind::kWord || token.IsWord("where")) return OkStatus();
      scanner_.Next();
      VARVE_RETURN_IF_ERROR(ReadOldOption(token));
    }
  }

  Status ReadOldOption(const Token& token) {
    if (token.IsWord("binary") || token.IsWord("csv")) return SetFormat(token.Name());
    if (token.IsWord("header")) {
      spec_.header = CopyHeader::kSkip;
      return OkStatus();
    }
    if (token.IsWord("force")) return ReadForce();
    if (token.IsWord("using")) {
      return scanner_.TakeWord("delimiters") ? ReadCharacter("delimiter", delimiter_)
                                             : SyntaxError(scanner_.Peek());
    }
    const bool known = token.IsWord("delimiter") || token.IsWord("delimiters") ||
                       token.IsWord("null") || token.IsWord("quote") || token.IsWord("escape") ||
                       token.IsWord("encoding");
    if (!known) return SyntaxError(token);
    scanner_.TakeWord("as");
    if (token.IsWord("null")) return ReadString(null_text_.emplace());
    if (token.IsWord("quote")) return ReadCharacter("quote", quote_);
    if (token.IsWord("escape")) return ReadCharacter("escape", escape_);
    if (token.IsWord("encoding")) return ReadEncoding();
    return ReadCharacter("delimiter", delimiter_);
  }

  Status ReadForce() {
    std::vector<std::string>* columns = &spec_.force_quote;
    if (scanner_.TakeWord("not")) {
      columns = &spec_.force_not_null;
      if (!scanner_.TakeWord("null")) return SyntaxError(scanner_.Peek());
    } else if (scanner_.TakeWord("null")) {
      columns = &spec_.force_null;
    } else if (!scanner_.TakeWord("quote")) {
      return SyntaxError(scanner_.Peek());
    } else if (scanner_.TakePunct('*')) {
      spec_.force_quote_all = true;
      return OkStatus();
    }
    do {
      VARVE_RETURN_IF_ERROR(ReadName(columns->emplace_back()));
    } while (scanner_.TakePunct(','));
    return OkStatus();
  }

  Status Check() {
    const bool csv = spec_.format == CopyFormat::kCsv;
    if (spec_.format == CopyFormat::kBinary) {
      if (delimiter_) return NotInMode("DELIMITER", "BINARY");
      if (null_text_) return NotInMode("NULL", "BINARY");
      if (spec_.header != CopyHeader::kNone) return NotInMode("HEADER", "BINARY");
    }
    if (!csv) {
      if (quote_) return OnlyInCsv("quote");
      if (escape_) return OnlyInCsv("escape");
      if (spec_.force_quote_all || !spec_.force_quote.empty()) return OnlyInCsv("force quote");
      if (!spec_.force_not_null.empty()) return OnlyInCsv("force not null");
      if (!spec_.force_null.empty()) return OnlyInCsv("force null");
    }
    spec_.delimiter = delimiter_.value_or(csv ? ',' : '\t');
    spec_.null_text = null_text_.value_or(csv ? "" : "\\N");
    spec_.quote = quote_.value_or('"');
    spec_.escape = escape_.value_or(spec_.quote);
    return CheckCharacters(csv);
  }

  Status CheckCharacters(bool csv) const {
    const auto bad = [](const std::string& message) {
      return SqlError(sqlstate::kInvalidParameterValue, message);
    };
    if (spec_.delimiter == '\n' || spec_.delimiter == '\r') {
      return bad("COPY delimiter cannot be newline or carriage return");
    }
    if (spec_.null_text.find_first_of("\r\n") != std::string::npos) {
      return bad("COPY null representation cannot use newline or carriage return");
    }
    constexpr std::string_view kReserved = "\\.abcdefghijklmnopqrstuvwxyz0123456789";
    if (!csv && kReserved.find(spec_.delimiter) != std::string_view::npos) {
      return bad(fmt::format("COPY delimiter cannot be \"{}\"", spec_.delimiter));
    }
    if (csv && spec_.delimiter == spec_.quote) {
      return bad("COPY delimiter and quote must be different");
    }
    if (spec_.null_text.find(spec_.delimiter) != std::string::npos) {
      return bad("COPY delimiter must not appear in the NULL specification");
    }
    if (csv && spec_.null_text.find(spec_.quote) != std::string::npos) {
      return bad("CSV quote character must not appear in the NULL specification");
    }
    return OkStatus();
  }

  std::string_view sql_;
  SqlScanner scanner_;
  CopySpec spec_;
  std::optional<char> delimiter_;
  std::optional<char> quote_;
  std::optional<char> escape_;
  std::optional<std::string> null_text_;
};

}  // namespace

Result<std::optional<CopySpec>> ParseCopy(std::string_view sql) {
  CopyReader reader(sql);
  VARVE_ASSIGN_OR_RETURN(const bool mine, reader.Run());
  if (!mine) return std::nullopt;
  return std::optional<CopySpec>(reader.Take());
}

}  // namespace varve::ingest
