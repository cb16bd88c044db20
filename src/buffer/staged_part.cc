#include "buffer/staged_part.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace varve::buffer {

StagedPart::StagedPart(io::FileSystem& disk, StagedContent content)
    : disk_(disk), content_(std::move(content)) {}

StagedPart::~StagedPart() {
  for (const DataFile& file : content_.files) disk_.Remove(file.local_path).IgnoreError();
}

FileSetRef WithStaged(const FileSetRef& lake, const std::vector<StagedPartRef>& parts) {
  if (parts.empty()) return lake;
  using FileRef = std::shared_ptr<const DataFile>;
  // Files of unknown age first, because they may hold the newest row.
  const auto age = [](const DataFile& file) {
    return file.time_range.empty() ? INT64_MAX : file.time_range.max.value;
  };
  const auto is_newer = [&](const FileRef& a, const FileRef& b) { return age(*a) > age(*b); };
  std::vector<FileRef> staged;
  for (const StagedPartRef& part : parts) {
    for (const DataFile& file : part->content().files) staged.emplace_back(part, &file);
  }
  std::sort(staged.begin(), staged.end(), is_newer);

  std::vector<FileRef> merged;
  merged.reserve(lake->files.size() + staged.size());
  std::merge(lake->files.begin(), lake->files.end(), staged.begin(), staged.end(),
             std::back_inserter(merged), is_newer);
  auto all = std::make_shared<FileSet>(*lake);
  all->files = std::move(merged);
  return all;
}

}  // namespace varve::buffer
