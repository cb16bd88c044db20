// Holds one parsed SQL statement and knows what PostgreSQL calls it.
//
// Threads:  used by its session's thread.
#pragma once

#include <duckdb.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/session.h"

namespace varve::engine {

class DuckStatement : public Statement {
 public:
  DuckStatement(duckdb::unique_ptr<duckdb::SQLStatement> parsed, std::string text);

  std::string_view verb() const override { return verb_; }
  std::string_view text() const override { return text_; }
  const duckdb::SQLStatement& parsed() const { return *parsed_; }

  // Numbers of the parameters used: $1 is 1; 0 when there is none.
  size_t parameter_count() const { return parameter_count_; }

  // The parameters' types for what the client declared; `infer` finds them the first time.
  Result<std::vector<Type>> ParameterTypes(const std::vector<Type>& declared,
                                           const std::function<Result<Description>()>& infer) const;
  void RememberTypes(const std::vector<Type>& declared, const std::vector<Type>& inferred) const {
    declared_ = declared;
    inferred_ = inferred;
  }

 private:
  duckdb::unique_ptr<duckdb::SQLStatement> parsed_;
  std::string text_;
  std::string verb_;
  size_t parameter_count_ = 0;

  // The last inference: planning twice for each execution would double its cost.
  mutable std::optional<std::vector<Type>> declared_;
  mutable std::vector<Type> inferred_;
};

// DuckDB's parser makes a DELETE of TRUNCATE; only the text tells.
bool IsTruncate(std::string_view text);

// "SELECT", "INSERT", "CREATE TABLE", "BEGIN", ...
std::string VerbOf(const duckdb::SQLStatement& statement);

}  // namespace varve::engine
