// Shows and checks a log folder for an operator, without changing it.
//
// Role:     main (`varve log inspect|verify DIR`) -> [this] -> output stream.
// Errors:   NotFound when there is no such folder, or no segment in it; DataLoss naming segment and
//           offset when damaged.
// Threads:  safe; a server may have the folder open, then its newest records may look torn.
#pragma once

#include <iosfwd>
#include <string>

#include "base/status.h"
#include "io/file.h"

namespace varve::log {

// One line per segment and per record, then a summary; goes as far as the log is readable and
// returns what Verify would.
Status InspectLog(io::FileSystem& files, const std::string& dir, std::ostream& out);

// Reads everything; prints one summary line when the log is sound. A torn tail is not damage: it is
// printed, and cut off by the next start.
Status VerifyLog(io::FileSystem& files, const std::string& dir, std::ostream& out);

}  // namespace varve::log
