// COPY's csv format: quotes may be opened and closed anywhere in a field and hold line ends.
#include <array>
#include <cstring>

#include "ingest/copy_lines.h"

namespace varve::ingest {
namespace {

class CopyCsv : public CopyLines {
 public:
  CopyCsv(const CopySpec& spec, CopyRows rows, std::vector<bool> force_not_null,
          std::vector<bool> force_null)
      : CopyLines(spec, std::move(rows)),
        delimiter_(spec.delimiter),
        quote_(spec.quote),
        escape_(spec.escape),
        null_text_(spec.null_text),
        force_not_null_(std::move(force_not_null)),
        force_null_(std::move(force_null)) {
    for (const char c : {spec.delimiter, spec.quote, '\n', '\r'}) {
      is_special_[static_cast<unsigned char>(c)] = true;
    }
  }

 private:
  const char* SkipPlain(const char* p, const char* end) const {
    while (p < end && !is_special_[static_cast<unsigned char>(*p)]) ++p;
    return p;
  }

  static std::string_view View(const char* first, const char* last) {
    return {first, static_cast<size_t>(last - first)};
  }

  Result<bool> ReadField(const char*& cursor, const char* end, bool at_end) override {
    std::string_view value;
    bool quoted = false;
    VARVE_ASSIGN_OR_RETURN(const bool complete, FindField(cursor, end, at_end, value, quoted));
    if (!complete) return false;
    VARVE_RETURN_IF_ERROR(Field(value, quoted));
    return true;
  }

  // A view of the text when it holds no quotes or is quoted as a whole, which is nearly always.
  Result<bool> FindField(const char*& cursor, const char* end, bool at_end, std::string_view& value,
                         bool& quoted) {
    const char* const first = cursor;
    cursor = SkipPlain(cursor, end);
    if (cursor == end && !at_end) return false;
    if (cursor == end || *cursor != quote_) {
      value = View(first, cursor);
      return true;
    }
    quoted = true;
    if (cursor == first && escape_ == quote_ && WholeQuoted(cursor, end, value)) return true;
    scratch_.assign(View(first, cursor));
    VARVE_ASSIGN_OR_RETURN(const bool complete, MixedField(cursor, end, at_end));
    value = scratch_;
    return complete;
  }

  // "..." without a quote inside and with the field's end behind it.
  bool WholeQuoted(const char*& cursor, const char* end, std::string_view& value) {
    const char* const first = cursor + 1;
    const auto* close =
        static_cast<const char*>(std::memchr(first, quote_, static_cast<size_t>(end - first)));
    if (close == nullptr || close + 1 == end) return false;
    const char next = close[1];
    if (next != delimiter_ && next != '\n' && next != '\r') return false;
    value = View(first, close);
    CountLines(value);
    cursor = close + 1;
    return true;
  }

  void CountLines(std::string_view quoted) {
    for (size_t at = quoted.find('\n'); at != std::string_view::npos;
         at = quoted.find('\n', at + 1)) {
      CountLine();
    }
  }

  // From an opening quote on, into scratch_.
  Result<bool> MixedField(const char*& cursor, const char* end, bool at_end) {
    bool inside = false;
    while (cursor < end) {
      const char c = *cursor;
      if (!inside) {
        if (c == delimiter_ || c == '\n' || c == '\r') return true;
        inside = c == quote_;
        if (!inside) scratch_.push_back(c);
        ++cursor;
        continue;
      }
      // The escape character escapes itself and the quote, and is itself before anything else.
      const bool has_next = cursor + 1 < end;
      if (c == escape_ && has_next && (cursor[1] == quote_ || cursor[1] == escape_)) {
        scratch_.push_back(cursor[1]);
        cursor += 2;
        continue;
      }
      if (c == escape_ && !has_next && !at_end) return false;
      ++cursor;
      if (c == quote_) {
        inside = false;
        continue;
      }
      if (c == '\n') CountLine();
      scratch_.push_back(c);
    }
    if (!at_end) return false;
    if (inside) return BadFormat("unterminated CSV quoted field");
    return true;
  }

  Status Field(std::string_view value, bool quoted) {
    const size_t i = field();
    const bool is_null =
        value == null_text_ && (quoted ? i < force_null_.size() && force_null_[i]
                                       : !(i < force_not_null_.size() && force_not_null_[i]));
    return is_null ? PutNull() : Put(value);
  }

  const char delimiter_;
  const char quote_;
  const char escape_;
  const std::string null_text_;
  const std::vector<bool> force_not_null_;
  const std::vector<bool> force_null_;
  std::array<bool, 256> is_special_{};
  std::string scratch_;  // kept, so that a quote costs no allocation
};

}  // namespace

std::unique_ptr<CopyDecoder> NewCopyCsv(const CopySpec& spec, CopyRows rows,
                                        std::vector<bool> force_not_null,
                                        std::vector<bool> force_null) {
  return std::make_unique<CopyCsv>(spec, std::move(rows), std::move(force_not_null),
                                   std::move(force_null));
}

}  // namespace varve::ingest
