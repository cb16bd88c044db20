#include "server/http/influx_line.h"

#include <simdjson.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstring>

namespace varve::server {
namespace {

// How much of a wrong line the answer repeats.
constexpr size_t kQuotedBytesMax = 120;

template <typename T>
bool ParseWhole(std::string_view text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc() && end == text.data() + text.size();
}

bool ParseFloat(std::string_view text, double& value) {
  if (text.starts_with('+')) text.remove_prefix(1);
  std::string_view digits = text;
  if (digits.starts_with('-')) digits.remove_prefix(1);
  // from_chars would take "inf" and "nan" too.
  if (digits.empty() || (digits[0] != '.' && (digits[0] < '0' || digits[0] > '9'))) return false;
  return ParseWhole(text, value);
}

bool ParseBoolean(std::string_view text, double& value) {
  constexpr std::string_view kTrue[] = {"t", "T", "true", "True", "TRUE"};
  constexpr std::string_view kFalse[] = {"f", "F", "false", "False", "FALSE"};
  const bool is_true = std::find(std::begin(kTrue), std::end(kTrue), text) != std::end(kTrue);
  const bool is_false = std::find(std::begin(kFalse), std::end(kFalse), text) != std::end(kFalse);
  value = is_true ? 1 : 0;
  return is_true || is_false;
}

// A field's value that is not a string.
bool ParseValue(std::string_view text, double& value) {
  if (text.ends_with('i')) {
    int64_t integer = 0;
    if (!ParseWhole(text.substr(0, text.size() - 1), integer)) return false;
    value = static_cast<double>(integer);
    return true;
  }
  if (text.ends_with('u')) {
    uint64_t integer = 0;
    if (!ParseWhole(text.substr(0, text.size() - 1), integer)) return false;
    value = static_cast<double>(integer);
    return true;
  }
  return ParseBoolean(text, value) || ParseFloat(text, value);
}

class LineReader {
 public:
  LineReader(std::string_view body, InfluxPrecision precision, int64_t now_seconds, InfluxLines& to)
      : body_(body), precision_(precision), now_seconds_(now_seconds), to_(to) {}

  Status ReadAll() {
    while (at_ < body_.size()) {
      SkipSpaces();
      line_begin_ = at_;
      if (at_ < body_.size() && body_[at_] == '#')
        at_ = std::min(body_.find('\n', at_), body_.size());
      if (!AtLineEnd()) VARVE_RETURN_IF_ERROR(ReadLine());
      EndLine();
    }
    return OkStatus();
  }

 private:
  struct Field {
    std::string_view key;
    double value;
  };

  Status ReadLine() {
    VARVE_ASSIGN_OR_RETURN(const std::string_view measurement, ReadToken(", ", ", "));
    if (measurement.empty()) return Wrong("missing measurement");
    to_.batch.StartTags();
    while (Take(',')) VARVE_RETURN_IF_ERROR(ReadTag());
    SkipSpaces();
    fields_.clear();
    do {
      VARVE_RETURN_IF_ERROR(ReadField());
    } while (Take(','));
    VARVE_ASSIGN_OR_RETURN(const int64_t seconds, ReadTime());
    if (to_.batch.size() + fields_.size() > kRequestSamplesMax) {
      return ResourceExhausted("the request has more than {} samples", kRequestSamplesMax);
    }
    for (const Field& field : fields_) {
      VARVE_ASSIGN_OR_RETURN(const std::string_view name, NameOf(measurement, field.key));
      to_.batch.AddSample(name, ring::MetricType::kGauge, seconds, field.value);
    }
    return OkStatus();
  }

  Status ReadTag() {
    VARVE_ASSIGN_OR_RETURN(const std::string_view key, ReadToken("=, ", ",= "));
    if (key.empty()) return Wrong("missing tag key");
    if (!Take('=')) return Wrong("missing tag value");
    VARVE_ASSIGN_OR_RETURN(const std::string_view value, ReadToken(",= ", ",= "));
    if (value.empty()) return Wrong("missing tag value");
    if (At('=')) return Wrong("an equals sign in a tag value wants a backslash");
    const Status checked = ring::CheckTag({key, value});
    if (!checked.ok()) return Wrong(MessageOf(checked));
    const auto tags = to_.batch.tags();
    if (tags.size() == ring::kTagsMax) return Wrong("too many tags");
    for (const ingest::TagInput& tag : tags) {
      if (tag.key == key) return Wrong("duplicate tag");
    }
    to_.batch.AddTag(key, value);
    return OkStatus();
  }

  Status ReadField() {
    if (AtLineEnd()) return Wrong("missing fields");
    VARVE_ASSIGN_OR_RETURN(const std::string_view key, ReadToken("=, ", ",= "));
    if (key.empty()) return Wrong("missing field key");
    if (!Take('=')) return Wrong("missing field value");
    if (At('"')) return ReadString();
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, ReadToken(", ", ""));
    if (text.empty()) return Wrong("missing field value");
    double value = 0;
    if (!ParseValue(text, value)) return Wrong("invalid number or boolean");
    fields_.push_back({key, value});
    return OkStatus();
  }

  // Passes over a field's string, which may hold anything, line ends too.
  Status ReadString() {
    for (++at_; at_ < body_.size() && body_[at_] != '"'; ++at_) {
      if (body_[at_] == '\n') ++lines_in_string_;
      if (body_[at_] == '\\' && at_ + 1 < body_.size() &&
          (body_[at_ + 1] == '"' || body_[at_ + 1] == '\\')) {
        ++at_;
      }
    }
    if (!Take('"')) return Wrong("unbalanced quotes");
    if (!AtLineEnd() && !At(',') && !At(' ')) return Wrong("text after a string");
    ++to_.strings;
    return OkStatus();
  }

  Result<int64_t> ReadTime() {
    SkipSpaces();
    if (AtLineEnd()) return now_seconds_;
    VARVE_ASSIGN_OR_RETURN(const std::string_view text, ReadToken(" ", ""));
    SkipSpaces();
    int64_t time = 0;
    if (!AtLineEnd() || !ParseWhole(text, time)) return Wrong("bad timestamp");
    if (time < 0 || time / precision_.per_second > kFeedSecondsMax / precision_.seconds) {
      return Wrong("a time before 1970 or after 2106");
    }
    return time / precision_.per_second * precision_.seconds;
  }

  // Reads up to one of `stops` or the line's end. A backslash before one of `escapable` is taken
  // away; any other is text.
  Result<std::string_view> ReadToken(std::string_view stops, std::string_view escapable) {
    const size_t begin = at_;
    size_t escapes = 0;
    for (; !AtLineEnd() && stops.find(body_[at_]) == std::string_view::npos; ++at_) {
      if (body_[at_] == '\0') return Wrong("a NUL byte");
      if (!IsEscape(at_, escapable)) continue;
      ++at_;
      ++escapes;
    }
    const std::string_view raw = body_.substr(begin, at_ - begin);
    if (escapes == 0) return raw;
    char* const plain = to_.batch.Allocate(raw.size() - escapes);
    size_t size = 0;
    for (size_t i = begin; i < at_; ++i) {
      if (IsEscape(i, escapable)) ++i;
      plain[size++] = body_[i];
    }
    return std::string_view(plain, size);
  }

  bool IsEscape(size_t at, std::string_view escapable) const {
    return body_[at] == '\\' && at + 1 < body_.size() &&
           escapable.find(body_[at + 1]) != std::string_view::npos;
  }

  Result<std::string_view> NameOf(std::string_view measurement, std::string_view field) {
    const bool alone = field == "value";
    const size_t size = measurement.size() + (alone ? 0 : 1 + field.size());
    if (size > ring::kNameBytesMax) return Wrong("measurement and field key too long");
    if (alone) return measurement;
    char* const name = to_.batch.Allocate(size);
    std::memcpy(name, measurement.data(), measurement.size());
    name[measurement.size()] = '_';
    std::memcpy(name + measurement.size() + 1, field.data(), field.size());
    return std::string_view(name, size);
  }

  bool At(char c) const { return at_ < body_.size() && body_[at_] == c; }
  bool AtLineEnd() const {
    return at_ == body_.size() || body_[at_] == '\n' ||
           (body_[at_] == '\r' && (at_ + 1 == body_.size() || body_[at_ + 1] == '\n'));
  }
  bool Take(char c) {
    if (!At(c)) return false;
    ++at_;
    return true;
  }
  void SkipSpaces() {
    while (At(' ')) ++at_;
  }
  void EndLine() {
    Take('\r');
    Take('\n');
    line_ += 1 + lines_in_string_;
    lines_in_string_ = 0;
  }

  Status Wrong(std::string_view why) const {
    const size_t end = std::min(body_.find_first_of("\r\n", line_begin_), body_.size());
    const std::string_view line = body_.substr(line_begin_, end - line_begin_);
    return InvalidArgument("unable to parse line {}, '{}': {}", line_,
                           line.substr(0, kQuotedBytesMax), why);
  }

  const std::string_view body_;
  const InfluxPrecision precision_;
  const int64_t now_seconds_;
  InfluxLines& to_;
  size_t at_ = 0;
  size_t line_ = 1;
  size_t line_begin_ = 0;
  size_t lines_in_string_ = 0;
  std::vector<Field> fields_;
};

}  // namespace

Result<InfluxPrecision> ParseInfluxPrecision(std::string_view name) {
  if (name.empty() || name == "n" || name == "ns") return InfluxPrecision{};
  if (name == "u" || name == "us" || name == "µ") return InfluxPrecision{1'000'000, 1};
  if (name == "ms") return InfluxPrecision{1'000, 1};
  if (name == "s") return InfluxPrecision{1, 1};
  if (name == "m") return InfluxPrecision{1, 60};
  if (name == "h") return InfluxPrecision{1, 3600};
  return InvalidArgument("precision is one of ns, us, ms, s, m, h: {}", name);
}

Result<InfluxLines> DecodeInfluxLines(std::string_view body, InfluxPrecision precision,
                                      int64_t now_seconds) {
  if (!simdjson::validate_utf8(body.data(), body.size())) {
    return InvalidArgument("the body is not UTF-8");
  }
  InfluxLines lines;
  VARVE_RETURN_IF_ERROR(LineReader(body, precision, now_seconds, lines).ReadAll());
  return lines;
}

}  // namespace varve::server
