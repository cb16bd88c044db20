// Kills the process at a named place when a crash test asks for it.
//
// Role:     VARVE_FAULT_POINT("flush.after_files") in the write path -> SIGKILL when the
//           environment holds VARVE_FAULT=flush.after_files:N and the place is reached for the Nth
//           time (default 1). Without the variable it costs one load of a constant.
// Threads:  safe.
#pragma once

namespace varve {

// True when VARVE_FAULT was set at start.
bool FaultPointsArmed();

// Ends the process with SIGKILL if `name` is the armed point and its count is reached.
void HitFaultPoint(const char* name);

}  // namespace varve

#define VARVE_FAULT_POINT(name)                                    \
  do {                                                             \
    if (::varve::FaultPointsArmed()) ::varve::HitFaultPoint(name); \
  } while (false)
