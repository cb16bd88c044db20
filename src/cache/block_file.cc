#include "cache/block_file.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <charconv>

#include "base/bytes.h"
#include "base/check.h"

namespace varve::cache {
namespace {

constexpr std::string_view kMagic = "VRVBLK01";
constexpr size_t kChecksumAt = 8;
constexpr size_t kCheckedFrom = 16;
constexpr int64_t kSecondUs = 1'000'000;
static_assert(kCheckedFrom + 8 + 4 + 4 + 2 + 2 + 4 == kBlockHeaderBytes,
              "see docs/formats/cache.md before changing the header");

// `head` from kCheckedFrom to the end of the names.
uint64_t ChecksumOf(std::string_view head, std::string_view content) {
  return XXH3_64bits_withSeed(content.data(), content.size(),
                              XXH3_64bits(head.data(), head.size()));
}

template <typename Number>
bool ParseHex(std::string_view text, Number& value) {
  for (const char c : text) {
    if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return false;
  }
  return std::from_chars(text.data(), text.data() + text.size(), value, 16).ec == std::errc();
}

}  // namespace

std::string EncodeBlockHead(const BlockFile& file) {
  VARVE_CHECK(file.store.size() + file.object.size() <= kNamesBytesMax);
  VARVE_CHECK(file.content.size() <= kBlockBytes);
  std::string head(kMagic);
  AppendLittle<uint64_t>(head, 0);
  AppendLittle(head, static_cast<uint64_t>(file.fetched_us));
  AppendLittle(head, file.block);
  AppendLittle(head, static_cast<uint32_t>(file.content.size()));
  AppendLittle(head, static_cast<uint16_t>(file.store.size()));
  AppendLittle(head, static_cast<uint16_t>(file.object.size()));
  AppendLittle<uint32_t>(head, 0);
  head.append(file.store).append(file.object);
  PutLittle(head.data() + kChecksumAt,
            ChecksumOf(std::string_view(head).substr(kCheckedFrom), file.content));
  return head;
}

Result<BlockFile> ParseBlockFile(std::string_view bytes) {
  ByteReader reader(bytes);
  VARVE_ASSIGN_OR_RETURN(const std::string_view magic, reader.Bytes(kMagic.size()));
  if (magic != kMagic) return DataLoss("not a cache block of this version");
  VARVE_ASSIGN_OR_RETURN(const uint64_t checksum, reader.Little<uint64_t>());
  BlockFile file;
  VARVE_ASSIGN_OR_RETURN(const uint64_t fetched, reader.Little<uint64_t>());
  file.fetched_us = static_cast<int64_t>(fetched);
  VARVE_ASSIGN_OR_RETURN(file.block, reader.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint32_t content_bytes, reader.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(const uint16_t store_bytes, reader.Little<uint16_t>());
  VARVE_ASSIGN_OR_RETURN(const uint16_t object_bytes, reader.Little<uint16_t>());
  VARVE_ASSIGN_OR_RETURN(const uint32_t reserved, reader.Little<uint32_t>());
  VARVE_ASSIGN_OR_RETURN(file.store, reader.Bytes(store_bytes));
  VARVE_ASSIGN_OR_RETURN(file.object, reader.Bytes(object_bytes));
  const size_t content_at = reader.position();
  VARVE_ASSIGN_OR_RETURN(file.content, reader.Bytes(content_bytes));
  if (reserved != 0 || reader.remaining() != 0) {
    return DataLoss("a cache block has {} bytes too many", reader.remaining());
  }
  if (checksum != ChecksumOf(bytes.substr(kCheckedFrom, content_at - kCheckedFrom), file.content)) {
    return DataLoss("the checksum of a cache block is wrong");
  }
  return file;
}

std::string BlockFileName(const BlockKey& key, int64_t fetched_us) {
  return fmt::format("{:016x}{:016x}-{:08x}-{:010x}.blk", key.object.high, key.object.low,
                     key.block, fetched_us / kSecondUs);
}

std::optional<BlockFileKey> ParseBlockFileName(std::string_view name) {
  constexpr size_t kNameBytes = 16 + 16 + 1 + 8 + 1 + 10 + 4;
  if (name.size() != kNameBytes || name[32] != '-' || name[41] != '-') return std::nullopt;
  if (!name.ends_with(".blk")) return std::nullopt;
  BlockFileKey file;
  int64_t seconds = 0;
  const bool good = ParseHex(name.substr(0, 16), file.key.object.high) &&
                    ParseHex(name.substr(16, 16), file.key.object.low) &&
                    ParseHex(name.substr(33, 8), file.key.block) &&
                    ParseHex(name.substr(42, 10), seconds);
  if (!good) return std::nullopt;
  file.fetched_us = seconds * kSecondUs;
  return file;
}

}  // namespace varve::cache
