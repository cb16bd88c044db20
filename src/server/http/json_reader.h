// Reads the JSON of request bodies: whole documents, checked to the last byte, and their fields.
//
// Layout:   RFC 8259, UTF-8. A field that is null counts as not given.
// Limits:   kJsonDepthMax levels; kJsonFieldsMax fields of an object that is read by name; integers
//           from -2^63 to 2^64 - 1 are kept whole, longer ones and other numbers within a double.
// Errors:   InvalidArgument, worded for the client: malformed JSON, a name twice in one object, a
//           value of another type or out of its range.
// Threads:  a JsonDocument has one owner; elements and texts live as long as it, until its next
//           Parse.
#pragma once

#include <simdjson.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"

namespace varve::server {

class JsonDocument {
 public:
  // `body` may be moved to a larger place; its text stays, but for an exponent behind integers that
  // are beyond 64 bits.
  Result<simdjson::dom::element> Parse(std::string& body);

 private:
  simdjson::error_code ParseOnce(std::string& body, simdjson::dom::element& root);

  simdjson::dom::parser parser_;
};

// The fields of one object.
class JsonFields {
 public:
  // `what` names the element in messages.
  static Result<JsonFields> Of(simdjson::dom::element element, std::string_view what);

  std::optional<simdjson::dom::element> Find(std::string_view name) const;
  Result<simdjson::dom::element> Require(std::string_view name) const;
  // Also null.
  Result<simdjson::dom::element> RequireAny(std::string_view name) const;

 private:
  // Whether the name is there, be it null.
  bool Has(std::string_view name) const;

  std::vector<std::pair<std::string_view, simdjson::dom::element>> fields_;
};

Result<int64_t> JsonInteger(simdjson::dom::element element, std::string_view what, int64_t min,
                            int64_t max);
// Not a NUL in it.
Result<std::string_view> JsonText(simdjson::dom::element element, std::string_view what);

}  // namespace varve::server
