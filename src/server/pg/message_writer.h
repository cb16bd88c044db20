// Builds the server's messages in one growing buffer, so that a batch of replies is one write.
//
// Role:     protocol -> [MessageWriter] -> socket.
// Layout:   type:u8 | length:i32 | body; PostgreSQL 15 manual, chapter 55.7.
// Limits:   the caller writes the buffer out when size() passes its mark.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/session.h"
#include "server/core/error_report.h"

namespace varve::server::pg {

class MessageWriter {
 public:
  size_t size() const { return out_.size(); }
  bool empty() const { return out_.empty(); }
  // The bytes so far; the writer is empty afterwards.
  std::string Take() { return std::exchange(out_, {}); }
  const std::string& bytes() const { return out_; }

  // Low level: a message is Begin, fields, End.
  void Begin(char type);
  void End();
  void Int8(uint8_t value) { out_ += static_cast<char>(value); }
  void Int16(int16_t value);
  void Int32(int32_t value);
  void CString(std::string_view value);
  void Raw(std::string_view value) { out_ += value; }
  // Values of unknown length: BeginValue, append to buffer(), EndValue.
  size_t BeginValue();
  void EndValue(size_t mark);
  std::string& buffer() { return out_; }

  void AuthenticationOk();
  void ParameterStatus(std::string_view name, std::string_view value);
  void BackendKeyData(int32_t process_id, int32_t secret);
  void NegotiateProtocolVersion(int32_t newest_minor, std::span<const std::string> unknown);
  void ReadyForQuery(char state);
  void Error(const ErrorReport& report) { Report('E', report); }
  void NoticeMessage(const Notice& notice);
  void CommandComplete(std::string_view tag);
  // One format for all columns when `formats` has one entry, text when it has none.
  void RowDescription(const std::vector<engine::ResultColumn>& columns,
                      std::span<const int16_t> formats);
  void ParameterDescription(std::span<const uint32_t> oids);
  // 'G' CopyInResponse or 'H' CopyOutResponse.
  void CopyResponse(char type, bool binary, size_t columns);
  void Empty(char type);  // a message without a body

 private:
  void Report(char type, const ErrorReport& report);

  std::string out_;
  size_t message_start_ = 0;
};

}  // namespace varve::server::pg
