#include "server/pg/message_decoder.h"

#include <algorithm>

#include "server/pg/message_body.h"

namespace varve::server::pg {
namespace {

// Frontend messages of protocol 3.0 after start-up.
constexpr std::string_view kTypes = "BCDEFHPQSXcdfp";

// PostgreSQL's own limit of a message.
constexpr int64_t kMessageBytesMax = 0x3fffffff;

uint32_t ReadUint32(std::string_view bytes) {
  BodyReader reader(bytes);
  return static_cast<uint32_t>(reader.Int32());
}

}  // namespace

Result<Decoded> MessageDecoder::NextStartup(std::string_view input) const {
  Decoded out;
  if (input.size() < 4) {
    out.bytes_wanted = 4;
    return out;
  }
  const uint32_t length = ReadUint32(input);
  if (length < 8 || length > kStartupBytesMax) {
    return SqlErrorf(sqlstate::kProtocolViolation, "invalid length of startup packet: {}", length);
  }
  if (input.size() < length) {
    out.bytes_wanted = length;
    return out;
  }
  out.step = DecodeStep::kMessage;
  out.consumed = length;
  out.message.body = input.substr(4, length - 4);
  return out;
}

Result<Decoded> MessageDecoder::Next(std::string_view input) {
  if (skip_type_ != 0) return Skip(input);
  if (copy_left_ > 0) return CopyPiece(input);
  return BeginMessage(input);
}

Result<Decoded> MessageDecoder::BeginMessage(std::string_view input) {
  Decoded out;
  if (!input.empty() && kTypes.find(input[0]) == std::string_view::npos) {
    return SqlErrorf(sqlstate::kProtocolViolation, "invalid frontend message type {}",
                     static_cast<int>(static_cast<uint8_t>(input[0])));
  }
  if (input.size() < kMessageHeaderBytes) {
    out.bytes_wanted = kMessageHeaderBytes;
    return out;
  }
  const char type = input[0];
  const int64_t length = static_cast<int32_t>(ReadUint32(input.substr(1)));
  if (length < 4 || length > kMessageBytesMax) {
    return SqlErrorf(sqlstate::kProtocolViolation, "invalid message length: {}", length);
  }
  const auto body = static_cast<size_t>(length - 4);
  if (type == 'd' && body > 0) {
    copy_left_ = body;
    Decoded piece = CopyPiece(input.substr(kMessageHeaderBytes));
    piece.consumed += kMessageHeaderBytes;
    return piece;
  }
  if (body > limits_.statement_bytes_max) {
    skip_type_ = type;
    skip_left_ = body;
    Decoded skipped = Skip(input.substr(kMessageHeaderBytes));
    skipped.consumed += kMessageHeaderBytes;
    return skipped;
  }
  if (input.size() - kMessageHeaderBytes < body) {
    out.bytes_wanted = kMessageHeaderBytes + body;
    return out;
  }
  out.step = DecodeStep::kMessage;
  out.consumed = kMessageHeaderBytes + body;
  out.message.type = type;
  out.message.body = input.substr(kMessageHeaderBytes, body);
  return out;
}

Decoded MessageDecoder::Skip(std::string_view input) {
  Decoded out;
  out.consumed = std::min(skip_left_, input.size());
  skip_left_ -= out.consumed;
  if (skip_left_ > 0) return out;
  out.step = DecodeStep::kMessage;
  out.message.type = skip_type_;
  out.message.oversized = true;
  skip_type_ = 0;
  return out;
}

Decoded MessageDecoder::CopyPiece(std::string_view input) {
  Decoded out;
  if (input.empty()) return out;
  out.step = DecodeStep::kMessage;
  out.consumed = std::min(copy_left_, input.size());
  copy_left_ -= out.consumed;
  out.message.type = 'd';
  out.message.complete = copy_left_ == 0;
  out.message.body = input.substr(0, out.consumed);
  return out;
}

}  // namespace varve::server::pg
