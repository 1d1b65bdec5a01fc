#!/usr/bin/env bash
# Finds or installs Neovim 0.12 or later and prints the path of its binary, and
# nothing else, on stdout.
#
# Debian 12 ships 0.7, which knows no inline completion. So, unless a new enough
# nvim is on PATH already, this takes Neovim and every library it needs, libc
# included, from Debian forky, unpacks them into a private prefix
#
#     ${XDG_CACHE_HOME:-$HOME/.cache}/lacuna/nvim
#
# and points the binary at the prefix's own loader. Nothing is installed on the
# system, no root is needed, and apt's own state is neither read nor written.
# Running it again is free; deleting the folder undoes it.
set -euo pipefail

# The first release with vim.lsp.inline_completion. forky rolls, so a minimum is
# asked for, never an exact version.
readonly minimum=0.12
readonly suite=forky
readonly keyring=/usr/share/keyrings/debian-archive-keyring.gpg
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/lacuna
readonly prefix=$cache/nvim

say() { printf 'editors/nvim/install.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# new_enough succeeds when the binary runs and says it is $minimum or later.
new_enough() {
  local version
  version=$("$1" --version 2>/dev/null | sed -n '1s/^NVIM v//p') || return 1
  [[ -n $version && $(printf '%s\n%s\n' "$minimum" "$version" | sort -V | head -n1) == "$minimum" ]]
}

# mirror prints the host this machine already takes Debian from, so that a local
# mirror or cache is used here as well.
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
# (DEP-11 icons, for one) have no business here.
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

# download fetches Neovim, its libraries and the tool that relocates it. forky
# may have moved between the update and the download, hence the second try.
download() {
  local try
  for try in 1 2 3; do
    if apt-get -qq update >&2 &&
      apt-get -qq --yes --download-only install neovim patchelf >&2; then
      return 0
    fi
    say "attempt $try to download Neovim from $(mirror) $suite failed"
  done
  return 1
}

# relocate makes the unpacked nvim use the prefix's loader and libraries.
# DT_RPATH, not DT_RUNPATH, because only the former also serves the libraries'
# own dependencies. /proc/self/exe stays nvim itself (which calling the loader
# by hand would lose), so it finds its runtime and can start its own server.
relocate() {
  local from=$1 to=$2 loader libraries
  loader=$(cd "$from" && find -L lib64 lib usr/lib64 usr/lib -name 'ld-linux*.so.*' -print -quit 2>/dev/null) || true
  [[ -n $loader ]] || die "no ELF loader among the packages of $suite; is $(dpkg --print-architecture) supported?"
  libraries=$(cd "$from/usr/lib" && find . -maxdepth 1 -type d -name '*-linux-gnu*' -printf '%f\n' | head -n1)
  local run=("$from/$loader" --library-path "$from/usr/lib/$libraries:$from/lib/$libraries" "$from/usr/bin/patchelf")
  # Two calls: patchelf refuses to do both to some binaries at once.
  "${run[@]}" --set-interpreter "$to/$loader" "$from/usr/bin/nvim"
  "${run[@]}" --force-rpath --set-rpath "$to/usr/lib/$libraries:$to/lib/$libraries" "$from/usr/bin/nvim"
}

install() {
  local tool
  for tool in apt-get apt-config dpkg-deb; do
    command -v "$tool" >/dev/null ||
      die "no $tool here: this is not Debian. Install Neovim $minimum or later yourself and put nvim on PATH, or name it in LACUNA_NVIM"
  done
  [[ -r $keyring ]] || die "$keyring is missing: apt-get install debian-archive-keyring"

  mkdir -p "$cache"
  # Two checkouts may want it at once.
  exec 9>"$cache/nvim.lock"
  flock 9
  if new_enough "$prefix/usr/bin/nvim"; then
    return
  fi
  # Not local: the trap outlives the function.
  work=$(mktemp -d "$cache/nvim.XXXXXX")
  trap 'rm -rf "$work"' EXIT
  say "taking Neovim from Debian $suite into $prefix"
  (
    private_apt "$work/apt"
    download
  ) || die "could not download Neovim; check the network and that $(mirror)/dists/$suite is reachable"
  mkdir "$work/root"
  local deb
  for deb in "$work"/apt/cache/archives/*.deb; do
    dpkg-deb --extract "$deb" "$work/root"
  done
  relocate "$work/root" "$prefix"
  rm -rf "$prefix"
  mv "$work/root" "$prefix"
  new_enough "$prefix/usr/bin/nvim" ||
    die "what $suite ships does not run here as Neovim $minimum or later: $("$prefix/usr/bin/nvim" --version 2>&1 | head -n1)"
}

if [[ -n ${LACUNA_NVIM:-} ]]; then
  new_enough "$LACUNA_NVIM" || die "LACUNA_NVIM=$LACUNA_NVIM is not a working Neovim $minimum or later"
  printf '%s\n' "$LACUNA_NVIM"
elif found=$(command -v nvim) && new_enough "$found"; then
  printf '%s\n' "$found"
else
  new_enough "$prefix/usr/bin/nvim" || install
  printf '%s\n' "$prefix/usr/bin/nvim"
fi
