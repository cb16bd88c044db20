// Rewrites data files with a DuckDB instance of its own: implements lake::FileRewriter.
//
// Layout:   as DuckParquetWriter's files; row groups end at spec.format.row_group_bytes.
// Limits:   one thread and memory_bytes_max, apart from the instance that answers queries. Inputs
//           are merged as streams; when one turns out not to be sorted, or too many overlap, or
//           memory does not suffice, they are sorted on disk instead.
// Threads:  safe; each Rewrite has its own instance.
#pragma once

#include "lake/file_rewriter.h"

namespace varve::engine {

class DuckFileRewriter : public lake::FileRewriter {
 public:
  Result<lake::RewriteResult> Rewrite(const lake::RewriteSpec& spec) override;
};

}  // namespace varve::engine
