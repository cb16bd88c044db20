#!/usr/bin/env bash
# Installs the real servers and peers that the tests start, and does nothing when they are there already.
#
# Into build/parts (or the folder that VARVE_PARTS names): versitygw (an S3 server), DynamoDB Local, S3Mock,
# Spark with Delta Lake, deltalake 1.4.2 and Prometheus; Chromium from Debian. Called by `make test`, after
# tools/setup.sh; building and running Varve needs none of it. Everything is pinned and what came is compared
# with a checksum. docs/DEPENDENCIES.md says what each is for. Reading order: main, at the end.
set -euo pipefail

cd "$(dirname "${BASH_SOURCE[0]}")/.."
readonly top=$PWD
readonly parts=${VARVE_PARTS:-$top/build/parts}
readonly venv=$top/build/venv
readonly name=setup-tests
log=$top/build/setup-tests.log

# shellcheck source=tools/setup_steps.sh
source tools/setup_steps.sh

readonly versitygw=github.com/versity/versitygw@v1.8.0
readonly versitygw_sum=h1:au+wI+aybno/STsQiSm35Uu6Q6iK5MWReQxgO6SEMFc=
# versitygw wants at least this Go. Debian's is older, but can fetch it: toolchains are served as modules.
readonly go_version=1.25.0
readonly go_sum=h1:wVC9wx2XOcP5gHiN8ZzfyTfjlrDLSS7Hu1wjI01n68U=
readonly deltalake=1.4.2
readonly deltalake_sha256=5b6817e8beae1408fc90827c5c3687d5acf35ae9e43a0e71e5c517a6ec77272a
# Of the list that `sha256sum` makes of all jars of a part, in the order of their names.
readonly dynamodb_sha256=1f1809bb4dbd4292b8d0e5917e8b8e485b7a5eab4bc7982a1a3299c9869bb0c2
readonly s3mock_sha256=8358d14f849f2c0e9611f2ace6113a6b0411a443f4d852aad1067e589e2631d8
readonly spark_sha256=e32d5774d6b5528523bfff95d1831ccb568168c4e7dff69ccd4d42c31e87dda9

# Debian's; apt compares what it fetches with the archive's signed checksums.
readonly prometheus=2.42

is_there() { [[ -f $parts/$1 && $(<"$parts/$1") == "$2" ]]; }

install_packages() {
  local -a packages=()
  command -v java >/dev/null || packages+=(default-jre-headless)
  command -v mvn >/dev/null || packages+=(maven)
  is_there bin/versitygw.stamp "$versitygw_sum" || command -v go >/dev/null || packages+=(golang-go)
  # The page at /ui is tested in a real browser, and as a person with curl.
  command -v chromium >/dev/null || packages+=(chromium)
  command -v chromedriver >/dev/null || packages+=(chromium-driver)
  command -v curl >/dev/null || packages+=(curl)
  install_debian "${packages[@]}"
  local java
  java=$(java -version 2>&1 | sed -n 's/.* version "\([0-9]*\).*/\1/p')
  ((${java:-0} >= 17)) || die "the first java in PATH is version ${java:-unknown}; Spark and S3Mock want 17 or newer"
}

# Puts a freshly made folder in the place of the part, with its stamp: a broken run leaves no half part.
put_part() {
  local part=$1 fresh=$2 stamp=$3
  echo "$stamp" >"$fresh/STAMP"
  rm -rf "${parts:?}/$part"
  mv "$fresh" "$parts/$part"
}

verify_files() {
  local part=$1 folder=$2 want=$3 list got
  list=$(cd "$folder" && find . -type f -print0 | LC_ALL=C sort -z | xargs -0 sha256sum)
  got=$(sha256sum <<<"$list" | cut -d' ' -f1)
  [[ $got == "$want" ]] || die "checksum of the files of $part is $got, not $want: it was not installed"
}

# Copies the jars that tools/parts/$1.pom.xml names, and what they need, into the part's folder lib.
install_jars() {
  local part=$1 want=$2 fresh=$parts/$1.new
  is_there "$part/STAMP" "$want" && return 0
  say "installing $part into $parts/$part"
  rm -rf "$fresh"
  logged mvn --batch-mode --quiet --strict-checksums --file "tools/parts/$part.pom.xml" \
    dependency:copy-dependencies -DincludeScope=runtime -DoutputDirectory="$fresh/lib" ||
    die "Maven could not fetch the jars of $part"
  verify_files "$part" "$fresh" "$want"
  put_part "$part" "$fresh" "$want"
}

# Prints the folder of a module, after comparing its checksum with ours, which no checksum server need know.
go_module() {
  local module=$1 want=$2 found got
  found=$(cd / && GOTOOLCHAIN=local GOSUMDB=off GOFLAGS='' go mod download -json "$module" 2>>"$log") ||
    die "Go could not fetch $module"
  got=$(sed -n 's/^\t"Sum": "\(.*\)",\{0,1\}$/\1/p' <<<"$found")
  [[ $got == "$want" ]] || die "checksum of $module is $got, not $want: it was not installed"
  sed -n 's/^\t"Dir": "\(.*\)",\{0,1\}$/\1/p' <<<"$found"
}

# Prints the command of a Go that is new enough: the machine's own, or one fetched by it.
new_enough_go() {
  local have
  have=$(GOTOOLCHAIN=local go env GOVERSION)
  if printf '%s\n' "$go_version" "${have#go}" | sort --check=quiet --version-sort; then
    command -v go
    return 0
  fi
  say "fetching Go $go_version, for $have here is too old"
  local root
  root=$(go_module "golang.org/toolchain@v0.0.1-go$go_version.linux-amd64" "$go_sum")
  # Files of modules are never executable.
  chmod u+x "$root"/bin/* "$root"/pkg/tool/*/*
  echo "$root/bin/go"
}

# Built in the module's own folder: so its go.sum, covered by the checksum above, speaks for all it needs.
install_versitygw() {
  is_there bin/versitygw.stamp "$versitygw_sum" && return 0
  local go module bin=$parts/bin
  go=$(new_enough_go)
  module=$(go_module "$versitygw" "$versitygw_sum")
  say "building versitygw into $parts/bin (1 to 3 minutes)"
  mkdir -p "$bin"
  rm -f "$bin/versitygw.stamp"
  (cd "$module" && GOTOOLCHAIN=local GOSUMDB=off GOFLAGS='-mod=readonly -buildvcs=false' CGO_ENABLED=0 \
    logged "$go" build -trimpath -ldflags='-s -w' -o "$bin/versitygw" ./cmd/versitygw) ||
    die "versitygw could not be built"
  echo "$versitygw_sum" >"$bin/versitygw.stamp"
}

# The last deltalake that locks by DynamoDB, in front of build/venv's packages: build/parts/delta-rs-1.4/bin/python.
install_deltalake() {
  local part=delta-rs-1.4 fresh=$parts/delta-rs-1.4.new packages wheel
  is_there "$part/STAMP" "$deltalake_sha256" && return 0
  say "installing deltalake $deltalake into $parts/$part"
  rm -rf "$fresh"
  logged "$venv/bin/pip" download --no-deps --dest "$fresh/wheel" "deltalake==$deltalake" ||
    die "pip could not fetch deltalake $deltalake"
  wheel=$(echo "$fresh"/wheel/*)
  verify "$wheel" "$deltalake_sha256"
  logged /usr/bin/python3 -m venv --without-pip "$fresh" || die "no Python environment"
  packages=$(echo "$fresh"/lib/python3*/site-packages)
  logged "$venv/bin/pip" install --no-deps --target "$packages" "$wheel" || die "$wheel could not be installed"
  rm -r "$fresh/wheel"
  echo "$venv"/lib/python3*/site-packages >"$packages/varve.pth"
  put_part "$part" "$fresh" "$deltalake_sha256"
}

# Unpacked and not installed: Debian's package would start a server on port 9090, now and at every boot.
install_prometheus() {
  local part=prometheus fresh=$parts/prometheus.new
  is_there "$part/STAMP" "$prometheus" && return 0
  say "unpacking Prometheus $prometheus into $parts/$part"
  rm -rf "$fresh"
  mkdir -p "$fresh"
  download_debian "$fresh" "prometheus=$prometheus.*"
  logged dpkg-deb --extract "$fresh"/prometheus_*.deb "$fresh" || die "Prometheus could not be unpacked"
  rm "$fresh"/prometheus_*.deb
  put_part "$part" "$fresh" "$prometheus"
}

main() {
  mkdir -p "$top/build" "$parts"
  exec 9>"$parts/setup.lock"
  flock 9  # Two runs at once would install over each other.
  : >"$log"
  install_packages
  # The build takes all cores and no network to speak of, the rest the other way round.
  (log=$top/build/setup-versitygw.log; : >"$log"; install_versitygw) &
  local build=$! status=0
  trap wait EXIT
  install_jars dynamodb "$dynamodb_sha256"
  install_jars s3mock "$s3mock_sha256"
  install_jars spark "$spark_sha256"
  install_deltalake
  install_prometheus
  wait $build || status=$?
  return $status
}

main
