// Cuts a stream of bytes from a client into protocol messages.
//
// Role:     socket bytes -> [MessageDecoder] -> message_body (their fields), protocol.
// Layout:   type:u8 | length:i32 | body, length counting itself; the packets before the first
//           message have no type. Big-endian. PostgreSQL 15 manual, chapter 55.7.
// Limits:   statement_bytes_max for a message, beyond which its body is passed over and the message
//           is reported as oversized; CopyData is handed out in pieces and has no limit.
// Errors:   08P01 for a length that cannot be or an unknown type; the stream is lost after it.
// Threads:  single owner; pure, so that it can be fuzzed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/status.h"

namespace varve::server::pg {

inline constexpr size_t kMessageHeaderBytes = 5;
inline constexpr size_t kStartupBytesMax = 10'000;  // PostgreSQL's MAX_STARTUP_PACKET_LENGTH.

struct DecoderLimits {
  size_t statement_bytes_max = size_t{64} << 20;
};

struct FrontendMessage {
  char type = 0;  // 0: a start-up packet
  bool oversized = false;
  bool complete = true;   // false: a piece of CopyData, more follows
  std::string_view body;  // in the caller's buffer
};

enum class DecodeStep { kNeedMore, kMessage };

struct Decoded {
  DecodeStep step = DecodeStep::kNeedMore;
  size_t consumed = 0;      // bytes to drop from the front of the input, in either case
  size_t bytes_wanted = 1;  // kNeedMore: input size, after dropping, at which to try again
  FrontendMessage message;
};

class MessageDecoder {
 public:
  explicit MessageDecoder(DecoderLimits limits = {}) : limits_(limits) {}

  // The packet before authentication: length, code, and the rest as the body with the code.
  Result<Decoded> NextStartup(std::string_view input) const;
  // The next message, or a piece of one.
  Result<Decoded> Next(std::string_view input);

 private:
  Result<Decoded> BeginMessage(std::string_view input);
  Decoded Skip(std::string_view input);
  Decoded CopyPiece(std::string_view input);

  DecoderLimits limits_;
  size_t skip_left_ = 0;  // of an oversized message
  char skip_type_ = 0;    // its type, 0 when none is being skipped
  size_t copy_left_ = 0;  // of a CopyData message that is handed out in pieces
};

}  // namespace varve::server::pg
