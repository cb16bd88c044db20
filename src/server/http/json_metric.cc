#include "server/http/json_metric.h"

#include <algorithm>

namespace varve::server {

using simdjson::dom::element;

Result<std::string_view> JsonName(element value, std::string_view what) {
  VARVE_ASSIGN_OR_RETURN(const std::string_view text, JsonText(value, what));
  const Status checked = ring::CheckName(text);
  if (!checked.ok()) return Annotate(checked, what);
  return text;
}

Result<std::vector<ring::Tag>> JsonTags(element value) {
  simdjson::dom::object object;
  if (value.get(object)) return InvalidArgument("tags: must be an object of strings");
  if (object.size() > ring::kTagsMax) {
    return InvalidArgument("tags: at most {}", ring::kTagsMax);
  }
  std::vector<ring::Tag> tags;
  for (const auto& [key, tag] : object) {
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, JsonText(tag, "a tag's value"));
    const Status checked = ring::CheckTag({key, text});
    if (!checked.ok()) return Annotate(checked, "tags");
    tags.push_back({std::string(key), std::string(text)});
  }
  std::sort(tags.begin(), tags.end());
  const auto same = [](const ring::Tag& a, const ring::Tag& b) { return a.key == b.key; };
  const auto twice = std::adjacent_find(tags.begin(), tags.end(), same);
  if (twice != tags.end()) return InvalidArgument("tags: \"{}\" is there twice", twice->key);
  return tags;
}

Result<ring::MetricType> JsonType(element value) {
  std::string_view text;
  int64_t number = -1;
  const bool is_text = !value.get(text);
  const bool is_number = value.is<int64_t>() && !value.get(number);
  if (is_text ? text == "gauge" : is_number && number == 0) return ring::MetricType::kGauge;
  if (is_text ? text == "counter" : is_number && number == 1) return ring::MetricType::kCounter;
  return InvalidArgument("type: must be 0 or \"gauge\", 1 or \"counter\"");
}

}  // namespace varve::server
