// Feeds arbitrary bytes to the reader of block files: it must refuse or give views within them.
#include <cstdint>

#include "base/check.h"
#include "cache/block_file.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  varve::cache::ParseBlockFileName(bytes);
  const auto file = varve::cache::ParseBlockFile(bytes);
  if (!file.ok()) return 0;
  // What it accepts is what the writer would write.
  VARVE_CHECK(file->content.data() + file->content.size() == bytes.data() + bytes.size());
  if (file->content.size() > varve::cache::kBlockBytes) return 0;
  if (file->store.size() + file->object.size() > varve::cache::kNamesBytesMax) return 0;
  VARVE_CHECK(varve::cache::EncodeBlockHead(*file) + std::string(file->content) == bytes);
  return 0;
}
