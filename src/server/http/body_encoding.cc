#include "server/http/body_encoding.h"

#include <snappy.h>
#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/check.h"
#include "server/http/accept.h"

namespace varve::server {
namespace {

constexpr size_t kEncodingsMax = 2;
constexpr size_t kChunkBytes = size_t{64} << 10;
// zlib's way to say: a gzip or zlib frame, told by its head; or none at all.
constexpr int kAnyFrame = 15 + 32;
constexpr int kNoFrame = -15;
constexpr int kGzipFrame = 15 + 16;
// The window of a zstd frame: what level 19 uses; more is only good for eating memory.
constexpr int kZstdWindowLogMax = 23;

// What is decoded so far, with room for more behind it that is kept from piece to piece: a body of
// empty members would otherwise have a fresh piece zeroed for each twenty bytes.
class Growing {
 public:
  Growing(std::string& text, size_t bytes_max) : text_(text), bytes_max_(bytes_max) {}

  // At least kChunkBytes.
  std::span<char> Room() {
    if (text_.size() - used_ < kChunkBytes) {
      text_.resize(std::clamp(2 * used_, used_, bytes_max_) + kChunkBytes);
    }
    return {text_.data() + used_, kChunkBytes};
  }
  // False: that is more than bytes_max.
  bool Take(size_t bytes) {
    used_ += bytes;
    return used_ <= bytes_max_;
  }
  void Finish() { text_.resize(used_); }

 private:
  std::string& text_;
  const size_t bytes_max_;
  size_t used_ = 0;
};

DecodeOutcome Inflate(std::string_view input, int window_bits, size_t bytes_max, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return DecodeOutcome::kNoMemory;
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, inflateEnd);
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
  stream.avail_in = static_cast<uInt>(input.size());
  Growing decoded(out, bytes_max);
  for (;;) {
    const std::span<char> room = decoded.Room();
    stream.next_out = reinterpret_cast<Bytef*>(room.data());
    stream.avail_out = static_cast<uInt>(room.size());
    const int result = inflate(&stream, Z_NO_FLUSH);
    if (!decoded.Take(room.size() - stream.avail_out)) return DecodeOutcome::kTooLarge;
    if (result == Z_STREAM_END) {
      // A gzip body may have several members; anything else behind the end is damage.
      if (stream.avail_in == 0) {
        decoded.Finish();
        return DecodeOutcome::kOk;
      }
      if (window_bits == kNoFrame || inflateReset(&stream) != Z_OK) return DecodeOutcome::kDamaged;
      continue;
    }
    if (result == Z_MEM_ERROR) return DecodeOutcome::kNoMemory;
    // No room left is the one reason to go on without input.
    if (result != Z_OK || (stream.avail_in == 0 && stream.avail_out != 0)) {
      return DecodeOutcome::kDamaged;
    }
  }
}

DecodeOutcome InflateDeflate(std::string_view input, size_t bytes_max, std::string& out) {
  // RFC 9110 means zlib's frame; some clients send none.
  const DecodeOutcome framed = Inflate(input, 15, bytes_max, out);
  if (framed != DecodeOutcome::kDamaged) return framed;
  out.clear();
  return Inflate(input, kNoFrame, bytes_max, out);
}

DecodeOutcome DecodeZstd(std::string_view input, size_t bytes_max, std::string& out) {
  const std::unique_ptr<ZSTD_DStream, size_t (*)(ZSTD_DStream*)> stream(ZSTD_createDStream(),
                                                                        ZSTD_freeDStream);
  if (stream == nullptr) return DecodeOutcome::kNoMemory;
  ZSTD_DCtx_setParameter(stream.get(), ZSTD_d_windowLogMax, kZstdWindowLogMax);
  ZSTD_inBuffer in{input.data(), input.size(), 0};
  Growing decoded(out, bytes_max);
  for (;;) {
    const std::span<char> room = decoded.Room();
    ZSTD_outBuffer piece{room.data(), room.size(), 0};
    const size_t result = ZSTD_decompressStream(stream.get(), &piece, &in);
    if (ZSTD_isError(result)) {
      const bool is_memory = ZSTD_getErrorCode(result) == ZSTD_error_memory_allocation;
      return is_memory ? DecodeOutcome::kNoMemory : DecodeOutcome::kDamaged;
    }
    if (!decoded.Take(piece.pos)) return DecodeOutcome::kTooLarge;
    if (result == 0 && in.pos == in.size) {
      decoded.Finish();
      return DecodeOutcome::kOk;
    }
    if (in.pos == in.size && piece.pos < piece.size) return DecodeOutcome::kDamaged;
  }
}

// The block format, as remote write has it: the size is at the front, and may lie.
DecodeOutcome DecodeSnappy(std::string_view input, size_t bytes_max, std::string& out) {
  size_t size = 0;
  if (!snappy::GetUncompressedLength(input.data(), input.size(), &size)) {
    return DecodeOutcome::kDamaged;
  }
  if (size > bytes_max) return DecodeOutcome::kTooLarge;
  return snappy::Uncompress(input.data(), input.size(), &out) ? DecodeOutcome::kOk
                                                              : DecodeOutcome::kDamaged;
}

DecodeOutcome DecodeOne(std::string_view encoding, size_t bytes_max, std::string& body) {
  if (encoding == "identity") return DecodeOutcome::kOk;
  std::string decoded;
  DecodeOutcome outcome = DecodeOutcome::kUnknownEncoding;
  if (encoding == "gzip" || encoding == "x-gzip") {
    outcome = Inflate(body, kAnyFrame, bytes_max, decoded);
  } else if (encoding == "deflate") {
    outcome = InflateDeflate(body, bytes_max, decoded);
  } else if (encoding == "zstd") {
    outcome = DecodeZstd(body, bytes_max, decoded);
  } else if (encoding == "snappy") {
    outcome = DecodeSnappy(body, bytes_max, decoded);
  }
  body = std::move(decoded);
  return outcome;
}

}  // namespace

DecodeOutcome DecodeBody(std::string_view encodings, size_t bytes_max, std::string& body) {
  const std::vector<std::string> items = ItemsOf(encodings);
  if (items.size() > kEncodingsMax) return DecodeOutcome::kUnknownEncoding;
  for (auto encoding = items.rbegin(); encoding != items.rend(); ++encoding) {
    const DecodeOutcome outcome = DecodeOne(*encoding, bytes_max, body);
    if (outcome != DecodeOutcome::kOk) return outcome;
  }
  return DecodeOutcome::kOk;
}

std::optional<std::string> Gzip(std::string_view body) {
  z_stream stream{};
  if (deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipFrame, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
    return std::nullopt;
  }
  const std::unique_ptr<z_stream, int (*)(z_stream*)> end(&stream, deflateEnd);
  std::string out(deflateBound(&stream, body.size()), '\0');
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(body.data()));
  stream.avail_in = static_cast<uInt>(body.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  VARVE_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(out.size() - stream.avail_out);
  return out;
}

}  // namespace varve::server
