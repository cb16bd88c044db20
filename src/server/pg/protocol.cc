#include "server/pg/protocol.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "server/core/pg_grammar.h"
#include "server/pg/wire_telemetry.h"

namespace varve::server::pg {
namespace {

// What a statement that was stopped tells the client.
Status StoppedStatus(const Status& status, StopReason reason) {
  switch (reason) {
    case StopReason::kStatementTimeout:
      return SqlError(sqlstate::kQueryCanceled, "canceling statement due to statement timeout");
    case StopReason::kShutdown:
      return SqlError(sqlstate::kAdminShutdown,
                      "terminating connection due to administrator command");
    case StopReason::kUser:
      return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
    case StopReason::kDisconnect:
      return SqlError(sqlstate::kConnectionFailure, "connection to client lost");
    case StopReason::kNone:
      break;
  }
  return status;
}

// As far into a message as it is worth looking to choose a pool.
constexpr size_t kFirstWordBytes = 256;

bool IsExtended(char type) {
  return type == 'P' || type == 'B' || type == 'D' || type == 'E' || type == 'C' || type == 'H' ||
         type == 'S' || type == 'F';
}

}  // namespace

Protocol::Protocol(std::unique_ptr<ClientSession> client, std::shared_ptr<SessionEntry> entry,
                   DecoderLimits limits)
    : client_(std::move(client)), entry_(std::move(entry)), decoder_(limits) {
  VARVE_CHECK(client_ != nullptr);
  VARVE_CHECK(entry_ != nullptr);
  client_->SetDeallocateHook([this](const std::string& name) { return Deallocate(name); });
  entry_->SetSession(&client_->engine());
}

Protocol::~Protocol() {
  entry_->SetSession(nullptr);
  if (implicit_) client_->engine().RollbackImplicit();
}

bool Protocol::IsIdle() const {
  return pending_ == nullptr && !script_ && !copy_ && !sending_ && !execute_ && !inserts_ &&
         !implicit_;
}

bool Protocol::IsIngest(std::string_view input) const {
  if (copy_ || inserts_) return true;
  if (input.size() < kMessageHeaderBytes) return false;
  const std::string_view body = input.substr(kMessageHeaderBytes);
  if (input[0] == 'Q') {
    const std::string word = FirstWord(body.substr(0, kFirstWordBytes));
    return word == "INSERT" || word == "COPY";
  }
  if (input[0] == 'B') {
    // Portal and statement name, each ended by a zero byte.
    BodyReader reader(body.substr(0, kFirstWordBytes));
    reader.CString();
    const auto found = statements_.find(reader.CString());
    return reader.ok() && found != statements_.end() && found->second->insert != nullptr;
  }
  return false;
}

void Protocol::Terminate(const Status& status) {
  ErrorReport report = ReportOf(status);
  report.severity = Severity::kFatal;
  TellError(report);
  closed_ = true;
}

ProtocolStep Protocol::Advance(std::string_view& input) {
  for (;;) {
    if (closed_) return ProtocolStep::kClose;
    if (pending_ != nullptr) {
      if (!pending_->done()) return ProtocolStep::kWait;
      FinishWait();
      continue;
    }
    if (Status s = CheckStopped(); !s.ok()) {
      Fail(s);
      continue;
    }
    if (out_.size() >= kFlushBytes || std::exchange(flush_, false)) return ProtocolStep::kFlush;
    if (sending_) {
      if (Status s = SendSome(); !s.ok()) Fail(s);
      continue;
    }
    if (execute_) {
      if (Status s = ExecutePortal(); !s.ok()) Fail(s);
      continue;
    }
    // A COPY inside a query string is over before the string goes on.
    if (script_ && !copy_) {
      NextOfScript();
      continue;
    }
    auto decoded = decoder_.Next(input);
    if (!decoded.ok()) {
      Terminate(decoded.status());
      continue;
    }
    const std::string_view ahead = input.substr(decoded->consumed);
    bytes_wanted_ = decoded->bytes_wanted;
    if (decoded->step == DecodeStep::kNeedMore) {
      input = ahead;
      refuse_.reset();
      return ProtocolStep::kNeedInput;
    }
    Handle(decoded->message, ahead);
    input = ahead;
  }
}

// Between the steps of a statement; within one the engine is interrupted. Fail says the reason.
Status Protocol::CheckStopped() const {
  const StopReason reason = entry_->stop_reason();
  if (reason == StopReason::kNone) return OkStatus();
  // What a statement has done is not called an error afterwards, and its answer goes out whole.
  bool stop = copy_ || execute_ || (script_ && !script_->AtEnd());
  const bool ends = reason == StopReason::kShutdown || reason == StopReason::kDisconnect;
  if (ends) stop = stop || sending_ || IsIdle();
  if (!stop) return OkStatus();
  return SqlError(sqlstate::kQueryCanceled, "canceling statement due to user request");
}

void Protocol::Handle(const FrontendMessage& message, std::string_view ahead) {
  if (message.type == 'X') {
    closed_ = true;
    return;
  }
  if (copy_) return HandleCopyMessage(message);
  // What a failed COPY leaves behind; PostgreSQL drops it in silence too.
  if (message.type == 'd' || message.type == 'c' || message.type == 'f') return;
  if (skip_to_sync_ && message.type != 'S') return;
  extended_ = message.type != 'Q';
  if (message.oversized) {
    return Fail(WithHint(
        SqlErrorf(sqlstate::kStatementTooComplex, "the message is too large for a statement"),
        "Send rows in several statements, or with COPY."));
  }
  if (refuse_ && message.type != 'S') return Fail(*refuse_);
  if (message.type == 'Q') return HandleQuery(message.body);
  if (IsExtended(message.type)) return HandleExtended(message, ahead);
  Terminate(
      SqlErrorf(sqlstate::kProtocolViolation, "unexpected message type \"{}\"", message.type));
}

void Protocol::HandleExtended(const FrontendMessage& message, std::string_view ahead) {
  Status status;
  switch (message.type) {
    case 'P':
      status = HandleParse(message.body);
      break;
    case 'B':
      status = HandleBind(message.body);
      break;
    case 'D':
      status = HandleDescribe(message.body, ahead);
      break;
    case 'E':
      status = HandleExecute(message.body, ahead);
      break;
    case 'C':
      status = HandleClose(message.body);
      break;
    case 'H':
      flush_ = true;
      break;
    case 'S':
      HandleSync();
      break;
    default:
      status =
          SqlError(sqlstate::kFeatureNotSupported, "the function call protocol is not supported");
  }
  if (!status.ok()) Fail(status);
}

void Protocol::Fail(const Status& status) {
  VARVE_CHECK(!status.ok());
  Status told = status;
  if (SqlStateOf(status) == sqlstate::kQueryCanceled) {
    told = StoppedStatus(status, entry_->stop_reason());
  }
  if (copy_) extended_ = copy_->extended;
  sending_.reset();
  execute_.reset();
  copy_.reset();
  inserts_.reset();
  RollbackImplicit();
  if (client_->state() == engine::TransactionState::kActive) client_->engine().NoteFailure();
  SendNotices();
  const std::string state = SqlStateOf(told);
  if (state == sqlstate::kAdminShutdown || state == sqlstate::kConnectionFailure) {
    EndStatement();
    return Terminate(told);
  }
  TellError(ReportOf(told));
  EndStatement();
  if (extended_) {
    skip_to_sync_ = true;
  } else {
    script_.reset();
    SendReady();
  }
}

void Protocol::Await(size_t parts, const std::function<void(std::shared_ptr<Completion>)>& start,
                     std::function<void(Status)> then) {
  VARVE_CHECK(pending_ == nullptr);
  auto completion = std::make_shared<Completion>(parts);
  start(completion);
  pending_ = std::move(completion);
  after_pending_ = std::move(then);
}

void Protocol::FinishWait() {
  const Status status = pending_->status();
  pending_.reset();
  const auto then = std::exchange(after_pending_, nullptr);
  then(status);
}

RowFormat Protocol::FormatOf(std::vector<int16_t> formats) const {
  return {std::move(formats), client_->settings().text_style(), nullptr, {}};
}

Status Protocol::SendSome() {
  Sending& sending = *sending_;
  RowSource& rows = *sending.rows;
  if (sending.copy) sending.format.copy = &*sending.copy;
  for (;;) {
    if (out_.size() >= kFlushBytes) return OkStatus();
    if (rows.next_row < rows.chunk.rows) {
      uint32_t end = rows.chunk.rows;
      if (sending.limit > 0) {
        const uint64_t left = sending.limit - sending.sent;
        end = static_cast<uint32_t>(std::min<uint64_t>(end, rows.next_row + left));
      }
      VARVE_ASSIGN_OR_RETURN(const uint32_t next, EncodeRows(rows.chunk, rows.next_row, end,
                                                             sending.format, kFlushBytes, out_));
      sending.sent += next - rows.next_row;
      WireTelemetry::Get().rows_sent.Add(next - rows.next_row);
      rows.next_row = next;
      if (sending.limit > 0 && sending.sent == sending.limit) {
        out_.Empty('s');  // PortalSuspended
        sending_.reset();
        EndStatement();
        return OkStatus();
      }
      continue;
    }
    if (rows.ended) {
      FinishSending();
      return OkStatus();
    }
    VARVE_ASSIGN_OR_RETURN(auto chunk, rows.stream->Fetch());
    rows.ended = !chunk.has_value();
    if (rows.ended) continue;
    rows.chunk = *std::move(chunk);
    rows.next_row = 0;
  }
}

void Protocol::FinishSending() {
  Sending sending = *std::exchange(sending_, std::nullopt);
  if (sending.copy) sending.format.copy = &*sending.copy;
  std::string tag = sending.rows->stream->command_tag();
  // Rows that went out with an earlier Execute of the portal do not count again.
  if (tag.starts_with("SELECT ")) tag = "SELECT " + std::to_string(sending.sent);
  if (sending.copy) {
    EncodeCopyTrailer(sending.format, out_);
    out_.Empty('c');
    tag = "COPY " + std::to_string(sending.sent);
  }
  // The stream holds a snapshot and the session's place in the engine: end it before the next one.
  if (!sending.portal) sending.rows.reset();
  if (!extended_) return FinishScriptStatement(std::move(tag));
  Complete(tag);
  EndStatement();
}

void Protocol::Complete(std::string_view tag, uint64_t rows) {
  SendNotices();
  out_.CommandComplete(tag);
  WireTelemetry::Get().statements.Add();
  WireTelemetry::Get().rows_received.Add(rows);
}

void Protocol::TellError(const ErrorReport& report) {
  out_.Error(report);
  WireTelemetry::Get().CountError(report.sqlstate);
}

void Protocol::SendNotices() {
  for (const Notice& notice : client_->TakeNotices()) out_.NoticeMessage(notice);
  for (const SettingChange& change : client_->TakeReports()) {
    out_.ParameterStatus(change.name, change.value);
  }
}

void Protocol::EndStatement() { entry_->EndStatement(); }

void Protocol::SendReady() {
  // Portals live as long as their transaction.
  if (client_->state() != engine::TransactionState::kActive) portals_.clear();
  SendNotices();
  out_.ReadyForQuery(static_cast<char>(client_->state()));
}

Status Protocol::EnsureImplicit() {
  if (implicit_ || client_->state() != engine::TransactionState::kIdle) return OkStatus();
  VARVE_RETURN_IF_ERROR(client_->engine().BeginImplicit());
  implicit_ = true;
  return OkStatus();
}

void Protocol::CommitImplicit(std::function<void(Status)> then) {
  VARVE_CHECK(implicit_);
  implicit_ = false;
  // A BEGIN on the way has made it an explicit one, which only COMMIT ends.
  if (client_->state() != engine::TransactionState::kIdle) return then(OkStatus());
  Await(
      1,
      [this](const std::shared_ptr<Completion>& done) {
        client_->engine().CommitImplicit([done](Status s) { done->Complete(std::move(s)); });
      },
      std::move(then));
}

void Protocol::NoteExplicit() {
  if (client_->state() != engine::TransactionState::kIdle) implicit_ = false;
}

void Protocol::RollbackImplicit() {
  if (!std::exchange(implicit_, false)) return;
  if (client_->state() == engine::TransactionState::kIdle) client_->engine().RollbackImplicit();
}

void Protocol::WriteBatches(const TableRef& table, std::vector<BatchRef> batches, bool commit,
                            std::function<void(Status)> then) {
  if (batches.size() > 1) {
    if (Status s = EnsureImplicit(); !s.ok()) return then(s);
  }
  const auto finish = [this, commit, then = std::move(then)](Status written) {
    if (!written.ok() || !commit || !implicit_) return then(std::move(written));
    CommitImplicit(then);
  };
  if (batches.empty()) return finish(OkStatus());
  Await(
      batches.size(),
      [&](const std::shared_ptr<Completion>& done) {
        for (BatchRef& batch : batches) {
          client_->engine().WriteRows({table, std::move(batch)},
                                      [done](Status s) { done->Complete(std::move(s)); });
        }
      },
      finish);
}

Status Protocol::WriteNow(const TableRef& table, std::vector<BatchRef> batches) {
  VARVE_CHECK(implicit_ || client_->state() != engine::TransactionState::kIdle || batches.empty());
  for (BatchRef& batch : batches) {
    auto done = std::make_shared<Completion>(1);
    client_->engine().WriteRows({table, std::move(batch)},
                                [done](Status s) { done->Complete(std::move(s)); });
    VARVE_RETURN_IF_ERROR(done->Wait());
  }
  return OkStatus();
}

}  // namespace varve::server::pg
