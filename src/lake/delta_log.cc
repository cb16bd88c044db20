#include "lake/delta_log.h"

#include <simdjson.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <charconv>

#include "base/fault_point.h"
#include "base/parallel.h"
#include "base/uuid.h"
#include "io/scratch_file.h"
#include "io/store_set.h"
#include "lake/actions.h"

namespace varve::lake {
namespace {

constexpr size_t kPartDigits = 10;
// Varve makes a checkpoint every ten versions; so do most others.
constexpr int64_t kCommitsReadAhead = 10;
constexpr int64_t kPartsReadAheadMax = 64;
constexpr size_t kReadsAtOnce = 32;

// True when what lies at a ReadPath is an object of a remote store and not a local file.
bool ReadsWhole(std::string_view path) { return path.starts_with(io::kStoreScheme); }

std::optional<int64_t> ReadDigits(std::string_view text, size_t count) {
  if (text.size() != count) return std::nullopt;
  int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + count, value);
  if (error != std::errc() || end != text.data() + count || value < 0) return std::nullopt;
  return value;
}

enum class Kind { kCommit, kCheckpoint, kCheckpointPart, kV2Checkpoint };

struct LogFile {
  Kind kind = Kind::kCommit;
  int64_t version = 0;
  int64_t part = 0;  // from 1; kCheckpointPart only
  int64_t parts = 0;
};

// "00000000000000000010.checkpoint.0000000001.0000000003.parquet" and its like; nullopt for files
// that do not belong to the log's history.
std::optional<LogFile> ParseName(std::string_view name) {
  LogFile file;
  const auto version = ReadDigits(name.substr(0, kVersionDigits), kVersionDigits);
  if (!version) return std::nullopt;
  file.version = *version;
  std::string_view rest = name.substr(kVersionDigits);
  if (rest == ".json") return file;
  if (!rest.starts_with(".checkpoint.")) return std::nullopt;
  rest.remove_prefix(std::string_view(".checkpoint.").size());
  if (rest == "parquet") {
    file.kind = Kind::kCheckpoint;
    return file;
  }
  if (rest.size() == 2 * kPartDigits + 1 + 8 && rest.ends_with(".parquet")) {
    const auto part = ReadDigits(rest.substr(0, kPartDigits), kPartDigits);
    const auto parts = ReadDigits(rest.substr(kPartDigits + 1, kPartDigits), kPartDigits);
    if (part && parts) {
      file.kind = Kind::kCheckpointPart;
      file.part = *part;
      file.parts = *parts;
      return file;
    }
  }
  file.kind = Kind::kV2Checkpoint;
  return file;
}

std::string_view BaseName(std::string_view name) { return name.substr(name.rfind('/') + 1); }

}  // namespace

DeltaLog::DeltaLog(io::ObjectStore& store, CommitStore& commits, CheckpointCodec& checkpoints,
                   std::string scratch_dir, const std::string& location)
    : store_(store),
      commits_(commits),
      checkpoints_(checkpoints),
      location_(location),
      scratch_dir_(std::move(scratch_dir)),
      folder_(location + "/_delta_log/") {}

std::string DeltaLog::CheckpointName(int64_t version) const {
  return fmt::format("{}{:020}.checkpoint.parquet", folder_, version);
}

std::string DeltaLog::LastCheckpointName() const { return folder_ + "_last_checkpoint"; }

std::optional<DeltaLog::Hint> DeltaLog::ReadLastCheckpoint() {
  const Result<std::string> content = store_.Get(LastCheckpointName());
  if (!content.ok()) return std::nullopt;  // Only a hint: the listing has the truth.
  simdjson::dom::parser parser;
  simdjson::dom::element root;
  Hint hint;
  if (parser.parse(*content).get(root) != simdjson::SUCCESS ||
      root["version"].get_int64().get(hint.version) != simdjson::SUCCESS || hint.version < 0) {
    spdlog::warn("Delta log: {} cannot be read and is ignored", LastCheckpointName());
    return std::nullopt;
  }
  if (root["parts"].get_int64().get(hint.parts) != simdjson::SUCCESS || hint.parts < 0 ||
      hint.parts > kPartsReadAheadMax) {
    hint.parts = 0;
  }
  return hint;
}

Result<DeltaLog::Contents> DeltaLog::ListAndRead(const Hint& hint, ReadAhead& ahead) {
  std::vector<std::string> names;
  // What has local files is read where it is.
  if (ReadsWhole(store_.ReadPath(folder_))) {
    if (hint.parts == 0) names.push_back(CheckpointName(hint.version));
    for (int64_t part = 1; part <= hint.parts; ++part) {
      names.push_back(fmt::format("{}{:020}.checkpoint.{:010}.{:010}.parquet", folder_,
                                  hint.version, part, hint.parts));
    }
    for (int64_t i = 1; i <= kCommitsReadAhead; ++i) {
      names.push_back(CommitName(location_, hint.version + i));
    }
  }
  Result<Contents> contents = Contents();
  std::vector<Result<std::string>> read(names.size(), NotFound("not read"));
  RunParallel(names.size() + 1, kReadsAtOnce, [&](size_t i) {
    if (i == 0) {
      contents = ListFrom(hint.version);
    } else {
      read[i - 1] = store_.Get(names[i - 1]);
    }
  });
  // What was not there may be by now: only what was read counts.
  for (size_t i = 0; i < names.size(); ++i) {
    if (read[i].ok()) ahead.emplace(std::move(names[i]), std::move(read[i]));
  }
  return contents;
}

Result<std::string> DeltaLog::Read(const std::string& name, ReadAhead& ahead) {
  const auto at = ahead.find(name);
  if (at == ahead.end()) return store_.Get(name);
  Result<std::string> content = std::move(at->second);
  ahead.erase(at);
  return content;
}

Result<DeltaLog::Contents> DeltaLog::ListFrom(int64_t version) {
  // Every name of version v starts with its digits and goes on, so it comes after the digits alone.
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::ObjectInfo> objects,
                         store_.List(folder_, fmt::format("{}{:020}", folder_, version)));
  Contents contents;
  std::map<std::pair<int64_t, int64_t>, std::vector<std::string>> parts;  // version, parts
  for (const io::ObjectInfo& object : objects) {
    const std::string_view name = std::string_view(object.name).substr(folder_.size());
    const auto file = ParseName(name);
    if (!file) continue;
    contents.empty = false;
    switch (file->kind) {
      case Kind::kCommit:
        contents.commits.insert(file->version);
        break;
      case Kind::kCheckpoint:
        contents.checkpoints[file->version] = {object.name};
        break;
      case Kind::kCheckpointPart:
        parts[{file->version, file->parts}].push_back(object.name);
        break;
      case Kind::kV2Checkpoint:
        contents.has_v2_checkpoint = true;
        break;
    }
  }
  for (auto& [key, names] : parts) {
    // Parts are listed once each, so the count says whether all are there.
    if (static_cast<int64_t>(names.size()) != key.second) continue;
    contents.checkpoints.try_emplace(key.first, std::move(names));
  }
  return contents;
}

Result<std::string> DeltaLog::DecodeCheckpoint(const std::string& name, ReadAhead& ahead) {
  const std::string path = store_.ReadPath(name);
  if (!ReadsWhole(path)) return checkpoints_.ReadCheckpoint(path);
  // In many small ranges, one after the other, it would take as many times as long.
  VARVE_ASSIGN_OR_RETURN(const std::string content, Read(name, ahead));
  io::ScratchFile scratch(
      fmt::format("{}/checkpoint-{}.parquet", scratch_dir_, Uuid::MakeV4().ToString()));
  VARVE_RETURN_IF_ERROR(scratch.Write(content));
  return checkpoints_.ReadCheckpoint(scratch.path());
}

Result<TableState> DeltaLog::ReadCheckpoint(int64_t version, const std::vector<std::string>& names,
                                            ReadAhead& ahead) {
  TableState state;
  for (const std::string& name : names) {
    VARVE_ASSIGN_OR_RETURN(const std::string ndjson, DecodeCheckpoint(name, ahead));
    VARVE_ASSIGN_OR_RETURN(std::vector<Action> actions, ParseActions(ndjson, name));
    VARVE_RETURN_IF_ERROR(state.Apply(version, std::move(actions)));
  }
  return state;
}

Status DeltaLog::ApplyCommits(const std::set<int64_t>& commits, ReadAhead& ahead,
                              TableState& state) {
  std::vector<std::string> names;
  std::vector<Result<std::string>> read;
  size_t next = 0;
  for (auto commit = commits.upper_bound(state.version()); commit != commits.end(); ++commit) {
    const int64_t expected = state.version() + 1;
    if (*commit != expected) {
      return DataLoss("a commit is missing from the Delta log: {}",
                      CommitName(location_, expected));
    }
    if (next == names.size()) {
      // A few ahead, and not all: there may be ten thousand.
      names.clear();
      for (auto later = commit; later != commits.end() && names.size() < kReadsAtOnce; ++later) {
        names.push_back(CommitName(location_, *later));
      }
      read.assign(names.size(), NotFound("not read"));
      std::vector<size_t> missing;
      for (size_t i = 0; i < names.size(); ++i) {
        if (const auto at = ahead.find(names[i]); at != ahead.end()) {
          read[i] = std::move(at->second);
          ahead.erase(at);
        } else {
          missing.push_back(i);
        }
      }
      RunParallel(missing.size(), kReadsAtOnce,
                  [&](size_t i) { read[missing[i]] = store_.Get(names[missing[i]]); });
      next = 0;
    }
    const std::string& name = names[next];
    const Result<std::string> content = std::move(read[next++]);
    // NotFound means to callers that there is no table at all.
    if (content.status().code() == StatusCode::kNotFound) {
      return DataLoss("a commit has gone from the Delta log: {}", name);
    }
    VARVE_RETURN_IF_ERROR(content.status());
    if (content->find_first_not_of(" \t\r\n") == std::string::npos) {
      return DataLoss("Delta log {} is empty", name);
    }
    VARVE_ASSIGN_OR_RETURN(std::vector<Action> actions, ParseActions(*content, name));
    VARVE_RETURN_IF_ERROR(state.Apply(expected, std::move(actions)));
  }
  return OkStatus();
}

Result<std::optional<TableState>> DeltaLog::LoadFrom(const Contents& contents, ReadAhead& ahead,
                                                     Status& first_error) {
  const auto& checkpoints = contents.checkpoints;
  for (auto checkpoint = checkpoints.rbegin(); checkpoint != checkpoints.rend(); ++checkpoint) {
    Result<TableState> state = ReadCheckpoint(checkpoint->first, checkpoint->second, ahead);
    if (state.ok()) {
      VARVE_RETURN_IF_ERROR(ApplyCommits(contents.commits, ahead, *state));
      return std::optional(*std::move(state));
    }
    if (state.status().code() == StatusCode::kUnimplemented) return state.status();
    spdlog::warn("Delta log: checkpoint {} cannot be read, trying an older one: {}",
                 checkpoint->second.front(), MessageOf(state.status()));
    if (first_error.ok()) {
      first_error = DataLoss("checkpoint {} cannot be read: {}", checkpoint->second.front(),
                             MessageOf(state.status()));
    }
  }
  if (!contents.commits.contains(0)) return std::optional<TableState>();
  TableState state;
  VARVE_RETURN_IF_ERROR(ApplyCommits(contents.commits, ahead, state));
  return std::optional(std::move(state));
}

std::optional<TableState> DeltaLog::ReadDropMark(const Contents& contents) {
  if (contents.commits.empty()) return std::nullopt;
  TableState state;
  const int64_t newest = *contents.commits.rbegin();
  const Result<std::string> content = store_.Get(CommitName(location_, newest));
  if (!content.ok()) return std::nullopt;
  Result<std::vector<Action>> actions = ParseActions(*content, CommitName(location_, newest));
  if (!actions.ok() || !state.Apply(newest, *std::move(actions)).ok() || !state.dropped()) {
    return std::nullopt;
  }
  return state;
}

Result<TableState> DeltaLog::Load() {
  VARVE_RETURN_IF_ERROR(commits_.Settle(location_));
  Status first_error;
  ReadAhead ahead;
  if (const auto hint = ReadLastCheckpoint()) {
    VARVE_ASSIGN_OR_RETURN(const Contents newest, ListAndRead(*hint, ahead));
    VARVE_ASSIGN_OR_RETURN(std::optional<TableState> state, LoadFrom(newest, ahead, first_error));
    if (state) return *std::move(state);
  }
  VARVE_ASSIGN_OR_RETURN(const Contents all, ListFrom(0));
  if (all.empty) return NotFound("there is no Delta log in {}", folder_);
  VARVE_ASSIGN_OR_RETURN(std::optional<TableState> state, LoadFrom(all, ahead, first_error));
  if (state) return *std::move(state);
  if (auto dropped = ReadDropMark(all)) return *std::move(dropped);
  if (all.has_v2_checkpoint) {
    return SqlErrorf(sqlstate::kFeatureNotSupported,
                     "the Delta table needs a feature that is not supported: v2Checkpoint");
  }
  if (!first_error.ok()) return first_error;
  return DataLoss("the Delta log has neither its first commit nor a checkpoint: {}",
                  CommitName(location_, 0));
}

Status DeltaLog::Gone(int64_t version) const {
  return WithHint(
      SqlErrorf(sqlstate::kObjectNotInPrerequisiteState,
                "the Delta log does not reach version {} any more, which was there: {}", version,
                CommitName(location_, version)),
      "Its files were deleted, or others took their place. Bring them back, or restart the server: "
      "it makes a table that is gone again, with the rows that its log still has.");
}

Result<std::optional<TableState>> DeltaLog::ReadNewer(const TableState& state, Look look) {
  const int64_t next = state.version() + 1;
  VARVE_RETURN_IF_ERROR(commits_.Settle(location_));
  ReadAhead ahead;
  if (look == Look::kNext) {
    std::string name = CommitName(location_, next);
    Result<std::string> content = store_.Get(name);
    if (content.status().code() == StatusCode::kNotFound) return std::optional<TableState>();
    VARVE_RETURN_IF_ERROR(content.status());
    ahead.emplace(std::move(name), std::move(content));
  }
  const int64_t from = look == Look::kNext ? next : state.version();
  VARVE_ASSIGN_OR_RETURN(Contents contents, ListFrom(from));
  const bool has_commit = contents.commits.erase(state.version()) > 0;
  // Others may delete the commit as soon as there is a checkpoint of it.
  const bool has_ours = contents.checkpoints.erase(state.version()) > 0 || has_commit;
  if (contents.commits.empty() && contents.checkpoints.empty()) {
    if (look == Look::kNext || has_ours) return std::optional<TableState>();
    return Gone(state.version());
  }
  TableState newer = state;
  const auto count = static_cast<int64_t>(contents.commits.size());
  if (!contents.commits.contains(next) || *contents.commits.rbegin() != next + count - 1) {
    // We were away for so long that commits after ours have been cleaned up (one may have come
    // back, from a writer that was away as well), or the table was dropped and most of its log is
    // gone.
    auto loaded = Load();
    if (loaded.status().code() == StatusCode::kNotFound) return Gone(state.version());
    VARVE_ASSIGN_OR_RETURN(newer, std::move(loaded));
    if (newer.version() < state.version()) return Gone(state.version());
  } else {
    VARVE_RETURN_IF_ERROR(ApplyCommits(contents.commits, ahead, newer));
  }
  if (!newer.dropped()) VARVE_RETURN_IF_ERROR(newer.CheckSupported());
  return std::optional(std::move(newer));
}

Result<DeltaLog::TxnSearch> DeltaLog::FindTxn(const std::string& app_id, int64_t first,
                                              int64_t last) {
  TxnSearch search;
  search.is_complete = true;
  for (int64_t begin = first; begin <= last; begin += kReadsAtOnce) {
    const auto count = std::min<size_t>(kReadsAtOnce, static_cast<size_t>(last - begin + 1));
    std::vector<Result<std::string>> read(count, NotFound("not read"));
    RunParallel(count, kReadsAtOnce, [&](size_t i) {
      read[i] = store_.Get(CommitName(location_, begin + static_cast<int64_t>(i)));
    });
    for (size_t i = 0; i < count; ++i) {
      if (read[i].status().code() == StatusCode::kNotFound) {
        search.is_complete = false;
        continue;
      }
      VARVE_RETURN_IF_ERROR(read[i].status());
      const std::string name = CommitName(location_, begin + static_cast<int64_t>(i));
      VARVE_ASSIGN_OR_RETURN(const std::vector<Action> actions, ParseActions(*read[i], name));
      for (const Action& action : actions) {
        const auto* txn = std::get_if<Txn>(&action);
        if (txn != nullptr && txn->app_id == app_id) search.version = txn->version;
      }
    }
  }
  return search;
}

Status DeltaLog::WriteCheckpoint(const TableState& state, int64_t now_ms,
                                 const std::string& scratch_path) {
  const TableState::Checkpoint checkpoint = state.MakeCheckpoint(now_ms);
  VARVE_RETURN_IF_ERROR(checkpoints_.WriteCheckpoint(checkpoint.ndjson, scratch_path));
  const std::string name = CheckpointName(state.version());
  VARVE_RETURN_IF_ERROR(store_.PutFile(name, scratch_path));
  VARVE_FAULT_POINT("lake.mid_checkpoint");
  VARVE_ASSIGN_OR_RETURN(const io::ObjectInfo info, store_.Head(name));
  return store_.Put(LastCheckpointName(),
                    fmt::format(R"({{"version":{},"size":{},"sizeInBytes":{},"numOfAddFiles":{}}})",
                                state.version(), checkpoint.actions, info.bytes, checkpoint.adds));
}

Result<int64_t> DeltaLog::CleanUp(int64_t before_us) {
  VARVE_ASSIGN_OR_RETURN(const std::vector<io::ObjectInfo> objects, store_.List(folder_));
  // The newest checkpoint that is old enough: time travel to it and to all after it stays possible.
  int64_t oldest_kept = -1;
  for (const io::ObjectInfo& object : objects) {
    const auto file = ParseName(BaseName(object.name));
    if (file && file->kind == Kind::kCheckpoint && object.modified_us < before_us) {
      oldest_kept = std::max(oldest_kept, file->version);
    }
  }
  int64_t deleted = 0;
  for (const io::ObjectInfo& object : objects) {
    const bool left_over = object.name.starts_with(folder_ + std::string(kTemporaryCommits)) &&
                           object.modified_us < before_us;
    const auto file = ParseName(BaseName(object.name));
    if (!left_over && (!file || file->version >= oldest_kept)) continue;
    VARVE_RETURN_IF_ERROR(store_.Delete(object.name));
    ++deleted;
  }
  return deleted;
}

}  // namespace varve::lake
