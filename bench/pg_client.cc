#include "pg_client.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <stdexcept>

namespace varve::bench {
namespace {

void PutU32(uint32_t value, std::string& out) {
  for (int shift = 24; shift >= 0; shift -= 8) out.push_back(static_cast<char>(value >> shift));
}

uint32_t GetU32(const char* p) {
  uint32_t value = 0;
  for (int i = 0; i < 4; ++i) value = value << 8 | static_cast<uint8_t>(p[i]);
  return value;
}

std::string Message(char type, std::string_view body) {
  std::string message(1, type);
  PutU32(static_cast<uint32_t>(body.size() + 4), message);
  message += body;
  return message;
}

std::string ErrorText(std::string_view body) {
  std::string text;
  while (!body.empty() && body[0] != '\0') {
    const size_t end = body.find('\0');
    if (body[0] == 'C' || body[0] == 'M' || body[0] == 'D') {
      text += std::string(body.substr(1, end - 1)) + " ";
    }
    body.remove_prefix(end + 1);
  }
  return text;
}

std::vector<std::string> DataRow(std::string_view body) {
  std::vector<std::string> row;
  for (size_t at = 2; at + 4 <= body.size();) {
    const auto length = static_cast<int32_t>(GetU32(body.data() + at));
    at += 4;
    row.emplace_back(length < 0 ? std::string_view()
                                : body.substr(at, static_cast<size_t>(length)));
    if (length > 0) at += static_cast<size_t>(length);
  }
  return row;
}

}  // namespace

PgClient::PgClient(uint16_t port) {
  socket_ = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    throw std::runtime_error("cannot connect");
  }
  const int on = 1;
  ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  std::string body;
  PutU32(196608, body);  // protocol 3.0
  body += std::string("user\0bench\0database\0varve\0\0", 27);
  std::string message;
  PutU32(static_cast<uint32_t>(body.size() + 4), message);
  Send(message + body);
  ReadToReady(nullptr);
}

PgClient::~PgClient() {
  if (socket_ >= 0) ::close(socket_);
}

void PgClient::Send(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (sent <= 0) throw std::runtime_error("the server closed the connection");
    bytes.remove_prefix(static_cast<size_t>(sent));
  }
}

void PgClient::Fill(size_t bytes) {
  if (in_.size() - in_at_ >= bytes) return;
  in_.erase(0, in_at_);
  in_at_ = 0;
  while (in_.size() < bytes) {
    char buffer[65536];
    const ssize_t got = ::recv(socket_, buffer, sizeof(buffer), 0);
    if (got <= 0) throw std::runtime_error("the server closed the connection");
    in_.append(buffer, static_cast<size_t>(got));
  }
}

char PgClient::Receive(std::string& body) {
  Fill(5);
  const char type = in_[in_at_];
  const size_t length = GetU32(in_.data() + in_at_ + 1);
  Fill(1 + length);
  body.assign(in_, in_at_ + 5, length - 4);
  in_at_ += 1 + length;
  return type;
}

PgClient::Reply PgClient::ReadToReady(Rows* rows) {
  Reply reply;
  std::string error;
  while (true) {
    const char type = Receive(body_);
    switch (type) {
      case 'D':
        ++reply.rows;
        if (rows != nullptr) rows->push_back(DataRow(body_));
        break;
      case 'T':
        if (rows != nullptr) rows->clear();
        break;
      case 'C':
        reply.tag = body_.c_str();
        break;
      case 'E':
        error = ErrorText(body_);
        break;
      case 'G':
        return reply;
      case 'Z':
        if (!error.empty()) throw std::runtime_error(error);
        return reply;
      default:
        break;
    }
  }
}

std::string PgClient::QueryMessage(std::string_view sql) {
  return Message('Q', std::string(sql) + '\0');
}

void PgClient::SendQuery(std::string_view message) {
  Send(message);
  ReadToReady(nullptr);
}

Rows PgClient::Query(std::string_view sql) {
  Rows rows;
  Send(QueryMessage(sql));
  ReadToReady(&rows);
  return rows;
}

int64_t PgClient::CountRows(std::string_view sql) {
  Send(QueryMessage(sql));
  return ReadToReady(nullptr).rows;
}

void PgClient::Prepare(const std::string& name, std::string_view sql) {
  const std::string parse = name + '\0' + std::string(sql) + '\0' + std::string(2, '\0');
  Send(Message('P', parse) + Message('S', ""));
  ReadToReady(nullptr);
}

int64_t PgClient::ExecutePrepared(const std::string& name) {
  std::string bind(1, '\0');
  bind += name + '\0' + std::string(6, '\0');
  Send(Message('B', bind) + Message('E', std::string(5, '\0')) + Message('S', ""));
  return ReadToReady(nullptr).rows;
}

void PgClient::BeginCopy(std::string_view sql) {
  Send(QueryMessage(sql));
  ReadToReady(nullptr);
}

void PgClient::CopyData(std::string_view data) { Send(Message('d', data)); }

int64_t PgClient::EndCopy() {
  Send(Message('c', ""));
  const Reply reply = ReadToReady(nullptr);
  return std::stoll(reply.tag.substr(reply.tag.rfind(' ') + 1));
}

}  // namespace varve::bench
