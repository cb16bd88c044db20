#include "cache/block_key.h"

#include <xxhash.h>

namespace varve::cache {

ObjectId MakeObjectId(std::string_view store, std::string_view object) {
  std::string text;
  text.reserve(store.size() + 1 + object.size());
  text.append(store).append(1, '\0').append(object);
  const XXH128_hash_t hash = XXH3_128bits(text.data(), text.size());
  return {hash.high64, hash.low64};
}

}  // namespace varve::cache
