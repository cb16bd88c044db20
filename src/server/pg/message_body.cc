#include "server/pg/message_body.h"

namespace varve::server::pg {
namespace {

Status Malformed(std::string_view message) {
  return SqlErrorf(sqlstate::kProtocolViolation, "invalid {} message", message);
}

Status CheckFormats(const std::vector<int16_t>& formats) {
  for (const int16_t format : formats) {
    if (format != 0 && format != 1) {
      return SqlErrorf(sqlstate::kProtocolViolation, "unsupported format code: {}", format);
    }
  }
  return OkStatus();
}

// A count, then that many int16. The body bounds the count before the vector grows.
bool ReadInt16s(BodyReader& reader, std::vector<int16_t>& out) {
  const int16_t count = reader.Int16();
  if (!reader.ok() || count < 0 || reader.rest().size() < static_cast<size_t>(count) * 2) {
    return false;
  }
  out.reserve(static_cast<size_t>(count));
  for (int16_t i = 0; i < count; ++i) out.push_back(reader.Int16());
  return true;
}

}  // namespace

uint64_t BodyReader::BigEndian(size_t count) {
  if (!ok_ || rest_.size() < count) {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(rest_[i]);
  rest_.remove_prefix(count);
  return value;
}

uint8_t BodyReader::Byte() { return static_cast<uint8_t>(BigEndian(1)); }
int16_t BodyReader::Int16() { return static_cast<int16_t>(BigEndian(2)); }
int32_t BodyReader::Int32() { return static_cast<int32_t>(BigEndian(4)); }

std::string_view BodyReader::CString() {
  const size_t end = rest_.find('\0');
  if (!ok_ || end == std::string_view::npos) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view value = rest_.substr(0, end);
  rest_.remove_prefix(end + 1);
  return value;
}

std::string_view BodyReader::Bytes(size_t count) {
  if (!ok_ || rest_.size() < count) {
    ok_ = false;
    rest_ = {};
    return {};
  }
  const std::string_view value = rest_.substr(0, count);
  rest_.remove_prefix(count);
  return value;
}

std::string StartupPacket::Find(std::string_view name) const {
  for (const auto& [key, value] : parameters) {
    if (key == name) return value;
  }
  return {};
}

Result<StartupPacket> ReadStartup(std::string_view body) {
  BodyReader reader(body);
  StartupPacket packet;
  packet.code = static_cast<uint32_t>(reader.Int32());
  if (packet.code == kCancelRequestCode) {
    packet.process_id = reader.Int32();
    packet.secret = reader.Int32();
    if (!reader.AtEnd()) return Malformed("cancel request");
    return packet;
  }
  if (packet.code == kSslRequestCode || packet.code == kGssRequestCode) {
    if (!reader.AtEnd()) return Malformed("encryption request");
    return packet;
  }
  if (packet.code >> 16 != kProtocolMajor) return packet;  // The caller refuses it by its number.
  for (;;) {
    const std::string_view name = reader.CString();
    if (!reader.ok()) return Malformed("startup");
    if (name.empty()) break;
    const std::string_view value = reader.CString();
    if (!reader.ok()) return Malformed("startup");
    packet.parameters.emplace_back(name, value);
  }
  if (!reader.AtEnd()) return Malformed("startup");
  return packet;
}

Result<ParseMessage> ReadParse(std::string_view body) {
  BodyReader reader(body);
  ParseMessage message;
  message.name = reader.CString();
  message.sql = reader.CString();
  const int16_t count = reader.Int16();
  if (!reader.ok() || count < 0 || reader.rest().size() != static_cast<size_t>(count) * 4) {
    return Malformed("Parse");
  }
  message.parameter_oids.reserve(static_cast<size_t>(count));
  for (int16_t i = 0; i < count; ++i) {
    message.parameter_oids.push_back(static_cast<Oid>(reader.Int32()));
  }
  return message;
}

int16_t BindMessage::ParameterFormat(size_t index) const {
  if (parameter_formats.empty()) return 0;
  return parameter_formats.size() == 1 ? parameter_formats[0] : parameter_formats[index];
}

Result<BindMessage> ReadBind(std::string_view body) {
  BodyReader reader(body);
  BindMessage message;
  message.portal = reader.CString();
  message.statement = reader.CString();
  if (!ReadInt16s(reader, message.parameter_formats)) return Malformed("Bind");
  const int16_t count = reader.Int16();
  if (!reader.ok() || count < 0 || reader.rest().size() < static_cast<size_t>(count) * 4) {
    return Malformed("Bind");
  }
  message.parameters.reserve(static_cast<size_t>(count));
  for (int16_t i = 0; i < count; ++i) {
    const int32_t length = reader.Int32();
    if (length == -1) {
      message.parameters.emplace_back(std::nullopt);
      continue;
    }
    if (length < 0) return Malformed("Bind");
    message.parameters.emplace_back(reader.Bytes(static_cast<size_t>(length)));
    if (!reader.ok()) return Malformed("Bind");
  }
  if (!ReadInt16s(reader, message.result_formats) || !reader.AtEnd()) return Malformed("Bind");
  VARVE_RETURN_IF_ERROR(CheckFormats(message.parameter_formats));
  VARVE_RETURN_IF_ERROR(CheckFormats(message.result_formats));
  if (message.parameter_formats.size() > 1 &&
      message.parameter_formats.size() != message.parameters.size()) {
    return SqlErrorf(sqlstate::kProtocolViolation,
                     "bind message has {} parameter formats but {} parameters",
                     message.parameter_formats.size(), message.parameters.size());
  }
  return message;
}

Result<TargetMessage> ReadTarget(std::string_view body) {
  BodyReader reader(body);
  TargetMessage message;
  message.kind = static_cast<char>(reader.Byte());
  message.name = reader.CString();
  if (!reader.AtEnd() || (message.kind != 'S' && message.kind != 'P')) {
    return Malformed("Describe or Close");
  }
  return message;
}

Result<ExecuteMessage> ReadExecute(std::string_view body) {
  BodyReader reader(body);
  ExecuteMessage message;
  message.portal = reader.CString();
  message.row_limit = reader.Int32();
  if (!reader.AtEnd()) return Malformed("Execute");
  return message;
}

Result<std::string_view> ReadString(std::string_view body) {
  BodyReader reader(body);
  const std::string_view value = reader.CString();
  if (!reader.AtEnd()) return Malformed("Query");
  return value;
}

}  // namespace varve::server::pg
