#include "server/http/json_writer.h"

#include <charconv>
#include <cmath>
#include <iterator>

namespace varve::server {
namespace {

template <typename T>
void AppendChars(T value, std::string& out) {
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value);
  out.append(std::begin(text), end.ptr);
}

}  // namespace

void AppendJsonNumber(double value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  AppendChars(value, out);
}

void AppendJsonNumber(float value, std::string& out) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  AppendChars(value, out);
}

void AppendJsonNumber(int64_t value, std::string& out) { AppendChars(value, out); }

}  // namespace varve::server
