// What most files read, parsed once: CMake has GCC precompile it for all targets. Nothing includes
// it, and each file still includes what it uses: clang's build, which goes without, would tell.
#pragma once

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "base/status.h"

// spdlog's header formats in place, with which each file that logs would compile the whole of fmt
// once more (3.5 s and 80 KB); libfmt has it compiled.
extern template void fmt::detail::vformat_to<char>(fmt::detail::buffer<char>&, fmt::string_view,
                                                   fmt::format_args, fmt::detail::locale_ref);
