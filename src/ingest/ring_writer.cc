#include "ingest/ring_writer.h"

#include <pthread.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <thread>
#include <utility>

#include "base/check.h"
#include "base/mutex.h"
#include "ingest/reshape_gate.h"
#include "ingest/ring_request.h"
#include "ingest/ring_resolver.h"

namespace varve::ingest {
namespace {

using ring::MetricId;
using ring::RingChange;
using ring::Sample;
using Done = std::function<void(Result<RingWritten>)>;

struct LogMeter {
  explicit LogMeter(const CheckpointHint& the_hint) : hint(the_hint) {}

  void Add(uint64_t logged) {
    if (bytes.fetch_add(logged) + logged < hint.logged_bytes) return;
    bytes = 0;
    if (hint.due) hint.due();
  }

  const CheckpointHint hint;
  std::atomic<uint64_t> bytes{0};
};

// One change on its way; shared by the callbacks that the log gets. Holds parts, not the writer,
// which may be gone when the log answers.
struct PendingChange {
  ring::RingStore& rings;
  std::shared_ptr<LogMeter> meter;
  RingChange change;
  std::optional<ReshapeGate::Pass> pass;  // of samples that go to the log without the worker
  uint64_t bytes = 0;                     // of its record
  ring::Applied applied;

  void Apply(Lsn lsn) {
    const Result<ring::Applied> result = rings.Apply(lsn, change);
    // It is durable and was checked before: going on without it would be to acknowledge a loss. The
    // next start replays it.
    if (!result.ok()) spdlog::critical("a logged change of rings: {}", MessageOf(result.status()));
    VARVE_CHECK(result.ok());
    applied = *result;
    meter->Add(bytes);
  }
};
using PendingChangeRef = std::shared_ptr<PendingChange>;

RingWritten WrittenOf(std::span<const Sample> samples, const ring::Applied& applied) {
  RingWritten written;
  written.metrics.reserve(samples.size());
  for (const Sample& sample : samples) written.metrics.push_back(sample.metric);
  written.accepted = applied.accepted;
  written.stale = applied.stale;
  return written;
}

// Which samples of a ring that was empty are stale, when they come one after the other.
class EmptyRings {
 public:
  explicit EmptyRings(std::span<const ring::Metric> metrics) {
    for (const ring::Metric& metric : metrics) shapes_.emplace(metric.id, metric.shape);
  }
  ring::Applied Write(std::span<const Sample> samples) {
    ring::Applied applied;
    for (const Sample& sample : samples) {
      const ring::RingShape shape = shapes_.at(sample.metric);
      const int64_t window = sample.ts / shape.step_seconds;
      int64_t& newest =
          newest_.try_emplace({sample.metric, window % shape.slots}, -1).first->second;
      ++(window < newest ? applied.stale : applied.accepted);
      newest = std::max(newest, window);
    }
    return applied;
  }

 private:
  std::map<MetricId, ring::RingShape> shapes_;
  std::map<std::pair<MetricId, int64_t>, int64_t> newest_;  // window by metric and slot
};

// A request that makes metrics, a drop or a change of shape; the last two have no request.
struct Queued {
  std::optional<RingRequest> request;
  RingChange edit;
  Done done;  // empty once it was called

  size_t bytes() const { return request ? request->bytes() : sizeof(Queued); }
  void Answer(Result<RingWritten> result) {
    const Done answer = std::exchange(done, nullptr);
    answer(std::move(result));
  }
};

// Requests that become one record. As long as all their metrics are new, what each of them adds to
// the rings can be told apart afterwards; one that also writes to known metrics stays alone.
struct Round {
  struct Part {
    Queued* queued;
    std::vector<Sample> samples;
  };
  std::vector<Part> parts;
  size_t samples = 0;
  bool closed = false;
};

class RingWriterImpl : public RingWriter {
 public:
  RingWriterImpl(log::Log& log, ring::RingStore& rings, const RingDefaults& defaults,
                 const CheckpointHint& hint)
      : log_(log),
        rings_(rings),
        resolver_(rings, defaults),
        meter_(std::make_shared<LogMeter>(hint)) {
    thread_ = std::thread([this] {
      pthread_setname_np(pthread_self(), "ring-metrics");
      Work();
    });
  }
  ~RingWriterImpl() override {
    {
      MutexLock lock(mu_);
      stopping_ = true;
    }
    work_.NotifyOne();
    thread_.join();
  }

  void WriteAsync(std::span<const SampleInput> samples, Done done) override {
    Write(samples, std::move(done), true);
  }
  bool TryWriteAsync(std::span<const SampleInput> samples, Done done) override {
    return Write(samples, std::move(done), false);
  }
  Status Drop(MetricId id) override;
  Status Reshape(MetricId id, ring::RingShape shape) override;

 private:
  // Both false only when they would have to wait, and may not.
  bool Write(std::span<const SampleInput> samples, Done done, bool may_wait);
  bool Send(const PendingChangeRef& pending, Done done, bool may_wait);
  void Enqueue(Queued queued) VARVE_EXCLUDES(mu_);
  Status Offer(Queued& queued) VARVE_EXCLUDES(mu_);
  Status EditAndWait(RingChange edit);
  PendingChangeRef PendingOf(RingChange change) const;
  // The change as a record.
  static Result<log::Transaction> TransactionOf(const PendingChangeRef& pending);
  Result<ring::Applied> CommitAndWait(RingChange change);

  void Work() VARVE_EXCLUDES(mu_);
  void RunWrites(std::deque<Queued>& queue, size_t& next, size_t& alone);
  bool Take(Queued& queued, Round& round, NewMetrics& fresh);
  bool Commit(Round& round, NewMetrics& fresh);
  Status Edit(RingChange edit);
  MetricId TakeId();
  void GiveBack(const std::vector<MetricId>& ids);

  log::Log& log_;
  ring::RingStore& rings_;
  const RingResolver resolver_;
  const std::shared_ptr<LogMeter> meter_;
  const std::shared_ptr<ReshapeGate> gate_ = std::make_shared<ReshapeGate>();

  // The worker's own: ids that were taken, but that no record has. Without them a client that is
  // refused again and again would use up all ids.
  std::deque<MetricId> spare_ids_;

  Mutex mu_;
  CondVar work_;
  std::deque<Queued> queue_ VARVE_GUARDED_BY(mu_);
  size_t queue_bytes_ VARVE_GUARDED_BY(mu_) = 0;
  bool stopping_ VARVE_GUARDED_BY(mu_) = false;
  std::thread thread_;  // last: it uses everything above
};

bool RingWriterImpl::Write(std::span<const SampleInput> samples, Done done, bool may_wait) {
  if (samples.empty()) {
    done(RingWritten());
    return true;
  }
  NewMetrics fresh([] { return MetricId(); });
  Result<ResolvedSamples> resolved = resolver_.Resolve(samples, fresh);
  if (!resolved.ok()) {
    done(resolved.status());
    return true;
  }
  std::optional<ReshapeGate::Pass> pass;
  if (fresh.count() == 0) pass = ReshapeGate::Enter(gate_, resolved->samples);
  if (!pass) {
    Enqueue({.request = RingRequest(samples), .edit = {}, .done = std::move(done)});
    return true;
  }
  RingChange change;
  change.samples = std::move(resolved->samples);
  const PendingChangeRef pending = PendingOf(std::move(change));
  pending->pass = std::move(pass);
  return Send(pending, std::move(done), may_wait);
}

Status RingWriterImpl::Drop(MetricId id) {
  RingChange edit;
  edit.dropped.push_back({id});
  return EditAndWait(std::move(edit));
}

Status RingWriterImpl::Reshape(MetricId id, ring::RingShape shape) {
  VARVE_RETURN_IF_ERROR(ring::CheckShape(shape));
  RingChange edit;
  edit.reshaped.push_back({id, shape});
  return EditAndWait(std::move(edit));
}

void RingWriterImpl::Enqueue(Queued queued) {
  Status refused = Offer(queued);
  if (!refused.ok()) return queued.Answer(std::move(refused));
  work_.NotifyOne();
}

// Takes `queued` if there is room for it.
Status RingWriterImpl::Offer(Queued& queued) {
  MutexLock lock(mu_);
  const size_t bytes = queued.bytes();
  if (stopping_) return SqlError(sqlstate::kAdminShutdown, "the server is stopping");
  if (queue_.size() >= kRingQueueRequestsMax ||
      (!queue_.empty() && queue_bytes_ + bytes > kRingQueueBytesMax)) {
    return WithHint(
        SqlErrorf(
            sqlstate::kConfigurationLimitExceeded,
            "{} requests that make or change metrics wait already; nothing of this one was done",
            queue_.size()),
        "Send it again a little later.");
  }
  queue_bytes_ += bytes;
  queue_.push_back(std::move(queued));
  return OkStatus();
}

Status RingWriterImpl::EditAndWait(RingChange edit) {
  struct Answer {
    Mutex mu;
    CondVar came;
    std::optional<Status> status VARVE_GUARDED_BY(mu);
  };
  // Shared: the worker may still be in NotifyOne when this thread returns.
  auto answer = std::make_shared<Answer>();
  Enqueue({.request = {}, .edit = std::move(edit), .done = [answer](const auto& result) {
             {
               MutexLock lock(answer->mu);
               answer->status = result.status();
             }
             answer->came.NotifyOne();
           }});
  MutexLock lock(answer->mu);
  answer->came.Wait(answer->mu,
                    [&]() VARVE_REQUIRES(answer->mu) { return answer->status.has_value(); });
  return *answer->status;
}

PendingChangeRef RingWriterImpl::PendingOf(RingChange change) const {
  return std::make_shared<PendingChange>(
      PendingChange{rings_, meter_, std::move(change), std::nullopt, 0, ring::Applied()});
}

Result<log::Transaction> RingWriterImpl::TransactionOf(const PendingChangeRef& pending) {
  log::RecordInput record;
  record.type = log::RecordType::kRingSamples;
  ring::EncodeChange(pending->change, record.payload);
  pending->bytes = record.payload.size();
  if (record.payload.size() > log::kPayloadBytesMax) {
    return SqlErrorf(sqlstate::kStatementTooComplex,
                     "the request is too large: {} bytes in the log, the limit is {}",
                     record.payload.size(), log::kPayloadBytesMax);
  }
  log::Transaction transaction;
  transaction.records.push_back(std::move(record));
  transaction.on_durable = [pending](LsnRange lsns) { pending->Apply(lsns.begin); };
  return transaction;
}

bool RingWriterImpl::Send(const PendingChangeRef& pending, Done done, bool may_wait) {
  Result<log::Transaction> transaction = TransactionOf(pending);
  if (!may_wait && transaction.ok() && !rings_.TryReserve(pending->change)) return false;
  Status ready = transaction.status();
  if (may_wait && ready.ok()) ready = rings_.Reserve(pending->change);
  if (!ready.ok()) {
    done(ready);
    return true;
  }
  transaction->done = [pending, done = std::move(done)](const Result<LsnRange>& lsns) {
    pending->pass.reset();
    if (!lsns.ok()) return done(lsns.status());
    done(WrittenOf(pending->change.samples, pending->applied));
  };
  if (!may_wait) return log_.TryCommitAsync(*std::move(transaction));
  log_.CommitAsync(*std::move(transaction));
  return true;
}

Result<ring::Applied> RingWriterImpl::CommitAndWait(RingChange change) {
  const PendingChangeRef pending = PendingOf(std::move(change));
  VARVE_ASSIGN_OR_RETURN(log::Transaction transaction, TransactionOf(pending));
  VARVE_RETURN_IF_ERROR(rings_.Reserve(pending->change));
  VARVE_RETURN_IF_ERROR(log_.Commit(std::move(transaction)).status());
  return pending->applied;
}

void RingWriterImpl::Work() {
  while (true) {
    std::deque<Queued> queue;
    bool stopping = false;
    {
      MutexLock lock(mu_);
      work_.Wait(mu_, [&]() VARVE_REQUIRES(mu_) { return stopping_ || !queue_.empty(); });
      queue.swap(queue_);
      queue_bytes_ = 0;
      stopping = stopping_;
    }
    if (stopping) {
      for (Queued& queued : queue) {
        queued.Answer(SqlError(sqlstate::kAdminShutdown, "the server is stopping"));
      }
      return;
    }
    size_t next = 0;
    size_t alone = 0;  // so many of the next writes get a record of their own
    while (next < queue.size()) {
      if (queue[next].request) {
        RunWrites(queue, next, alone);
      } else {
        Queued& queued = queue[next++];
        const Status edited = Edit(std::move(queued.edit));
        queued.Answer(edited.ok() ? Result<RingWritten>(RingWritten()) : edited);
      }
    }
  }
}

// One round of the writes from `next` on.
void RingWriterImpl::RunWrites(std::deque<Queued>& queue, size_t& next, size_t& alone) {
  const size_t first = next;
  const bool one = alone > 0;
  Round round;
  NewMetrics fresh([this] { return TakeId(); });
  while (next < queue.size() && queue[next].request && !round.closed) {
    if (queue[next].done && !Take(queue[next], round, fresh)) break;
    ++next;
    if (one) {
      --alone;
      break;
    }
  }
  if (Commit(round, fresh)) return;
  // What is too much for all together may be right for each.
  alone = next - first;
  next = first;
}

// False: it needs another round.
bool RingWriterImpl::Take(Queued& queued, Round& round, NewMetrics& fresh) {
  const size_t before = fresh.count();
  Result<ResolvedSamples> resolved = resolver_.Resolve(queued.request->samples(), fresh);
  if (!resolved.ok()) {
    GiveBack(fresh.ShrinkTo(before));
    queued.Answer(resolved.status());
    return true;
  }
  std::vector<Sample>& samples = resolved->samples;
  if (resolved->of_known_metrics == samples.size()) {
    // An earlier round has made them, or their metric had to get its new shape first.
    RingChange change;
    change.samples = std::move(samples);
    const PendingChangeRef pending = PendingOf(std::move(change));
    pending->pass = ReshapeGate::Enter(gate_, pending->change.samples);
    VARVE_CHECK(pending->pass.has_value());  // This thread alone closes the gate.
    return Send(pending, std::exchange(queued.done, nullptr), true);
  }
  const bool mixed = resolved->of_known_metrics > 0;
  if (!round.parts.empty() && (mixed || round.samples + samples.size() > kRingRoundSamplesMax)) {
    GiveBack(fresh.ShrinkTo(before));
    return false;
  }
  round.samples += samples.size();
  round.closed = mixed;
  round.parts.push_back({&queued, std::move(samples)});
  return true;
}

// False when nothing was done or answered, and each request should be tried alone.
bool RingWriterImpl::Commit(Round& round, NewMetrics& fresh) {
  if (round.parts.empty()) return true;
  RingChange change;
  change.created = fresh.All();
  EmptyRings empty(change.created);
  change.samples.reserve(round.samples);
  for (const Round::Part& part : round.parts) {
    change.samples.insert(change.samples.end(), part.samples.begin(), part.samples.end());
  }
  const Result<ring::Applied> applied = CommitAndWait(std::move(change));
  if (!applied.ok()) {
    GiveBack(fresh.ShrinkTo(0));
    if (round.parts.size() > 1) return false;
    round.parts.front().queued->Answer(applied.status());
    return true;
  }
  for (const Round::Part& part : round.parts) {
    ring::Applied own{.accepted = part.samples.size(), .stale = 0};
    if (applied->stale > 0) own = round.parts.size() > 1 ? empty.Write(part.samples) : *applied;
    part.queued->Answer(WrittenOf(part.samples, own));
  }
  return true;
}

// A drop or a change of shape.
Status RingWriterImpl::Edit(RingChange edit) {
  const bool drops = !edit.dropped.empty();
  const MetricId id = drops ? edit.dropped.front().id : edit.reshaped.front().id;
  const ring::MetricRef metric = rings_.Find(id);
  if (metric == nullptr) return NotFound("no metric has the id {}", id.value);
  if (!drops && metric->type != ring::MetricType::kGauge) {
    return InvalidArgument("metric {} ({}) is a counter; only a gauge's ring can be changed",
                           id.value, metric->name);
  }
  if (drops) return CommitAndWait(std::move(edit)).status();
  if (metric->shape == edit.reshaped.front().shape) return OkStatus();
  gate_->Close(id);
  Status reshaped = CommitAndWait(std::move(edit)).status();
  gate_->Open();
  return reshaped;
}

MetricId RingWriterImpl::TakeId() {
  if (spare_ids_.empty()) return rings_.TakeId();
  const MetricId id = spare_ids_.front();
  spare_ids_.pop_front();
  return id;
}

// Ascending ids, all below those that are spare already: they were taken from the front.
void RingWriterImpl::GiveBack(const std::vector<MetricId>& ids) {
  spare_ids_.insert(spare_ids_.begin(), ids.begin(), ids.end());
}

}  // namespace

std::unique_ptr<RingWriter> RingWriter::Create(log::Log& log, ring::RingStore& rings,
                                               const RingDefaults& defaults,
                                               const CheckpointHint& hint) {
  return std::make_unique<RingWriterImpl>(log, rings, defaults, hint);
}

}  // namespace varve::ingest
