// Holds what all sessions of one engine share.
//
// Threads:  the pointers are constant after SqlEngine::Attach; the parts are safe by themselves.
#pragma once

#include <memory>
#include <string>

#include "engine/database.h"
#include "engine/deadlines.h"
#include "engine/duck_checkpoint_codec.h"
#include "engine/duck_parquet_writer.h"
#include "engine/engine.h"
#include "engine/kept_rows.h"
#include "engine/lake_sync.h"
#include "engine/lake_tables.h"
#include "engine/meta_store.h"
#include "engine/part_router.h"
#include "engine/session_registry.h"
#include "engine/table_locks.h"

namespace varve::engine {

struct EngineCore {
  EngineCore(EngineOptions o, catalog::Catalog& c, io::ObjectStore& s)
      : options(std::move(o)), catalog(c), store(s) {}

  const EngineOptions options;
  catalog::Catalog& catalog;
  io::ObjectStore& store;
  EngineParts parts;
  BatchSources sources;
  KeptRows kept_rows;
  std::unique_ptr<Database> database;
  std::unique_ptr<MetaStore> meta;
  std::unique_ptr<DuckParquetWriter> parquet_writer;
  std::unique_ptr<DuckCheckpointCodec> checkpoint_codec;
  std::unique_ptr<LakeSync> sync;
  std::unique_ptr<LakeTables> tables;
  PartRouter router{*this};
  TableLocks change_locks;  // one DELETE or UPDATE of a table at a time
  SessionRegistry sessions;
  Deadlines deadlines;
  std::string users_own_ring_names;  // see UsersOwnRingNames; constant after SqlEngine::Open
};

}  // namespace varve::engine
