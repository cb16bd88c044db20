#include "engine/testing/engine_fixture.h"

#include <algorithm>
#include <chrono>
#include <duckdb/main/extension/extension_loader.hpp>

#include "base/clock.h"
#include "base/uuid.h"
#include "engine/database.h"
#include "lake/delta_table.h"
#include "lake/file_stats.h"
#include "lake/partition_path.h"

namespace varve::engine {

namespace {

std::string DateText(int32_t days) {
  const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
  return fmt::format("{:04}-{:02}-{:02}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
}

std::string NumberText(__int128 value, uint8_t scale) {
  const bool negative = value < 0;
  unsigned __int128 rest = negative ? -static_cast<unsigned __int128>(value) : value;
  std::string digits;
  do {
    digits.insert(digits.begin(), static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest > 0);
  while (digits.size() <= scale) digits.insert(digits.begin(), '0');
  if (scale > 0) digits.insert(digits.end() - scale, '.');
  return (negative ? "-" : "") + digits;
}

}  // namespace

std::string CellText(const Column& column, size_t row) {
  if (column.IsNull(row)) return "NULL";
  switch (column.type.Physical()) {
    case PhysicalType::kFixed1:
      return column.Fixed<uint8_t>(row) != 0 ? "t" : "f";
    case PhysicalType::kFixed2:
      return std::to_string(column.Fixed<int16_t>(row));
    case PhysicalType::kFixed4:
      return column.type.kind() == TypeKind::kFloat32 ? fmt::format("{}", column.Fixed<float>(row))
                                                      : std::to_string(column.Fixed<int32_t>(row));
    case PhysicalType::kFixed8:
      return column.type.kind() == TypeKind::kFloat64 ? fmt::format("{}", column.Fixed<double>(row))
                                                      : std::to_string(column.Fixed<int64_t>(row));
    case PhysicalType::kFixed16:
      if (column.type.kind() == TypeKind::kDecimal) {
        return NumberText(column.Fixed<__int128>(row), column.type.scale());
      } else if (column.type.kind() == TypeKind::kInterval) {
        const auto interval = column.Fixed<Interval>(row);
        return fmt::format("{}m{}d{}us", interval.months, interval.days, interval.micros);
      } else {
        std::string hex;
        for (size_t i = 0; i < 16; i++) hex += fmt::format("{:02x}", column.values[row * 16 + i]);
        return hex;
      }
    case PhysicalType::kBytes:
      return std::string(column.Bytes(row));
    case PhysicalType::kList: {
      std::string text = "{";
      const auto [begin, end] = column.ListRange(row);
      for (uint32_t i = begin; i < end; i++) {
        text += (i > begin ? "," : "") + CellText(*column.child, i);
      }
      return text + "}";
    }
  }
  return "?";
}

void SpoilOnCall(Database& database) {
  duckdb::ExtensionLoader loader(*database.current()->duck.instance, "varve_test");
  duckdb::ScalarFunction spoil("varve_spoil", {}, duckdb::LogicalType::INTEGER,
                               [](duckdb::DataChunk&, duckdb::ExpressionState&, duckdb::Vector&) {
                                 throw duckdb::FatalException("spoilt for a test");
                               });
  spoil.SetVolatile();
  loader.RegisterFunction(std::move(spoil));
}

void EngineFixture::SetUp() {
  folder_ = std::filesystem::temp_directory_path() /
            fmt::format("varve-engine-test-{}-{}", Uuid::MakeV4().ToString(),
                        ::testing::UnitTest::GetInstance()->current_test_info()->name());
  std::filesystem::remove_all(folder_);
  std::filesystem::create_directories(folder_ / "lake");
  Start();
}

void EngineFixture::TearDown() {
  Stop();
  std::filesystem::remove_all(folder_);
}

void EngineFixture::Start() {
  options_.data_dir = folder_.string();
  options_.threads = 2;
  options_.memory_limit_bytes = uint64_t{512} << 20;
  options_.allowed_directories = {(folder_ / "lake").string()};
  catalog_ = std::make_unique<catalog::Catalog>();
  store_ = OpenStore();
  commits_ = std::make_unique<lake::PutIfAbsentCommits>(*store_);
  budget_ = std::make_unique<buffer::MemoryBudget>(uint64_t{1} << 30);
  buffer_ = std::make_unique<buffer::Buffer>(*budget_);
  writer_ = std::make_unique<ApplyingWriter>(*buffer_, *budget_);
  tables_ = std::make_unique<lake::TableSet>();
  auto engine = SqlEngine::Open(options_, *catalog_, *store_);
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  LakeParts lake;
  lake.buffer = buffer_.get();
  lake.tables = tables_.get();
  lake.context = LakeContext();
  lake.app_id = [](TableId id) { return "test/" + std::to_string(id.value); };
  const auto opened = engine_->OpenTables(std::move(lake));
  ASSERT_TRUE(opened.ok()) << opened.status();
  EngineParts parts;
  parts.buffer = buffer_.get();
  parts.writer = writer_.get();
  parts.tables = tables_.get();
  parts.rings = rings_;
  parts.lake = LakeContext();
  maintenance_ = std::make_unique<DirectMaintenance>(
      *buffer_, [this](const TableRef& table) { Flush(table->name.schema, table->name.table); });
  parts.maintenance = maintenance_.get();
  const Status attached = engine_->Attach(parts);
  ASSERT_TRUE(attached.ok()) << attached;
  session_ = NewSession();
}

std::unique_ptr<io::ObjectStore> EngineFixture::OpenStore() {
  auto store = io::LocalStore::Open((folder_ / "lake").string());
  EXPECT_TRUE(store.ok()) << store.status();
  return *std::move(store);
}

lake::DeltaTable::Context EngineFixture::LakeContext() {
  return {store_.get(), commits_.get(), &engine_->checkpoint_codec(), &Clock::System(),
          folder_.string()};
}

void EngineFixture::Flush(const std::string& schema, const std::string& table) {
  const auto frozen = buffer_->Freeze(catalog_->Find({schema, table})->id);
  ASSERT_NE(frozen.table, nullptr);
  const TableDef& def = *frozen.table;
  std::map<std::vector<std::string>, std::vector<lake::BatchSlice>> groups;
  for (const auto& segment : frozen.segments) {
    std::map<std::vector<std::string>, std::vector<uint32_t>> rows;
    for (uint32_t r = 0; r < segment->rows->rows; r++) {
      std::vector<std::string> key;
      for (const auto index : def.partition_columns) {
        const Column* column = segment->rows->Find(def.columns[index].id);
        key.push_back(column == nullptr || column->IsNull(r)   ? "NULL"
                      : column->type.kind() == TypeKind::kDate ? DateText(column->Fixed<int32_t>(r))
                                                               : CellText(*column, r));
      }
      rows[key].push_back(r);
    }
    for (auto& [key, list] : rows) groups[key].push_back({segment->rows, list});
  }
  std::vector<DataFile> files;
  for (const auto& [key, slices] : groups) {
    DataFile file = lake::DescribeRows(frozen.table, slices);
    for (size_t i = 0; i < key.size(); i++) {
      auto& value = file.partition_values[def.columns[def.partition_columns[i]].name];
      value = key[i] == "NULL" ? std::nullopt : std::optional(key[i]);
    }
    lake::ParquetSpec spec;
    spec.table = frozen.table;
    spec.order = def.sort_order;
    for (uint32_t c = 0; c < def.columns.size(); c++) {
      if (std::count(def.partition_columns.begin(), def.partition_columns.end(), c) == 0) {
        spec.columns.push_back(c);
      }
    }
    const std::string scratch = (folder_ / "part.parquet").string();
    const auto written = engine_->parquet_writer().Write(spec, slices, scratch);
    ASSERT_TRUE(written.ok()) << written.status();
    EXPECT_EQ(written->rows, *file.rows);
    file.bytes = written->bytes;
    file.path = fmt::format("{}/part-{}.parquet", lake::PartitionPath(def, file.partition_values),
                            Uuid::MakeV4().ToString());
    const Status put = store_->PutFile(def.location + "/" + file.path, scratch);
    ASSERT_TRUE(put.ok()) << put;
    std::filesystem::remove(scratch);  // the object is this file: the next must be another
    files.push_back(std::move(file));
  }
  const auto set = tables_->Find(def.id)->Append(std::move(files), "test",
                                                 static_cast<int64_t>(frozen.through.value));
  ASSERT_TRUE(set.ok()) << set.status();
  buffer_->Swap(def.id, frozen.through, *set);
}

void EngineFixture::Stop() {
  session_.reset();
  engine_.reset();
  tables_.reset();
  writer_.reset();
  buffer_.reset();
  budget_.reset();
  store_.reset();
  catalog_.reset();
}

std::unique_ptr<Session> EngineFixture::NewSession() {
  auto session = engine_->NewSession("tester", "varve");
  EXPECT_TRUE(session.ok()) << session.status();
  return *std::move(session);
}

namespace {

// Runs every statement; `rows` and `tag` are the last one's.
Status RunAll(Session& session, const std::string& sql, Rows& rows, std::string& tag) {
  VARVE_ASSIGN_OR_RETURN(const auto statements, session.Parse(sql));
  for (const auto& statement : statements) {
    rows.clear();
    VARVE_ASSIGN_OR_RETURN(const auto stream, session.Execute(statement, {}, {}));
    for (;;) {
      VARVE_ASSIGN_OR_RETURN(const auto chunk, stream->Fetch());
      if (!chunk) break;
      for (uint32_t r = 0; r < chunk->rows; r++) {
        auto& row = rows.emplace_back();
        for (const auto& column : chunk->columns) row.push_back(CellText(column, r));
      }
    }
    tag = stream->command_tag();
  }
  return OkStatus();
}

}  // namespace

Rows EngineFixture::Run(Session& session, const std::string& sql) {
  Rows rows;
  std::string tag;
  const Status status = RunAll(session, sql, rows, tag);
  EXPECT_TRUE(status.ok()) << sql << "\n" << SqlStateOf(status) << " " << status;
  return rows;
}

Status EngineFixture::Try(Session& session, const std::string& sql) {
  Rows rows;
  std::string tag;
  return RunAll(session, sql, rows, tag);
}

std::string EngineFixture::Tag(Session& session, const std::string& sql) {
  Rows rows;
  std::string tag;
  const Status status = RunAll(session, sql, rows, tag);
  EXPECT_TRUE(status.ok()) << sql << "\n" << SqlStateOf(status) << " " << status;
  return tag;
}

std::string EngineFixture::Explain(const std::string& sql) {
  std::string text;
  for (const auto& row : Run("EXPLAIN " + sql)) text += row.at(0) + "\n";
  return text;
}

}  // namespace varve::engine
