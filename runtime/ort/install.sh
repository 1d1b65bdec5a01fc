#!/bin/sh
# Puts the ONNX Runtime library where lacuna looks for it:
#
#   sh runtime/ort/install.sh [--force]           for the processor, any system
#   sh runtime/ort/install.sh --cuda [--force]    with CUDA 13, Linux on x86-64
#
# --cuda leaves the driver to you: it must be there, for CUDA 13 or later. It takes
# the PyPI packages onnxruntime-gpu, nvidia-cublas, nvidia-cuda-runtime,
# nvidia-curand and nvidia-cudnn-cu13 apart, each pinned by a digest: 1.1 GB to
# fetch, 1.6 GB on the disk, in a folder of its own. lacuna takes it where there is
# a device. The same folder does for the processor.
#
# Without --cuda it comes out of the npm package onnxruntime-node, pinned by the digest below.
# Nothing of the package is run and nothing else is kept. When the library is
# there already this does nothing, --force installs it again.
set -eu

version=1.30.0 # PinnedVersion in find.go
package=onnxruntime-node@$version
integrity=sha512-twhs1C2C/BFkz1yc5OY0KIU2GUq6DURO7hD4bx5Q2Qy3nAMJwRXW8xU3NVczE29VA9lolLOYepoD8fjTGOfIqw==

say() { echo "onnxruntime $version: $*"; }
fail() {
	say "$*" >&2
	exit 1
}

force= cuda=
for argument; do
	case $argument in
	--force) force=1 ;;
	--cuda) cuda=1 ;;
	*) fail "unknown argument $argument: there are --cuda and --force" ;;
	esac
done

if [ -n "${XDG_CACHE_HOME:-}" ]; then
	cache=$XDG_CACHE_HOME
else
	cache=${HOME:?set HOME or XDG_CACHE_HOME}/.cache
fi
target=$cache/lacuna/onnxruntime/$version

# room FOLDER KIB: stops where less is free.
room() {
	free=$(df -Pk "$1" | awk 'NR == 2 { print $4 }')
	if [ -n "$free" ] && [ "$free" -lt "$2" ]; then
		fail "not enough room for $target: $(($2 / 1024)) MiB are needed, $((free / 1024)) MiB are free"
	fi
}

install_cuda() {
	target=$target-cuda
	[ "$(uname -s)/$(uname -m)" = Linux/x86_64 ] ||
		fail "the CUDA packages are for Linux on x86_64, this is $(uname -s) on $(uname -m)"
	if [ -z "$force" ] && [ -s "$target/libonnxruntime.so.1" ]; then
		say "already in $target"
		return
	fi
	python=
	for candidate in "${PYTHON:-python3}" python; do
		if command -v "$candidate" >/dev/null 2>&1 && "$candidate" -m pip --version >/dev/null 2>&1; then
			python=$candidate
			break
		fi
	done
	[ -n "$python" ] || fail "Python with pip is needed to fetch the packages (on Debian: apt-get install python3-pip)"
	mkdir -p "$target" || fail "cannot create $target"
	work=$(mktemp -d "$target/.install.XXXXXX") || fail "cannot write to $target"
	trap 'rm -rf "$work"' EXIT
	trap 'exit 1' HUP INT TERM
	room "$work" $((3500 * 1024))

	# CUDA 13.0 is what the provider is built with; its libraries run on every
	# driver for CUDA 13.
	cat >"$work/packages" <<-END
		onnxruntime-gpu==$version --hash=sha256:4fbf0c5d7b5fb99266c2e8a802e3e64af68bdc383e0f3c7349b985f1087eedaa
		nvidia-cublas==13.1.0.3 --hash=sha256:ee8722c1f0145ab246bccb9e452153b5e0515fd094c3678df50b2a0888b8b171
		nvidia-cuda-runtime==13.0.96 --hash=sha256:7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548
		nvidia-curand==10.4.0.35 --hash=sha256:1aee33a5da6e1db083fe2b90082def8915f30f3248d5896bcec36a579d941bfc
		nvidia-cudnn-cu13==9.20.0.48 --hash=sha256:0c45dd8eeb50b603f07995b1b300c62ffe6a1980482b82b3bcf94a4ca9d49304
	END
	say "fetching onnxruntime-gpu and the CUDA libraries (1.1 GB) from PyPI"
	"$python" -m pip download --quiet --disable-pip-version-check --no-cache-dir --no-deps --require-hashes \
		--only-binary=:all: --implementation cp --python-version 3.11 \
		--platform manylinux_2_28_x86_64 --platform manylinux_2_27_x86_64 --platform manylinux2014_x86_64 \
		--dest "$work/wheels" --requirement "$work/packages" >"$work/log" 2>&1 </dev/null || {
		cat "$work/log" >&2
		fail "pip could not fetch the packages: check the connection and the disk, then run this again"
	}
	"$python" - "$work" <<-'END' || fail "cannot unpack the packages: is the disk full?"
		import pathlib, re, shutil, sys, zipfile
		work = pathlib.Path(sys.argv[1])
		(work / "libraries").mkdir()
		wanted = re.compile(r"libonnxruntime(_providers_(cuda|shared))?\.so|lib(cublas|cublasLt|cudart|curand|cudnn\w*)\.so")
		for wheel in (work / "wheels").iterdir():
		    with zipfile.ZipFile(wheel) as z:
		        for name in z.namelist():
		            base = name.rsplit("/", 1)[-1]
		            if wanted.match(base):
		                base = re.sub(r"^libonnxruntime\.so.*", "libonnxruntime.so.1", base)
		                with z.open(name) as source, open(work / "libraries" / base, "wb") as copy:
		                    shutil.copyfileobj(source, copy)
		    wheel.unlink()
	END
	# The library last: where it is all are.
	for file in "$work"/libraries/*; do
		case $file in */libonnxruntime.so.1) continue ;; esac
		mv -f "$file" "$target/" || fail "cannot write to $target"
	done
	mv -f "$work/libraries/libonnxruntime.so.1" "$target/" || fail "cannot write to $target"
	say "installed $target/libonnxruntime.so.1 with CUDA; lacuna doctor --device cuda says whether driver and device are there"
}

if [ -n "$cuda" ]; then
	install_cuda
	exit 0
fi

# The last file is the library; it arrives last, so where it is all are.
case "$(uname -s)/$(uname -m)" in
Linux/x86_64) folder=linux/x64 files=libonnxruntime.so.1 ;;
Linux/aarch64 | Linux/arm64) folder=linux/arm64 files=libonnxruntime.so.1 ;;
Darwin/arm64) folder=darwin/arm64 files=libonnxruntime.1.dylib ;;
MINGW*/x86_64 | MSYS*/x86_64) folder=win32/x64 files="DirectML.dll dxcompiler.dll dxil.dll onnxruntime.dll" ;;
*) fail "the package has no library for $(uname -s) on $(uname -m); build one and set LACUNA_ONNXRUNTIME to its path" ;;
esac
library=${files##* }

if [ -z "$force" ] && [ -s "$target/$library" ]; then
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

room "$work" $((350 * 1024)) # the package twice (npm keeps a copy) and the library, for a moment

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
