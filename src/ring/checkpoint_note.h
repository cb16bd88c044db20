// Notes outside of the rings' folder how far their checkpoint reached, so that a start can tell a
// folder that was lost, or is an older copy, from one that never held anything.
//
// Role:     flush (before the log is cut) -> [CheckpointNote] -> main (start, before the rings
//           are opened).
// Layout:   the bytes of a checkpoint that names no registry; docs/formats/ring.md, "Note".
// Errors:   Check, CheckEnd: DataLoss when the rings lack changes that the log does not have, or
//           when the note cannot be read. Keep: the file system's; the log must not be cut then.
// Threads:  safe; Keep blocks on the disk.
#pragma once

#include <optional>
#include <string>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"
#include "model/ids.h"
#include "ring/spare_file.h"

namespace varve::ring {

class CheckpointNote {
 public:
  CheckpointNote(io::FileSystem& files, std::string path)
      : files_(files), path_(std::move(path)), spare_(files, path_ + ".spare") {}

  // Whether the rings in `dir` and a log that begins at `log_begin` (nullopt: there is none) have
  // together what was noted. Changes nothing on the disk. Before the threads that call Keep.
  Status Check(const std::string& dir, std::optional<Lsn> log_begin);
  // Behind Check and the replay: whether the log, whose last record is `log_end` (0: it has none),
  // goes as far as the rings need it to.
  Status CheckEnd(Lsn log_end) const;
  // Durable when it returns OK. Quick when it is noted already. Works on a full disk, where the log
  // is cut to make room.
  Status Keep(Lsn checkpoint) VARVE_EXCLUDES(mu_);

 private:
  io::FileSystem& files_;
  const std::string path_;
  SpareFile spare_;
  Lsn needed_;  // the log must have this record; 0: the rings have what was noted

  Mutex mu_;  // held across I/O
  Lsn kept_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::ring
