#include "engine/change_writer.h"

#include <duckdb/storage/buffer_manager.hpp>

#include "base/fault_point.h"
#include "engine/duck_guard.h"
#include "io/scratch_file.h"
#include "lake/data_file.h"

namespace varve::engine {

namespace {

// New rows are gathered up to here before they are written: as much as a file of a good size has.
constexpr uint64_t kGatherBytes = uint64_t{64} << 20;
// A file in memory is some times larger than on disk.
constexpr uint64_t kRowBytesFactor = 8;

// Memory for gathered rows, out of DuckDB's limit: 53200 when there is no room.
class Reservation {
 public:
  Reservation(Database& database, uint64_t bytes)
      : generation_(database.current()),
        manager_(duckdb::BufferManager::GetBufferManager(*generation_->duck.instance)),
        bytes_(bytes) {
    manager_.ReserveMemory(bytes_);
  }
  ~Reservation() { manager_.FreeReservedMemory(bytes_); }
  Reservation(const Reservation&) = delete;
  Reservation& operator=(const Reservation&) = delete;

 private:
  const GenerationRef generation_;
  duckdb::BufferManager& manager_;
  const uint64_t bytes_;
};

}  // namespace

ChangeWriter::ChangeWriter(EngineCore& core, TableRef table, const ChangeControl& control)
    : core_(core),
      table_(std::move(table)),
      control_(control),
      spec_(lake::SpecFor(table_, core.parts.data_files)) {}

Result<FileEdit> ChangeWriter::Write(const RowChange& change) {
  FileEdit edit;
  edit.stored_us = core_.parts.lake.clock->MonotonicUs();
  for (const auto& [place, out] : change.out) {
    VARVE_RETURN_IF_ERROR(control_.check());
    const auto& file = change.files->files.at(place);
    edit.removed.push_back(file->path);
    if (file->rows && static_cast<uint64_t>(*file->rows) == out.count()) continue;
    VARVE_ASSIGN_OR_RETURN(auto copy, CopyWithout(file, out));
    if (copy) edit.added.push_back(std::move(copy));
  }
  if (change.is_update) VARVE_RETURN_IF_ERROR(WriteNewRows(change, edit));
  return edit;
}

Result<std::shared_ptr<const DataFile>> ChangeWriter::CopyWithout(
    const std::shared_ptr<const DataFile>& file, const RowBits& out) {
  auto kept = std::make_shared<KeptFile>(KeptPart{table_, spec_.columns, file, out, core_.store});
  const std::string name = lake::NewDataFileName();
  const io::ScratchFile local(core_.parts.lake.scratch_dir + "/" + name);
  FileCopy copy;
  copy.file = kept;
  copy.running = control_.running;
  if (file->rows && *file->rows > 0) {
    copy.row_bytes = static_cast<uint64_t>(file->bytes / *file->rows) * kRowBytesFactor;
  }
  VARVE_ASSIGN_OR_RETURN(const auto written, core_.parquet_writer->Copy(spec_, copy, local.path()));
  auto described = std::make_shared<DataFile>(kept->Described());
  const auto left = static_cast<int64_t>(out.count());
  // Rows lost here would be lost for good.
  if (written.rows != *described->rows || (file->rows && written.rows != *file->rows - left)) {
    return Internal("{}/{} without {} rows was copied as {} rows, of which {} were described",
                    table_->location, file->path, left, written.rows, *described->rows);
  }
  if (written.rows == 0) return nullptr;
  described->path = lake::DataFilePath(*table_, file->partition_values, name);
  described->bytes = written.bytes;
  described->partition_values = file->partition_values;
  VARVE_RETURN_IF_ERROR(Store(*described, local.path()));
  return std::shared_ptr<const DataFile>(std::move(described));
}

Status ChangeWriter::Store(const DataFile& file, const std::string& local) {
  const std::string name = table_->location + "/" + file.path;
  names_.push_back(name);  // before the attempt: a failed one may have left the object behind
  if (const auto delta = core_.parts.tables->Find(table_->id)) {
    kept_.push_back(delta->Keep(file.path));
  }
  VARVE_RETURN_IF_ERROR(core_.store.PutFile(name, local));
  VARVE_FAULT_POINT("dml.mid_files");
  return OkStatus();
}

Status ChangeWriter::WriteNewRows(const RowChange& change, FileEdit& edit) {
  return GuardDuck([&]() -> Status {
    const Reservation gathered(*core_.database, 2 * kGatherBytes);
    RowCollector collector(change.shape, UINT64_MAX);
    for (auto& chunk : change.collected->Chunks()) {
      VARVE_RETURN_IF_ERROR(control_.check());
      collector.Append(chunk);
      if (collector.bytes() < kGatherBytes) continue;
      VARVE_RETURN_IF_ERROR(WriteRows(collector.Finish(), edit));
    }
    return WriteRows(collector.Finish(), edit);
  });
}

Status ChangeWriter::WriteRows(std::vector<BatchRef> batches, FileEdit& edit) {
  if (!edit.stored_us) edit.stored_us = core_.parts.lake.clock->MonotonicUs();
  VARVE_ASSIGN_OR_RETURN(const auto groups, lake::PartitionRows(*table_, batches));
  for (const auto& group : groups) {
    VARVE_RETURN_IF_ERROR(control_.check());
    const std::string name = lake::NewDataFileName();
    const io::ScratchFile local(core_.parts.lake.scratch_dir + "/" + name);
    VARVE_ASSIGN_OR_RETURN(
        auto file, lake::WriteDataFile(*core_.parquet_writer, spec_, group, name, local.path()));
    VARVE_RETURN_IF_ERROR(Store(file, local.path()));
    edit.added.push_back(std::make_shared<const DataFile>(std::move(file)));
  }
  return OkStatus();
}

}  // namespace varve::engine
