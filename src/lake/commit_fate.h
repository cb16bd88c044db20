// Tells apart the failed commits that certainly did not happen: only of those may the data files be
// deleted that the commit was to add.
//
// Role:     DeltaTable marks its errors -> [commit fate] -> engine (DELETE, UPDATE), maintenance
//           (compaction), which have put the files into the store.
// Errors:   an error without the mark leaves it open, whatever its code: the store may have made
//           the version and then failed in any way. Files that nothing refers to are vacuum's.
#pragma once

#include "base/status.h"

namespace varve::lake {

// Marks the error of a commit that has not happened and will not.
Status NotCommitted(Status error);

bool IsKnownNotCommitted(const Status& error);

}  // namespace varve::lake
