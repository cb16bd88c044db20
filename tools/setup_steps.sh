# Steps that the set-up scripts share: messages, a log that is shown when something fails, Debian packages.
#
# Sourced, not run. The caller sets `log` (a file) and `name` (what messages begin with).
# shellcheck shell=bash disable=SC2154

say() { printf '%s: %s\n' "$name" "$*" >&2; }
die() { say "$*"; exit 1; }

# Runs a command with its output in the log, which is shown only when the command fails.
logged() {
  local status=0
  "$@" >>"$log" 2>&1 </dev/null || status=$?
  if ((status)); then
    tail -n 40 "$log" >&2
    say "failed with status $status: $*"
  fi
  return $status
}

as_root() {
  if ((EUID == 0)); then
    "$@"
  elif command -v sudo >/dev/null; then
    sudo "$@"
  else
    die "Debian packages are missing and this is neither root nor a user with sudo"
  fi
}

apt_get() {
  as_root env DEBIAN_FRONTEND=noninteractive apt-get -o DPkg::Lock::Timeout=300 "$@"
}

# Of the packages named, prints those that are not installed.
missing_of() {
  local installed
  # shellcheck disable=SC2016  # dpkg-query's own placeholders
  installed=$(dpkg-query -W -f '${db:Status-Status} ${Package}\n' "$@" 2>/dev/null |
    awk '$1 == "installed" {print $2}' || true)
  comm -23 <(printf '%s\n' "$@" | sort -u) <(sort -u <<<"$installed")
}

# Debian starts a server on port 5432 as soon as its PostgreSQL is installed. The tests start their
# own, and `make run` wants that port, so the installation is told not to.
without_default_cluster() {
  local conf=/etc/postgresql-common/createcluster.d/varve-setup.conf status=0
  as_root mkdir -p "${conf%/*}"
  echo 'create_main_cluster = false' | as_root tee "$conf" >/dev/null
  "$@" || status=$?
  as_root rm -f "$conf"
  return $status
}

# Installs the packages named, of which none is installed; nothing to do when none is named.
install_debian() {
  (($#)) || return 0
  command -v apt-get >/dev/null || die "no apt-get here: the set-up knows Debian 12; it wants $*"
  say "installing $# Debian packages: $*"
  if ! compgen -G '/var/lib/apt/lists/*_Packages*' >/dev/null; then
    logged apt_get update || die "the package lists could not be fetched"
  fi
  local -a install=(apt_get install -y --no-install-recommends "$@")
  # Lists that are there but old name files that the mirror has dropped: fetch them and try again.
  without_default_cluster logged "${install[@]}" && return 0
  say "trying again with new package lists"
  logged apt_get update || die "the package lists could not be fetched"
  without_default_cluster logged "${install[@]}" || die "Debian packages could not be installed"
}

# Puts the file of a Debian package, with the version wanted, into a folder, without installing it.
download_debian() {
  local folder=$1 package=$2
  (cd "$folder" && logged apt-get download "$package") && return 0
  say "trying again with new package lists"
  logged apt_get update || die "the package lists could not be fetched"
  (cd "$folder" && logged apt-get download "$package") || die "no Debian package $package"
}

verify() {
  local file=$1 want=$2 got
  got=$(sha256sum "$file" | cut -d' ' -f1)
  [[ $got == "$want" ]] || die "checksum of $(basename "$file") is $got, not $want: nothing was installed"
}
