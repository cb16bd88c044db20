// Lets one session at a time change the files of a table.
//
// Role:     DELETE and UPDATE -> [TableLocks]. Two of them at once would replace the same files,
//           and one would have worked for nothing. Other servers and compaction are not held up: a
//           conflict with them is found at the commit.
// Threads:  safe. The holder may let go on any thread.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <set>
#include <utility>

#include "base/mutex.h"
#include "base/status.h"
#include "model/ids.h"

namespace varve::engine {

class TableLocks {
 public:
  class Held {
   public:
    Held(TableLocks& locks, TableId table) : locks_(locks), table_(table) {}
    ~Held() { locks_.Release(table_); }
    Held(const Held&) = delete;
    Held& operator=(const Held&) = delete;
    TableId table() const { return table_; }

   private:
    TableLocks& locks_;
    const TableId table_;
  };

  // Waits until nobody else holds the table, or until `check` gives an error, which is returned.
  // `check` is asked many times a second.
  Result<std::unique_ptr<Held>> Acquire(TableId table, const std::function<Status()>& check)
      VARVE_EXCLUDES(mu_) {
    constexpr std::chrono::milliseconds kCheckInterval{20};
    MutexLock lock(mu_);
    while (held_.contains(table)) {
      VARVE_RETURN_IF_ERROR(check());
      released_.WaitFor(mu_, kCheckInterval,
                        [&]() VARVE_REQUIRES(mu_) { return !held_.contains(table); });
    }
    held_.insert(table);
    return std::make_unique<Held>(*this, table);
  }

 private:
  void Release(TableId table) VARVE_EXCLUDES(mu_) {
    {
      MutexLock lock(mu_);
      held_.erase(table);
    }
    released_.NotifyAll();
  }

  Mutex mu_;
  CondVar released_;
  std::set<TableId> held_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::engine
