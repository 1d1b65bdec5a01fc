#!/usr/bin/env bash
# Finds or installs llama-server, of llama.cpp 0.7 or later, and prints the path of
# its binary, and nothing else, on stdout. lacuna bench --llama-server sets it beside
# our own engine; nothing else needs it.
#
# llama.cpp is in no Debian release yet. So, unless llama-server is on PATH already,
# this takes it and every library it needs, libc included, from Debian forky, unpacks
# them into a private prefix
#
#     ${XDG_CACHE_HOME:-$HOME/.cache}/lacuna/peers/llama.cpp
#
# and points the binary at the prefix's own loader. apt checks the packages against
# Debian's signatures. Running it again is free; deleting the folder undoes it.
# LACUNA_LLAMA_SERVER names another binary to use.
set -euo pipefail

# forky rolls, so that no exact version can be asked for; this is the one that
# the figures in docs/benchmarks.md were measured with.
readonly minimum=0.7.0
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/lacuna
readonly prefix=$cache/peers/llama.cpp
readonly server=$prefix/usr/bin/llama-server
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

say() { printf 'tools/llamacpp.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

# works succeeds when the binary runs.
works() { "$1" --version >/dev/null 2>&1; }

# relocate makes an unpacked llama-server use its own loader and libraries, and puts
# ggml's kernels, of which the best for the processor is loaded, beside it: that is
# where they are looked for outside the system's folders.
relocate() {
  local root=$1 loader folder libraries backend
  loader=$(cd "$root" && find -L lib64 lib usr/lib64 usr/lib -name 'ld-linux*.so.*' -print -quit 2>/dev/null) || true
  [[ -n $loader ]] || die "no ELF loader among the packages: is $(dpkg --print-architecture) supported?"
  folder=$(cd "$root/usr/lib" && find . -maxdepth 1 -type d -name '*-linux-gnu*' -printf '%f\n' | head -n1)
  libraries=usr/lib/$folder:usr/lib/$folder/llama:lib/$folder
  # As they are found now, and as they will be.
  local now=$root/${libraries//:/:$root/} later=$prefix/${libraries//:/:$prefix/}
  local patchelf=("$root/$loader" --library-path "$now" "$root/usr/bin/patchelf")
  # Two calls: patchelf refuses to do both to some binaries at once.
  "${patchelf[@]}" --set-interpreter "$prefix/$loader" "$root/usr/bin/llama-server"
  "${patchelf[@]}" --force-rpath --set-rpath "$later" "$root/usr/bin/llama-server"
  # Its own search path would hide the binary's from what it needs in turn.
  "${patchelf[@]}" --remove-rpath "$root/usr/lib/$folder/llama/libllama-server-impl.so"
  for backend in "$root/usr/lib/$folder"/ggml/backends*/libggml-*.so; do
    [[ -e $backend ]] || die "the packages have no ggml backend: has forky moved them?"
    ln -s "../lib/$folder/${backend#"$root/usr/lib/$folder/"}" "$root/usr/bin/"
  done
}

install() {
  local complaint
  mkdir -p "$cache/peers"
  # Two checkouts may want it at once.
  exec 9>"$cache/peers/llama.cpp.lock"
  flock 9
  if works "$server"; then
    return
  fi
  say "taking llama.cpp from Debian forky (80 MB) into $prefix"
  rm -rf "$prefix"
  work=$(mktemp -d "$cache/peers/llama.cpp.XXXXXX")
  trap 'rm -rf "$work"' EXIT # work is not local: it is read when the script ends
  "$here/debs.sh" forky "$work/root" llama.cpp-tools patchelf ||
    die "no llama.cpp: install $minimum or later yourself and put llama-server on PATH, or name it in LACUNA_LLAMA_SERVER"
  relocate "$work/root"
  mv "$work/root" "$prefix"
  works "$server" && return
  complaint=$("$server" --version 2>&1 | head -n1) || true
  rm -rf "$prefix"
  die "what forky ships does not run here: $complaint"
}

if [[ -n ${LACUNA_LLAMA_SERVER:-} ]]; then
  works "$LACUNA_LLAMA_SERVER" || die "LACUNA_LLAMA_SERVER=$LACUNA_LLAMA_SERVER is not a working llama-server"
  printf '%s\n' "$LACUNA_LLAMA_SERVER"
elif found=$(command -v llama-server) && works "$found"; then
  printf '%s\n' "$found"
else
  works "$server" || install
  printf '%s\n' "$server"
fi
