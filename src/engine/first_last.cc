#include "engine/first_last.h"

#include <cstring>
#include <duckdb/function/aggregate_function.hpp>
#include <duckdb/function/create_sort_key.hpp>

#include "engine/catalog_edit.h"

namespace varve::engine {

using duckdb::AggregateFunction;
using duckdb::AggregateInputData;
using duckdb::data_ptr_t;
using duckdb::Expression;
using duckdb::FlatVector;
using duckdb::FunctionData;
using duckdb::hugeint_t;
using duckdb::idx_t;
using duckdb::LogicalType;
using duckdb::string_t;
using duckdb::UnifiedVectorFormat;
using duckdb::unique_ptr;
using duckdb::Vector;

namespace {

// The value of the best row so far. Fixed-width values lie in the state itself.
template <typename T>
struct Kept {
  T value;

  bool After(const T& other) const { return other < value; }
  void Set(const T& other, AggregateInputData& /*input*/) { value = other; }
  T Get(Vector& /*result*/) const { return value; }
};

// Bytes lie in the arena of the aggregate, which grows only: the room is used again when it is
// large enough, or last() over rows in time order would keep a copy of every one.
template <>
struct Kept<string_t> {
  char* bytes;
  uint32_t size;
  uint32_t room;

  bool After(const string_t& other) const { return other < string_t(bytes, size); }
  void Set(const string_t& other, AggregateInputData& input) {
    size = static_cast<uint32_t>(other.GetSize());
    if (bytes == nullptr || size > room) {
      room = std::max<uint32_t>(size + size / 2, 16);
      bytes = reinterpret_cast<char*>(input.allocator.Allocate(room));
    }
    std::memcpy(bytes, other.GetData(), size);
  }
  string_t Get(Vector& result) const {
    return duckdb::StringVector::AddStringOrBlob(result, string_t(bytes, size));
  }
};

template <typename T>
struct BestRow {
  Kept<T> kept;
  int64_t time;
  bool any;
  bool is_null;
};

// Whether a row at `time` beats the one in `state`. Last is false for first().
template <bool Last, typename T>
bool Beats(const BestRow<T>& state, int64_t time, bool is_null, const T& value) {
  if (!state.any) return true;
  if (time != state.time) return Last ? time > state.time : time < state.time;
  if (is_null || state.is_null) return !is_null;
  return state.kept.After(value);
}

template <bool Last, typename T>
void Offer(BestRow<T>& state, int64_t time, bool is_null, const T& value,
           AggregateInputData& input) {
  if (!Beats<Last>(state, time, is_null, value)) return;
  state.any = true;
  state.time = time;
  state.is_null = is_null;
  if (!is_null) state.kept.Set(value, input);
}

template <typename T>
void Initialize(const AggregateFunction& /*function*/, data_ptr_t state) {
  std::memset(state, 0, sizeof(BestRow<T>));
}

template <bool Last, typename T, bool Encoded, typename StateOf>
void UpdateRows(Vector inputs[], AggregateInputData& input, idx_t count, const StateOf& state_of) {
  // Lists, structs and the like are compared and kept as DuckDB's order-preserving bytes.
  Vector keys(LogicalType::BLOB, Encoded ? count : 1);
  if (Encoded) {
    const duckdb::OrderModifiers order(duckdb::OrderType::ASCENDING,
                                       duckdb::OrderByNullType::NULLS_LAST);
    duckdb::CreateSortKeyHelpers::CreateSortKeyWithValidity(inputs[0], keys, order, count);
  }
  UnifiedVectorFormat values;
  UnifiedVectorFormat times;
  (Encoded ? keys : inputs[0]).ToUnifiedFormat(count, values);
  inputs[1].ToUnifiedFormat(count, times);
  const auto* value = UnifiedVectorFormat::GetData<T>(values);
  const auto* time = UnifiedVectorFormat::GetData<int64_t>(times);
  for (idx_t row = 0; row < count; ++row) {
    const idx_t t = times.sel->get_index(row);
    if (!times.validity.RowIsValid(t)) continue;
    const idx_t v = values.sel->get_index(row);
    Offer<Last>(state_of(row), time[t], !values.validity.RowIsValid(v), value[v], input);
  }
}

template <bool Last, typename T, bool Encoded>
void Update(Vector inputs[], AggregateInputData& input, idx_t /*inputs*/, Vector& states,
            idx_t count) {
  UnifiedVectorFormat format;
  states.ToUnifiedFormat(count, format);
  auto* state = UnifiedVectorFormat::GetData<BestRow<T>*>(format);
  UpdateRows<Last, T, Encoded>(inputs, input, count, [&](idx_t row) -> BestRow<T>& {
    return *state[format.sel->get_index(row)];
  });
}

template <bool Last, typename T, bool Encoded>
void UpdateOne(Vector inputs[], AggregateInputData& input, idx_t /*inputs*/, data_ptr_t state,
               idx_t count) {
  auto& row_state = *reinterpret_cast<BestRow<T>*>(state);
  UpdateRows<Last, T, Encoded>(inputs, input, count,
                               [&](idx_t) -> BestRow<T>& { return row_state; });
}

template <bool Last, typename T>
void Combine(Vector& sources, Vector& targets, AggregateInputData& input, idx_t count) {
  auto* source = FlatVector::GetData<BestRow<T>*>(sources);
  auto* target = FlatVector::GetData<BestRow<T>*>(targets);
  for (idx_t i = 0; i < count; ++i) {
    if (!source[i]->any) continue;
    const T value = [&] {
      if constexpr (std::is_same_v<T, string_t>) {
        return string_t(source[i]->kept.bytes, source[i]->kept.size);
      } else {
        return source[i]->kept.value;
      }
    }();
    Offer<Last>(*target[i], source[i]->time, source[i]->is_null, value, input);
  }
}

template <typename T, bool Encoded>
void Finalize(Vector& states, AggregateInputData& /*input*/, Vector& result, idx_t count,
              idx_t offset) {
  UnifiedVectorFormat format;
  states.ToUnifiedFormat(count, format);
  auto* state = UnifiedVectorFormat::GetData<BestRow<T>*>(format);
  for (idx_t i = 0; i < count; ++i) {
    const auto& best = *state[format.sel->get_index(i)];
    if (!best.any || best.is_null) {
      FlatVector::SetNull(result, offset + i, true);
    } else if constexpr (Encoded) {
      const duckdb::OrderModifiers order(duckdb::OrderType::ASCENDING,
                                         duckdb::OrderByNullType::NULLS_LAST);
      duckdb::CreateSortKeyHelpers::DecodeSortKey(string_t(best.kept.bytes, best.kept.size), result,
                                                  offset + i, order);
    } else {
      FlatVector::GetData<T>(result)[offset + i] = best.kept.Get(result);
    }
  }
}

template <bool Last, typename T, bool Encoded = false>
void Implement(AggregateFunction& function) {
  function.state_size = AggregateFunction::StateSize<BestRow<T>>;
  function.initialize = Initialize<T>;
  function.update = Update<Last, T, Encoded>;
  function.simple_update = UpdateOne<Last, T, Encoded>;
  function.combine = Combine<Last, T>;
  function.finalize = Finalize<T, Encoded>;
}

template <bool Last>
unique_ptr<FunctionData> Bind(duckdb::ClientContext& /*context*/, AggregateFunction& function,
                              duckdb::vector<unique_ptr<Expression>>& arguments) {
  using duckdb::PhysicalType;
  const LogicalType type = arguments[0]->return_type;
  if (type.id() == duckdb::LogicalTypeId::UNKNOWN) throw duckdb::ParameterNotResolvedException();
  function.arguments[0] = type;
  function.return_type = type;
  switch (type.InternalType()) {
    case PhysicalType::BOOL:
    case PhysicalType::INT8:
      Implement<Last, int8_t>(function);
      break;
    case PhysicalType::INT16:
      Implement<Last, int16_t>(function);
      break;
    case PhysicalType::INT32:
      Implement<Last, int32_t>(function);
      break;
    case PhysicalType::INT64:
      Implement<Last, int64_t>(function);
      break;
    case PhysicalType::INT128:
      Implement<Last, hugeint_t>(function);
      break;
    case PhysicalType::FLOAT:
      Implement<Last, float>(function);
      break;
    case PhysicalType::DOUBLE:
      Implement<Last, double>(function);
      break;
    case PhysicalType::VARCHAR:
      Implement<Last, string_t>(function);
      break;
    default:
      Implement<Last, string_t, true>(function);
      break;
  }
  return nullptr;
}

template <bool Last>
void Register(duckdb::DatabaseInstance& db, const std::string& name) {
  duckdb::AggregateFunctionSet set(name);
  for (const auto& time :
       {LogicalType::TIMESTAMP_TZ, LogicalType::TIMESTAMP, LogicalType::BIGINT}) {
    AggregateFunction function({LogicalType::ANY, time}, LogicalType::ANY, nullptr, nullptr,
                               nullptr, nullptr, nullptr,
                               duckdb::FunctionNullHandling::SPECIAL_HANDLING, nullptr, Bind<Last>);
    Implement<Last, int64_t>(function);
    function.SetOrderDependent(duckdb::AggregateOrderDependent::NOT_ORDER_DEPENDENT);
    function.SetDistinctDependent(duckdb::AggregateDistinctDependent::NOT_DISTINCT_DEPENDENT);
    set.AddFunction(std::move(function));
  }
  AddOverloads(db, std::move(set));
}

}  // namespace

void RegisterFirstLast(duckdb::DatabaseInstance& db) {
  Register<false>(db, "first");
  Register<true>(db, "last");
}

}  // namespace varve::engine
