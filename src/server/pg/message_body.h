// Reads the fields of client messages, every length checked against the bytes that are there.
//
// Role:     MessageDecoder -> [message bodies] -> protocol.
// Layout:   PostgreSQL 15 manual, chapter 55.7; integers big-endian, strings end with a zero byte.
// Limits:   counts are bounded by what the body can hold before anything is allocated.
// Errors:   08P01 for a body that is too short, too long or inconsistent.
// Threads:  no shared state. Results point into the body.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/status.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {

// Reads fields one after the other; after the first that does not fit, ok() is false and every
// further field is zero or empty.
class BodyReader {
 public:
  explicit BodyReader(std::string_view body) : rest_(body) {}

  uint8_t Byte();
  int16_t Int16();
  int32_t Int32();
  std::string_view CString();
  std::string_view Bytes(size_t count);
  bool ok() const { return ok_; }
  bool AtEnd() const { return ok_ && rest_.empty(); }
  std::string_view rest() const { return rest_; }

 private:
  uint64_t BigEndian(size_t count);

  std::string_view rest_;
  bool ok_ = true;
};

inline constexpr int32_t kProtocolMajor = 3;
inline constexpr uint32_t kCancelRequestCode = 80877102;
inline constexpr uint32_t kSslRequestCode = 80877103;
inline constexpr uint32_t kGssRequestCode = 80877104;

struct StartupPacket {
  uint32_t code = 0;  // a request code from above, or major << 16 | minor
  // Code >= 3.0: name, value pairs in the order given.
  std::vector<std::pair<std::string, std::string>> parameters;
  // kCancelRequestCode only.
  int32_t process_id = 0;
  int32_t secret = 0;

  std::string Find(std::string_view name) const;
};
Result<StartupPacket> ReadStartup(std::string_view body);

struct ParseMessage {
  std::string_view name;
  std::string_view sql;
  std::vector<Oid> parameter_oids;
};
Result<ParseMessage> ReadParse(std::string_view body);

struct BindMessage {
  std::string_view portal;
  std::string_view statement;
  std::vector<int16_t> parameter_formats;
  std::vector<std::optional<std::string_view>> parameters;
  std::vector<int16_t> result_formats;

  // 0 text, 1 binary.
  int16_t ParameterFormat(size_t index) const;
};
Result<BindMessage> ReadBind(std::string_view body);

struct TargetMessage {  // Describe, Close
  char kind = 'S';      // 'S' statement, 'P' portal
  std::string_view name;
};
Result<TargetMessage> ReadTarget(std::string_view body);

struct ExecuteMessage {
  std::string_view portal;
  int32_t row_limit = 0;  // 0: all
};
Result<ExecuteMessage> ReadExecute(std::string_view body);

// The one string of Query and CopyFail.
Result<std::string_view> ReadString(std::string_view body);

}  // namespace varve::server::pg
