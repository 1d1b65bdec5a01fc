#!/usr/bin/env bash
# Compares lacuna's documents with what vscode-languageserver-textdocument makes of
# the same random edits.
#
#   editors/conformance/run.sh                    30,000 edits, seconds
#   editors/conformance/run.sh -edits 1000000     a million
#   editors/conformance/run.sh -seed 7            others
#
# Needs Node.js and npm, and the npm registry the first time.
set -euo pipefail
cd "$(dirname "$0")"
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "editors/conformance/run.sh: node and npm are needed: install Node.js 18 or later" >&2
	exit 1
fi
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --silent --no-audit --no-fund
fi
cd ../..
go test -count=1 -tags conformance -run '^TestDifferential$' -v ./lsp/document "$@"
