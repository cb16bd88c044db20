#include "engine/array_cast.h"

#include <duckdb/common/vector_operations/unary_executor.hpp>
#include <duckdb/function/cast/cast_function_set.hpp>
#include <duckdb/function/cast/default_casts.hpp>
#include <duckdb/main/config.hpp>

#include "engine/catalog_edit.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::BoundCastData;
using duckdb::BoundCastInfo;
using duckdb::CastParameters;
using duckdb::idx_t;
using duckdb::list_entry_t;
using duckdb::ListVector;
using duckdb::LogicalType;
using duckdb::string_t;
using duckdb::unique_ptr;
using duckdb::Vector;

namespace {

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

// Reads one array text from left to right.
class ArrayTextReader {
 public:
  explicit ArrayTextReader(std::string_view text) : text_(text) {}

  Result<std::vector<std::optional<std::string>>> Read() {
    std::vector<std::optional<std::string>> elements;
    SkipSpace();
    if (Peek() == '[' && text_.find("]=", at_) != std::string_view::npos) {
      return SqlError(sqlstate::kFeatureNotSupported, "arrays with bounds are not supported");
    }
    if (!Take('{')) return Malformed();
    SkipSpace();
    if (!Take('}')) {
      do {
        SkipSpace();
        if (Peek() == '{') {
          return SqlError(sqlstate::kFeatureNotSupported, "arrays of arrays are not supported");
        }
        if (!(Peek() == '"' ? ReadQuoted(elements) : ReadPlain(elements))) return Malformed();
        SkipSpace();
      } while (Take(','));
      if (!Take('}')) return Malformed();
    }
    SkipSpace();
    if (at_ != text_.size()) return Malformed();
    return elements;
  }

 private:
  Status Malformed() const {
    return SqlErrorf(sqlstate::kInvalidTextRepresentation, "malformed array literal: \"{}\"",
                     text_);
  }
  char Peek() const { return at_ < text_.size() ? text_[at_] : '\0'; }
  bool Take(char c) {
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void SkipSpace() {
    while (at_ < text_.size() && IsSpace(text_[at_])) ++at_;
  }

  bool ReadQuoted(std::vector<std::optional<std::string>>& elements) {
    std::string element;
    for (++at_; at_ < text_.size(); ++at_) {
      if (text_[at_] == '"') {
        ++at_;
        elements.emplace_back(std::move(element));
        return true;
      }
      if (text_[at_] == '\\' && ++at_ == text_.size()) return false;
      element += text_[at_];
    }
    return false;
  }

  bool ReadPlain(std::vector<std::optional<std::string>>& elements) {
    std::string element;
    size_t kept = 0;  // without the spaces at the end
    bool escaped = false;
    for (; at_ < text_.size() && text_[at_] != ',' && text_[at_] != '}'; ++at_) {
      if (text_[at_] == '"' || text_[at_] == '{') return false;
      const bool escape = text_[at_] == '\\';
      if (escape && ++at_ == text_.size()) return false;
      escaped = escaped || escape;
      element += text_[at_];
      if (escape || !IsSpace(text_[at_])) kept = element.size();
    }
    element.resize(kept);
    if (element.empty()) return false;
    if (!escaped && duckdb::StringUtil::CIEquals(element, "null")) {
      elements.emplace_back(std::nullopt);
    } else {
      elements.emplace_back(std::move(element));
    }
    return true;
  }

  std::string_view text_;
  size_t at_ = 0;
};

// The cast of the elements, bound once.
struct ElementCast : BoundCastData {
  explicit ElementCast(BoundCastInfo info) : cast(std::move(info)) {}
  unique_ptr<BoundCastData> Copy() const override {
    return duckdb::make_uniq<ElementCast>(cast.Copy());
  }
  BoundCastInfo cast;
};

struct ElementState : duckdb::FunctionLocalState {
  unique_ptr<duckdb::FunctionLocalState> state;
};

unique_ptr<duckdb::FunctionLocalState> InitElementState(
    duckdb::CastLocalStateParameters& parameters) {
  auto& element = parameters.cast_data->Cast<ElementCast>();
  auto state = duckdb::make_uniq<ElementState>();
  if (element.cast.init_local_state != nullptr) {
    duckdb::CastLocalStateParameters inner(parameters, element.cast.cast_data.get());
    state->state = element.cast.init_local_state(inner);
  }
  return state;
}

bool CastRows(Vector& source, Vector& result, idx_t count, CastParameters& parameters) {
  const bool is_constant = source.GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  if (is_constant) count = 1;
  duckdb::UnifiedVectorFormat format;
  source.ToUnifiedFormat(count, format);
  const auto* texts = duckdb::UnifiedVectorFormat::GetData<string_t>(format);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* entries = duckdb::FlatVector::GetData<list_entry_t>(result);
  std::vector<std::optional<std::string>> all;
  bool converted = true;
  for (idx_t row = 0; row < count; ++row) {
    const idx_t at = format.sel->get_index(row);
    if (!format.validity.RowIsValid(at)) {
      duckdb::FlatVector::SetNull(result, row, true);
      continue;
    }
    auto elements = ParseArrayText({texts[at].GetData(), texts[at].GetSize()});
    if (!elements.ok()) {
      // TRY_CAST passes a place for the message and wants NULL.
      if (parameters.error_message == nullptr) {
        ThrowSqlError(SqlStateOf(elements.status()), std::string(MessageOf(elements.status())));
      }
      *parameters.error_message = std::string(MessageOf(elements.status()));
      duckdb::FlatVector::SetNull(result, row, true);
      converted = false;
      continue;
    }
    entries[row] = {all.size(), elements->size()};
    for (auto& element : *elements) all.push_back(std::move(element));
  }
  ListVector::Reserve(result, all.size());
  ListVector::SetListSize(result, all.size());
  Vector strings(LogicalType::VARCHAR, std::max<idx_t>(all.size(), 1));
  for (idx_t i = 0; i < all.size(); ++i) {
    if (all[i]) {
      duckdb::FlatVector::GetData<string_t>(strings)[i] =
          duckdb::StringVector::AddString(strings, *all[i]);
    } else {
      duckdb::FlatVector::SetNull(strings, i, true);
    }
  }
  auto& element = parameters.cast_data->Cast<ElementCast>();
  auto& state = parameters.local_state->Cast<ElementState>();
  CastParameters inner(parameters, element.cast.cast_data.get(), state.state.get());
  if (!element.cast.function(strings, ListVector::GetEntry(result), all.size(), inner)) {
    converted = false;
  }
  if (is_constant) result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
  return converted;
}

BoundCastInfo Bind(duckdb::BindCastInput& input, const LogicalType& source,
                   const LogicalType& target) {
  auto element = input.GetCastFunction(source, duckdb::ListType::GetChildType(target));
  return BoundCastInfo(CastRows, duckdb::make_uniq<ElementCast>(std::move(element)),
                       InitElementState);
}

}  // namespace

Result<std::vector<std::optional<std::string>>> ParseArrayText(std::string_view text) {
  return ArrayTextReader(text).Read();
}

namespace {

void ExecuteCardinality(duckdb::DataChunk& args, duckdb::ExpressionState& /*state*/,
                        Vector& result) {
  duckdb::UnaryExecutor::Execute<list_entry_t, int32_t>(
      args.data[0], result, args.size(),
      [](list_entry_t entry) { return static_cast<int32_t>(entry.length); });
}

}  // namespace

void RegisterArrayFunctions(duckdb::DatabaseInstance& db) {
  duckdb::ScalarFunctionSet set("cardinality");
  set.AddFunction(duckdb::ScalarFunction({LogicalType::LIST(LogicalType::ANY)},
                                         LogicalType::INTEGER, ExecuteCardinality));
  ReplaceFunction(db, std::move(set));
}

void RegisterArrayCasts(duckdb::DatabaseInstance& db) {
  auto& casts = duckdb::DBConfig::GetConfig(db).GetCastFunctions();
  for (const auto& element :
       {LogicalType::BOOLEAN, LogicalType::SMALLINT, LogicalType::INTEGER, LogicalType::BIGINT,
        LogicalType::FLOAT, LogicalType::DOUBLE, LogicalType::VARCHAR, LogicalType::BLOB,
        LogicalType::DATE, LogicalType::TIME, LogicalType::TIMESTAMP, LogicalType::TIMESTAMP_TZ,
        LogicalType::INTERVAL, LogicalType::UUID}) {
    casts.RegisterCastFunction(LogicalType::VARCHAR, LogicalType::LIST(element), Bind);
  }
}

}  // namespace varve::engine
