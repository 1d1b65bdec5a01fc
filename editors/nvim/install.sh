#!/usr/bin/env bash
# Finds or installs Neovim 0.12 or later and prints the path of its binary, and
# nothing else, on stdout.
#
# Debian 12 ships 0.7, which knows no inline completion. So, unless a new enough
# nvim is on PATH already, this takes Neovim and every library it needs from
# Debian forky, unpacks them into a private prefix
#
#     ${XDG_CACHE_HOME:-$HOME/.cache}/lacuna/nvim
#
# and points the binary at the prefix's own loader. Running it again is free;
# deleting the folder undoes it. LACUNA_NVIM names another binary to use.
set -euo pipefail

# The first release with vim.lsp.inline_completion. forky rolls, so a minimum is
# asked for, never an exact version.
readonly minimum=0.12
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/lacuna
readonly prefix=$cache/nvim
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'editors/nvim/install.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# new_enough succeeds when the binary runs and says it is $minimum or later.
new_enough() {
  local version
  version=$("$1" --version 2>/dev/null | sed -n '1s/^NVIM v//p') || return 1
  [[ -n $version && $(printf '%s\n%s\n' "$minimum" "$version" | sort -V | head -n1) == "$minimum" ]]
}

# relocate makes the unpacked nvim use the prefix's loader and libraries.
# DT_RPATH, not DT_RUNPATH, because only the former also serves the libraries'
# own dependencies. /proc/self/exe stays nvim itself (which calling the loader
# by hand would lose), so it finds its runtime and can start its own server.
relocate() {
  local loader libraries
  loader=$(cd "$prefix" && find -L lib64 lib usr/lib64 usr/lib -name 'ld-linux*.so.*' -print -quit 2>/dev/null) || true
  [[ -n $loader ]] || die "no ELF loader among the packages: is $(dpkg --print-architecture) supported?"
  libraries=$(cd "$prefix/usr/lib" && find . -maxdepth 1 -type d -name '*-linux-gnu*' -printf '%f\n' | head -n1)
  libraries=$prefix/usr/lib/$libraries:$prefix/lib/$libraries
  local patchelf=("$prefix/$loader" --library-path "$libraries" "$prefix/usr/bin/patchelf")
  # Two calls: patchelf refuses to do both to some binaries at once.
  "${patchelf[@]}" --set-interpreter "$prefix/$loader" "$prefix/usr/bin/nvim"
  "${patchelf[@]}" --force-rpath --set-rpath "$libraries" "$prefix/usr/bin/nvim"
}

install() {
  mkdir -p "$cache"
  # Two checkouts may want it at once.
  exec 9>"$cache/nvim.lock"
  flock 9
  if new_enough "$prefix/usr/bin/nvim"; then
    return
  fi
  say "taking Neovim from Debian forky into $prefix"
  rm -rf "$prefix"
  "$here/../../tools/debs.sh" forky "$prefix" neovim patchelf ||
    die "no Neovim: install $minimum or later yourself and put nvim on PATH, or name it in LACUNA_NVIM"
  relocate
  new_enough "$prefix/usr/bin/nvim" ||
    die "what forky ships does not run here as Neovim $minimum or later: $("$prefix/usr/bin/nvim" --version 2>&1 | head -n1)"
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
