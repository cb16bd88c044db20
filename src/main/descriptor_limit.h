// Lets the process have as many files open as the system allows it.
//
// Role:     Serve -> [RaiseDescriptorLimit], before anything is opened.
// Threads:  once, at the start.
#pragma once

#include <cstdint>

namespace varve {

// Raises the soft limit to the hard one, as far as a server can need it, and returns what the limit
// is now. Connections, the files of queries and the log take descriptors of one limit: the log has
// a line when it is below `wanted`.
uint64_t RaiseDescriptorLimit(uint64_t wanted);

}  // namespace varve
