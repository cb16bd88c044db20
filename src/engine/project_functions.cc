#include "engine/project_functions.h"

#include <duckdb/main/extension/extension_loader.hpp>

#include "engine/core_function.h"
#include "engine/duck_guard.h"
#include "engine/engine_core.h"
#include "engine/table_argument.h"

namespace varve::engine {

using duckdb::LogicalType;
using duckdb::Value;

namespace {

EngineCore& CoreWithProjects(duckdb::ExpressionState& state) {
  EngineCore& core = CoreOf(state);
  if (core.options.projects == nullptr || core.parts.buffer == nullptr) {
    ThrowStatus(SqlError(sqlstate::kCannotConnectNow, "projects are not available yet"));
  }
  return core;
}

// The order is that of the macro's parameters.
enum Argument { kId, kBucket, kPrefix, kAccessKey, kSecretKey, kRegion, kEndpoint, kToken, kCount };

void CreateProjects(duckdb::DataChunk& args, duckdb::ExpressionState& state,
                    duckdb::Vector& result) {
  EngineCore& core = CoreWithProjects(state);
  result.SetVectorType(duckdb::VectorType::FLAT_VECTOR);
  for (duckdb::idx_t i = 0; i < args.size(); i++) {
    const auto text = [&](Argument argument) {
      const Value value = args.data[argument].GetValue(i);
      return value.IsNull() ? std::string() : value.ToString();
    };
    catalog::Project project;
    project.id = text(kId);
    project.bucket = text(kBucket);
    project.prefix = text(kPrefix);
    project.access_key = text(kAccessKey);
    project.region = text(kRegion);
    project.endpoint = text(kEndpoint);
    ThrowIfError(core.options.projects->Add(project, {text(kSecretKey), text(kToken)}));
    ThrowIfError(core.sync->AddMissingParts());
    result.SetValue(i, Value(project.id));
  }
}

void DropProjects(duckdb::DataChunk& args, duckdb::ExpressionState& state, duckdb::Vector& result) {
  EngineCore& core = CoreWithProjects(state);
  ForEachText(args, result, [&](const std::string& id) {
    if (!core.options.projects->ids()->contains(id)) {
      ThrowStatus(
          SqlErrorf(sqlstate::kUndefinedObject, "project \"{}\" has no storage of its own", id));
    }
    core.router.Close(id);
    const Status removed = core.sync->RemoveProject(id);
    core.router.Reopen(id);
    ThrowIfError(removed);
    return Value(id);
  });
}

}  // namespace

void RegisterProjectFunctions(duckdb::ExtensionLoader& loader, EngineCore& core) {
  duckdb::ScalarFunction create("varve_create_project",
                                duckdb::vector<LogicalType>(kCount, LogicalType::VARCHAR),
                                LogicalType::VARCHAR, CreateProjects);
  duckdb::ScalarFunction drop("varve_drop_project", {LogicalType::VARCHAR}, LogicalType::VARCHAR,
                              DropProjects);
  create.SetNullHandling(duckdb::FunctionNullHandling::SPECIAL_HANDLING);
  for (auto* function : {&create, &drop}) {
    BindToCore(*function, core);
    loader.RegisterFunction(*function);
  }
}

Status CreateProjectMacros(duckdb::Connection& connection) {
  for (const char* sql :
       {"CREATE OR REPLACE MACRO varve.create_project(project_id, bucket, prefix := '', "
        "access_key := '', secret_key := '', region := '', endpoint := '', session_token := '') AS "
        "varve_create_project(project_id, bucket, prefix, access_key, secret_key, region, "
        "endpoint, session_token)",
        "CREATE OR REPLACE MACRO varve.drop_project(project_id) AS "
        "varve_drop_project(project_id)"}) {
    VARVE_RETURN_IF_ERROR(RunInternal(connection, sql).status());
  }
  return OkStatus();
}

}  // namespace varve::engine
