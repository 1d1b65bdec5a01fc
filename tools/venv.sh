#!/usr/bin/env bash
# Brings a Python virtual environment with the given requirements up to date and
# prints the path of its interpreter, and nothing else, on stdout:
#
#     tools/venv.sh NAME REQUIREMENTS
#
# It lives in ${XDG_CACHE_HOME:-$HOME/.cache}/lacuna/venv/NAME and is made anew
# when the requirements or the interpreter change.
set -euo pipefail
readonly name=$1 requirements=$2
readonly cache=${XDG_CACHE_HOME:-$HOME/.cache}/lacuna
readonly venv=$cache/venv/$name
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly python=${PYTHON:-python3}

say() { printf 'tools/venv.sh: %s\n' "$*" >&2; }
die() { say "$@"; exit 1; }

command -v "$python" >/dev/null || die "no $python: install Python 3.11 or later, or name one in PYTHON"
"$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' ||
  die "$("$python" --version) is too old: install Python 3.11 or later, or name one in PYTHON"
[[ -r $requirements ]] || die "cannot read $requirements"

# Requirements may include others of the same folder with "-r FILE".
want=$({
  "$python" -VV
  command -v "$python"
  cat "$requirements"
  sed -nE 's/^-r[[:space:]]+//p' "$requirements" | while read -r other; do cat "$(dirname "$requirements")/$other"; done
} | sha256sum)

# pip runs a pip on the environment. Debian splits pip and ensurepip off Python,
# so where neither is at hand Debian's pip wheel is unpacked and run as it is.
pip() {
  if "$python" -m pip --version >/dev/null 2>&1; then
    "$python" -m pip --python "$venv/bin/python" "$@"
    return
  fi
  local wheels=$cache/pip
  [[ -d $wheels ]] || "$here/debs.sh" bookworm "$wheels" python3-pip-whl ||
    die "no pip for $python: apt-get install python3-pip"
  PYTHONPATH=$(echo "$wheels"/usr/share/python-wheels/pip-*.whl) \
    "$python" -m pip --python "$venv/bin/python" "$@"
}

mkdir -p "$cache/venv"
exec 9>"$venv.lock"
flock 9
if [[ $(cat "$venv/lacuna-requirements" 2>/dev/null) != "$want" ]]; then
  say "installing $requirements into $venv"
  rm -rf "$venv"
  "$python" -m venv --without-pip "$venv"
  pip --quiet --disable-pip-version-check install --requirement "$requirements" >&2 ||
    die "could not install $requirements; what pip said stands above"
  printf '%s\n' "$want" >"$venv/lacuna-requirements"
fi
printf '%s\n' "$venv/bin/python"
