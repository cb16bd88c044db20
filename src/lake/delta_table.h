// Keeps one Delta Lake table: reads its log, commits to it, and knows the files of the newest
// version.
//
// Role:     engine (definitions, DELETE, UPDATE), flush (rows), maintenance (files) -> [DeltaTable]
//           -> CommitStore, io::ObjectStore.
// Layout:   <location>/_delta_log/%020d.json, NNN.checkpoint.parquet, _last_checkpoint; Delta
//           protocol, reader 1 / writer 2. Data files: <location>/<partition
//           path>/part-<uuid>.zstd.parquet.
// Errors:   0A000 with the feature's name when the table needs one that we do not know; Unavailable
//           when the store is; DataLoss for a log that breaks the protocol. A commit that failed
//           may have happened all the same, unless commit_fate.h says of its error that it did not:
//           Refresh and txn_version then say whether it did.
// Threads:  safe; commits are serialised; files() never blocks on I/O.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "io/object_store.h"
#include "lake/commit_store.h"
#include "lake/file_stats.h"
#include "lake/parquet_writer.h"
#include "lake/partition_path.h"
#include "model/file_set.h"
#include "model/schema.h"

namespace varve::lake {

// A version that takes files out of a table and puts others in their place.
struct FileChange {
  std::string operation;             // as Delta names it: "OPTIMIZE", "DELETE", "UPDATE"
  std::vector<std::string> removed;  // paths, as in DataFile
  std::vector<DataFile> added;       // under paths that no version had before
  bool data_change = true;           // false: the same rows, only laid out anew
  // When the first of `added` began to be stored, on the monotonic clock; nullopt: a moment ago.
  std::optional<int64_t> stored_us = std::nullopt;
};

// An object that no version names is vacuum's, of any server, when it is an hour old. What began to
// be stored longer ago than this must not be committed: the commit takes time too.
inline constexpr int64_t kStoredGoodForUs = int64_t{40} * 60 * 1'000'000;

// What vacuum must not delete.
struct KeptFiles {
  std::set<std::string, std::less<>> paths;  // as in DataFile
  int64_t deleted_file_retention_us = 0;     // the table's delta.deletedFileRetentionDuration
};

class DeltaTable {
 public:
  struct Context {
    io::ObjectStore* store = nullptr;
    CommitStore* commits = nullptr;  // of that store
    CheckpointCodec* checkpoints = nullptr;
    Clock* clock = nullptr;
    std::string scratch_dir;  // local folder for temporary files
  };

  virtual ~DeltaTable() = default;

  // Reads the newest version of a table that is to have these very columns: AlreadyExists if it has
  // others, NotFound when there is no Delta log at the location, 55006 when the table there was
  // dropped and its files are still going.
  static Result<std::unique_ptr<DeltaTable>> Join(const Context& context, TableRef table);
  // The same, but where there is none writes version 0 (protocol, metaData with the columns).
  static Result<std::unique_ptr<DeltaTable>> Create(const Context& context, TableRef table);
  // Reads the newest version. NotFound when there is no Delta log at the location, or the table
  // there was dropped.
  static Result<std::unique_ptr<DeltaTable>> Open(const Context& context, TableRef table);
  // The same for a table that only its folder is known of, whoever made it. Adopt must follow.
  static Result<std::unique_ptr<DeltaTable>> Discover(const Context& context,
                                                      const std::string& location);

  // What tells this Delta table from any other, also from one that another server makes in the same
  // folder when this one is gone.
  virtual std::string lake_id() const = 0;

  // What the newest version that was read says of the table; its id is not in the lake.
  struct Definition {
    TableDef table;
    bool has_options = false;  // not only columns: Varve made the table, or changed it since
  };
  virtual Result<Definition> definition() const = 0;
  // True once a version was read that says that a server has dropped the table.
  virtual bool dropped() const = 0;
  // The table as this server knows it from now on; the lake has its columns already.
  virtual void Adopt(TableRef table) = 0;

  virtual FileSetRef files() const = 0;
  // The files of the newest version that was read, those that were removed from the table within
  // its retention, and those of every file set that this object gave out and somebody still holds.
  virtual KeptFiles KeptPaths(int64_t now_us) const = 0;
  // Puts a file that is about to be stored, and may be committed much later, among the kept ones
  // for as long as somebody holds what is returned.
  virtual std::shared_ptr<const void> Keep(std::string path) = 0;
  // The version last committed with this appId, or nullopt.
  virtual std::optional<int64_t> txn_version(const std::string& app_id) const = 0;

  // How far the commits with this appId go when the version says less than `noted`, which was
  // committed as the version `since` or a later one: another engine's checkpoint may have dropped
  // what says so (delta.setTransactionRetentionDuration). Looked for in the commits themselves;
  // `noted` counts when those are gone. nullopt when the commit is not in the table's history: an
  // older state of the table was put back. What is found is known to txn_version and files() then.
  virtual Result<std::optional<int64_t>> RecoverTxn(const std::string& app_id, int64_t noted,
                                                    int64_t since) = 0;

  // Commits blind appends together with `txn {app_id, txn}` as one version. Returns the new file
  // set.
  virtual Result<FileSetRef> Append(std::vector<DataFile> files, const std::string& app_id,
                                    int64_t txn) = 0;
  // Commits `change` as one version. 40001 when a file to be removed is gone: then nothing is
  // committed, by this call or an earlier one that was left in doubt, and what was derived from it
  // is out of date. Another error that is known not to have committed (commit_fate.h) says so of
  // this call alone. Files that others add do not matter.
  // 54000 when its files were stored too long ago (kStoredGoodForUs).
  // A change that is in the log already, because an earlier call did not hear of its success, is
  // recognised by its added files, or by the text that was to be committed, and not made again.
  virtual Result<FileSetRef> Replace(FileChange change) = 0;
  // Commits the table's new columns and options. 40001 when another server has changed the
  // definition that `table` was made from.
  virtual Status UpdateSchema(TableRef table) = 0;
  // Commits that the table is dropped: no server appends to it or opens it any more.
  virtual Status MarkDropped() = 0;
  // Commits a version that changes nothing. A commit that was still on its way to the store when
  // its maker died was to be this version or an earlier one: afterwards it is there, or never will
  // be.
  virtual Status Fence() = 0;
  // Picks up what other writers committed.
  virtual Result<FileSetRef> Refresh() = 0;
};

}  // namespace varve::lake
