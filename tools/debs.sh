#!/usr/bin/env bash
# Unpacks Debian packages, and everything they depend on, libc included, into a
# folder of one's own:
#
#     tools/debs.sh SUITE FOLDER PACKAGE...
#
# Nothing is installed on the system, no root is needed, and apt's own state is
# neither read nor written. FOLDER must not exist yet; it appears whole or not at
# all.
set -euo pipefail
readonly suite=$1 folder=$2
shift 2
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg

say() { printf 'tools/debs.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# mirror prints the address this machine already takes Debian from, so that a
# local mirror or cache serves here as well.
mirror() {
  local found
  found=$(sed -nE \
    -e 's|^URIs:[[:space:]]+([a-z]+://[^[:space:]]+/debian)/?([[:space:]].*)?$|\1|p' \
    -e 's|^deb[[:space:]]+(\[[^]]*\][[:space:]]+)?([a-z]+://[^[:space:]]+/debian)/?[[:space:]].*$|\2|p' \
    /etc/apt/sources.list /etc/apt/sources.list.d/* 2>/dev/null | head -n1) || true
  printf '%s\n' "${found:-http://deb.debian.org/debian}"
}

# private_apt lays out an apt that knows one source and believes that nothing is
# installed, so that it downloads the whole closure. Of the machine's settings
# only those that say how to reach the network are kept: hooks and extra indexes
# (icons, for one) have no business here.
private_apt() {
  local root=$1
  mkdir -p "$root"/{lists/partial,cache/archives/partial}
  : >"$root/status"
  printf 'deb [signed-by=%s] %s %s main\n' "$keyring" "$(mirror)" "$suite" >"$root/sources.list"
  {
    apt-config dump | grep -E '^Acquire::(https?|ftp|Proxy|Check-|Force|By-Hash)' || true
    printf '%s "%s";\n' \
      Dir::Etc::main /dev/null \
      Dir::Etc::parts /dev/null \
      Dir::Etc::sourcelist "$root/sources.list" \
      Dir::Etc::sourceparts /dev/null \
      Dir::Etc::preferences /dev/null \
      Dir::Etc::preferencesparts /dev/null \
      Dir::State "$root" \
      Dir::State::status "$root/status" \
      Dir::State::lists "$root/lists" \
      Dir::Cache "$root/cache" \
      Acquire::Languages none \
      Acquire::Retries 3 \
      APT::Install-Recommends false \
      APT::Sandbox::User "$(id -un)" \
      Debug::NoLocking true
  } >"$root/apt.conf"
  export APT_CONFIG=$root/apt.conf
}

# A rolling suite may move between the update and the download, hence the loop.
download() {
  local try
  for try in 1 2 3; do
    if apt-get -qq update >&2 && apt-get -qq --yes --download-only install "$@" >&2; then
      return 0
    fi
    say "attempt $try to download $* from $(mirror) $suite failed"
  done
  return 1
}

for tool in apt-get apt-config dpkg-deb; do
  command -v "$tool" >/dev/null || die "no $tool here: this is not Debian"
done
[[ -r $keyring ]] || die "$keyring is missing: apt-get install debian-archive-keyring"
[[ ! -e $folder ]] || die "$folder is there already"

mkdir -p "$(dirname "$folder")"
work=$(mktemp -d "$folder.XXXXXX")
trap 'rm -rf "$work"' EXIT
chmod 755 "$work"
(
  private_apt "$work/apt"
  download "$@"
) || die "could not download $*; check the network and that $(mirror)/dists/$suite is reachable"
mkdir "$work/root"
for deb in "$work"/apt/cache/archives/*.deb; do
  dpkg-deb --extract "$deb" "$work/root"
done
mv "$work/root" "$folder"
