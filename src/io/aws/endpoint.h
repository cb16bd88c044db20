// Reads the address of a service that the operator has given, and knows those of Amazon's.
//
// Role:     settings of io/s3 and io/dynamodb -> [ReadEndpoint, AmazonEndpoint] -> their URLs.
// Errors:   InvalidArgument, one sentence that names the option; it does not repeat a text that may
//           hold a password.
// Threads:  pure functions.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"

namespace varve::io::aws {

struct Endpoint {
  std::string scheme;     // "https" or "http"
  std::string authority;  // host, and port where one is given
};

// `text`: scheme, host and port; slashes at its end do not count. `option`: where it comes from.
Result<Endpoint> ReadEndpoint(std::string_view option, std::string_view text, bool allow_http);

// `service` as in the host's name: "s3", "dynamodb".
Endpoint AmazonEndpoint(std::string_view service, std::string_view region);

}  // namespace varve::io::aws
