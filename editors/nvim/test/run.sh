#!/usr/bin/env bash
# Runs the Neovim leg against a lacuna binary: test/run.sh bin/lacuna
#
# Fails when the editor cannot be had. LACUNA_SKIP_NVIM=1 skips the leg, loudly.
set -euo pipefail
readonly lacuna=${1:?usage: run.sh PATH_OF_LACUNA}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)

if [[ ${LACUNA_SKIP_NVIM:-} == 1 ]]; then
  echo "NOT RUN: the Neovim leg (LACUNA_SKIP_NVIM=1)"
  exit 0
fi
[[ -x $lacuna ]] || { echo "the Neovim leg needs $lacuna: run make build" >&2; exit 1; }
nvim=$("$here/../install.sh") || {
  echo "the Neovim leg needs Neovim 0.12 and could not get it (LACUNA_SKIP_NVIM=1 goes without)" >&2
  exit 1
}
# An editor that stops answering would otherwise hang the whole of make test.
timeout 900 "$nvim" -i NONE -l "$here/run.lua" "$lacuna"
