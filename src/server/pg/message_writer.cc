#include "server/pg/message_writer.h"

#include "base/check.h"
#include "server/pg/type_oids.h"

namespace varve::server::pg {
namespace {

void StoreBigEndian(char* at, uint64_t value, int bytes) {
  for (int i = 0; i < bytes; ++i) at[i] = static_cast<char>(value >> (8 * (bytes - 1 - i)));
}

}  // namespace

void MessageWriter::Begin(char type) {
  out_ += type;
  message_start_ = out_.size();
  out_.append(4, '\0');
}

void MessageWriter::End() {
  VARVE_DCHECK(out_.size() >= message_start_ + 4);
  StoreBigEndian(out_.data() + message_start_, out_.size() - message_start_, 4);
}

void MessageWriter::Int16(int16_t value) {
  char bytes[2];
  StoreBigEndian(bytes, static_cast<uint16_t>(value), 2);
  out_.append(bytes, 2);
}

void MessageWriter::Int32(int32_t value) {
  char bytes[4];
  StoreBigEndian(bytes, static_cast<uint32_t>(value), 4);
  out_.append(bytes, 4);
}

void MessageWriter::CString(std::string_view value) {
  // A zero byte inside would end the string early and shift everything behind it.
  out_ += value.substr(0, value.find('\0'));
  out_ += '\0';
}

size_t MessageWriter::BeginValue() {
  out_.append(4, '\0');
  return out_.size();
}

void MessageWriter::EndValue(size_t mark) {
  StoreBigEndian(out_.data() + mark - 4, out_.size() - mark, 4);
}

void MessageWriter::AuthenticationOk() {
  Begin('R');
  Int32(0);
  End();
}

void MessageWriter::ParameterStatus(std::string_view name, std::string_view value) {
  Begin('S');
  CString(name);
  CString(value);
  End();
}

void MessageWriter::BackendKeyData(int32_t process_id, int32_t secret) {
  Begin('K');
  Int32(process_id);
  Int32(secret);
  End();
}

void MessageWriter::NegotiateProtocolVersion(int32_t newest_minor,
                                             std::span<const std::string> unknown) {
  Begin('v');
  Int32(newest_minor);
  Int32(static_cast<int32_t>(unknown.size()));
  for (const std::string& name : unknown) CString(name);
  End();
}

void MessageWriter::ReadyForQuery(char state) {
  Begin('Z');
  Int8(static_cast<uint8_t>(state));
  End();
}

void MessageWriter::NoticeMessage(const Notice& notice) {
  ErrorReport report;
  report.severity = notice.severity;
  report.sqlstate = notice.sqlstate;
  report.message = notice.message;
  Report('N', report);
}

void MessageWriter::Report(char type, const ErrorReport& report) {
  Begin(type);
  const auto field = [this](char code, std::string_view value) {
    if (value.empty()) return;
    out_ += code;
    CString(value);
  };
  field('S', SeverityName(report.severity));
  field('V', SeverityName(report.severity));
  field('C', report.sqlstate);
  field('M', report.message.empty() ? std::string_view("unknown error") : report.message);
  field('D', report.detail);
  field('H', report.hint);
  field('W', report.context);
  if (report.position) field('P', std::to_string(*report.position));
  out_ += '\0';
  End();
}

void MessageWriter::CommandComplete(std::string_view tag) {
  Begin('C');
  CString(tag);
  End();
}

void MessageWriter::RowDescription(const std::vector<engine::ResultColumn>& columns,
                                   std::span<const int16_t> formats) {
  Begin('T');
  Int16(static_cast<int16_t>(columns.size()));
  for (size_t i = 0; i < columns.size(); ++i) {
    CString(columns[i].name);
    Int32(0);  // Table and column numbers: results do not say where a value came from.
    Int16(0);
    Int32(static_cast<int32_t>(OidOf(columns[i].type)));
    Int16(TypeSizeOf(columns[i].type));
    Int32(TypeModifierOf(columns[i].type));
    Int16(formats.empty() ? int16_t{0} : formats.size() == 1 ? formats[0] : formats[i]);
  }
  End();
}

void MessageWriter::ParameterDescription(std::span<const uint32_t> oids) {
  Begin('t');
  Int16(static_cast<int16_t>(oids.size()));
  for (const uint32_t oid : oids) Int32(static_cast<int32_t>(oid));
  End();
}

void MessageWriter::CopyResponse(char type, bool binary, size_t columns) {
  Begin(type);
  Int8(binary ? 1 : 0);
  Int16(static_cast<int16_t>(columns));
  for (size_t i = 0; i < columns; ++i) Int16(binary ? 1 : 0);
  End();
}

void MessageWriter::Empty(char type) {
  Begin(type);
  End();
}

}  // namespace varve::server::pg
