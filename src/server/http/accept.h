// Reads what a client would rather have from the fields Accept and Accept-Encoding.
//
// Layout:   RFC 9110, section 12.5: items with a weight q, separated by commas.
// Threads:  no shared state.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace varve::server {

// The items of a list, in lower case, without the empty ones.
std::vector<std::string> ItemsOf(std::string_view field);

// The largest weight of the field's items that are `item` but for their parameters; -1: none is.
// Nothing else matches: that "*" stands for it too is the caller's to ask.
double QualityOf(std::string_view field, std::string_view item);

// Whether Accept-Encoding takes gzip.
bool AcceptsGzip(std::string_view accept_encoding);

}  // namespace varve::server
