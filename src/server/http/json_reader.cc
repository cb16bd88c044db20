#include "server/http/json_reader.h"

#include <absl/strings/ascii.h>

#include <algorithm>
#include <utility>

#include "server/http/http_limits.h"

namespace varve::server {

using simdjson::dom::element;
using simdjson::dom::element_type;

namespace {

bool IsBeyond64Bits(std::string_view integer) {
  const bool is_negative = integer.starts_with('-');
  const std::string_view digits = integer.substr(is_negative ? 1 : 0);
  const std::string_view most = is_negative ? "9223372036854775808" : "18446744073709551615";
  return digits.size() > most.size() || (digits.size() == most.size() && digits > most);
}

// Makes "123456789012345678901" "123456789012345678901e0", which simdjson reads as a double.
// Returns whether there was such an integer. What is no JSON stays none.
bool WidenIntegers(std::string& body) {
  const std::string_view text = body;
  std::string widened;
  size_t copied = 0;
  for (size_t at = 0; at < text.size();) {
    if (text[at] == '"') {
      for (++at; at < text.size() && text[at] != '"'; ++at) {
        if (text[at] == '\\') ++at;
      }
      ++at;
      continue;
    }
    const size_t begin = at;
    while (at < text.size() && (absl::ascii_isalnum(static_cast<unsigned char>(text[at])) ||
                                text[at] == '-' || text[at] == '+' || text[at] == '.')) {
      ++at;
    }
    if (at == begin) {
      ++at;
      continue;
    }
    const std::string_view word = text.substr(begin, at - begin);
    const bool is_integer =
        word.find_first_not_of("0123456789", word[0] == '-' ? 1 : 0) == std::string_view::npos;
    if (!is_integer || !IsBeyond64Bits(word)) continue;
    widened.append(text, copied, at - copied).append("e0");
    copied = at;
  }
  if (copied == 0) return false;
  widened.append(text, copied);
  body = std::move(widened);
  return true;
}

}  // namespace

Result<element> JsonDocument::Parse(std::string& body) {
  if (body.empty()) return InvalidArgument("malformed JSON: the body is empty");
  element root;
  simdjson::error_code error = ParseOnce(body, root);
  if (error == simdjson::NUMBER_ERROR && WidenIntegers(body)) error = ParseOnce(body, root);
  if (error) return InvalidArgument("malformed JSON: {}", simdjson::error_message(error));
  return root;
}

simdjson::error_code JsonDocument::ParseOnce(std::string& body, element& root) {
  // simdjson reads, and does not use, some bytes behind the text.
  body.reserve(body.size() + simdjson::SIMDJSON_PADDING);
  if (parser_.capacity() < body.size() || parser_.max_depth() != kJsonDepthMax) {
    const auto error = parser_.allocate(std::max(body.size(), size_t{4096}), kJsonDepthMax);
    if (error) return error;
  }
  return parser_.parse(body.data(), body.size(), false).get(root);
}

Result<JsonFields> JsonFields::Of(element root, std::string_view what) {
  simdjson::dom::object object;
  if (root.get(object)) return InvalidArgument("{}: must be an object", what);
  // Before they are compared with each other: a body has room for millions.
  if (object.size() > kJsonFieldsMax) {
    return InvalidArgument("{}: must have at most {} fields", what, kJsonFieldsMax);
  }
  JsonFields fields;
  for (const auto& [name, value] : object) {
    if (fields.Has(name)) return InvalidArgument("{}: \"{}\" is there twice", what, name);
    fields.fields_.emplace_back(name, value);
  }
  return fields;
}

bool JsonFields::Has(std::string_view name) const {
  return std::any_of(fields_.begin(), fields_.end(),
                     [name](const auto& field) { return field.first == name; });
}

std::optional<element> JsonFields::Find(std::string_view name) const {
  for (const auto& [known, value] : fields_) {
    if (known == name && !value.is_null()) return value;
  }
  return std::nullopt;
}

Result<element> JsonFields::Require(std::string_view name) const {
  if (const auto found = Find(name)) return *found;
  return InvalidArgument("{}: required", name);
}

Result<element> JsonFields::RequireAny(std::string_view name) const {
  for (const auto& [known, value] : fields_) {
    if (known == name) return value;
  }
  return InvalidArgument("{}: required", name);
}

Result<int64_t> JsonInteger(element value, std::string_view what, int64_t min, int64_t max) {
  if (!value.is<int64_t>() && !value.is<uint64_t>()) {
    return InvalidArgument("{}: must be an integer", what);
  }
  int64_t integer = 0;
  if (value.get(integer) || integer < min || integer > max) {
    return InvalidArgument("{}: must be from {} to {}", what, min, max);
  }
  return integer;
}

Result<std::string_view> JsonText(element value, std::string_view what) {
  std::string_view text;
  if (value.get(text)) return InvalidArgument("{}: must be a string", what);
  if (text.find('\0') != std::string_view::npos) {
    return InvalidArgument("{}: must not have a NUL in it", what);
  }
  return text;
}

}  // namespace varve::server
