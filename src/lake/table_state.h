// Replays the actions of a Delta log into the state of one version.
//
// Role:     actions of checkpoints and commits -> [TableState] -> FileSet, the next checkpoint.
// Layout:   "Action Reconciliation" of the Delta protocol: the newest reference to a file, the
//           newest protocol, metaData, txn of an appId and domainMetadata of a domain win.
// Errors:   0A000 with the feature's name for a table that Varve must not read or write; DataLoss
//           for a state without protocol or metaData. After an error the state is of no use.
// Threads:  not thread-safe; a copy is cheap next to I/O (files are shared).
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/status.h"
#include "lake/actions.h"
#include "lake/table_properties.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

class TableState {
 public:
  // Applies all actions of one version, or of the checkpoint at `version`.
  Status Apply(int64_t version, std::vector<Action> actions);
  // Reads the statistics of the files that were applied since the last call, for the columns of
  // `table`. Before it, no file set is made: its files would have no times.
  void ReadStatistics(const TableDef& table);

  // Checks that this version may be read and written by us. To be called when all is applied.
  Status CheckSupported() const;
  // Checks that `table` fits: columns that both have are of one type, and the partition columns are
  // the same. FailedPrecondition names the column.
  Status CheckFits(const TableDef& table) const;
  // 55000 when the table is one that rows are only added to (delta.appendOnly).
  Status CheckRowsMayGo() const;
  // True when the Delta table has exactly the columns of `table`, in any order.
  Result<bool> HasColumnsOf(const TableDef& table) const;

  int64_t version() const { return version_; }
  const Metadata& metadata() const { return *metadata_; }
  // True when a server has dropped the table: its files are going, or have gone.
  bool dropped() const;
  std::optional<int64_t> txn_version(const std::string& app_id) const;
  void SetTxn(Txn txn);
  // Takes over the txns that `older` has and this state lacks: another engine's checkpoint has left
  // them out, and what they say stays true.
  void KeepTxns(const TableState& older);
  std::map<std::string, int64_t> txn_versions() const;

  // The add action of a file that is in the table, else nullptr; valid until the next Apply.
  const std::string* AddJson(std::string_view path) const;
  // True when the file is in the table or has been (and is remembered as removed).
  bool Knows(std::string_view path) const;

  // Newest first; files of unknown age before all others, because they may hold the newest row.
  FileSetRef MakeFileSet(std::shared_ptr<const void> in_use = nullptr) const;

  struct Checkpoint {
    std::string ndjson;
    int64_t actions = 0;
    int64_t adds = 0;
  };
  // The files of this version, and those removed from it within the table's
  // deletedFileRetentionDuration: readers of an older version still need them.
  std::set<std::string, std::less<>> KeptPaths(int64_t now_us) const;
  TableProperties properties() const { return ReadProperties(metadata_->configuration); }
  // Forgets removals that are older than that. Knows then forgets them as well, so that those of
  // the last hour always stay.
  void ForgetOldRemovals(int64_t now_us);

  // Everything that the protocol wants in a checkpoint of this version.
  Checkpoint MakeCheckpoint(int64_t now_ms) const;

 private:
  struct File {
    std::shared_ptr<DataFile> file;  // not changed any more once its statistics are read
    std::string json;
    std::string stats_json;  // empty when they are read
    bool has_deletion_vector = false;
  };
  void ApplyAdd(AddFile add);
  bool IsRemembered(const RemoveFile& remove, int64_t now_us, int64_t at_least_us) const;

  int64_t version_ = -1;
  std::optional<Protocol> protocol_;
  std::optional<Metadata> metadata_;
  // By path. Shared, so that the state of the next version is a cheap copy of this one.
  std::map<std::string, std::shared_ptr<const File>, std::less<>> files_;
  // Files whose statistics are still text. Not shared with any other state.
  std::vector<std::shared_ptr<File>> unread_;
  std::map<std::string, RemoveFile, std::less<>> tombstones_;
  std::map<std::string, Txn> txns_;
  std::map<std::string, DomainMetadata> domains_;
  size_t deletion_vectors_ = 0;
};

}  // namespace varve::lake
