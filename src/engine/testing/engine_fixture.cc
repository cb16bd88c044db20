#include "engine/testing/engine_fixture.h"

#include <unistd.h>

#include "base/clock.h"
#include "engine/database.h"
#include "lake/delta_table.h"

namespace varve::engine {

namespace {

// Keeps definitions in buffer and lake as main's wiring does, with DeltaTables when there is a
// codec.
class FixtureTables : public catalog::LakeTables {
 public:
  FixtureTables(buffer::Buffer& buffer, io::ObjectStore& store) : buffer_(buffer), store_(store) {}

  Status Create(TableRef table) override {
    buffer_.AddTable(std::move(table), std::make_shared<FileSet>(), Lsn(0));
    return OkStatus();
  }
  Status Update(TableRef table) override {
    buffer_.UpdateTable(std::move(table));
    return OkStatus();
  }
  void Remove(TableId id) override { buffer_.DropTable(id); }
  Status DeleteFolder(const std::string& location) override {
    VARVE_ASSIGN_OR_RETURN(const auto objects, store_.List(location + "/"));
    for (const auto& object : objects) VARVE_RETURN_IF_ERROR(store_.Delete(object.name));
    return OkStatus();
  }

 private:
  buffer::Buffer& buffer_;
  io::ObjectStore& store_;
};

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

void EngineFixture::SetUp() {
  folder_ = std::filesystem::temp_directory_path() /
            fmt::format("varve-engine-test-{}-{}", getpid(),
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
  auto store = io::LocalStore::Open((folder_ / "lake").string());
  ASSERT_TRUE(store.ok()) << store.status();
  store_ = *std::move(store);
  budget_ = std::make_unique<buffer::MemoryBudget>(uint64_t{1} << 30);
  buffer_ = std::make_unique<buffer::Buffer>(*budget_);
  writer_ = std::make_unique<ApplyingWriter>(*buffer_, *budget_);
  tables_ = std::make_unique<FixtureTables>(*buffer_, *store_);
  auto engine = SqlEngine::Open(options_, *catalog_, *store_);
  ASSERT_TRUE(engine.ok()) << engine.status();
  engine_ = *std::move(engine);
  for (const auto& table : catalog_->List()) {
    buffer_->AddTable(table, std::make_shared<FileSet>(), Lsn(0));
  }
  const EngineParts parts{
      .buffer = buffer_.get(), .writer = writer_.get(), .tables = tables_.get()};
  const Status attached = engine_->Attach(parts);
  ASSERT_TRUE(attached.ok()) << attached;
  session_ = NewSession();
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
