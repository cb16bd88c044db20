// Turns a bound parameter into the text form that engine::Session takes.
//
// Role:     Bind -> [ParameterTextOf] -> Session::Execute.
// Errors:   22P03 malformed binary, 22021 text that is not UTF-8, 0A000 a binary type not known
//           here.
// Threads:  no shared state.
#pragma once

#include <string>
#include <string_view>

#include "base/status.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {

// `oid` says what binary bytes mean; text passes through after a check of its encoding.
Result<std::string> ParameterTextOf(std::string_view bytes, bool binary, Oid oid);

}  // namespace varve::server::pg
