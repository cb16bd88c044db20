// Lets the engine's own SQL read batches that are in memory, as varve_batches(number).
//
// Role:     ParquetWriter, CheckpointCodec -> [BatchSources] -> FROM varve_batches(n) on one of the
//           engine's own connections. Users cannot call it: the access guard does not list it.
// Threads:  safe. A source lives as long as its Lease and every scan of it.
#pragma once

#include <duckdb.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "model/row_order.h"

namespace varve::engine {

struct BatchSource {
  TableRef table;  // its columns are the scan's; jsonb is read as VARCHAR
  std::vector<BatchRef> batches;
  std::vector<RowRef> rows;  // in the order in which they are read
};

class BatchSources {
 public:
  // Takes its source back when it goes.
  class Lease {
   public:
    Lease(BatchSources& sources, uint64_t number) : sources_(sources), number_(number) {}
    ~Lease() { sources_.Remove(number_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    // "varve_batches(7)"
    std::string from() const { return fmt::format("varve_batches({})", number_); }

   private:
    BatchSources& sources_;
    const uint64_t number_;
  };

  std::unique_ptr<Lease> Add(BatchSource source) VARVE_EXCLUDES(mu_);
  std::shared_ptr<const BatchSource> Find(uint64_t number) const VARVE_EXCLUDES(mu_);

  // Registers varve_batches; this object outlives the instance.
  void Register(duckdb::DatabaseInstance& db);

 private:
  void Remove(uint64_t number) VARVE_EXCLUDES(mu_);

  mutable Mutex mu_;
  std::map<uint64_t, std::shared_ptr<const BatchSource>> sources_ VARVE_GUARDED_BY(mu_);
  uint64_t last_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::engine
