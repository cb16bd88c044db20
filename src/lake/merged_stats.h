// Works out the statistics of a file that holds the rows of several others.
//
// Role:     statistics of the files merged -> [DescribeMerged] -> the add action of the result.
// Errors:   none; a bound that one of the files does not say is left out.
// Threads:  pure function.
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

// Rows, bounds, NULL counts and times of all of `files` together. `absent[i]`: the columns that
// files[i] does not have and that are NULL in all of its rows therefore.
DataFile DescribeMerged(const TableDef& table,
                        const std::vector<std::shared_ptr<const DataFile>>& files,
                        const std::vector<std::set<std::string>>& absent);

}  // namespace varve::lake
