// COPY's text format: one line per row, a delimiter between fields, backslash escapes.
#include <array>

#include "ingest/ascii.h"
#include "ingest/copy_lines.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

class CopyText : public CopyLines {
 public:
  CopyText(const CopySpec& spec, CopyRows rows)
      : CopyLines(spec, std::move(rows)), null_text_(spec.null_text) {
    for (const char c : {spec.delimiter, '\\', '\n', '\r'}) {
      is_special_[static_cast<unsigned char>(c)] = true;
    }
  }

 private:
  // Passes ordinary characters.
  const char* SkipPlain(const char* p, const char* end) const {
    while (p < end && !is_special_[static_cast<unsigned char>(*p)]) ++p;
    return p;
  }

  Result<bool> ReadField(const char*& cursor, const char* end, bool at_end) override {
    const char* const first = cursor;
    bool escaped = false;
    cursor = SkipPlain(cursor, end);
    while (cursor < end && *cursor == '\\') {
      escaped = true;
      cursor = cursor + 1 < end ? cursor + 2 : end;
      cursor = SkipPlain(cursor, end);
    }
    if (cursor == end && !at_end) return false;
    VARVE_RETURN_IF_ERROR(Field({first, static_cast<size_t>(cursor - first)}, escaped));
    return true;
  }

  Status Field(std::string_view raw, bool escaped) {
    if (raw == null_text_) return PutNull();
    if (!escaped) return Put(raw);
    bool unsure = false;
    Unescape(raw, unsure);
    // An escape can make any byte, unlike the text that was checked already.
    if (unsure) VARVE_RETURN_IF_ERROR(CheckText(scratch_));
    return Put(scratch_);
  }

  void Unescape(std::string_view raw, bool& unsure) {
    scratch_.clear();
    for (size_t i = 0; i < raw.size();) {
      const char c = raw[i++];
      if (c != '\\' || i == raw.size()) {
        scratch_.push_back(c);
        continue;
      }
      const char escape = raw[i++];
      if (escape >= '0' && escape <= '7') {
        --i;
        unsure = true;
        scratch_.push_back(Digits(raw, i, 3, 8));
      } else if (escape == 'x' && i < raw.size() && HexDigit(raw[i]) >= 0) {
        unsure = true;
        scratch_.push_back(Digits(raw, i, 2, 16));
      } else {
        if (escape == '\n') CountLine();
        scratch_.push_back(Named(escape));
      }
    }
  }

  static char Digits(std::string_view raw, size_t& i, size_t most, int base) {
    int value = 0;
    for (size_t n = 0; n < most && i < raw.size(); ++n, ++i) {
      const int digit = HexDigit(raw[i]);
      if (digit < 0 || digit >= base) break;
      value = value * base + digit;
    }
    return static_cast<char>(value & 0xFF);
  }

  static char Named(char escape) {
    switch (escape) {
      case 'b':
        return '\b';
      case 'f':
        return '\f';
      case 'n':
        return '\n';
      case 'r':
        return '\r';
      case 't':
        return '\t';
      case 'v':
        return '\v';
      default:
        return escape;
    }
  }

  const std::string null_text_;
  std::array<bool, 256> is_special_{};
  std::string scratch_;  // kept, so that an escape costs no allocation
};

}  // namespace

std::unique_ptr<CopyDecoder> NewCopyText(const CopySpec& spec, CopyRows rows) {
  return std::make_unique<CopyText>(spec, std::move(rows));
}

}  // namespace varve::ingest
