// Writes and reads what a checkpoint leaves on disk: which metrics there are, where their rings
// lie, and up to which Lsn all of that is true.
//
// Role:     RingStore::Checkpoint, Open -> [these] -> io::FileSystem.
// Layout:   "checkpoint" names one "registry-N"; docs/formats/ring.md.
// Errors:   DataLoss with file and offset for anything that was not written here.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"
#include "io/file.h"
#include "model/ids.h"
#include "ring/metric.h"
#include "ring/spare_file.h"

namespace varve::ring {

inline constexpr std::string_view kCheckpointName = "checkpoint";

// The registry file that goes with a checkpoint. Number 0: no file, and no metrics.
struct RegistryFile {
  uint64_t number = 0;
  uint64_t bytes = 0;
  uint32_t checksum = 0;
  friend bool operator==(const RegistryFile&, const RegistryFile&) = default;
};

struct CheckpointHead {
  Lsn lsn;
  uint64_t next_metric = 1;
  RegistryFile registry;
  friend bool operator==(const CheckpointHead&, const CheckpointHead&) = default;
};

struct PlacedMetric {
  MetricRef metric;
  uint32_t slab = 0;  // its number; its slots are the metric's
  uint32_t index = 0;
};

std::string RegistryFileName(uint64_t number);
// nullopt: not the name of one.
std::optional<uint64_t> ParseRegistryFileName(std::string_view name);

std::string EncodeHead(const CheckpointHead& head);
// `path` is for the error's text, here and below.
Result<CheckpointHead> DecodeHead(const std::string& path, std::string_view bytes);
// NotFound when there is none.
Result<CheckpointHead> ReadHead(io::FileSystem& files, const std::string& dir);

// Of a registry without metrics, and what each one adds.
inline constexpr uint64_t kRegistryHeadBytes = 12;
uint64_t RegistryBytes(const Metric& metric);
// Syncs the file; its name is durable after SyncDir(). Becomes of the spare when the disk is full.
Result<RegistryFile> WriteRegistry(io::FileSystem& files, SpareFile& spare, const std::string& dir,
                                   uint64_t number, const std::vector<PlacedMetric>& metrics);
Status DecodeRegistry(const std::string& path, const CheckpointHead& head, std::string_view bytes,
                      const std::function<Status(PlacedMetric)>& on_metric);
Status ReadRegistry(io::FileSystem& files, const std::string& dir, const CheckpointHead& head,
                    const std::function<Status(PlacedMetric)>& on_metric);

}  // namespace varve::ring
