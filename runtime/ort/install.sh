#!/bin/sh
# Puts the ONNX Runtime library where lacuna looks for it:
#
#   sh runtime/ort/install.sh [--force]
#
# It comes out of the npm package onnxruntime-node, pinned by the digest below.
# Nothing of the package is run and nothing else is kept. When the library is
# there already this does nothing, --force installs it again.
set -eu

version=1.30.0 # PinnedVersion in find.go
package=onnxruntime-node@$version
integrity=sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==
room=$((350 * 1024)) # KiB: the package twice (npm keeps a copy) and the library, for a moment

say() { echo "onnxruntime $version: $*"; }
fail() {
	say "$*" >&2
	exit 1
}

# The last file is the library; it arrives last, so where it is all are.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64) folder=linux/x64 files=libonnxruntime.so.1 ;;
Linux/aarch64 | Linux/arm64) folder=linux/arm64 files=libonnxruntime.so.1 ;;
Darwin/arm64) folder=darwin/arm64 files=libonnxruntime.1.dylib ;;
MINGW*/x86_64 | MSYS*/x86_64) folder=win32/x64 files="DirectML.dll dxcompiler.dll dxil.dll onnxruntime.dll" ;;
*) fail "the package has no library for $(uname -s) on $(uname -m); build one and set LACUNA_ONNXRUNTIME to its path" ;;
esac
library=${files##* }

if [ -n "${XDG_CACHE_HOME:-}" ]; then
	cache=$XDG_CACHE_HOME
else
	cache=${HOME:?set HOME or XDG_CACHE_HOME}/.cache
fi
target=$cache/lacuna/onnxruntime/$version

if [ "${1:-}" != --force ] && [ -s "$target/$library" ]; then
	say "already in $target"
	exit 0
fi

command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 ||
	fail "npm is needed to fetch the library: install Node.js (on Debian: apt-get install npm), or put $library into $target yourself"

mkdir -p "$target" || fail "cannot create $target"
# Inside the target, so that the last move stays within one file system.
work=$(mktemp -d "$target/.install.XXXXXX") || fail "cannot write to $target"
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM

free=$(df -Pk "$work" | awk 'NR == 2 { print $4 }')
if [ -n "$free" ] && [ "$free" -lt "$room" ]; then
	fail "not enough room for $target: $((room / 1024)) MiB are needed for the download, $((free / 1024)) MiB are free"
fi

say "fetching $package (108 MiB) from the npm registry"
npm pack "$package" --ignore-scripts --silent --pack-destination "$work" --cache "$work/npm" \
	>"$work/log" 2>&1 </dev/null || {
	cat "$work/log" >&2
	fail "npm could not fetch $package: check the connection and the disk, then run this again"
}
archive=$work/onnxruntime-node-$version.tgz
[ -s "$archive" ] || fail "npm left no $archive"

got=$(node -e '
	const hash = require("crypto").createHash("sha512");
	require("fs").createReadStream(process.argv[1]).on("data", (d) => hash.update(d))
		.on("end", () => console.log("sha512-" + hash.digest("base64")));
' "$archive") || fail "cannot read $archive"
[ "$got" = "$integrity" ] || fail "checksum mismatch, nothing was installed:
  expected $integrity
  got      $got"

for file in $files; do
	tar -xzf "$archive" -C "$work" "package/bin/napi-v6/$folder/$file" ||
		fail "cannot unpack $file: is the disk full?"
done
for file in $files; do
	mv -f "$work/package/bin/napi-v6/$folder/$file" "$target/$file" || fail "cannot write $target/$file"
done
say "installed $target/$library"
