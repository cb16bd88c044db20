// Carries the outcome of every fallible call: absl::Status plus the SQLSTATE that a client will
// see.
//
// Role:     every layer -> [Status] -> server/core, which turns it into a PostgreSQL or HTTP error.
// Errors:   the absl code says what the caller can do (InvalidArgument: mend the input; NotFound;
//           ResourceExhausted: wait or shrink; Unavailable: retry; DataLoss: stop; Internal: a
//           bug); the SQLSTATE (PostgreSQL 15, appendix A) says what the client is told.
// Threads:  values; no shared state.
#pragma once

#include <absl/status/status.h>
#include <absl/status/statusor.h>
#include <fmt/format.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace varve {

using Status = absl::Status;
using StatusCode = absl::StatusCode;
template <typename T>
using Result = absl::StatusOr<T>;

inline Status OkStatus() { return absl::OkStatus(); }

// Five characters of appendix A, for example "42P01".
using SqlState = std::string_view;

namespace sqlstate {
inline constexpr SqlState kFeatureNotSupported = "0A000";
inline constexpr SqlState kConnectionFailure = "08006";
inline constexpr SqlState kProtocolViolation = "08P01";
inline constexpr SqlState kStringTooLong = "22001";
inline constexpr SqlState kNumericOutOfRange = "22003";
inline constexpr SqlState kInvalidDatetimeFormat = "22007";
inline constexpr SqlState kDatetimeOverflow = "22008";
inline constexpr SqlState kDivisionByZero = "22012";
inline constexpr SqlState kInvalidParameterValue = "22023";
inline constexpr SqlState kInvalidTextRepresentation = "22P02";
inline constexpr SqlState kInvalidBinaryRepresentation = "22P03";
inline constexpr SqlState kBadCopyFileFormat = "22P04";
inline constexpr SqlState kNotNullViolation = "23502";
inline constexpr SqlState kUniqueViolation = "23505";
inline constexpr SqlState kActiveTransaction = "25001";
inline constexpr SqlState kReadOnlyTransaction = "25006";
inline constexpr SqlState kInFailedTransaction = "25P02";
inline constexpr SqlState kInvalidStatementName = "26000";
inline constexpr SqlState kInvalidCursorName = "34000";
inline constexpr SqlState kInvalidSchemaName = "3F000";
inline constexpr SqlState kSerializationFailure = "40001";
inline constexpr SqlState kInsufficientPrivilege = "42501";
inline constexpr SqlState kSyntaxError = "42601";
inline constexpr SqlState kDuplicateColumn = "42701";
inline constexpr SqlState kAmbiguousColumn = "42702";
inline constexpr SqlState kUndefinedColumn = "42703";
inline constexpr SqlState kUndefinedObject = "42704";
inline constexpr SqlState kGroupingError = "42803";
inline constexpr SqlState kDatatypeMismatch = "42804";
inline constexpr SqlState kUndefinedFunction = "42883";
inline constexpr SqlState kUndefinedTable = "42P01";
inline constexpr SqlState kUndefinedParameter = "42P02";
inline constexpr SqlState kDuplicateCursor = "42P03";
inline constexpr SqlState kDuplicatePreparedStatement = "42P05";
inline constexpr SqlState kDuplicateSchema = "42P06";
inline constexpr SqlState kDuplicateTable = "42P07";
inline constexpr SqlState kInvalidTableDefinition = "42P16";
inline constexpr SqlState kIndeterminateDatatype = "42P18";
inline constexpr SqlState kDiskFull = "53100";
inline constexpr SqlState kOutOfMemory = "53200";
inline constexpr SqlState kTooManyConnections = "53300";
inline constexpr SqlState kConfigurationLimitExceeded = "53400";
inline constexpr SqlState kStatementTooComplex = "54000";
inline constexpr SqlState kObjectNotInPrerequisiteState = "55000";
inline constexpr SqlState kObjectInUse = "55006";
inline constexpr SqlState kQueryCanceled = "57014";
inline constexpr SqlState kAdminShutdown = "57P01";
inline constexpr SqlState kCannotConnectNow = "57P03";
inline constexpr SqlState kIoError = "58030";
inline constexpr SqlState kInternalError = "XX000";
inline constexpr SqlState kDataCorrupted = "XX001";
}  // namespace sqlstate

// An error whose absl code follows from the SQLSTATE's class. `message`: fact first, values last.
Status SqlError(SqlState state, const std::string& message);

template <typename... Args>
Status SqlErrorf(SqlState state, fmt::format_string<Args...> format, Args&&... args) {
  return SqlError(state, fmt::format(format, std::forward<Args>(args)...));
}

// The message as a standard string_view (Debian's absl has a string_view of its own).
inline std::string_view MessageOf(const Status& status) {
  return {status.message().data(), status.message().size()};
}

// The SQLSTATE that the status carries, else the one that its code implies. "00000" for OK.
std::string SqlStateOf(const Status& status);

// Further fields of a PostgreSQL error, kept beside the message. Each returns the changed status.
Status WithDetail(Status status, std::string_view detail);
Status WithHint(Status status, std::string_view hint);
// `position`: 1-based character index in the statement text.
Status WithPosition(Status status, size_t position);
std::optional<std::string> DetailOf(const Status& status);
std::optional<std::string> HintOf(const Status& status);
std::optional<size_t> PositionOf(const Status& status);

// Puts `context` and ": " before the message; code, SQLSTATE and the other fields stay.
Status Annotate(const Status& status, std::string_view context);

#define VARVE_STATUS_ERROR_(name, code)                                    \
  template <typename... Args>                                              \
  Status name(fmt::format_string<Args...> format, Args&&... args) {        \
    return Status(code, fmt::format(format, std::forward<Args>(args)...)); \
  }
VARVE_STATUS_ERROR_(InvalidArgument, StatusCode::kInvalidArgument)
VARVE_STATUS_ERROR_(NotFound, StatusCode::kNotFound)
VARVE_STATUS_ERROR_(AlreadyExists, StatusCode::kAlreadyExists)
VARVE_STATUS_ERROR_(ResourceExhausted, StatusCode::kResourceExhausted)
VARVE_STATUS_ERROR_(Unavailable, StatusCode::kUnavailable)
VARVE_STATUS_ERROR_(FailedPrecondition, StatusCode::kFailedPrecondition)
VARVE_STATUS_ERROR_(DataLoss, StatusCode::kDataLoss)
VARVE_STATUS_ERROR_(Internal, StatusCode::kInternal)
VARVE_STATUS_ERROR_(Cancelled, StatusCode::kCancelled)
#undef VARVE_STATUS_ERROR_

}  // namespace varve

#define VARVE_CONCAT_INNER_(a, b) a##b
#define VARVE_CONCAT_(a, b) VARVE_CONCAT_INNER_(a, b)

// Returns from the enclosing function when `expr` (a Status) is an error.
#define VARVE_RETURN_IF_ERROR(expr)                \
  do {                                             \
    ::varve::Status varve_status_ = (expr);        \
    if (!varve_status_.ok()) return varve_status_; \
  } while (false)

// Evaluates `expr` (a Result), returns its error, else assigns the value:
// VARVE_ASSIGN_OR_RETURN(auto x, F());
#define VARVE_ASSIGN_OR_RETURN(lhs, expr) \
  VARVE_ASSIGN_OR_RETURN_IMPL_(VARVE_CONCAT_(varve_result_, __LINE__), lhs, expr)
#define VARVE_ASSIGN_OR_RETURN_IMPL_(result, lhs, expr) \
  auto result = (expr);                                 \
  if (!result.ok()) return std::move(result).status();  \
  lhs = *std::move(result)
