// Speaks PostgreSQL's protocol with one client after start-up, apart from the socket.
//
// Role:     bytes from the connection -> [Protocol] -> ClientSession; replies gather in out().
// Layout:   PostgreSQL 15 manual, chapter 55.2. Everything that goes on over several calls (rows
//           being sent, a query string, a COPY, a wait for the log) is a field here, so that no
//           thread is held while the client or the disk is slow.
// Limits:   out() is handed over for writing at kFlushBytes; statements by DecoderLimits.
// Errors:   go to the client; after kClose the connection writes out() and ends.
// Threads:  one user at a time. Advance blocks as statements do: call it on the query pool.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ingest/copy_decoder.h"
#include "ingest/row_assembler.h"
#include "server/core/client_session.h"
#include "server/core/session_registry.h"
#include "server/pg/completion.h"
#include "server/pg/message_body.h"
#include "server/pg/message_decoder.h"
#include "server/pg/message_writer.h"
#include "server/pg/portal.h"
#include "server/pg/row_encoder.h"

namespace varve::server::pg {

enum class ProtocolStep {
  kNeedInput,  // write out(), then read more
  kFlush,      // write out(), then call Advance again
  kWait,       // wait for pending(), then call Advance again
  kClose,      // write out(), then close
};

class Protocol {
 public:
  static constexpr size_t kFlushBytes = size_t{64} << 10;

  Protocol(std::unique_ptr<ClientSession> client, std::shared_ptr<SessionEntry> entry,
           DecoderLimits limits);
  ~Protocol();
  Protocol(const Protocol&) = delete;
  Protocol& operator=(const Protocol&) = delete;

  // Goes on as far as possible; drops what it consumed from the front of `input`. Views into
  // `input` are not kept.
  ProtocolStep Advance(std::string_view& input);

  MessageWriter& out() { return out_; }
  // Why the last Advance gave kWait.
  const std::shared_ptr<Completion>& pending() const { return pending_; }
  // Input size at which Advance can get on after kNeedInput.
  size_t bytes_wanted() const { return bytes_wanted_; }
  // Nothing is begun: the server may stop it, and new work may be refused.
  bool IsIdle() const;
  ClientSession& client() { return *client_; }
  // Ends the connection with this error, which becomes FATAL.
  void Terminate(const Status& status);
  // Answers what the input holds with this error instead of running it: the pool has no room.
  void RefuseInput(Status status) { refuse_ = std::move(status); }
  // Whether what comes next is the decoding of rows, which long queries must not hold up.
  bool IsIngest(std::string_view input) const;

 private:
  // A query string of the simple protocol on its way.
  struct Script {
    std::deque<ClientStatementRef> statements;
    std::string rest;        // not yet read: what follows INSERTs that were decoded by hand
    size_t rest_offset = 0;  // characters before it
    bool several = false;    // more than one statement: an implicit transaction

    bool AtEnd() const { return statements.empty() && rest.empty(); }
  };
  // Rows being sent.
  struct Sending {
    std::shared_ptr<RowSource> rows;
    RowFormat format;
    std::optional<ingest::CopySpec> copy;
    uint64_t sent = 0;
    uint64_t limit = 0;  // 0: all
    bool portal = false;
  };
  struct CopyIn {
    std::unique_ptr<ingest::CopyDecoder> decoder;
    TableRef table;
    bool extended = false;
    bool own_transaction = false;  // the implicit one was begun for this COPY
  };
  // Rows of consecutive INSERTs of a pipeline, not yet handed to the session.
  struct InsertBatch {
    std::shared_ptr<const ingest::InsertPlan> plan;
    std::unique_ptr<ingest::RowAssembler> rows;
  };

  // protocol.cc: messages, errors, waiting, rows.
  void Handle(const FrontendMessage& message, std::string_view ahead);
  void HandleExtended(const FrontendMessage& message, std::string_view ahead);
  void Fail(const Status& status);
  Status CheckStopped() const;
  void Await(size_t parts, const std::function<void(std::shared_ptr<Completion>)>& start,
             std::function<void(Status)> then);
  void FinishWait();
  Status SendSome();
  void FinishSending();
  void SendNotices();
  void SendReady();
  void EndStatement();
  // CommandComplete, with the notices before it. `rows`: how many the client gave.
  void Complete(std::string_view tag, uint64_t rows = 0);
  void TellError(const ErrorReport& report);
  RowFormat FormatOf(std::vector<int16_t> formats) const;

  // The implicit transaction of query strings and pipelines.
  Status EnsureImplicit();
  void CommitImplicit(std::function<void(Status)> then);
  void RollbackImplicit();
  // A BEGIN inside an implicit transaction has made it an explicit one.
  void NoteExplicit();
  // Hands decoded rows to the session; `commit`: with the implicit transaction they stand in.
  void WriteBatches(const TableRef& table, std::vector<BatchRef> batches, bool commit,
                    std::function<void(Status)> then);

  // The same for rows that only wait in a transaction, which needs no disk.
  Status WriteNow(const TableRef& table, std::vector<BatchRef> batches);

  // script.cc: the simple protocol.
  void HandleQuery(std::string_view body);
  void NextOfScript();
  Status ReadScript(std::string_view sql);
  void WriteDecoded(ingest::DecodedInsert insert);
  void FinishScriptStatement(std::string tag, uint64_t rows = 0);
  Status RunScriptStatement(const ClientStatementRef& statement);

  // extended.cc
  Status HandleParse(std::string_view body);
  Status HandleBind(std::string_view body);
  Status BindParameters(const BindMessage& bind, Portal& portal);
  Status HandleDescribe(std::string_view body, std::string_view ahead);
  Status DescribePortal(std::string_view name, std::string_view ahead);
  Status HandleExecute(std::string_view body, std::string_view ahead);
  // `next`: the type of the message behind this one, 0 when none has arrived yet.
  Status ExecuteInsert(Portal& portal, char next);
  Status ExecutePortal();
  Status OpenPortal(Portal& portal);
  Status HandleClose(std::string_view body);
  void HandleSync();
  void FinishSync();
  Status FlushInserts(bool commit, std::function<void(Status)> then);
  Result<const engine::Description*> DescriptionOf(PreparedStatement& prepared);
  bool Deallocate(const std::string& name);

  // copy.cc
  Status BeginCopy(const ClientStatementRef& statement, bool extended);
  Status BeginCopyOut(const ingest::CopySpec& spec, bool extended);
  void HandleCopyMessage(const FrontendMessage& message);
  void FinishCopy();

  std::unique_ptr<ClientSession> client_;
  std::shared_ptr<SessionEntry> entry_;
  MessageDecoder decoder_;
  MessageWriter out_;
  size_t bytes_wanted_ = 1;
  std::optional<Status> refuse_;

  std::shared_ptr<Completion> pending_;
  std::function<void(Status)> after_pending_;
  std::optional<Script> script_;
  std::optional<CopyIn> copy_;
  std::optional<InsertBatch> inserts_;
  bool extended_ = false;      // the running statement came by the extended protocol
  bool implicit_ = false;      // BeginImplicit was called and not ended
  bool skip_to_sync_ = false;  // after an error of the extended protocol
  bool flush_ = false;
  bool closed_ = false;

  std::map<std::string, std::shared_ptr<PreparedStatement>, std::less<>> statements_;
  std::map<std::string, std::shared_ptr<Portal>, std::less<>> portals_;
  // An Execute that must wait for something else first.
  struct PendingExecute {
    std::shared_ptr<Portal> portal;
    int32_t row_limit = 0;
    bool sync_follows = false;
  };
  std::optional<PendingExecute> execute_;
  // Last, because its rows must go before the session that they come from.
  std::optional<Sending> sending_;
};

}  // namespace varve::server::pg
