#!/usr/bin/env bash
# Installs what building and testing need, and does nothing when it is there already.
#
# Four parts, each checked before it is touched: Debian packages (tools/apt-packages.txt), DuckDB's
# official library and headers (build/deps/duckdb, pinned and verified by checksum), the Python packages
# of the tests (build/venv, tools/requirements.txt), and the npm packages of the page at /ui
# (web/node_modules, web/package-lock.json). Works as root, or as a user with sudo.
# Reading order: main, at the end, calls the parts in turn.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly top=$PWD

# The library comes from the npm package of DuckDB's own Node binding, the headers from the source
# package of DuckDB's own Python binding: docs/decisions/0001-duckdb-from-pinned-packages.md.
readonly duckdb_version=1.5.6
readonly duckdb_npm=@duckdb/node-bindings-linux-x64@1.5.6-r.1
readonly duckdb_npm_file=duckdb-node-bindings-linux-x64-1.5.6-r.1.tgz
readonly duckdb_npm_sha256=1b9f82478539bb9a1d1df44bd103121a12ae52142c07158dc52b97d2ec1d69ff
readonly duckdb_sdist_file=duckdb-1.5.6.tar.gz
readonly duckdb_sdist_sha256=166a91dbfacfc0c9f08cc76c0243cb6d3d4296bfab5bad72a3cfb63140a5b7c8
readonly duckdb_dir=$top/build/deps/duckdb
readonly venv=$top/build/venv
readonly log=$top/build/setup.log
readonly name=setup
# Debian's own Python: the pinned wheels are for its version, and another one first in PATH may have
# no venv module.
readonly python=/usr/bin/python3

# shellcheck source=tools/setup_steps.sh
source tools/setup_steps.sh

install_packages() {
  local -a packages wanted
  mapfile -t wanted < <(grep -v '^#' tools/apt-packages.txt)
  mapfile -t packages < <(missing_of "${wanted[@]}")
  # A Node that came from elsewhere is good enough, and Debian's npm would clash with it.
  command -v npm >/dev/null || packages+=(npm)
  install_debian "${packages[@]}"
}

install_python() {
  local want
  want=$(sha256sum tools/requirements.txt | cut -d' ' -f1)
  [[ -f $venv/STAMP && $(<"$venv/STAMP") == "$want" ]] && return 0
  say "installing Python packages into build/venv"
  rm -f "$venv/STAMP"
  [[ -x $venv/bin/python ]] || logged "$python" -m venv "$venv" || die "no Python environment"
  logged "$venv/bin/pip" install --use-pep517 -r tools/requirements.txt ||
    die "Python packages could not be installed"
  echo "$want" >"$venv/STAMP"
}

# npm compares what comes with the checksums of the lock file. Packages run nothing of their own here.
install_web() {
  local want node
  want=$(sha256sum web/package-lock.json | cut -d' ' -f1)
  [[ -f web/node_modules/STAMP && $(<web/node_modules/STAMP) == "$want" ]] && return 0
  node=$(node --version) || die "there is npm, but no node"
  [[ $node =~ ^v([0-9]+) ]] && ((BASH_REMATCH[1] >= 18)) || die "node in PATH is $node, not 18 or newer"
  say "installing the packages of the page at /ui into web/node_modules"
  rm -f web/node_modules/STAMP
  logged npm --prefix web ci ||
    die "the packages of web/package-lock.json could not be installed"
  echo "$want" >web/node_modules/STAMP
}

install_duckdb() {
  if [[ -n ${DUCKDB_ROOT:-} ]]; then
    [[ -f $DUCKDB_ROOT/include/duckdb.hpp && -f $DUCKDB_ROOT/lib/libduckdb.so ]] ||
      die "DUCKDB_ROOT=$DUCKDB_ROOT has no include/duckdb.hpp and lib/libduckdb.so"
    return 0
  fi
  local want="$duckdb_npm_sha256 $duckdb_sdist_sha256"
  [[ -f $duckdb_dir/STAMP && $(<"$duckdb_dir/STAMP") == "$want" ]] && return 0
  [[ $(uname -m) == x86_64 ]] || die "the DuckDB library is for x86_64; set DUCKDB_ROOT to one for $(uname -m)"
  say "installing DuckDB $duckdb_version into build/deps/duckdb"
  local download=$top/build/deps/download fresh=$top/build/deps/duckdb.new
  rm -rf "$download" "$fresh"
  mkdir -p "$download" "$fresh/lib"
  logged npm pack --silent --pack-destination "$download" "$duckdb_npm" ||
    die "npm could not fetch $duckdb_npm"
  logged "$venv/bin/pip" download --no-deps --no-binary duckdb -d "$download" "duckdb==$duckdb_version" ||
    die "pip could not fetch the source of duckdb $duckdb_version"
  verify "$download/$duckdb_npm_file" "$duckdb_npm_sha256"
  verify "$download/$duckdb_sdist_file" "$duckdb_sdist_sha256"
  unpack_duckdb "$download" "$fresh"
  echo "$want" >"$fresh/STAMP"
  rm -rf "$duckdb_dir"
  mv "$fresh" "$duckdb_dir"
  rm -rf "$download"
}

# Takes the library, and of the source only the headers that its own headers can reach.
unpack_duckdb() {
  local download=$1 fresh=$2 source=duckdb-$duckdb_version/external/duckdb part
  tar -xzf "$download/$duckdb_npm_file" -C "$fresh/lib" --strip-components=1 package/libduckdb.so
  local -a members=("$source/LICENSE" "$source/src/include")
  for part in core_functions icu json parquet; do
    members+=("$source/extension/$part/include")
  done
  for part in concurrentqueue fast_float fmt parquet re2 thrift utf8proc yyjson zstd; do
    members+=("$source/third_party/$part")
  done
  tar -xzf "$download/$duckdb_sdist_file" -C "$fresh" --strip-components=3 "${members[@]}"
  find "$fresh/third_party" -type f ! -name '*.h' ! -name '*.hpp' ! -iname 'LICENSE*' -delete
  mv "$fresh/src/include" "$fresh/include"
  rmdir "$fresh/src"
}

main() {
  mkdir -p build/deps
  exec 9>build/setup.lock
  flock 9  # Two runs at once would install over each other.
  : >"$log"
  install_packages
  install_python
  install_web
  install_duckdb
}

main
