#include "io/aws/endpoint.h"

namespace varve::io::aws {

Result<Endpoint> ReadEndpoint(std::string_view option, std::string_view text, bool allow_http) {
  if (text.find('@') != std::string_view::npos) {
    // Not repeated here: what stands before the '@' may be a password.
    return InvalidArgument(
        "{}: it has a user or a password in it; keys are given as s3-access-key and s3-secret-key, "
        "and the endpoint is scheme, host and port alone",
        option);
  }
  std::string_view address = text;
  while (address.ends_with('/')) address.remove_suffix(1);
  const size_t colon = address.find("://");
  const std::string_view scheme = address.substr(0, colon);
  if (colon == std::string_view::npos || (scheme != "https" && scheme != "http")) {
    return InvalidArgument("{}: \"{}\" does not begin with https:// or http://", option, text);
  }
  const std::string_view authority = address.substr(colon + 3);
  if (authority.empty() || authority.find_first_of("/?# ") != std::string_view::npos) {
    return InvalidArgument("{}: \"{}\" is not scheme, host and port alone", option, text);
  }
  if (scheme == "http" && !allow_http) {
    return InvalidArgument(
        "{}: {} has no TLS; set s3-allow-http=true if keys and data may go over the network in the "
        "clear",
        option, text);
  }
  return Endpoint{std::string(scheme), std::string(authority)};
}

Endpoint AmazonEndpoint(std::string_view service, std::string_view region) {
  const bool is_china = region.starts_with("cn-");
  return {"https", fmt::format("{}.{}.amazonaws.com{}", service, region, is_china ? ".cn" : "")};
}

}  // namespace varve::io::aws
