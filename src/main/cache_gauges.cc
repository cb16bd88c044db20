#include "main/cache_gauges.h"

#include "base/telemetry.h"

namespace varve {
namespace {

struct CacheMetric {
  const char* name;
  const char* help;
  uint64_t cache::TierCounts::* count;
};

}  // namespace

void RegisterCacheGauges(const cache::BlockCache& cache) {
  static constexpr CacheMetric kTierMetrics[] = {
      {"varve_cache_bytes", "Bytes that a tier of the cache holds.", &cache::TierCounts::bytes},
      {"varve_cache_bytes_max", "Limit of varve_cache_bytes.", &cache::TierCounts::bytes_max},
      {"varve_cache_hits_total", "Reads that a tier answered.", &cache::TierCounts::hits},
      {"varve_cache_misses_total", "Reads that a tier did not answer.", &cache::TierCounts::misses},
      {"varve_cache_evictions_total", "Blocks that made room for others.",
       &cache::TierCounts::evictions},
      {"varve_cache_errors_total", "Damaged blocks and failed reads and writes of the disk tier.",
       &cache::TierCounts::errors}};
  static constexpr CacheMetric kStoreMetrics[] = {
      {"varve_cache_requests_total", "Ranged reads that the cache sent to stores.",
       &cache::TierCounts::entries},
      {"varve_cache_fetched_bytes_total", "Bytes that the cache fetched from stores.",
       &cache::TierCounts::bytes},
      {"varve_cache_failed_requests_total", "Ranged reads that failed.",
       &cache::TierCounts::errors}};
  Telemetry& telemetry = Telemetry::Get();
  const auto add = [&](const CacheMetric& metric, cache::TierCounts cache::CacheCounts::* tier,
                       const char* labels) {
    const auto read = [&cache, tier, count = metric.count] {
      return static_cast<double>(cache.counts().*tier.*count);
    };
    telemetry.SetGauge(metric.name, metric.help, read, labels);
  };
  for (const CacheMetric& metric : kTierMetrics) {
    add(metric, &cache::CacheCounts::memory, "tier=\"memory\"");
    add(metric, &cache::CacheCounts::disk, "tier=\"disk\"");
  }
  for (const CacheMetric& metric : kStoreMetrics) add(metric, &cache::CacheCounts::store, "");
  telemetry.SetGauge("varve_cache_waits_total", "Reads that waited for a request of another.",
                     [&cache] { return static_cast<double>(cache.counts().memory.waits); });
}

}  // namespace varve
