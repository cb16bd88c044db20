// Arrays in PostgreSQL's text form: {a,"b \"c\"",NULL}. One dimension; more are 0A000.
#include <string>

#include "ingest/ascii.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

[[gnu::cold]] Status Malformed(std::string_view text, std::string_view detail) {
  return WithDetail(
      SqlErrorf(sqlstate::kInvalidTextRepresentation, "malformed array literal: \"{}\"", text),
      detail);
}

struct Element {
  std::string_view text;
  bool is_null = false;
};

class ArrayReader {
 public:
  ArrayReader(std::string_view text, std::string& scratch) : text_(text), scratch_(scratch) {}

  Status Run(const DecodeSettings& settings, ColumnBuilder& builder) {
    SkipSpace();
    if (Peek() == '[' && text_.find("]=", at_) != std::string_view::npos) {
      return SqlError(sqlstate::kFeatureNotSupported, "arrays with bounds are not supported");
    }
    if (!Take('{')) {
      return Malformed(text_, "Array value must start with \"{\" or dimension information.");
    }
    SkipSpace();
    if (!Take('}')) VARVE_RETURN_IF_ERROR(Elements(settings, builder));
    SkipSpace();
    if (at_ != text_.size()) return Malformed(text_, "Junk after closing right brace.");
    builder.AppendList();
    return OkStatus();
  }

 private:
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }

  Status Elements(const DecodeSettings& settings, ColumnBuilder& builder) {
    ColumnBuilder& elements = builder.element_builder();
    while (true) {
      SkipSpace();
      if (Peek() == '{') {
        return SqlError(sqlstate::kFeatureNotSupported,
                        "arrays of more than one dimension are not supported");
      }
      Element element;
      VARVE_RETURN_IF_ERROR(Peek() == '"' ? Quoted(element) : Bare(element));
      if (element.is_null) {
        elements.AppendNull();
      } else {
        VARVE_RETURN_IF_ERROR(AppendText(element.text, settings, elements));
      }
      SkipSpace();
      if (Take('}')) return OkStatus();
      if (Take(',')) continue;
      if (at_ == text_.size()) return Malformed(text_, "Unexpected end of input.");
      return Malformed(text_, "Unexpected array element.");
    }
  }

  // The text up to the closing quote; copied only when a backslash is in it.
  Status Quoted(Element& element) {
    const size_t first = ++at_;
    const size_t stop = text_.find_first_of("\"\\", first);
    if (stop == std::string_view::npos) return Malformed(text_, "Unexpected end of input.");
    at_ = stop;
    if (text_[stop] == '"') {
      element.text = text_.substr(first, stop - first);
      ++at_;
      return OkStatus();
    }
    scratch_.assign(text_.substr(first, stop - first));
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '\\' && ++at_ == text_.size()) break;
      scratch_.push_back(text_[at_++]);
    }
    if (!Take('"')) return Malformed(text_, "Unexpected end of input.");
    element.text = scratch_;
    return OkStatus();
  }

  // White space at the end does not count unless it is escaped.
  Status Bare(Element& element) {
    scratch_.clear();
    size_t keep = 0;
    bool escaped = false;
    while (at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}') {
      const char c = text_[at_++];
      if (c == '"' || c == '{') return Malformed(text_, "Unexpected array element.");
      if (c == '\\') {
        if (at_ == text_.size()) break;
        escaped = true;
        scratch_.push_back(text_[at_++]);
        keep = scratch_.size();
        continue;
      }
      scratch_.push_back(c);
      if (!IsSpace(c)) keep = scratch_.size();
    }
    if (at_ == text_.size()) return Malformed(text_, "Unexpected end of input.");
    scratch_.resize(keep);
    if (scratch_.empty()) {
      return Malformed(text_, fmt::format("Unexpected \"{}\" character.", text_[at_]));
    }
    element.text = scratch_;
    element.is_null = !escaped && EqualsIgnoreCase(scratch_, "null");
    return OkStatus();
  }

  std::string_view text_;
  size_t at_ = 0;
  std::string& scratch_;
};

}  // namespace

Status AppendArrayText(std::string_view text, const DecodeSettings& settings,
                       ColumnBuilder& builder) {
  thread_local std::string scratch;  // kept, so that a value costs no allocation
  return ArrayReader(text, scratch).Run(settings, builder);
}

}  // namespace varve::ingest
