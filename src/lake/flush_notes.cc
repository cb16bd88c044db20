#include "lake/flush_notes.h"

#include <algorithm>
#include <charconv>
#include <nlohmann/json.hpp>

namespace varve::lake {
namespace {

constexpr int64_t kNoteVersion = 1;
constexpr uint64_t kNoteBytesMax = 64 << 10;
constexpr std::string_view kEnding = ".json";

}  // namespace

std::string FlushNotes::PathOf(TableId table) const {
  return io::JoinPath(dir_, fmt::format("{}{}", table.value, kEnding));
}

Result<std::optional<FlushNote>> FlushNotes::Read(TableId table) const {
  const std::string path = PathOf(table);
  const Result<std::string> text = files_.ReadAll(path, kNoteBytesMax);
  if (text.status().code() == StatusCode::kNotFound) return std::optional<FlushNote>();
  VARVE_RETURN_IF_ERROR(text.status());
  const auto json = nlohmann::json::parse(*text, nullptr, /*allow_exceptions=*/false);
  const auto number = [&](const char* name) -> std::optional<int64_t> {
    const auto at = json.find(name);
    if (at == json.end() || !at->is_number_integer()) return std::nullopt;
    return at->get<int64_t>();
  };
  const bool is_note = json.is_object() && number("v") == kNoteVersion &&
                       number("through").value_or(-1) >= 0 && number("version") &&
                       json.contains("location") && json["location"].is_string();
  if (!is_note) {
    return DataLoss("{} does not say how far table {} is flushed", path, table.value);
  }
  return std::optional(FlushNote{Lsn(static_cast<uint64_t>(*number("through"))), *number("version"),
                                 json["location"].get<std::string>()});
}

Result<std::optional<TableId>> FlushNotes::FindTable(const std::string& location) const {
  std::optional<TableId> found;
  const auto entries = files_.List(dir_);
  if (entries.status().code() == StatusCode::kNotFound) return found;
  VARVE_RETURN_IF_ERROR(entries.status());
  for (const io::DirEntry& entry : *entries) {
    if (!entry.name.ends_with(kEnding)) continue;
    uint32_t id = 0;
    const char* const end = entry.name.data() + entry.name.size() - kEnding.size();
    const auto read = std::from_chars(entry.name.data(), end, id);
    if (read.ec != std::errc() || read.ptr != end) continue;
    VARVE_ASSIGN_OR_RETURN(const auto note, Read(TableId(id)));
    if (note && note->location == location)
      found = std::max(found.value_or(TableId(0)), TableId(id));
  }
  return found;
}

Status FlushNotes::Write(TableId table, const FlushNote& note) {
  MutexLock lock(mu_);
  const auto last = written_.find(table);
  if (last != written_.end() && note.through < last->second) return OkStatus();
  const nlohmann::json json = {{"v", kNoteVersion},
                               {"through", note.through.value},
                               {"version", note.version},
                               {"location", note.location}};
  VARVE_RETURN_IF_ERROR(files_.MakeDirs(dir_));
  VARVE_RETURN_IF_ERROR(files_.Replace(PathOf(table), json.dump() + "\n"));
  written_[table] = note.through;
  return OkStatus();
}

}  // namespace varve::lake
