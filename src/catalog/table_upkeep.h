// Lays out tables in the lake anew and clears away what nobody needs, when SQL asks for it.
//
// Role:     engine (SELECT varve.compact('t'), varve.expire('t'), varve.vacuum('t'), varve.jobs) ->
//           [TableUpkeep] -> implemented by maintenance.
// Errors:   57014 when `stopped` said so: what was committed until then stays.
// Threads:  safe; all but Jobs block, on one another too.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "base/status.h"
#include "catalog/maintenance.h"
#include "model/schema.h"

namespace varve::catalog {

class TableUpkeep {
 public:
  using Stopped = std::function<bool()>;  // asked often, from the calling thread

  virtual ~TableUpkeep() = default;

  // Merges small data files of each partition. Returns a sentence about what was done.
  virtual Result<std::string> Compact(const TableRef& table, const Stopped& stopped) = 0;
  // Takes out of the table the files all of whose rows are past its retention.
  virtual Result<std::string> Expire(const TableRef& table, const Stopped& stopped) = 0;
  // Deletes files that no version within the retention refers to.
  virtual Result<std::string> Vacuum(const TableRef& table, const Stopped& stopped) = 0;
  virtual std::vector<JobInfo> Jobs() const = 0;
};

}  // namespace varve::catalog
