#!/usr/bin/env bash
# Configures a preset when that was not done yet, and builds it: build.sh PRESET JOBS [TARGET...]
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

preset=$1 jobs=$2
shift 2
# Ninja configures again by itself when a CMake file has changed.
[[ -f build/$preset/build.ninja ]] || cmake --preset "$preset" >/dev/null
args=()
for target in "$@"; do
  args+=(--target "$target")
done
exec cmake --build "build/$preset" -j "$jobs" "${args[@]}"
