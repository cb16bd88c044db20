#include "server/http/answer_text.h"

#include <absl/time/time.h>
#include <fmt/format.h>

#include <array>
#include <boost/beast/http/status.hpp>
#include <iterator>

#include "base/telemetry.h"

namespace varve::server {
namespace {

// Made once a second: formatting a date costs more than the rest of the head.
const std::string& DateText(int64_t now_us) {
  thread_local int64_t second = -1;
  thread_local std::string text;
  if (now_us / 1'000'000 != second) {
    second = now_us / 1'000'000;
    text = absl::FormatTime("%a, %d %b %E4Y %H:%M:%S GMT", absl::FromUnixSeconds(second),
                            absl::UTCTimeZone());
  }
  return text;
}

}  // namespace

std::string HeadOfAnswer(const HttpAnswer& answer, const AnswerTerms& terms) {
  const auto reason =
      boost::beast::http::obsolete_reason(static_cast<boost::beast::http::status>(answer.status));
  std::string head;
  head.reserve(256);
  fmt::format_to(std::back_inserter(head), "HTTP/1.1 {} {}\r\nDate: {}\r\n", answer.status,
                 std::string_view(reason.data(), reason.size()), DateText(terms.now_us));
  // What has no body says nothing of one.
  if (answer.status != 204 && answer.status != 304) {
    fmt::format_to(std::back_inserter(head), "Content-Type: {}\r\nContent-Length: {}\r\n",
                   answer.content_type, answer.body.size());
  }
  for (const auto& [name, value] : answer.fields) {
    head.append(name).append(": ").append(value).append("\r\n");
  }
  if (!terms.keep_alive) {
    head += "Connection: close\r\n";
  } else if (terms.is_http_10) {
    head += "Connection: keep-alive\r\n";
  }
  head += "\r\n";
  return head;
}

void CountAnswer(unsigned status) {
  static const auto kCounters = [] {
    std::array<Counter*, 6> counters{};
    for (size_t i = 1; i < counters.size(); ++i) {
      counters[i] = &Telemetry::Get().GetCounter(
          "varve_http_answers_total", "Answers to HTTP requests.", fmt::format("code=\"{}xx\"", i));
    }
    return counters;
  }();
  if (status >= 100 && status < 600) kCounters[status / 100]->Add();
}

}  // namespace varve::server
