#include "server/http/accept.h"

#include <absl/strings/ascii.h>
#include <absl/strings/numbers.h>
#include <absl/strings/str_split.h>

#include <algorithm>

namespace varve::server {

std::vector<std::string> ItemsOf(std::string_view field) {
  std::vector<std::string> items;
  for (const auto& item : absl::StrSplit(absl::string_view(field.data(), field.size()), ',')) {
    std::string text = absl::AsciiStrToLower(absl::StripAsciiWhitespace(item));
    if (!text.empty()) items.push_back(std::move(text));
  }
  return items;
}

double QualityOf(std::string_view field, std::string_view wanted) {
  double best = -1;
  for (const std::string& item : ItemsOf(field)) {
    const size_t end = std::min(item.find(';'), item.size());
    const absl::string_view name = absl::StripAsciiWhitespace(absl::string_view(item.data(), end));
    if (std::string_view(name.data(), name.size()) != wanted) continue;
    double quality = 1;
    for (const auto& parameter : absl::StrSplit(absl::string_view(item).substr(end), ';')) {
      const absl::string_view text = absl::StripAsciiWhitespace(parameter);
      if (text.substr(0, 2) == "q=" && !absl::SimpleAtod(text.substr(2), &quality)) quality = 0;
    }
    best = std::max(best, quality);
  }
  return best;
}

bool AcceptsGzip(std::string_view accept_encoding) {
  const double named =
      std::max(QualityOf(accept_encoding, "gzip"), QualityOf(accept_encoding, "x-gzip"));
  return (named >= 0 ? named : QualityOf(accept_encoding, "*")) > 0;
}

}  // namespace varve::server
