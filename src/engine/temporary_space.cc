#include "engine/temporary_space.h"

#include <duckdb/storage/buffer_manager.hpp>
#include <filesystem>

#include "engine/database.h"
#include "engine/duck_guard.h"
#include "engine/engine.h"

namespace varve::engine {

void LimitTemporarySpace(duckdb::DatabaseInstance& db, const std::string& data_dir) {
  std::error_code error;
  const auto space = std::filesystem::space(data_dir, error);
  if (error) return;
  const uint64_t kept = KeptFree(space.capacity);
  auto& buffers = duckdb::BufferManager::GetBufferManager(db);
  // An error says that statements have taken more in between: the next one sets the limit.
  GuardDuck([&] {
    const uint64_t used = buffers.GetUsedSwap();
    buffers.SetSwapLimit(used + (space.available > kept ? space.available - kept : 0));
  }).IgnoreError();
}

void LimitTemporarySpace(SqlEngine& engine, const std::string& data_dir) {
  LimitTemporarySpace(*engine.database().current()->duck.instance, data_dir);
}

}  // namespace varve::engine
