#include "engine/time_bucket.h"

#include <duckdb/common/types/date.hpp>
#include <duckdb/common/types/interval.hpp>
#include <duckdb/common/types/timestamp.hpp>
#include <duckdb/common/vector_operations/unary_executor.hpp>

#include "engine/catalog_edit.h"
#include "engine/pg_error.h"

namespace varve::engine {

using duckdb::DataChunk;
using duckdb::date_t;
using duckdb::ExpressionState;
using duckdb::idx_t;
using duckdb::interval_t;
using duckdb::LogicalType;
using duckdb::ScalarFunction;
using duckdb::ScalarFunctionSet;
using duckdb::timestamp_t;
using duckdb::UnifiedVectorFormat;
using duckdb::Vector;

namespace {

constexpr int64_t kMicrosPerDay = 86'400'000'000;
constexpr int64_t kOriginMicros = 10'959 * kMicrosPerDay;       // 2000-01-03, a Monday
constexpr int64_t kMonthOriginMicros = 10'957 * kMicrosPerDay;  // 2000-01-01

[[noreturn]] void ThrowOutOfRange() {
  ThrowSqlError(sqlstate::kDatetimeOverflow, "timestamp out of range");
}

template <typename T>
T FloorTo(T value, T width) {
  T rest = value % width;
  if (rest < 0) rest += width;
  T start;
  if (__builtin_sub_overflow(value, rest, &start)) ThrowOutOfRange();
  return start;
}

// Months since year 0.
int32_t MonthOf(int64_t micros) {
  int32_t year = 0;
  int32_t month = 0;
  int32_t day = 0;
  duckdb::Date::Convert(duckdb::Timestamp::GetDate(timestamp_t(micros)), year, month, day);
  return year * 12 + month - 1;
}

int64_t FirstOfMonth(int32_t month_number) {
  const int32_t year = FloorTo(month_number, 12) / 12;
  date_t date{};
  if (!duckdb::Date::TryFromDate(year, month_number - year * 12 + 1, 1, date)) ThrowOutOfRange();
  timestamp_t start{};
  if (!duckdb::Timestamp::TryFromDatetime(date, duckdb::dtime_t(0), start)) ThrowOutOfRange();
  return start.value;
}

int64_t FixedMicros(const interval_t& interval) {
  int64_t micros = 0;
  if (__builtin_mul_overflow(static_cast<int64_t>(interval.days), kMicrosPerDay, &micros) ||
      __builtin_add_overflow(micros, interval.micros, &micros)) {
    ThrowSqlError(sqlstate::kDatetimeOverflow, "interval out of range");
  }
  return micros;
}

}  // namespace

Bucketer::Bucketer(const interval_t& width, const int64_t* origin) {
  if (width.months != 0) {
    if (width.days != 0 || width.micros != 0) {
      ThrowSqlError(sqlstate::kInvalidParameterValue,
                    "month intervals cannot have day or time component");
    }
    width_months_ = width.months;
    origin_ = origin != nullptr ? *origin : kMonthOriginMicros;
  } else {
    width_micros_ = FixedMicros(width);
    origin_ = origin != nullptr ? *origin : kOriginMicros;
  }
  if (width_months_ < 0 || (width_months_ == 0 && width_micros_ <= 0)) {
    ThrowSqlError(sqlstate::kInvalidParameterValue, "period must be greater than 0");
  }
}

int64_t Bucketer::Find(int64_t micros) {
  if (!duckdb::Timestamp::IsFinite(timestamp_t(micros))) return micros;
  if (width_months_ != 0) return FindMonths(micros);
  // The remainders keep the sum in range for every finite timestamp but those at the very ends.
  const int64_t grid = (origin_ % width_micros_ + shift_ % width_micros_) % width_micros_;
  int64_t from_grid;
  if (__builtin_sub_overflow(micros, grid, &from_grid)) ThrowOutOfRange();
  int64_t start;
  if (__builtin_add_overflow(FloorTo(from_grid, width_micros_), grid, &start)) ThrowOutOfRange();
  if (!duckdb::Timestamp::IsFinite(timestamp_t(start))) ThrowOutOfRange();
  start_ = start;
  if (__builtin_add_overflow(start, width_micros_, &end_)) end_ = start;  // do not remember it
  return start;
}

int64_t Bucketer::FindMonths(int64_t micros) {
  int64_t shifted;
  if (__builtin_sub_overflow(micros, shift_, &shifted)) ThrowOutOfRange();
  const int32_t origin = MonthOf(origin_);
  const int32_t bucket = FloorTo(MonthOf(shifted) - origin, width_months_) + origin;
  start_ = FirstOfMonth(bucket) + shift_;
  end_ = start_ + 28 * kMicrosPerDay;  // no month is shorter; what lies behind is found again
  return start_;
}

namespace {

// How a column type turns into microseconds and back.
template <typename T>
struct TimeValue {
  static int64_t Micros(T value) { return value.value; }
  static T From(int64_t micros) { return T(micros); }
  static void CheckWidth(const interval_t& /*width*/) {}
};

template <>
struct TimeValue<date_t> {
  static int64_t Micros(date_t date) {
    if (date == date_t::infinity()) return timestamp_t::infinity().value;
    if (date == date_t::ninfinity()) return timestamp_t::ninfinity().value;
    timestamp_t start{};
    if (!duckdb::Timestamp::TryFromDatetime(date, duckdb::dtime_t(0), start)) ThrowOutOfRange();
    return start.value;
  }
  static date_t From(int64_t micros) { return duckdb::Timestamp::GetDate(timestamp_t(micros)); }
  static void CheckWidth(const interval_t& width) {
    if (width.micros % kMicrosPerDay != 0) {
      ThrowSqlError(sqlstate::kInvalidParameterValue, "interval must not have sub-day precision");
    }
  }
};

// The optional third argument.
struct NoExtra {};

template <typename T, typename Extra>
class TimeBucket {
 public:
  TimeBucket(const interval_t& width, const Extra& extra) : bucketer_(Make(width, extra)) {
    if constexpr (std::is_same_v<Extra, interval_t>) {
      months_ = extra.months;
      bucketer_.ShiftBy(FixedMicros(extra));
    }
  }

  T operator()(T value) {
    const int64_t micros = TimeValue<T>::Micros(value);
    if (months_ == 0) return TimeValue<T>::From(bucketer_.Start(micros));
    const interval_t back{-months_, 0, 0};
    const interval_t forth{months_, 0, 0};
    const auto shifted = duckdb::Interval::Add(timestamp_t(micros), back);
    const timestamp_t start(bucketer_.Start(shifted.value));
    return TimeValue<T>::From(duckdb::Interval::Add(start, forth).value);
  }

 private:
  static Bucketer Make(const interval_t& width, const Extra& extra) {
    TimeValue<T>::CheckWidth(width);
    if constexpr (std::is_same_v<Extra, T>) {
      const int64_t origin = TimeValue<T>::Micros(extra);
      if (!duckdb::Timestamp::IsFinite(timestamp_t(origin))) {
        ThrowSqlError(sqlstate::kInvalidParameterValue, "invalid origin value: infinity");
      }
      return Bucketer(width, &origin);
    } else {
      return Bucketer(width, nullptr);
    }
  }

  Bucketer bucketer_;
  int32_t months_ = 0;
};

template <typename T>
T Read(const UnifiedVectorFormat& format, idx_t row) {
  return UnifiedVectorFormat::GetData<T>(format)[format.sel->get_index(row)];
}

template <typename T, typename Extra>
void ExecuteRows(DataChunk& args, Vector& result) {
  const idx_t columns = args.ColumnCount();
  std::vector<UnifiedVectorFormat> formats(columns);
  for (idx_t i = 0; i < columns; ++i) args.data[i].ToUnifiedFormat(args.size(), formats[i]);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  auto* out = duckdb::FlatVector::GetData<T>(result);
  auto& validity = duckdb::FlatVector::Validity(result);
  for (idx_t row = 0; row < args.size(); ++row) {
    bool valid = true;
    for (const auto& format : formats) {
      valid = valid && format.validity.RowIsValid(format.sel->get_index(row));
    }
    if (!valid) {
      validity.SetInvalid(row);
      continue;
    }
    Extra extra{};
    if constexpr (!std::is_same_v<Extra, NoExtra>) extra = Read<Extra>(formats[2], row);
    out[row] =
        TimeBucket<T, Extra>(Read<interval_t>(formats[0], row), extra)(Read<T>(formats[1], row));
  }
}

template <typename T, typename Extra>
void Execute(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  const auto constant = [&](idx_t i) {
    return args.data[i].GetVectorType() == duckdb::VectorType::CONSTANT_VECTOR;
  };
  constexpr bool kHasExtra = !std::is_same_v<Extra, NoExtra>;
  if (!constant(0) || (kHasExtra && !constant(2))) return ExecuteRows<T, Extra>(args, result);
  if (duckdb::ConstantVector::IsNull(args.data[0]) ||
      (kHasExtra && duckdb::ConstantVector::IsNull(args.data[2]))) {
    result.SetVectorType(duckdb::VectorType::CONSTANT_VECTOR);
    duckdb::ConstantVector::SetNull(result, true);
    return;
  }
  Extra extra{};
  if constexpr (kHasExtra) extra = *duckdb::ConstantVector::GetData<Extra>(args.data[2]);
  TimeBucket<T, Extra> bucket(*duckdb::ConstantVector::GetData<interval_t>(args.data[0]), extra);
  duckdb::UnaryExecutor::Execute<T, T>(args.data[1], result, args.size(),
                                       [&](T value) { return bucket(value); });
}

template <typename T, typename Extra>
ScalarFunction Overload(std::vector<LogicalType> arguments, const LogicalType& type) {
  duckdb::vector<LogicalType> list;
  for (auto& argument : arguments) list.push_back(std::move(argument));
  ScalarFunction function(std::move(list), type, Execute<T, Extra>);
  function.SetFallible();
  return function;
}

template <typename T>
void AddFor(ScalarFunctionSet& set, const LogicalType& type) {
  const LogicalType interval = LogicalType::INTERVAL;
  set.AddFunction(Overload<T, NoExtra>({interval, type}, type));
  set.AddFunction(Overload<T, T>({interval, type, type}, type));
  set.AddFunction(Overload<T, interval_t>({interval, type, interval}, type));
}

// TimescaleDB buckets integers too, from 0.
void ExecuteBigint(DataChunk& args, ExpressionState& /*state*/, Vector& result) {
  duckdb::BinaryExecutor::Execute<int64_t, int64_t, int64_t>(
      args.data[0], args.data[1], result, args.size(), [](int64_t width, int64_t value) {
        if (width <= 0) {
          ThrowSqlError(sqlstate::kInvalidParameterValue, "period must be greater than 0");
        }
        return FloorTo(value, width);
      });
}

}  // namespace

void RegisterTimeBucket(duckdb::DatabaseInstance& db) {
  ScalarFunctionSet set("time_bucket");
  AddFor<timestamp_t>(set, LogicalType::TIMESTAMP_TZ);
  AddFor<timestamp_t>(set, LogicalType::TIMESTAMP);
  AddFor<date_t>(set, LogicalType::DATE);
  ScalarFunction integers({LogicalType::BIGINT, LogicalType::BIGINT}, LogicalType::BIGINT,
                          ExecuteBigint);
  integers.SetFallible();
  set.AddFunction(integers);
  // DuckDB's overload with a time zone stays: that one needs ICU's calendar.
  AddOverloads(db, std::move(set));
}

}  // namespace varve::engine
