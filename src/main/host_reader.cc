#include "main/host_reader.h"

#include <algorithm>
#include <charconv>
#include <span>

namespace varve {
namespace {

// More than /proc/diskstats of a machine with thousands of disks.
constexpr size_t kProcBytesMax = 1u << 20;
// Of /proc/diskstats, whatever the disk's own sectors are.
constexpr uint64_t kSectorBytes = 512;
// user, nice, system, idle, iowait, irq, softirq, steal; guests' time is in user's already.
constexpr size_t kCpuFields = 8;
constexpr size_t kIdle = 3;
constexpr size_t kIoWait = 4;

std::vector<std::string_view> Lines(std::string_view text) {
  std::vector<std::string_view> lines;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    lines.push_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines;
}

std::vector<std::string_view> Words(std::string_view line) {
  constexpr std::string_view kBlanks = " \t";
  std::vector<std::string_view> words;
  size_t at = line.find_first_not_of(kBlanks);
  while (at != std::string_view::npos) {
    const size_t end = std::min(line.find_first_of(kBlanks, at), line.size());
    words.push_back(line.substr(at, end - at));
    at = line.find_first_not_of(kBlanks, end);
  }
  return words;
}

template <typename Number>
Result<Number> NumberOf(std::span<const std::string_view> words, size_t index,
                        std::string_view file) {
  Number number{};
  if (index < words.size()) {
    const std::string_view word = words[index];
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
    if (error == std::errc() && end == word.data() + word.size()) return number;
  }
  return Unavailable("{} has not the form that is known", file);
}

bool StartsWithAny(std::string_view name, std::initializer_list<std::string_view> starts) {
  return std::any_of(starts.begin(), starts.end(),
                     [name](std::string_view start) { return name.starts_with(start); });
}

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// "sda1" is a part of "sda", "nvme0n1p2" of "nvme0n1"; "nvme0n10" is no part of "nvme0n1".
bool IsPartOf(std::string_view name, std::string_view disk) {
  if (disk.empty() || !name.starts_with(disk)) return false;
  std::string_view number = name.substr(disk.size());
  if (IsDigit(disk.back())) {
    if (!number.starts_with('p')) return false;
    number.remove_prefix(1);
  }
  return !number.empty() && std::all_of(number.begin(), number.end(), IsDigit);
}

// What only passes on to other disks or other interfaces would be counted twice.
bool IsRealDisk(std::string_view name) {
  return !StartsWithAny(name, {"loop", "ram", "zram", "dm-", "md", "sr", "fd"});
}
bool MayPassOn(std::string_view name) {
  return name == "lo" ||
         StartsWithAny(name, {"veth",  "docker", "br",           "virbr",    "tun",     "tap",
                              "bond",  "team",   "wg",           "vlan",     "macvlan", "ipvlan",
                              "vxlan", "dummy",  "cni",          "cali",     "flannel", "cilium",
                              "lxc",   "kube",   "nodelocaldns", "tailscale"}) ||
         name.find('.') != std::string_view::npos;
}

}  // namespace

std::string HostReader::HostName() const {
  const Result<std::string> text = ReadProc("sys/kernel/hostname");
  if (!text.ok()) return "localhost";
  const std::string name = text->substr(0, text->find('\n'));
  return name.empty() ? "localhost" : name;
}

Status HostReader::Read(std::vector<HostValue>& values) {
  values.clear();
  Status first;
  for (const Status& status : {ReadCpu(values), ReadLoad(values), ReadMemory(values),
                               ReadSpace(values), ReadDisks(values), ReadNetwork(values)}) {
    if (first.ok()) first = status;
  }
  return first;
}

// These files have no size, so they are read to their end.
Result<std::string> HostReader::ReadProc(std::string_view name) const {
  VARVE_ASSIGN_OR_RETURN(const auto file, files_.OpenRead(io::JoinPath(paths_.proc, name)));
  std::string text(kProcBytesMax, '\0');
  VARVE_ASSIGN_OR_RETURN(const size_t bytes, file->ReadAt(0, text));
  text.resize(bytes);
  return text;
}

Status HostReader::ReadCpu(std::vector<HostValue>& values) {
  VARVE_ASSIGN_OR_RETURN(const std::string text, ReadProc("stat"));
  const std::vector<std::string_view> words =
      Words(std::string_view(text).substr(0, text.find('\n')));
  CpuTimes now;
  for (size_t i = 0; i < kCpuFields; ++i) {
    VARVE_ASSIGN_OR_RETURN(const auto ticks, NumberOf<uint64_t>(words, i + 1, "/proc/stat"));
    now.all += ticks;
    if (i != kIdle && i != kIoWait) now.busy += ticks;
  }
  // iowait may go back a little.
  if (last_cpu_ && now.all > last_cpu_->all && now.busy >= last_cpu_->busy) {
    const double share = static_cast<double>(now.busy - last_cpu_->busy) /
                         static_cast<double>(now.all - last_cpu_->all);
    values.push_back({"cpu_percent", false, std::min(100 * share, 100.0)});
  }
  last_cpu_ = now;
  return OkStatus();
}

Status HostReader::ReadLoad(std::vector<HostValue>& values) const {
  VARVE_ASSIGN_OR_RETURN(const std::string text, ReadProc("loadavg"));
  VARVE_ASSIGN_OR_RETURN(const auto load, NumberOf<double>(Words(text), 0, "/proc/loadavg"));
  values.push_back({"load_avg_1m", false, load});
  return OkStatus();
}

Status HostReader::ReadMemory(std::vector<HostValue>& values) const {
  VARVE_ASSIGN_OR_RETURN(const std::string text, ReadProc("meminfo"));
  std::optional<uint64_t> total;
  std::optional<uint64_t> available;
  for (const std::string_view line : Lines(text)) {
    const std::vector<std::string_view> words = Words(line);
    if (words.empty()) continue;
    std::optional<uint64_t>* const field = words[0] == "MemTotal:"       ? &total
                                           : words[0] == "MemAvailable:" ? &available
                                                                         : nullptr;
    if (field == nullptr) continue;
    VARVE_ASSIGN_OR_RETURN(*field, NumberOf<uint64_t>(words, 1, "/proc/meminfo"));
  }
  if (!total || !available || *total == 0 || *available > *total) {
    return Unavailable("/proc/meminfo has not the form that is known");
  }
  values.push_back({"mem_used_percent", false,
                    100 * static_cast<double>(*total - *available) / static_cast<double>(*total)});
  return OkStatus();
}

Status HostReader::ReadSpace(std::vector<HostValue>& values) const {
  VARVE_ASSIGN_OR_RETURN(const io::DiskSpace space, files_.Space(paths_.disk));
  // As df has it: what only the system may use counts neither as used nor as free.
  const uint64_t usable = space.used_bytes + space.free_bytes;
  if (usable == 0) return Unavailable("the disk of {} has no size", paths_.disk);
  values.push_back({"disk_used_percent", false,
                    100 * static_cast<double>(space.used_bytes) / static_cast<double>(usable)});
  return OkStatus();
}

Status HostReader::ReadDisks(std::vector<HostValue>& values) const {
  VARVE_ASSIGN_OR_RETURN(const std::string text, ReadProc("diskstats"));
  uint64_t read = 0;
  uint64_t written = 0;
  std::string_view disk;  // the last one that is no part: its parts follow it
  for (const std::string_view line : Lines(text)) {
    const std::vector<std::string_view> words = Words(line);
    if (words.size() < 3 || !IsRealDisk(words[2]) || IsPartOf(words[2], disk)) continue;
    disk = words[2];
    VARVE_ASSIGN_OR_RETURN(const auto in, NumberOf<uint64_t>(words, 5, "/proc/diskstats"));
    VARVE_ASSIGN_OR_RETURN(const auto out, NumberOf<uint64_t>(words, 9, "/proc/diskstats"));
    read += in * kSectorBytes;
    written += out * kSectorBytes;
  }
  values.push_back({"disk_read_bytes", true, static_cast<double>(read)});
  values.push_back({"disk_write_bytes", true, static_cast<double>(written)});
  return OkStatus();
}

Status HostReader::ReadNetwork(std::vector<HostValue>& values) const {
  VARVE_ASSIGN_OR_RETURN(const std::string text, ReadProc("net/dev"));
  struct Bytes {
    uint64_t sent = 0;
    uint64_t received = 0;
  };
  Bytes of_devices;
  Bytes of_others;
  bool has_devices = false;
  for (const std::string_view line : Lines(text)) {
    const size_t colon = line.find(':');
    if (colon == std::string_view::npos) continue;  // the head
    const std::vector<std::string_view> name = Words(line.substr(0, colon));
    if (name.size() != 1) continue;
    const bool is_device = HasDevice(name[0]);
    if (!is_device && MayPassOn(name[0])) continue;
    const std::vector<std::string_view> words = Words(line.substr(colon + 1));
    VARVE_ASSIGN_OR_RETURN(const auto in, NumberOf<uint64_t>(words, 0, "/proc/net/dev"));
    VARVE_ASSIGN_OR_RETURN(const auto out, NumberOf<uint64_t>(words, 8, "/proc/net/dev"));
    Bytes& bytes = is_device ? of_devices : of_others;
    has_devices |= is_device;
    bytes.received += in;
    bytes.sent += out;
  }
  // In a container no interface has a device, and its own is what it sends by.
  const Bytes& bytes = has_devices ? of_devices : of_others;
  values.push_back({"net_bytes_sent", true, static_cast<double>(bytes.sent)});
  values.push_back({"net_bytes_recv", true, static_cast<double>(bytes.received)});
  return OkStatus();
}

// What a bond, a bridge, a tunnel or a VLAN passes on goes through an interface with hardware, or a
// virtual machine's likeness of it, too.
bool HostReader::HasDevice(std::string_view interface) const {
  return files_.Stat(fmt::format("{}/class/net/{}/device", paths_.sys, interface)).ok();
}

}  // namespace varve
