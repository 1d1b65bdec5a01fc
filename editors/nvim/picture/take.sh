#!/usr/bin/env bash
# Takes the picture in the README, from the root of the repository:
#
#     editors/nvim/picture/take.sh bin/lacuna docs/nvim.svg
set -euo pipefail
readonly lacuna=${1:?usage: take.sh PATH_OF_LACUNA SVG} svg=${2:?usage: take.sh PATH_OF_LACUNA SVG}
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
command -v tmux >/dev/null || { echo "the picture needs tmux: apt-get install tmux" >&2; exit 1; }
nvim=$("$here/../install.sh")
# A prompt in the editor would otherwise be waited for without end.
timeout 120 "$nvim" -i NONE -l "$here/take.lua" "$lacuna" "$svg" \
  examples/inventory.go 'if err != nil {' 'if err'
echo "$svg is drawn; look at it before you commit it"
