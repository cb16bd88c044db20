#include "lake/table_state.h"

#include <algorithm>
#include <array>

#include "lake/delta_schema.h"
#include "lake/file_stats.h"
#include "lake/table_definition.h"

namespace varve::lake {
namespace {

// Features of writer version 7 that ask little of us: no row is removed from an append-only table,
// columns with an invariant are refused one by one, and domains are kept as they are.
constexpr std::array<std::string_view, 3> kKnownWriterFeatures = {"appendOnly", "invariants",
                                                                  "domainMetadata"};
constexpr int64_t kWriterVersionMax = 2;
constexpr int64_t kWriterVersionOfFeatures = 7;
constexpr int64_t kReaderVersionOfFeatures = 3;

// Whoever does not know whether a commit of its own happened asks for its files within this time.
constexpr int64_t kRemovalsKeptUs = int64_t{3600} * 1'000'000;

Status Unsupported(std::string_view feature) {
  return SqlErrorf(sqlstate::kFeatureNotSupported,
                   "the Delta table needs a feature that is not supported: {}", feature);
}

Status CheckProtocol(const Protocol& protocol) {
  if (protocol.min_reader == 2) return Unsupported("columnMapping");
  if (protocol.min_reader > kReaderVersionOfFeatures) {
    return Unsupported(fmt::format("reader version {}", protocol.min_reader));
  }
  for (const std::string& feature : protocol.reader_features) return Unsupported(feature);
  if (protocol.min_writer == kWriterVersionOfFeatures) {
    for (const std::string& feature : protocol.writer_features) {
      if (std::find(kKnownWriterFeatures.begin(), kKnownWriterFeatures.end(), feature) ==
          kKnownWriterFeatures.end()) {
        return Unsupported(feature);
      }
    }
    return OkStatus();
  }
  // Versions 3 to 6 stand for fixed sets of features; the highest one names the demand.
  constexpr std::array<std::string_view, 4> kOfVersion = {"checkConstraints",
                                                          "changeDataFeed and generatedColumns",
                                                          "columnMapping", "identityColumns"};
  if (protocol.min_writer > kWriterVersionOfFeatures) {
    return Unsupported(fmt::format("writer version {}", protocol.min_writer));
  }
  if (protocol.min_writer > kWriterVersionMax) {
    return Unsupported(fmt::format("{} (writer version {})", kOfVersion[protocol.min_writer - 3],
                                   protocol.min_writer));
  }
  return OkStatus();
}

Status CheckMetadata(const Metadata& metadata) {
  if (!metadata.format.empty() && metadata.format != "parquet") {
    return Unsupported(fmt::format("data files of format {}", metadata.format));
  }
  const auto mapping = metadata.configuration.find("delta.columnMapping.mode");
  if (mapping != metadata.configuration.end() && mapping->second != "none") {
    return Unsupported("columnMapping");
  }
  VARVE_ASSIGN_OR_RETURN(const std::vector<DeltaField> fields, ParseSchema(metadata.schema_json));
  for (const DeltaField& field : fields) {
    if (field.has_invariant) return Unsupported("invariants of column \"" + field.name + "\"");
    if (field.is_generated) return Unsupported("generatedColumns (\"" + field.name + "\")");
  }
  return OkStatus();
}

// Paths outside the table's folder come from shallow clones; deleted from one, they would be lost
// for the other.
Status CheckPath(const std::string& path) {
  const bool absolute =
      path.starts_with('/') || path.find("://") != std::string::npos || path.starts_with("file:");
  if (!absolute) return OkStatus();
  return Unsupported(fmt::format("data files outside the table's folder ({})", path));
}

}  // namespace

void TableState::ApplyAdd(AddFile add) {
  std::string path = add.file.path;
  tombstones_.erase(path);
  std::shared_ptr<const File>& file = files_[std::move(path)];
  deletion_vectors_ += add.has_deletion_vector ? 1 : 0;
  deletion_vectors_ -= file && file->has_deletion_vector ? 1 : 0;
  auto added = std::make_shared<File>(File{std::make_shared<DataFile>(std::move(add.file)),
                                           std::move(add.json), std::move(add.stats_json),
                                           add.has_deletion_vector});
  if (!added->stats_json.empty()) unread_.push_back(added);
  file = std::move(added);
}

void TableState::ReadStatistics(const TableDef& table) {
  for (const std::shared_ptr<File>& file : unread_) {
    // A file that only this list holds was removed again.
    if (file.use_count() > 1) ReadStats(file->stats_json, table, *file->file);
    file->stats_json = {};
  }
  unread_.clear();
}

bool TableState::dropped() const {
  return metadata_ && metadata_->configuration.find(kDroppedKey) != metadata_->configuration.end();
}

Status TableState::Apply(int64_t version, std::vector<Action> actions) {
  for (Action& action : actions) {
    if (auto* add = std::get_if<AddFile>(&action)) {
      VARVE_RETURN_IF_ERROR(CheckPath(add->file.path));
      ApplyAdd(std::move(*add));
    } else if (auto* remove = std::get_if<RemoveFile>(&action)) {
      if (const auto file = files_.find(remove->path); file != files_.end()) {
        deletion_vectors_ -= file->second->has_deletion_vector ? 1 : 0;
        files_.erase(file);
      }
      std::string path = remove->path;
      tombstones_[std::move(path)] = std::move(*remove);
    } else if (auto* txn = std::get_if<Txn>(&action)) {
      std::string app_id = txn->app_id;
      txns_[std::move(app_id)] = std::move(*txn);
    } else if (auto* domain = std::get_if<DomainMetadata>(&action)) {
      if (domain->removed) {
        domains_.erase(domain->domain);
      } else {
        std::string name = domain->domain;
        domains_[std::move(name)] = std::move(*domain);
      }
    } else if (auto* protocol = std::get_if<Protocol>(&action)) {
      protocol_ = std::move(*protocol);
    } else {
      metadata_ = std::get<Metadata>(std::move(action));
    }
  }
  version_ = version;
  return OkStatus();
}

Status TableState::CheckSupported() const {
  if (!protocol_) return DataLoss("the Delta log has no protocol action");
  // Before anything else: what follows may mean something else in a protocol we do not know.
  VARVE_RETURN_IF_ERROR(CheckProtocol(*protocol_));
  if (!metadata_) return DataLoss("the Delta log has no metaData action");
  VARVE_RETURN_IF_ERROR(CheckMetadata(*metadata_));
  if (deletion_vectors_ > 0) return Unsupported("deletionVectors");
  return OkStatus();
}

Status TableState::CheckFits(const TableDef& table) const {
  VARVE_ASSIGN_OR_RETURN(const std::vector<DeltaField> fields, ParseSchema(metadata_->schema_json));
  for (const DeltaField& field : fields) {
    const auto column = table.FindColumn(field.name);
    if (!column) {
      if (field.nullable) continue;
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "the Delta table demands a value for a column that is unknown: {}",
                       field.name);
    }
    const Type& type = table.columns[*column].type;
    VARVE_ASSIGN_OR_RETURN(const std::string expected, DeltaType(type));
    // Other engines have types that are read as one of ours: `byte`, arrays without NULLs.
    if (expected != field.delta_type && field.type != type) {
      return SqlErrorf(sqlstate::kFeatureNotSupported,
                       "column \"{}\" has another type in the Delta table: {}, not {}", field.name,
                       field.delta_type, expected);
    }
  }
  std::vector<std::string> partition_columns;
  partition_columns.reserve(table.partition_columns.size());
  for (const uint32_t column : table.partition_columns) {
    partition_columns.push_back(table.columns[column].name);
  }
  if (partition_columns != metadata_->partition_columns) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "the Delta table is partitioned by other columns: {}",
                     fmt::join(metadata_->partition_columns, ", "));
  }
  return OkStatus();
}

Status TableState::CheckRowsMayGo() const {
  const auto append_only = metadata_->configuration.find("delta.appendOnly");
  if (append_only == metadata_->configuration.end() || append_only->second != "true") {
    return OkStatus();
  }
  return SqlErrorf(sqlstate::kObjectNotInPrerequisiteState,
                   "rows of the Delta table must not be deleted or changed: its property "
                   "delta.appendOnly is true");
}

Result<bool> TableState::HasColumnsOf(const TableDef& table) const {
  VARVE_ASSIGN_OR_RETURN(const std::vector<DeltaField> fields, ParseSchema(metadata_->schema_json));
  if (fields.size() != table.columns.size()) return false;
  for (const DeltaField& field : fields) {
    const auto column = table.FindColumn(field.name);
    if (!column || !field.type || !(*field.type == table.columns[*column].type)) return false;
  }
  return CheckFits(table).ok();
}

std::optional<int64_t> TableState::txn_version(const std::string& app_id) const {
  const auto txn = txns_.find(app_id);
  if (txn == txns_.end()) return std::nullopt;
  return txn->second.version;
}

void TableState::SetTxn(Txn txn) {
  std::string app_id = txn.app_id;
  txns_[std::move(app_id)] = std::move(txn);
}

void TableState::KeepTxns(const TableState& older) {
  if (!metadata_ || !older.metadata_ || metadata_->id != older.metadata_->id) return;
  txns_.insert(older.txns_.begin(), older.txns_.end());
}

std::map<std::string, int64_t> TableState::txn_versions() const {
  std::map<std::string, int64_t> versions;
  for (const auto& [app_id, txn] : txns_) versions[app_id] = txn.version;
  return versions;
}

const std::string* TableState::AddJson(std::string_view path) const {
  const auto file = files_.find(path);
  return file == files_.end() ? nullptr : &file->second->json;
}

bool TableState::Knows(std::string_view path) const {
  return files_.contains(path) || tombstones_.contains(path);
}

FileSetRef TableState::MakeFileSet(std::shared_ptr<const void> in_use) const {
  auto set = std::make_shared<FileSet>();
  set->version = version_;
  set->txns = txn_versions();
  set->in_use = std::move(in_use);
  set->files.reserve(files_.size());
  for (const auto& [path, file] : files_) set->files.push_back(file->file);
  std::sort(set->files.begin(), set->files.end(), IsNewer);
  return set;
}

bool TableState::IsRemembered(const RemoveFile& remove, int64_t now_us, int64_t at_least_us) const {
  const int64_t age_us = now_us - remove.deletion_ms * 1000;
  return age_us < std::max(properties().deleted_file_retention_us, at_least_us);
}

std::set<std::string, std::less<>> TableState::KeptPaths(int64_t now_us) const {
  std::set<std::string, std::less<>> kept;
  for (const auto& [path, file] : files_) kept.insert(path);
  for (const auto& [path, remove] : tombstones_) {
    if (IsRemembered(remove, now_us, 0)) kept.insert(path);
  }
  return kept;
}

void TableState::ForgetOldRemovals(int64_t now_us) {
  std::erase_if(tombstones_, [&](const auto& entry) {
    return !IsRemembered(entry.second, now_us, kRemovalsKeptUs);
  });
}

TableState::Checkpoint TableState::MakeCheckpoint(int64_t now_ms) const {
  Checkpoint checkpoint;
  const auto put = [&](std::string_view name, std::string_view json) {
    checkpoint.ndjson += ActionLine(name, json);
    ++checkpoint.actions;
  };
  put("protocol", protocol_->json);
  put("metaData", metadata_->json);
  for (const auto& [app_id, txn] : txns_) put("txn", txn.json);
  for (const auto& [name, domain] : domains_) put("domainMetadata", domain.json);
  for (const auto& [path, remove] : tombstones_) {
    if (IsRemembered(remove, now_ms * 1000, kRemovalsKeptUs)) put("remove", remove.json);
  }
  for (const auto& [path, file] : files_) put("add", file->json);
  checkpoint.adds = static_cast<int64_t>(files_.size());
  return checkpoint;
}

}  // namespace varve::lake
