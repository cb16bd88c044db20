// Decodes `INSERT INTO t (cols) VALUES (literals and parameters), ...` without the SQL engine.
//
// Role:     server/pg -> [DecodeInsert, CompileInsert] -> batches for Session::WriteRows. Planning
//           such a statement costs the engine 305 ms for 1,000 rows of 37 columns; this costs 3.
// Errors:   nullopt means "not mine": expressions, sub-selects, RETURNING, ON CONFLICT, an unknown
//           table or column, a wrong count of values, a type that needs a cast not known here; the
//           engine then decides and reports. A Status is the error that PostgreSQL gives for a
//           value, with its position in the statement.
// Threads:  no shared state; an InsertPlan is immutable and may be shared.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "ingest/decode_settings.h"
#include "ingest/row_assembler.h"
#include "model/batch.h"

namespace varve::ingest {

// Finds a Varve table as Session::FindTable does; nullptr when there is none.
using TableFinder =
    std::function<TableRef(const std::optional<std::string>& schema, std::string_view table)>;

struct DecodedInsert {
  TableRef table;
  uint64_t rows = 0;              // for the tag "INSERT 0 <rows>"
  std::vector<BatchRef> batches;  // more than one only above kBatchRowsMax rows: one transaction
  size_t text_bytes = 0;          // length of the statement with its `;` and the space behind it;
                                  // less than the text when further statements follow
};

// Decodes the first statement of `sql` when it is an INSERT of literals without parameters.
Result<std::optional<DecodedInsert>> DecodeInsert(std::string_view sql, const TableFinder& find,
                                                  const DecodeSettings& settings);

// A parameter as Bind brings it; no bytes is NULL.
struct InsertParameter {
  std::optional<std::string_view> bytes;
  bool binary = false;
};

// An INSERT that was read once and takes parameters each time.
class InsertPlan {
 public:
  virtual ~InsertPlan() = default;

  // The definition that it was made for. When FindTable gives another one, compile again.
  virtual const TableRef& table() const = 0;
  virtual size_t rows() const = 0;  // per execution
  // What Describe reports: the declared type, else the column's.
  virtual const std::vector<Type>& parameter_types() const = 0;

  // Several executions may share an assembler, so that a pipeline of INSERTs makes one batch.
  virtual Result<std::unique_ptr<RowAssembler>> NewAssembler(
      const DecodeSettings& settings) const = 0;
  // Appends the rows. After an error the assembler is good for nothing: the statement, and the
  // pipeline with it, has failed.
  virtual Status Append(std::span<const InsertParameter> parameters, const DecodeSettings& settings,
                        RowAssembler& rows) const = 0;
};

// Reads the only statement of `sql`. `declared`: the types of Parse, kUnknown or missing where the
// client left them open. nullptr means "not mine".
Result<std::shared_ptr<const InsertPlan>> CompileInsert(std::string_view sql,
                                                        std::span<const Type> declared,
                                                        const TableFinder& find);

}  // namespace varve::ingest
