// Finds and reads the files of a table's Delta log.
//
// Role:     io::ObjectStore -> [DeltaLog] -> TableState, for DeltaTable.
// Layout:   <location>/_delta_log/: %020d.json, %020d.checkpoint.parquet, multi-part checkpoints of
//           other writers, _last_checkpoint. Other files there are none of ours.
// Errors:   NotFound when there is no log; DataLoss naming the file for one that is damaged or
//           missing; 0A000 when only a checkpoint of version 2 is there.
// Threads:  safe; every call blocks on the store.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/object_store.h"
#include "lake/commit_store.h"
#include "lake/parquet_writer.h"
#include "lake/table_state.h"

namespace varve::lake {

class DeltaLog {
 public:
  // `scratch_dir`: a local folder, where checkpoints of a store without local files are read.
  DeltaLog(io::ObjectStore& store, CommitStore& commits, CheckpointCodec& checkpoints,
           std::string scratch_dir, const std::string& location);

  std::string CheckpointName(int64_t version) const;
  std::string LastCheckpointName() const;

  // The newest version, from the newest checkpoint that can be read and the commits after it. A
  // _last_checkpoint that is wrong, or a checkpoint that is damaged, costs time but no data as long
  // as an older way to the state is there. Here and in ReadNewer, commits that a stopped writer
  // left half done are finished and count.
  Result<TableState> Load();

  // What the versions from `first` to `last` say of the transactions of one writer.
  struct TxnSearch {
    std::optional<int64_t> version;  // the newest
    bool is_complete = false;        // none of the versions was cleaned up
  };
  Result<TxnSearch> FindTxn(const std::string& app_id, int64_t first, int64_t last);

  // The newest version if it comes after `state`, else nullopt; 55000 when the log does not even
  // reach `state` any more (kNext does not look for that). kNext asks for the next commit and
  // lists only when it is there: that is a tenth of the price, but whoever slept until the next
  // commit had been cleaned up does not wake.
  enum class Look : uint8_t { kNext, kList };
  Result<std::optional<TableState>> ReadNewer(const TableState& state, Look look);

  // Makes `state` a checkpoint and then the one that readers are pointed to. `scratch_path`: a
  // local file to be made; the caller removes it.
  Status WriteCheckpoint(const TableState& state, int64_t now_ms, const std::string& scratch_path);

  // Deletes log files that a checkpoint older than `before_us` made superfluous, and what writers
  // that stopped before then left behind. Returns how many.
  Result<int64_t> CleanUp(int64_t before_us);

 private:
  // What lies in the folder, from some version on.
  struct Contents {
    std::set<int64_t> commits;
    // Names of the files of each complete checkpoint.
    std::map<int64_t, std::vector<std::string>> checkpoints;
    bool has_v2_checkpoint = false;
    bool empty = true;
  };
  struct Hint {
    int64_t version = 0;
    int64_t parts = 0;  // 0: one file
  };
  // What was read before it was known to be there, by the objects' names.
  using ReadAhead = std::map<std::string, Result<std::string>, std::less<>>;

  Result<Contents> ListFrom(int64_t version);
  std::optional<Hint> ReadLastCheckpoint();
  // Lists from the checkpoint on and reads it and the commits that may follow meanwhile: who waits
  // for one after the other waits three times.
  Result<Contents> ListAndRead(const Hint& hint, ReadAhead& ahead);
  // From `ahead` if it is there, else from the store.
  Result<std::string> Read(const std::string& name, ReadAhead& ahead);
  // Nullopt when `contents` does not lead to a state; `first_error` then says why, if it was
  // damage.
  Result<std::optional<TableState>> LoadFrom(const Contents& contents, ReadAhead& ahead,
                                             Status& first_error);
  // The state that the newest commit alone makes, when it says that the table was dropped: what
  // came before may be deleted already.
  std::optional<TableState> ReadDropMark(const Contents& contents);
  Status Gone(int64_t version) const;
  Result<TableState> ReadCheckpoint(int64_t version, const std::vector<std::string>& names,
                                    ReadAhead& ahead);
  // The lines of one checkpoint file.
  Result<std::string> DecodeCheckpoint(const std::string& name, ReadAhead& ahead);
  Status ApplyCommits(const std::set<int64_t>& commits, ReadAhead& ahead, TableState& state);

  io::ObjectStore& store_;
  CommitStore& commits_;
  CheckpointCodec& checkpoints_;
  const std::string location_;
  const std::string scratch_dir_;
  const std::string folder_;  // with '/' at its end
};

}  // namespace varve::lake
