#include "ring/checkpoint_file.h"

#include <charconv>
#include <memory>
#include <utility>

#include "base/bytes.h"
#include "base/check.h"
#include "base/crc32c.h"
#include "ring/metric_codec.h"

namespace varve::ring {
namespace {

constexpr std::string_view kHeadMagic = "VRVC";
constexpr std::string_view kRegistryMagic = "VRVR";
constexpr uint32_t kCheckpointVersion = 1;
constexpr size_t kHeadBytes = 48;
constexpr size_t kPieceBytes = 1 << 20;
constexpr std::string_view kRegistryPrefix = "registry-";

Result<PlacedMetric> ReadPlaced(ByteReader& in) {
  PlacedMetric placed;
  VARVE_ASSIGN_OR_RETURN(placed.slab, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(placed.index, in.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(Metric metric, ReadMetric(in));
  placed.metric = std::make_shared<const Metric>(std::move(metric));
  return placed;
}

Result<RegistryFile> AppendRegistry(io::AppendFile& file, uint64_t number,
                                    const std::vector<PlacedMetric>& metrics) {
  RegistryFile written{number, 0, 0};
  std::string piece(kRegistryMagic);
  AppendLittle(piece, kCheckpointVersion);
  AppendLittle(piece, static_cast<uint32_t>(metrics.size()));
  const auto write = [&]() -> Status {
    written.bytes += piece.size();
    written.checksum = ExtendCrc32c(written.checksum, piece);
    VARVE_RETURN_IF_ERROR(file.Append(piece));
    piece.clear();
    return OkStatus();
  };
  for (const PlacedMetric& placed : metrics) {
    AppendLittle(piece, placed.slab);
    AppendLittle(piece, placed.index);
    AppendMetric(*placed.metric, piece);
    if (piece.size() >= kPieceBytes) VARVE_RETURN_IF_ERROR(write());
  }
  VARVE_RETURN_IF_ERROR(write());
  VARVE_RETURN_IF_ERROR(file.DataSync());
  return written;
}

}  // namespace

std::string RegistryFileName(uint64_t number) {
  return fmt::format("{}{:010}", kRegistryPrefix, number);
}

std::optional<uint64_t> ParseRegistryFileName(std::string_view name) {
  if (!name.starts_with(kRegistryPrefix)) return std::nullopt;
  uint64_t number = 0;
  std::from_chars(name.data() + kRegistryPrefix.size(), name.data() + name.size(), number);
  if (number == 0 || RegistryFileName(number) != name) return std::nullopt;
  return number;
}

std::string EncodeHead(const CheckpointHead& head) {
  std::string bytes(kHeadMagic);
  AppendLittle(bytes, kCheckpointVersion);
  AppendLittle(bytes, head.lsn.value);
  AppendLittle(bytes, head.next_metric);
  AppendLittle(bytes, head.registry.number);
  AppendLittle(bytes, head.registry.bytes);
  AppendLittle(bytes, head.registry.checksum);
  AppendLittle(bytes, Crc32c(bytes));
  VARVE_CHECK(bytes.size() == kHeadBytes);
  return bytes;
}

Result<CheckpointHead> DecodeHead(const std::string& path, std::string_view bytes) {
  if (bytes.size() != kHeadBytes) {
    return DataLoss("{} has {} bytes, not {}", path, bytes.size(), kHeadBytes);
  }
  if (!bytes.starts_with(kHeadMagic) || GetLittle<uint32_t>(bytes.data() + kHeadBytes - 4) !=
                                            Crc32c(bytes.substr(0, kHeadBytes - 4))) {
    return DataLoss("{} is damaged in its {} bytes at offset 0", path, kHeadBytes);
  }
  const auto version = GetLittle<uint32_t>(bytes.data() + 4);
  if (version != kCheckpointVersion) {
    return DataLoss("{} has version {} at offset 4, {} is known", path, version,
                    kCheckpointVersion);
  }
  CheckpointHead head;
  head.lsn = Lsn(GetLittle<uint64_t>(bytes.data() + 8));
  head.next_metric = GetLittle<uint64_t>(bytes.data() + 16);
  head.registry.number = GetLittle<uint64_t>(bytes.data() + 24);
  head.registry.bytes = GetLittle<uint64_t>(bytes.data() + 32);
  head.registry.checksum = GetLittle<uint32_t>(bytes.data() + 40);
  return head;
}

Result<CheckpointHead> ReadHead(io::FileSystem& files, const std::string& dir) {
  const std::string path = io::JoinPath(dir, kCheckpointName);
  const Result<std::string> bytes = files.ReadAll(path, kPieceBytes);
  if (!bytes.ok() && bytes.status().code() == StatusCode::kResourceExhausted) {
    return DataLoss("{} is too large: {}", path, MessageOf(bytes.status()));
  }
  VARVE_RETURN_IF_ERROR(bytes.status());
  return DecodeHead(path, *bytes);
}

uint64_t RegistryBytes(const Metric& metric) { return 2 * sizeof(uint32_t) + MetricBytes(metric); }

Result<RegistryFile> WriteRegistry(io::FileSystem& files, SpareFile& spare, const std::string& dir,
                                   uint64_t number, const std::vector<PlacedMetric>& metrics) {
  const std::string path = io::JoinPath(dir, RegistryFileName(number));
  if (Status removed = files.Remove(path);  // Of a checkpoint that did not come to its end.
      !removed.ok() && removed.code() != StatusCode::kNotFound) {
    return removed;
  }
  const auto write = [&]() -> Result<RegistryFile> {
    VARVE_ASSIGN_OR_RETURN(const std::unique_ptr<io::AppendFile> file, files.Create(path, 0));
    return AppendRegistry(*file, number, metrics);
  };
  Result<RegistryFile> written = write();
  if (SqlStateOf(written.status()) != sqlstate::kDiskFull) return written;
  VARVE_RETURN_IF_ERROR(spare.Become(path, [&](io::AppendFile& file) {
    written = AppendRegistry(file, number, metrics);
    return written.status();
  }));
  return written;
}

Status DecodeRegistry(const std::string& path, const CheckpointHead& head, std::string_view bytes,
                      const std::function<Status(PlacedMetric)>& on_metric) {
  if (bytes.size() != head.registry.bytes) {
    return DataLoss("{} has {} bytes, not {}", path, bytes.size(), head.registry.bytes);
  }
  if (Crc32c(bytes) != head.registry.checksum || !bytes.starts_with(kRegistryMagic)) {
    return DataLoss("{} is damaged in its {} bytes at offset 0", path, bytes.size());
  }
  ByteReader in(bytes.substr(kRegistryMagic.size()));
  const auto decode = [&]() -> Status {
    VARVE_ASSIGN_OR_RETURN(const uint32_t version, in.Little<uint32_t>());
    if (version != kCheckpointVersion)
      return DataLoss("version {}, {} is known", version, kCheckpointVersion);
    VARVE_ASSIGN_OR_RETURN(const uint32_t metrics, in.Little<uint32_t>());
    uint32_t before = 0;
    for (uint32_t i = 0; i < metrics; ++i) {
      VARVE_ASSIGN_OR_RETURN(PlacedMetric placed, ReadPlaced(in));
      const uint32_t id = placed.metric->id.value;
      if (id <= before || id >= head.next_metric) {
        return DataLoss("metric {} behind {} and before {}", id, before, head.next_metric);
      }
      before = id;
      VARVE_RETURN_IF_ERROR(on_metric(std::move(placed)));
    }
    if (in.remaining() != 0) return DataLoss("{} bytes too many", in.remaining());
    return OkStatus();
  };
  Status decoded = decode();
  if (decoded.ok()) return decoded;
  return Annotate(decoded,
                  fmt::format("{} at offset {}", path, kRegistryMagic.size() + in.position()));
}

Status ReadRegistry(io::FileSystem& files, const std::string& dir, const CheckpointHead& head,
                    const std::function<Status(PlacedMetric)>& on_metric) {
  if (head.registry.number == 0) return OkStatus();
  const std::string path = io::JoinPath(dir, RegistryFileName(head.registry.number));
  const Result<std::string> bytes = files.ReadAll(path, head.registry.bytes);
  if (!bytes.ok() && (bytes.status().code() == StatusCode::kNotFound ||
                      bytes.status().code() == StatusCode::kResourceExhausted)) {
    return DataLoss("{} is not what the checkpoint names: {}", path, MessageOf(bytes.status()));
  }
  VARVE_RETURN_IF_ERROR(bytes.status());
  return DecodeRegistry(path, head, *bytes, on_metric);
}

}  // namespace varve::ring
