// Runs statements through the dialect layer on a plain DuckDB instance, for its unit tests.
#pragma once

#include <gtest/gtest.h>

#include <duckdb.hpp>
#include <duckdb/optimizer/optimizer_extension.hpp>
#include <duckdb/parser/parser.hpp>
#include <duckdb/planner/logical_operator.hpp>
#include <string>

#include "engine/access_guard.h"
#include "engine/dialect_rewrite.h"
#include "engine/dialect_settings.h"
#include "engine/duck_errors.h"
#include "engine/functions.h"

namespace varve::engine {

class DialectTest : public ::testing::Test {
 protected:
  DialectTest() : duck_(nullptr, Configured(config_)), connection_(duck_) {
    RegisterFunctions(*duck_.instance);
    // Not the engine's redirection, but at the place where that checks the plan.
    duckdb::OptimizerExtension guard;
    guard.pre_optimize_function = [](duckdb::OptimizerExtensionInput&,
                                     duckdb::unique_ptr<duckdb::LogicalOperator>& plan) {
      // The session runs SET itself, past the guard, once it knows the setting.
      if (plan->type != duckdb::LogicalOperatorType::LOGICAL_SET) CheckPlanAllowed(*plan);
    };
    duckdb::OptimizerExtension::Register(duckdb::DBConfig::GetConfig(*duck_.instance),
                                         std::move(guard));
  }

  // Columns separated by '|', rows by ';'. An error as its Status.
  Result<std::string> Run(const std::string& sql) {
    auto result = Execute(sql);
    if (!result.ok()) return result.status();
    std::string text;
    for (duckdb::idx_t row = 0; row < (*result)->RowCount(); ++row) {
      if (row > 0) text += ";";
      for (duckdb::idx_t column = 0; column < (*result)->ColumnCount(); ++column) {
        if (column > 0) text += "|";
        text += (*result)->GetValue(column, row).ToString();
      }
    }
    return text;
  }

  // The answer's text, or the SQLSTATE of the error.
  std::string Answer(const std::string& sql) {
    auto text = Run(sql);
    return text.ok() ? *text : SqlStateOf(text.status());
  }

  std::string Names(const std::string& sql) {
    auto result = Execute(sql);
    if (!result.ok()) return SqlStateOf(result.status());
    return duckdb::StringUtil::Join((*result)->names, ",");
  }

  std::string Types(const std::string& sql) {
    auto result = Execute(sql);
    if (!result.ok()) return SqlStateOf(result.status());
    std::string text;
    for (const auto& type : (*result)->types) text += (text.empty() ? "" : ",") + type.ToString();
    return text;
  }

  // Past guard, names and rewrites: what the engine runs for itself.
  void RunInternal(const std::string& sql) {
    auto result = connection_.Query(sql);
    ASSERT_FALSE(result->HasError()) << result->GetError();
  }

 private:
  using Rows = duckdb::unique_ptr<duckdb::MaterializedQueryResult>;

  static duckdb::DBConfig* Configured(duckdb::DBConfig& config) {
    ConfigureDialect(config);
    config.SetOptionByName("threads", duckdb::Value::BIGINT(2));
    return &config;
  }

  Result<Rows> Execute(const std::string& sql) {
    try {
      duckdb::Parser parser(connection_.context->GetParserOptions());
      parser.ParseQuery(sql);
      Rows last;
      for (auto& statement : parser.statements) {
        VARVE_RETURN_IF_ERROR(CheckStatementAllowed(*statement));
        ApplyDialect(*statement);
        last = connection_.Query(std::move(statement));
        if (last->HasError()) return FromDuckError(last->GetErrorObject(), sql);
      }
      return last;
    } catch (const std::exception& error) {
      return FromDuckError(duckdb::ErrorData(error), sql);
    }
  }

  duckdb::DBConfig config_;
  duckdb::DuckDB duck_;
  duckdb::Connection connection_;
};

}  // namespace varve::engine
