// Turns one block into the bytes of its file and back.
//
// Role:     DiskTier -> [BlockFile] -> a file of the disk tier.
// Layout:   header, names, content; spec: docs/formats/cache.md.
// Errors:   DataLoss from ParseBlockFile, saying what is wrong; the caller deletes the file.
// Threads:  no shared state.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/status.h"
#include "cache/block_key.h"

namespace varve::cache {

inline constexpr size_t kBlockHeaderBytes = 40;
// Names of stores and objects are shorter than this.
inline constexpr size_t kNamesBytesMax = 8192;

struct BlockFile {
  std::string_view store;
  std::string_view object;
  uint32_t block = 0;
  int64_t fetched_us = 0;
  std::string_view content;
};

// Everything that stands before the content.
std::string EncodeBlockHead(const BlockFile& file);
// Views into `bytes`.
Result<BlockFile> ParseBlockFile(std::string_view bytes);

// "<32 hex digits: object id>-<8: block>-<10: seconds UTC when fetched>.blk"
std::string BlockFileName(const BlockKey& key, int64_t fetched_us);

struct BlockFileKey {
  BlockKey key;
  int64_t fetched_us = 0;  // whole seconds
};
// nullopt for any other name.
std::optional<BlockFileKey> ParseBlockFileName(std::string_view name);

}  // namespace varve::cache
