// Prepared INSERTs: the text is read once, each execution only appends.
#include <string>

#include "base/telemetry.h"
#include "ingest/insert_decoder.h"
#include "ingest/insert_head.h"
#include "ingest/literal.h"
#include "ingest/parameter.h"
#include "ingest/value_text.h"

namespace varve::ingest {
namespace {

Counter& InsertsOfParameters() {
  static Counter& counter = Telemetry::Get().GetCounter(
      "varve_insert_statements_total",
      "INSERT statements on Varve tables, by who reads the values.", "values=\"parameters\"");
  return counter;
}

class CompiledInsert : public InsertPlan {
 public:
  explicit CompiledInsert(std::string_view sql) : sql_(sql) {}

  // False: not mine. An error is that of a literal.
  Result<bool> Compile(std::span<const Type> declared, const TableFinder& find) {
    VARVE_RETURN_IF_ERROR(CheckText(sql_));
    SqlScanner scanner(sql_);
    std::optional<InsertHead> head = ReadInsertHead(scanner, find);
    if (!head) return false;
    table_ = std::move(head->table);
    columns_ = std::move(head->columns);
    parameter_types_.assign(declared.begin(), declared.end());
    do {
      if (!CompileRow(scanner)) return false;
    } while (scanner.TakePunct(','));
    while (scanner.TakePunct(';')) {
    }
    if (scanner.Next().kind != TokenKind::kEnd) return false;
    for (const Type& type : parameter_types_) {
      if (type.kind() == TypeKind::kUnknown) return false;  // never used: its type is unknowable
    }
    return CheckLiterals();
  }

  const TableRef& table() const override { return table_; }
  size_t rows() const override { return cells_.size() / columns_.size(); }
  const std::vector<Type>& parameter_types() const override { return parameter_types_; }

  Result<std::unique_ptr<RowAssembler>> NewAssembler(
      const DecodeSettings& settings) const override {
    return RowAssembler::Create(table_, columns_, settings);
  }

  Status Append(std::span<const InsertParameter> parameters, const DecodeSettings& settings,
                RowAssembler& rows) const override {
    InsertsOfParameters().Add();
    if (parameters.size() != parameter_types_.size()) {
      return SqlErrorf(sqlstate::kProtocolViolation,
                       "bind message supplies {} parameters, but the statement requires {}",
                       parameters.size(), parameter_types_.size());
    }
    for (size_t first = 0; first < cells_.size(); first += columns_.size()) {
      for (size_t i = 0; i < columns_.size(); ++i) {
        Status status = AppendCell(cells_[first + i], i, parameters, settings, rows);
        if (status.ok()) [[likely]]
          continue;
        rows.AbandonRow();
        return status;
      }
      VARVE_RETURN_IF_ERROR(rows.EndRow());
    }
    return OkStatus();
  }

 private:
  bool CompileRow(SqlScanner& scanner) {
    if (!scanner.TakePunct('(')) return false;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0 && !scanner.TakePunct(',')) return false;
      Literal& cell = cells_.emplace_back();
      if (!ReadLiteral(scanner, cell)) return false;
      if (cell.kind == LiteralKind::kParameter && !UseParameter(cell, i)) return false;
    }
    return scanner.TakePunct(')');
  }

  // A parameter without a declared type takes the type of its cast, else of its column; its second
  // use must agree.
  bool UseParameter(const Literal& cell, size_t i) {
    const Type& column = table_->columns[columns_[i]].type;
    constexpr uint32_t kParametersMax = 65'535;
    if (cell.parameter >= kParametersMax) return false;
    if (cell.parameter >= parameter_types_.size()) {
      parameter_types_.resize(cell.parameter + 1, Type(TypeKind::kUnknown));
    }
    Type& type = parameter_types_[cell.parameter];
    if (type.kind() == TypeKind::kUnknown) type = cell.cast.value_or(column);
    // With a cast, its type is what the column is assigned from.
    return (!cell.cast || type == *cell.cast) && CanAssign(type, column);
  }

  // What a literal is does not depend on the execution, except for 'now' and its like; so its error
  // comes at Parse.
  Result<bool> CheckLiterals() const {
    std::vector<ColumnBuilder> builders;
    builders.reserve(columns_.size());
    for (const uint32_t column : columns_) builders.emplace_back(table_->columns[column].type);
    for (size_t i = 0; i < cells_.size(); ++i) {
      const Literal& cell = cells_[i];
      if (cell.kind == LiteralKind::kParameter || cell.kind == LiteralKind::kDefault) continue;
      Status status = AppendLiteral(cell, DecodeSettings{}, builders[i % columns_.size()]);
      if (IsNotDecodable(status)) return false;
      if (!status.ok()) return AtLiteral(std::move(status), sql_, cell);
    }
    Result<std::unique_ptr<RowAssembler>> rows = NewAssembler(DecodeSettings{});
    if (!rows.ok()) return false;
    for (size_t i = 0; i < cells_.size(); ++i) {
      if (cells_[i].kind != LiteralKind::kDefault) continue;
      if (!(*rows)->AppendDefault(i % columns_.size()).ok()) return false;
    }
    return true;
  }

  Status AppendCell(const Literal& cell, size_t i, std::span<const InsertParameter> parameters,
                    const DecodeSettings& settings, RowAssembler& rows) const {
    if (cell.kind == LiteralKind::kParameter) {
      return AppendParameter(parameters[cell.parameter], parameter_types_[cell.parameter], settings,
                             rows.cell(i));
    }
    if (cell.kind == LiteralKind::kDefault) return rows.AppendDefault(i);
    return AppendLiteral(cell, settings, rows.cell(i));
  }

  const std::string sql_;  // the literals are views of it
  TableRef table_;
  std::vector<uint32_t> columns_;
  std::vector<Type> parameter_types_;
  std::vector<Literal> cells_;  // row by row
};

}  // namespace

Result<std::shared_ptr<const InsertPlan>> CompileInsert(std::string_view sql,
                                                        std::span<const Type> declared,
                                                        const TableFinder& find) {
  auto plan = std::make_shared<CompiledInsert>(sql);
  VARVE_ASSIGN_OR_RETURN(const bool mine, plan->Compile(declared, find));
  if (!mine) return std::shared_ptr<const InsertPlan>();
  return std::shared_ptr<const InsertPlan>(std::move(plan));
}

}  // namespace varve::ingest
