// The first part of a connection: encryption and cancel requests, then user, settings and session.
#include <boost/asio/buffer.hpp>
#include <boost/asio/write.hpp>
#include <utility>

#include "server/pg/connection.h"

namespace varve::server::pg {
namespace {

namespace asio = boost::asio;
// A client that is told 'N' goes on in the clear; more than two requests is no client.
constexpr int kEncryptionRequestsMax = 2;

}  // namespace

Connection::Awaitable<std::optional<StartupPacket>> Connection::ReadStartupPacket() {
  const MessageDecoder decoder;
  for (;;) {
    const auto decoded = decoder.NextStartup(input_.bytes());
    if (!decoded.ok()) {
      co_await Refuse(decoded.status());
      co_return std::nullopt;
    }
    if (decoded->step == DecodeStep::kMessage) {
      auto packet = ReadStartup(decoded->message.body);
      input_.Keep(input_.bytes().substr(decoded->consumed));
      if (packet.ok()) co_return *std::move(packet);
      co_await Refuse(packet.status());
      co_return std::nullopt;
    }
    if (!co_await ReadMore(decoded->bytes_wanted)) co_return std::nullopt;
  }
}

Connection::Awaitable<bool> Connection::StartUp() {
  for (int i = 0; i <= kEncryptionRequestsMax; ++i) {
    const std::optional<StartupPacket> packet = co_await ReadStartupPacket();
    if (!packet) co_return false;
    if (packet->code == kCancelRequestCode) {
      parts_.registry.Cancel(packet->process_id, packet->secret);
      co_return false;
    }
    if (packet->code != kSslRequestCode && packet->code != kGssRequestCode) {
      co_return co_await OpenSession(*packet);
    }
    const auto [error, n] = co_await asio::async_write(socket_, asio::buffer("N", 1), kAwait);
    if (error) co_return false;
  }
  co_return false;
}

Connection::Awaitable<bool> Connection::OpenSession(const StartupPacket& packet) {
  auto request = ReadStartupRequest(packet);
  Status status = request.status();
  if (status.ok() && parts_.stopping.load()) {
    status = SqlError(sqlstate::kCannotConnectNow, "the database system is shutting down");
  }
  if (status.ok() && parts_.statement_timeout_ms > 0 &&
      request->settings.statement_timeout_ms() == 0) {
    status = request->settings.SetDefault("statement_timeout",
                                          std::to_string(parts_.statement_timeout_ms));
  }
  if (status.ok()) {
    auto entry = parts_.registry.Register();
    status = entry.status();
    if (entry.ok()) entry_ = *std::move(entry);
  }
  if (status.ok()) {
    std::function<void()> open = [&] {
      auto session = parts_.engine.NewSession(request->user, request->database);
      status = session.status();
      if (!status.ok()) return;
      auto client =
          std::make_unique<ClientSession>(*std::move(session), request->settings, parts_.clock);
      protocol_ = std::make_unique<Protocol>(std::move(client), entry_, parts_.decoder_limits);
    };
    co_await OnPool(parts_.sessions, std::move(open));
  }
  if (!status.ok()) {
    co_await Refuse(status);
    co_return false;
  }
  Welcome(*request);
  started_ = true;
  co_return co_await WriteOut();
}

void Connection::Welcome(const StartupRequest& request) {
  MessageWriter& out = protocol_->out();
  if (request.negotiate) out.NegotiateProtocolVersion(0, request.unknown_extensions);
  out.AuthenticationOk();
  ClientSession& client = protocol_->client();
  client.TakeReports();  // All of them go out now.
  for (const SettingChange& setting : client.settings().Reported()) {
    out.ParameterStatus(setting.name, setting.value);
  }
  out.BackendKeyData(entry_->pid(), entry_->secret());
  for (const Notice& notice : client.TakeNotices()) out.NoticeMessage(notice);
  out.ReadyForQuery(static_cast<char>(client.state()));
}

}  // namespace varve::server::pg
