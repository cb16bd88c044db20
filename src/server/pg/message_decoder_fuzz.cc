// Feeds arbitrary bytes, cut at arbitrary places, to everything that reads a client's messages.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "base/check.h"
#include "server/pg/message_body.h"
#include "server/pg/message_decoder.h"
#include "server/pg/numeric_binary.h"
#include "server/pg/parameter_text.h"
#include "server/pg/startup.h"

namespace varve::server::pg {
namespace {

void ReadBody(const FrontendMessage& message) {
  switch (message.type) {
    case 'P':
      (void)ReadParse(message.body);
      break;
    case 'B': {
      const auto bind = ReadBind(message.body);
      if (!bind.ok()) break;
      for (size_t i = 0; i < bind->parameters.size(); ++i) {
        if (!bind->parameters[i]) continue;
        constexpr Oid kOids[] = {16, 17, 20, 23, 25, 701, 1082, 1184, 1186, 1700, 2950, 3802, 1007};
        (void)ParameterTextOf(*bind->parameters[i], bind->ParameterFormat(i) == 1,
                              kOids[i % std::size(kOids)]);
      }
      break;
    }
    case 'D':
    case 'C':
      (void)ReadTarget(message.body);
      break;
    case 'E':
      (void)ReadExecute(message.body);
      break;
    default:
      (void)ReadString(message.body);
  }
}

void FeedMessages(std::string_view bytes, size_t step) {
  MessageDecoder decoder({.statement_bytes_max = 256});
  size_t begin = 0;
  size_t end = 0;
  while (begin < bytes.size()) {
    const std::string_view input = bytes.substr(begin, end - begin);
    const auto decoded = decoder.Next(input);
    if (!decoded.ok()) return;
    VARVE_CHECK(decoded->consumed <= input.size());
    begin += decoded->consumed;
    if (decoded->step == DecodeStep::kMessage) {
      VARVE_CHECK(decoded->message.body.size() <= decoded->consumed);
      ReadBody(decoded->message);
    } else if (end == bytes.size()) {
      return;
    } else {
      end = std::min(bytes.size(), end + step);
    }
  }
}

}  // namespace
}  // namespace varve::server::pg

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace varve::server::pg;
  if (size == 0) return 0;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 1, size - 1);
  FeedMessages(bytes, 1 + data[0] % 64);
  const auto startup = MessageDecoder().NextStartup(bytes);
  if (startup.ok() && startup->step == DecodeStep::kMessage) {
    const auto packet = ReadStartup(startup->message.body);
    if (packet.ok()) (void)ReadStartupRequest(*packet);
  }
  (void)NumericTextOf(bytes);
  std::string out;
  (void)AppendNumericBinary(bytes, out);
  return 0;
}
