// Speaks as much of PostgreSQL's protocol as the benchmarks need, on a blocking socket.
//
// Errors:   thrown as std::runtime_error with the server's message: a benchmark that meets an error
//           has nothing to measure.
// Threads:  single owner.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace varve::bench {

// Rows as text; a NULL is an empty string.
using Rows = std::vector<std::vector<std::string>>;

class PgClient {
 public:
  explicit PgClient(uint16_t port);
  ~PgClient();
  PgClient(const PgClient&) = delete;
  PgClient& operator=(const PgClient&) = delete;

  // A simple query to its end; the rows of its last result.
  Rows Query(std::string_view sql);
  // The same, its rows counted and dropped.
  int64_t CountRows(std::string_view sql);
  // The message of a simple query made beforehand, so that making it is not measured.
  static std::string QueryMessage(std::string_view sql);
  void SendQuery(std::string_view message);

  void Prepare(const std::string& name, std::string_view sql);
  int64_t ExecutePrepared(const std::string& name);

  void BeginCopy(std::string_view sql);
  void CopyData(std::string_view data);
  // The rows that the server says it took.
  int64_t EndCopy();

 private:
  struct Reply {
    int64_t rows = 0;
    std::string tag;
  };
  void Send(std::string_view bytes);
  char Receive(std::string& body);
  void Fill(size_t bytes);
  Reply ReadToReady(Rows* rows);

  int socket_ = -1;
  std::string in_;
  size_t in_at_ = 0;
  std::string body_;
};

}  // namespace varve::bench
