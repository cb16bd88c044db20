// Holds prepared statements and portals of the extended query protocol, and rows on their way out.
//
// Role:     Parse, Bind -> [PreparedStatement, Portal] -> Execute.
// Limits:   a portal keeps its Bind message and at most one chunk of rows.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "engine/session.h"
#include "ingest/insert_decoder.h"
#include "server/core/client_session.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {

struct PreparedStatement {
  std::string sql;
  ClientStatementRef statement;                      // nullptr: empty, or a decodable INSERT
  std::shared_ptr<const ingest::InsertPlan> insert;  // an INSERT that needs no engine
  std::vector<Oid> declared;                         // of Parse; 0: left open
  std::optional<engine::Description> description;    // once it was asked for

  bool IsEmpty() const { return statement == nullptr && insert == nullptr; }
  std::vector<Type> DeclaredTypes() const {
    std::vector<Type> types;
    types.reserve(declared.size());
    for (const Oid oid : declared) types.push_back(TypeOfOid(oid));
    return types;
  }
};

// A result whose rows are sent piece by piece.
struct RowSource {
  std::unique_ptr<engine::ResultStream> stream;
  engine::ResultChunk chunk;
  uint32_t next_row = 0;  // of the chunk
  bool ended = false;
};

struct Portal {
  std::shared_ptr<PreparedStatement> prepared;
  std::string bind_body;  // what the parameters of a decodable INSERT point into
  std::vector<ingest::InsertParameter> insert_parameters;
  std::vector<engine::ParameterText> parameters;
  std::vector<int16_t> result_formats;
  std::shared_ptr<RowSource> rows;  // once it was executed
  bool executed = false;            // opened, by its first Execute or by the Describe before it
  bool was_run = false;             // an Execute has come: a statement without rows runs once
};

}  // namespace varve::server::pg
