// Keeps the dashboards that users have made, in one small file.
//
// Role:     server/http -> [Dashboards] -> data-dir/dashboards.json.
// Layout:   docs/formats/dashboards.md. The file is replaced at once: a crash leaves the old one or
//           the new one.
// Limits:   kDashboardsMax dashboards, kDefinitionBytesMax each, kAllBytesMax together (54000).
// Errors:   InvalidArgument for a slug or title out of the rules; NotFound; DataLoss from Open for
//           a file that Put could not have written: it is left as it is, for its owner to look at.
//           Of the disk, and nothing has changed then.
// Threads:  safe. Put and Remove wait for the disk.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/mutex.h"
#include "base/status.h"
#include "io/file.h"

namespace varve::catalog {

inline constexpr size_t kDashboardsMax = 1000;
inline constexpr size_t kSlugBytesMax = 64;
inline constexpr size_t kTitleBytesMax = 256;
inline constexpr size_t kDefinitionBytesMax = size_t{1} << 20;
inline constexpr size_t kAllBytesMax = size_t{32} << 20;

struct Dashboard {
  std::string slug;  // small letters, digits, '-' and '_', beginning with a letter or digit
  std::string title;
  std::string definition;  // JSON text
};

class Dashboards {
 public:
  // An absent file means none. `path`: of the file, in a folder that exists.
  static Result<std::unique_ptr<Dashboards>> Open(io::FileSystem& files, std::string path);

  // Ascending by slug, without definitions.
  std::vector<Dashboard> List() const VARVE_EXCLUDES(mu_);
  Result<Dashboard> Get(std::string_view slug) const VARVE_EXCLUDES(mu_);
  // Makes it, or replaces the one of that slug. Durable when it returns OK.
  Status Put(Dashboard dashboard) VARVE_EXCLUDES(writer_mu_, mu_);
  Status Remove(std::string_view slug) VARVE_EXCLUDES(writer_mu_, mu_);

 private:
  using BySlug = std::map<std::string, Dashboard, std::less<>>;

  Dashboards(io::FileSystem& files, std::string path) : files_(files), path_(std::move(path)) {}

  Status Load();
  // Writes `next` and then shows it.
  Status Replace(BySlug next) VARVE_REQUIRES(writer_mu_) VARVE_EXCLUDES(mu_);
  BySlug Copy() const VARVE_EXCLUDES(mu_);

  io::FileSystem& files_;
  const std::string path_;
  // Held over the write of the file: changes come one after the other. Before mu_.
  Mutex writer_mu_;
  mutable Mutex mu_;
  BySlug dashboards_ VARVE_GUARDED_BY(mu_);
};

}  // namespace varve::catalog
