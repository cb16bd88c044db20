// Lets the engine's own SQL read a data file without some of its rows, as varve_kept_rows(number).
//
// Role:     change writer -> [KeptRows] -> COPY (SELECT ... FROM varve_kept_rows(n)) TO a new file.
//           On the way past, the rows are described for the Delta log. Users cannot call it: the
//           access guard does not list it.
// Layout:   the columns of ParquetSpec::columns; rows in the order of the file.
// Limits:   nothing is gathered: what is in memory is a vector for each of DuckDB's workers, and
//           what COPY itself holds.
// Threads:  safe. A source lives as long as its Lease and every scan of it.
#pragma once

#include <duckdb.hpp>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "engine/row_address.h"
#include "io/object_store.h"
#include "lake/row_describer.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::engine {

// What is copied of a file.
struct KeptPart {
  TableRef table;
  std::vector<uint32_t> columns;
  std::shared_ptr<const DataFile> file;
  const RowBits& left_out;  // outlives the copy
  io::ObjectStore& store;
};

// One file that is being copied.
class KeptFile {
 public:
  explicit KeptFile(KeptPart part) : part_(std::move(part)), describer_(part_.table) {}

  const KeptPart& part() const { return part_; }
  // Rows that pass; from several threads.
  void Describe(const Batch& rows) VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    describer_.Add({std::shared_ptr<const Batch>(std::shared_ptr<void>(), &rows), {}});
  }
  // Rows and statistics of all that passed.
  DataFile Described() const VARVE_EXCLUDES(mu_) {
    MutexLock lock(mu_);
    return describer_.Finish();
  }

 private:
  const KeptPart part_;
  mutable Mutex mu_;
  lake::RowDescriber describer_ VARVE_GUARDED_BY(mu_);
};

class KeptRows {
 public:
  // Takes its file back when it goes.
  class Lease {
   public:
    Lease(KeptRows& sources, uint64_t number) : sources_(sources), number_(number) {}
    ~Lease() { sources_.Remove(number_); }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    // "varve_kept_rows(7)"
    std::string from() const { return fmt::format("varve_kept_rows({})", number_); }

   private:
    KeptRows& sources_;
    const uint64_t number_;
  };

  std::unique_ptr<Lease> Add(std::shared_ptr<KeptFile> file) VARVE_EXCLUDES(mu_);
  std::shared_ptr<KeptFile> Find(uint64_t number) const VARVE_EXCLUDES(mu_);

  // Registers varve_kept_rows; this object outlives the instance.
  void Register(duckdb::DatabaseInstance& db);

 private:
  void Remove(uint64_t number) VARVE_EXCLUDES(mu_);

  mutable Mutex mu_;
  std::map<uint64_t, std::shared_ptr<KeptFile>> files_ VARVE_GUARDED_BY(mu_);
  uint64_t last_ VARVE_GUARDED_BY(mu_) = 0;
};

}  // namespace varve::engine
