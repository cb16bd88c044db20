#include "engine/text_cast.h"

#include <algorithm>
#include <duckdb/function/cast/cast_function_set.hpp>
#include <duckdb/function/cast/default_casts.hpp>
#include <duckdb/main/config.hpp>
#include <duckdb/planner/expression/bound_cast_expression.hpp>
#include <duckdb/planner/logical_operator_visitor.hpp>

#include "engine/batch_vectors.h"
#include "engine/column_reader.h"
#include "engine/duck_guard.h"
#include "engine/session_state.h"
#include "engine/type_mapping.h"

namespace varve::engine {

using duckdb::BoundCastInfo;
using duckdb::CastParameters;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::LogicalTypeId;
using duckdb::Vector;

namespace {

struct TextCast : duckdb::BoundCastData {
  TextCast(TextReader r, Type t) : read(std::move(r)), type(std::move(t)) {}
  duckdb::unique_ptr<BoundCastData> Copy() const override {
    return duckdb::make_uniq<TextCast>(read, type);
  }
  const TextReader read;
  const Type type;
};

// Reads `count` texts from `begin` on, at most one standard vector of them. False when TRY_CAST
// met a text that is no value.
bool ReadTexts(const TextCast& cast, const duckdb::UnifiedVectorFormat& texts, idx_t begin,
               idx_t count, Column& column, CastParameters& parameters) {
  const auto* data = duckdb::UnifiedVectorFormat::GetData<duckdb::string_t>(texts);
  ColumnBuilder builder(cast.type);
  builder.Reserve(static_cast<uint32_t>(count));
  bool all = true;
  for (idx_t row = 0; row < count; ++row) {
    const idx_t at = texts.sel->get_index(begin + row);
    if (!texts.validity.RowIsValid(at)) {
      builder.AppendNull();
      continue;
    }
    const Status read = cast.read({data[at].GetData(), data[at].GetSize()}, builder);
    if (read.ok()) [[likely]]
      continue;
    // TRY_CAST passes a place for the message and wants NULL.
    if (parameters.error_message == nullptr) ThrowStatus(read);
    *parameters.error_message = std::string(MessageOf(read));
    builder.Truncate(static_cast<uint32_t>(row));
    builder.AppendNull();
    all = false;
  }
  column = builder.Finish();
  return all;
}

bool CastRows(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  const auto& cast = parameters.cast_data->Cast<TextCast>();
  const bool is_constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  if (is_constant) count = 1;
  duckdb::UnifiedVectorFormat texts;
  source.ToUnifiedFormat(count, texts);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  bool all = true;
  // The elements of arrays come in one vector of any length.
  for (idx_t done = 0; done < count;) {
    const idx_t step = std::min<idx_t>(count - done, STANDARD_VECTOR_SIZE);
    Column column;
    all = ReadTexts(cast, texts, done, step, column, parameters) && all;
    Vector part(result.GetType());
    ReferenceColumn(column, 0, static_cast<uint32_t>(step), part);
    duckdb::VectorOperations::Copy(part, result, step, 0, done);
    done += step;
  }
  if (is_constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  return all;
}

BoundCastInfo Bind(duckdb::BindCastInput& input, const LogicalType& source,
                   const LogicalType& target) {
  const auto session = input.context ? SessionState::Of(*input.context) : nullptr;
  if (!session || session->is_internal || !session->text_readers) {
    return duckdb::DefaultCasts::GetDefaultCastFunction(input, source, target);
  }
  auto reader = session->text_readers(ZoneOf(*input.context));
  if (!reader.ok()) {  // a zone that only ICU knows
    return duckdb::DefaultCasts::GetDefaultCastFunction(input, source, target);
  }
  return BoundCastInfo(CastRows, duckdb::make_uniq<TextCast>(*std::move(reader), FromDuck(target)));
}

struct WriteCast : duckdb::BoundCastData {
  WriteCast(TextWriter w, Type t) : write(std::move(w)), type(std::move(t)) {}
  duckdb::unique_ptr<BoundCastData> Copy() const override {
    return duckdb::make_uniq<WriteCast>(write, type);
  }
  const TextWriter write;
  const Type type;
};

bool WriteRows(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  const auto& cast = parameters.cast_data->Cast<WriteCast>();
  const bool is_constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  if (is_constant) count = 1;
  const Column column = ReadVector(source, static_cast<uint32_t>(count), cast.type);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* texts = duckdb::FlatVector::GetData<duckdb::string_t>(result);
  std::string text;
  for (idx_t row = 0; row < count; ++row) {
    if (column.IsNull(row)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    text.clear();
    cast.write(column, row, text);
    texts[row] = duckdb::StringVector::AddString(result, text);
  }
  if (is_constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  return true;
}

// The writer knows model types only, and no session's zone.
bool IsWritten(const LogicalType& type) {
  if (type.id() == LogicalTypeId::LIST) {
    const auto& element = duckdb::ListType::GetChildType(type);
    return element.id() != LogicalTypeId::LIST && IsWritten(element);
  }
  return type.id() != LogicalTypeId::TIMESTAMP_TZ && ToDuck(FromDuck(type)) == type;
}

BoundCastInfo BindWrite(duckdb::BindCastInput& input, const LogicalType& source,
                        const LogicalType& target) {
  const auto session = input.context ? SessionState::Of(*input.context) : nullptr;
  if (!session || session->is_internal || !session->text_writer || !IsWritten(source)) {
    return duckdb::DefaultCasts::GetDefaultCastFunction(input, source, target);
  }
  return BoundCastInfo(WriteRows,
                       duckdb::make_uniq<WriteCast>(session->text_writer, FromDuck(source)));
}

class ExtensionCasts : public duckdb::LogicalOperatorVisitor {
 public:
  explicit ExtensionCasts(duckdb::ClientContext& context) : context_(context) {}

 protected:
  duckdb::unique_ptr<duckdb::Expression> VisitReplace(
      duckdb::BoundCastExpression& cast, duckdb::unique_ptr<duckdb::Expression>*) override {
    const LogicalType& from = cast.child->return_type;
    const LogicalType& to = cast.return_type;
    duckdb::BindCastInput input(duckdb::CastFunctionSet::Get(context_), nullptr, context_);
    if (to.id() == LogicalTypeId::TIMESTAMP_TZ && from == LogicalType::VARCHAR) {
      cast.bound_cast = Bind(input, from, to);
    } else if (from.id() == LogicalTypeId::LIST && to == LogicalType::VARCHAR && IsWritten(from)) {
      cast.bound_cast = BindWrite(input, from, to);
    }
    return nullptr;
  }

 private:
  duckdb::ClientContext& context_;
};

}  // namespace

void ReplaceExtensionCasts(duckdb::ClientContext& context, duckdb::LogicalOperator& plan) {
  ExtensionCasts(context).VisitOperator(plan);
}

std::string ZoneOf(duckdb::ClientContext& context) {
  duckdb::Value zone;
  return context.TryGetCurrentSetting("TimeZone", zone) && !zone.IsNull() ? zone.ToString() : "UTC";
}

Result<duckdb::Value> ValueOfText(const TextReader& read, const Type& type, std::string_view text) {
  ColumnBuilder builder(type);
  VARVE_RETURN_IF_ERROR(read(text, builder));
  const Column column = builder.Finish();
  Vector value(ToDuck(type));
  ReferenceColumn(column, 0, 1, value);
  return value.GetValue(0);
}

void RegisterTextCasts(duckdb::DatabaseInstance& db) {
  auto& casts = duckdb::DBConfig::GetConfig(db).GetCastFunctions();
  const duckdb::vector<LogicalType> targets = {
      LogicalType::BOOLEAN,   LogicalType::SMALLINT,  LogicalType::INTEGER,
      LogicalType::BIGINT,    LogicalType::FLOAT,     LogicalType::DOUBLE,
      LogicalTypeId::DECIMAL, LogicalType::BLOB,      LogicalType::DATE,
      LogicalType::TIME,      LogicalType::TIMESTAMP, LogicalType::TIMESTAMP_TZ,
      LogicalType::INTERVAL,  LogicalType::UUID};
  for (const auto& target : targets) {
    casts.RegisterCastFunction(LogicalType::VARCHAR, target, Bind);
  }
  const duckdb::vector<LogicalType> sources = {LogicalType::FLOAT, LogicalType::DOUBLE,
                                               LogicalType::BLOB, LogicalType::DATE};
  for (const auto& source : sources) {
    casts.RegisterCastFunction(source, LogicalType::VARCHAR, BindWrite);
  }
}

}  // namespace varve::engine
