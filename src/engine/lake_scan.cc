#include "engine/lake_scan.h"

#include <algorithm>
#include <duckdb/catalog/catalog_entry/table_function_catalog_entry.hpp>
#include <duckdb/common/multi_file/multi_file_reader.hpp>
#include <duckdb/common/vector_operations/binary_executor.hpp>
#include <duckdb/parser/tableref/table_function_ref.hpp>
#include <duckdb/planner/binder.hpp>
#include <duckdb/planner/expression/bound_columnref_expression.hpp>
#include <duckdb/planner/expression/bound_function_expression.hpp>
#include <duckdb/planner/expression_iterator.hpp>
#include <duckdb/planner/operator/logical_projection.hpp>
#include <optional>

#include "engine/duck_guard.h"
#include "engine/file_filters.h"
#include "engine/reader_filters.h"
#include "engine/row_address.h"
#include "engine/scan_plan.h"
#include "engine/store_file_system.h"
#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::ClientContext;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::MultiFileColumnDefinition;
using duckdb::MultiFileOptions;
using duckdb::MultiFileReaderBindData;
using duckdb::OpenFileInfo;
using duckdb::unique_ptr;
using duckdb::Value;

namespace {

// What parquet_scan's bind is given through the function's info.
struct LakeScanInfo : duckdb::TableFunctionInfo {
  TableRef table;
  FileSetRef files;
  std::shared_ptr<const FileHomes> homes;
  io::ObjectStore* store = nullptr;
  duckdb::vector<std::string> names;  // the DuckDB table's columns
  duckdb::vector<LogicalType> types;
  // Of a scan that gives addresses: the place of each file in `files`.
  std::map<const DataFile*, uint64_t> places;
  bool is_copied = false;  // what the scan reads takes the place of the file

  void NumberFiles() {
    if (files->files.size() > RowAddress::kFilesMax) {
      ThrowStatus(SqlErrorf(sqlstate::kStatementTooComplex, "table \"{}\" has {} data files",
                            table->name.table, files->files.size()));
    }
    for (uint64_t i = 0; i < files->files.size(); i++) places[files->files[i].get()] = i;
  }
};

// The virtual column with the file's place.
constexpr duckdb::column_t kFilePlace = duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILENAME + 1000;
constexpr duckdb::column_t kRowNumber = duckdb::MultiFileReader::COLUMN_IDENTIFIER_FILE_ROW_NUMBER;
// Files of a store whose ends are fetched while the one before them is opened: DuckDB opens one
// after the other.
constexpr idx_t kFilesAhead = 4;

using FileList = std::vector<std::shared_ptr<const DataFile>>;

// The files of one snapshot that may hold rows of the result, newest first. Holding them keeps
// those that are staged on the local disk from being removed.
class SnapshotFileList : public duckdb::MultiFileList {
 public:
  SnapshotFileList(duckdb::shared_ptr<LakeScanInfo> info, FileList files)
      : info_(std::move(info)), files_(std::move(files)) {}

  const DataFile& file(idx_t i) const { return *files_.at(i); }
  const LakeScanInfo& info() const { return *info_; }

  duckdb::vector<OpenFileInfo> GetAllFiles() const override {
    duckdb::vector<OpenFileInfo> all;
    for (idx_t i = 0; i < files_.size(); i++) all.push_back(GetFile(i));
    return all;
  }
  // "Multiple" also for one file: it lets DuckDB use all threads on the row groups of that file.
  duckdb::FileExpandResult GetExpandResult() const override {
    return files_.empty() ? duckdb::FileExpandResult::NO_FILES
                          : duckdb::FileExpandResult::MULTIPLE_FILES;
  }
  idx_t GetTotalFileCount() const override { return files_.size(); }
  duckdb::vector<OpenFileInfo> GetDisplayFileList(duckdb::optional_idx max_files) const override {
    duckdb::vector<OpenFileInfo> shown;
    for (const auto& file : files_) {
      if (max_files.IsValid() && shown.size() >= max_files.GetIndex()) break;
      shown.emplace_back(file->path);
    }
    return shown;
  }
  unique_ptr<duckdb::NodeStatistics> GetCardinality(ClientContext&) const override {
    idx_t rows = 0;
    for (const auto& file : files_) {
      if (!file->rows) return duckdb::make_uniq<duckdb::NodeStatistics>();
      rows += static_cast<idx_t>(*file->rows);
    }
    return duckdb::make_uniq<duckdb::NodeStatistics>(rows, rows);
  }
  unique_ptr<duckdb::MultiFileList> Copy() const override {
    return duckdb::make_uniq<SnapshotFileList>(info_, files_);
  }
  unique_ptr<duckdb::MultiFileList> ComplexFilterPushdown(
      ClientContext&, const MultiFileOptions&, duckdb::MultiFilePushdownInfo& push,
      duckdb::vector<unique_ptr<duckdb::Expression>>& filters) const override {
    return Keep(PruneByExpressions(*info_->table, info_->names, push, filters, files_));
  }
  unique_ptr<duckdb::MultiFileList> DynamicFilterPushdown(
      ClientContext&, const MultiFileOptions&, const duckdb::vector<std::string>& names,
      const duckdb::vector<LogicalType>&, const duckdb::vector<duckdb::column_t>& column_ids,
      duckdb::TableFilterSet& filters) const override {
    return Keep(PruneByTableFilters(*info_->table, names, column_ids, filters, files_));
  }

 protected:
  OpenFileInfo GetFile(idx_t i) const override {
    if (i >= files_.size()) return OpenFileInfo();
    std::vector<ComingFile> coming;
    for (idx_t next = i + 1; next < files_.size() && next <= i + kFilesAhead; next++) {
      if (IsMissing(next)) break;
      std::string path = PathOf(next);
      if (!path.starts_with(io::kStoreScheme)) break;
      coming.push_back({std::move(path), static_cast<uint64_t>(files_[next]->bytes)});
    }
    return ScanFile(PathOf(i), static_cast<uint64_t>(files_[i]->bytes), std::move(coming));
  }

 private:
  std::string PathOf(idx_t i) const {
    const DataFile& file = *files_[i];
    if (!file.local_path.empty()) return file.local_path;
    if (IsMissing(i)) ThrowStatus(info_->homes->missing.at(&file));
    return info_->store->ReadPath(LocationOf(file) + "/" + file.path);
  }
  bool IsMissing(idx_t i) const {
    return info_->homes && info_->homes->missing.contains(files_[i].get());
  }
  const std::string& LocationOf(const DataFile& file) const {
    if (!info_->homes) return info_->table->location;
    const auto part = info_->homes->parts.find(&file);
    return (part == info_->homes->parts.end() ? info_->table : part->second)->location;
  }
  unique_ptr<duckdb::MultiFileList> Keep(FileList kept) const {
    if (kept.size() == files_.size()) return nullptr;  // nothing pruned
    return duckdb::make_uniq<SnapshotFileList>(info_, std::move(kept));
  }

  duckdb::shared_ptr<LakeScanInfo> info_;
  FileList files_;
};

class LakeFileReader : public duckdb::MultiFileReader {
 public:
  explicit LakeFileReader(duckdb::shared_ptr<LakeScanInfo> info) : info_(std::move(info)) {}

  static unique_ptr<duckdb::MultiFileReader> Make(const duckdb::TableFunction& function) {
    return duckdb::make_uniq<LakeFileReader>(
        duckdb::shared_ptr_cast<duckdb::TableFunctionInfo, LakeScanInfo>(function.function_info));
  }

  duckdb::shared_ptr<duckdb::MultiFileList> CreateFileList(ClientContext&,
                                                           const duckdb::vector<std::string>&,
                                                           const duckdb::FileGlobInput&) override {
    return duckdb::make_shared_ptr<SnapshotFileList>(info_, info_->files->files);
  }

  bool Bind(MultiFileOptions&, duckdb::MultiFileList&, duckdb::vector<LogicalType>& types,
            duckdb::vector<std::string>& names, MultiFileReaderBindData&) override {
    types = info_->types;
    names = info_->names;
    return true;
  }

  void BindOptions(MultiFileOptions& options, duckdb::MultiFileList&,
                   duckdb::vector<LogicalType>& types, duckdb::vector<std::string>& names,
                   MultiFileReaderBindData& bind) override {
    options.auto_detect_hive_partitioning = false;
    options.hive_partitioning = false;
    options.union_by_name = false;
    bind.schema = MultiFileColumnDefinition::ColumnsFromNamesAndTypes(names, types);
    for (auto& column : bind.schema) {
      column.default_expression = duckdb::make_uniq<duckdb::ConstantExpression>(Value(column.type));
    }
  }

  unique_ptr<duckdb::MultiFileReaderGlobalState> InitializeGlobalState(
      ClientContext&, const MultiFileOptions&, const MultiFileReaderBindData&,
      const duckdb::MultiFileList& files, const duckdb::vector<MultiFileColumnDefinition>&,
      const duckdb::vector<duckdb::ColumnIndex>&) override {
    return duckdb::make_uniq<duckdb::MultiFileReaderGlobalState>(duckdb::vector<LogicalType>(),
                                                                 &files);
  }

  duckdb::ReaderInitializeType InitializeReader(
      duckdb::MultiFileReaderData& reader_data, const duckdb::MultiFileBindData& bind,
      const duckdb::vector<MultiFileColumnDefinition>& columns,
      const duckdb::vector<duckdb::ColumnIndex>& column_ids,
      duckdb::optional_ptr<duckdb::TableFilterSet> filters, ClientContext& context,
      duckdb::MultiFileGlobalState& state) override {
    const auto convertible = FiltersForFile(columns, column_ids, filters);
    if (convertible) filters = convertible.get();
    const auto result = MultiFileReader::InitializeReader(reader_data, bind, columns, column_ids,
                                                          filters, context, state);
    const OpenFileInfo& file = reader_data.reader->file;
    if (file.path.starts_with(io::kStoreScheme))
      SetReadPlan(file, PlanOfScan(context, *reader_data.reader));
    return result;
  }

  void FinalizeBind(duckdb::MultiFileReaderData& reader_data, const MultiFileOptions& options,
                    const MultiFileReaderBindData& bind,
                    const duckdb::vector<MultiFileColumnDefinition>& columns,
                    const duckdb::vector<duckdb::ColumnIndex>& column_ids, ClientContext& context,
                    duckdb::optional_ptr<duckdb::MultiFileReaderGlobalState> state) override {
    MultiFileReader::FinalizeBind(reader_data, options, bind, columns, column_ids, context, state);
    auto& reader = *reader_data.reader;
    const auto& list = static_cast<const SnapshotFileList&>(*state->file_list);
    const DataFile& file = list.file(reader.file_list_idx.GetIndex());
    if (info_->is_copied) CheckColumnsKnown(reader);
    for (idx_t i = 0; i < column_ids.size(); i++) {
      const auto id = column_ids[i].GetPrimaryIndex();
      if (id == kFilePlace) {
        reader_data.constant_map.Add(duckdb::MultiFileGlobalIndex(i),
                                     Value::UBIGINT(info_->places.at(&file)));
      }
      if (duckdb::IsVirtualColumn(id)) continue;
      const auto value = file.partition_values.find(columns[id].name);
      if (value == file.partition_values.end()) continue;
      reader_data.constant_map.Add(duckdb::MultiFileGlobalIndex(i),
                                   PartitionConstant(value->second, columns[id].type));
    }
    TreatStringsAsJson(reader, columns);
  }

  unique_ptr<MultiFileReader> Copy() const override {
    return duckdb::make_uniq<LakeFileReader>(info_);
  }

 private:
  void CheckColumnsKnown(const duckdb::BaseFileReader& reader) const {
    for (const auto& column : reader.columns) {
      if (info_->table->FindColumn(column.name)) continue;
      ThrowStatus(SqlErrorf(sqlstate::kFeatureNotSupported,
                            "a data file of table \"{}\" has the column \"{}\", which the table "
                            "has not: {}",
                            info_->table->name.table, column.name, reader.GetFileName()));
    }
  }

  static Value PartitionConstant(const std::optional<std::string>& text, const LogicalType& type) {
    return text ? Value(*text).DefaultCastAs(type) : Value(type);
  }

  // JSON is stored as plain text that was checked on its way in: read without being parsed again.
  static void TreatStringsAsJson(duckdb::BaseFileReader& reader,
                                 const duckdb::vector<MultiFileColumnDefinition>& columns) {
    for (auto& local : reader.columns) {
      if (local.type != LogicalType::VARCHAR) continue;
      for (const auto& column : columns) {
        if (column.type.IsJSONType() && column.name == local.name) local.type = column.type;
      }
    }
  }

  duckdb::shared_ptr<LakeScanInfo> info_;
};

void RefuseSerialize(duckdb::Serializer&, duckdb::optional_ptr<duckdb::FunctionData>,
                     const duckdb::TableFunction&) {
  throw duckdb::NotImplementedException("lake_scan cannot be serialized");
}

unique_ptr<duckdb::FunctionData> RefuseDeserialize(duckdb::Deserializer&, duckdb::TableFunction&) {
  throw duckdb::NotImplementedException("lake_scan cannot be deserialized");
}

duckdb::InsertionOrderPreservingMap<std::string> Describe(
    duckdb::TableFunctionToStringInput& input) {
  const auto& list = static_cast<const SnapshotFileList&>(
      *input.bind_data->Cast<duckdb::MultiFileBindData>().file_list);
  duckdb::InsertionOrderPreservingMap<std::string> result;
  result["Table"] = list.info().table->name.ToString();
  result["Files"] = std::to_string(list.GetTotalFileCount()) + " of " +
                    std::to_string(list.info().files->files.size());
  return result;
}

bool RefersToNested(const duckdb::Expression& expression) {
  if (expression.GetExpressionClass() == duckdb::ExpressionClass::BOUND_COLUMN_REF) {
    return expression.return_type.IsNested();
  }
  bool refers = false;
  duckdb::ExpressionIterator::EnumerateChildren(expression, [&](const duckdb::Expression& child) {
    refers = refers || RefersToNested(child);
  });
  return refers;
}

// DuckDB 1.5.6 loses its place in a list column that has a filter beside one on another column: it
// says "Out of buffer". Such filters run above the scan.
bool PushesExpression(ClientContext&, const duckdb::LogicalGet&, duckdb::Expression& expression) {
  return !RefersToNested(expression);
}

duckdb::TableFunction LakeScanFunction(ClientContext& context) {
  auto& entry =
      duckdb::Catalog::GetSystemCatalog(context).GetEntry<duckdb::TableFunctionCatalogEntry>(
          context, DEFAULT_SCHEMA, "parquet_scan");
  auto function = entry.functions.GetFunctionByArguments(context, {LogicalType::VARCHAR});
  function.name = "lake_scan";
  function.get_multi_file_reader = LakeFileReader::Make;
  function.serialize = RefuseSerialize;
  function.deserialize = RefuseDeserialize;
  function.verify_serialization = false;
  // These look at the first file only, or need row ids that a union with the buffer cannot have.
  function.statistics = nullptr;
  function.statistics_extended = nullptr;
  function.get_bind_info = nullptr;
  function.late_materialization = false;
  function.get_row_id_columns = nullptr;
  function.get_partition_stats = nullptr;
  function.to_string = Describe;
  function.pushdown_expression = PushesExpression;
  return function;
}

// A scan with the columns `ids` of what `info` describes; `table_index` is its own.
unique_ptr<duckdb::LogicalGet> MakeScan(ClientContext& context, duckdb::Binder& binder,
                                        idx_t table_index, duckdb::shared_ptr<LakeScanInfo> info,
                                        duckdb::vector<duckdb::ColumnIndex> ids) {
  auto function = LakeScanFunction(context);
  function.function_info = std::move(info);

  duckdb::vector<Value> inputs{Value("")};
  duckdb::named_parameter_map_t named;
  duckdb::vector<LogicalType> no_types;
  duckdb::vector<std::string> no_names;
  duckdb::TableFunctionRef ref;
  duckdb::TableFunctionBindInput input(inputs, named, no_types, no_names, nullptr, &binder,
                                       function, ref);
  duckdb::vector<LogicalType> types;
  duckdb::vector<std::string> names;
  auto bind = function.bind(context, input, types, names);
  duckdb::virtual_column_map_t virtual_columns;
  if (function.get_virtual_columns) {
    virtual_columns = function.get_virtual_columns(context, bind.get());
  }
  // Both the planner and the scan look a virtual column up.
  const duckdb::TableColumn place("varve_file", LogicalType::UBIGINT);
  virtual_columns.insert({kFilePlace, place});
  bind->Cast<duckdb::MultiFileBindData>().virtual_columns.insert({kFilePlace, place});
  auto scan = duckdb::make_uniq<duckdb::LogicalGet>(table_index, function, std::move(bind),
                                                    std::move(types), std::move(names),
                                                    std::move(virtual_columns));
  scan->SetColumnIds(std::move(ids));
  scan->ResolveOperatorTypes();
  return scan;
}

duckdb::shared_ptr<LakeScanInfo> InfoFor(const duckdb::LogicalGet& get, const TableView& view,
                                         io::ObjectStore& store) {
  auto info = duckdb::make_shared_ptr<LakeScanInfo>();
  info->table = view.table;
  info->files = view.files;
  info->homes = view.homes;
  info->store = &store;
  info->names = get.names;
  info->types = get.returned_types;
  return info;
}

// Packs a file's place and a row's number into one.
void PackAddress(duckdb::DataChunk& input, duckdb::ExpressionState&, duckdb::Vector& out) {
  duckdb::BinaryExecutor::Execute<uint64_t, int64_t, int64_t>(
      input.data[0], input.data[1], out, input.size(), [](uint64_t file, int64_t row) {
        return RowAddress{file, static_cast<uint64_t>(row)}.Pack();
      });
}

unique_ptr<duckdb::Expression> RefTo(const LogicalType& type, idx_t table_index, idx_t column) {
  return duckdb::make_uniq<duckdb::BoundColumnRefExpression>(
      type, duckdb::ColumnBinding(table_index, column));
}

unique_ptr<duckdb::Expression> AddressOf(idx_t table_index, idx_t place, idx_t row) {
  duckdb::ScalarFunction pack("varve_address", {LogicalType::UBIGINT, LogicalType::BIGINT},
                              LogicalType::BIGINT, PackAddress);
  duckdb::vector<unique_ptr<duckdb::Expression>> arguments;
  arguments.push_back(RefTo(LogicalType::UBIGINT, table_index, place));
  arguments.push_back(RefTo(LogicalType::BIGINT, table_index, row));
  return duckdb::make_uniq<duckdb::BoundFunctionExpression>(LogicalType::BIGINT, std::move(pack),
                                                            std::move(arguments), nullptr);
}

}  // namespace

unique_ptr<duckdb::LogicalGet> MakeLakeScan(ClientContext& context, duckdb::Binder& binder,
                                            idx_t table_index, const duckdb::LogicalGet& get,
                                            const TableView& view, io::ObjectStore& store) {
  auto ids = get.GetColumnIds();
  return MakeScan(context, binder, table_index, InfoFor(get, view, store), std::move(ids));
}

unique_ptr<duckdb::LogicalOperator> MakeAddressedScan(ClientContext& context,
                                                      duckdb::Binder& binder,
                                                      const duckdb::LogicalGet& get,
                                                      const TableView& view,
                                                      io::ObjectStore& store) {
  auto info = InfoFor(get, view, store);
  info->NumberFiles();
  const idx_t scan_index = binder.GenerateTableIndex();
  // `get` may name a column twice; DuckDB's reader of files would mix up which is which.
  duckdb::vector<duckdb::ColumnIndex> ids;
  const auto place_of = [&](const duckdb::ColumnIndex& id) {
    const auto known = std::find(ids.begin(), ids.end(), id);
    if (known == ids.end()) ids.push_back(id);
    return static_cast<idx_t>(std::find(ids.begin(), ids.end(), id) - ids.begin());
  };
  const idx_t file = place_of(duckdb::ColumnIndex(kFilePlace));
  const idx_t row = place_of(duckdb::ColumnIndex(kRowNumber));
  duckdb::vector<std::optional<idx_t>> sources;  // nullopt: the address
  for (const auto& id : get.GetColumnIds()) {
    sources.push_back(id.IsRowIdColumn() ? std::nullopt : std::optional(place_of(id)));
  }
  auto scan = MakeScan(context, binder, scan_index, std::move(info), std::move(ids));
  duckdb::vector<unique_ptr<duckdb::Expression>> columns;
  for (const auto& source : sources) {
    columns.push_back(source ? RefTo(scan->types[*source], scan_index, *source)
                             : AddressOf(scan_index, file, row));
  }
  auto projection =
      duckdb::make_uniq<duckdb::LogicalProjection>(get.table_index, std::move(columns));
  projection->children.push_back(std::move(scan));
  projection->ResolveOperatorTypes();
  return projection;
}

unique_ptr<duckdb::LogicalGet> MakeFileScan(ClientContext& context, duckdb::Binder& binder,
                                            idx_t table_index, const TableRef& table,
                                            const std::vector<uint32_t>& columns,
                                            const std::shared_ptr<const DataFile>& file,
                                            io::ObjectStore& store) {
  auto info = duckdb::make_shared_ptr<LakeScanInfo>();
  auto files = std::make_shared<FileSet>();
  files->files.push_back(file);
  info->table = table;
  info->files = std::move(files);
  info->store = &store;
  info->is_copied = true;
  for (const auto& column : table->columns) {
    info->names.push_back(column.name);
    info->types.push_back(ToPlainDuck(column.type));
  }
  duckdb::vector<duckdb::ColumnIndex> ids;
  for (const uint32_t column : columns) ids.emplace_back(column);
  ids.emplace_back(kRowNumber);
  return MakeScan(context, binder, table_index, std::move(info), std::move(ids));
}

}  // namespace varve::engine
