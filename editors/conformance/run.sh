#!/usr/bin/env bash
# Puts lacuna beside other implementations: documents under random edits beside the
# npm package vscode-languageserver-textdocument, and the server at work with a client
# made of vscode-languageserver-protocol.
#
#   editors/conformance/run.sh bin/lacuna                  thirty thousand edits, two thousand messages
#   EDITS=1000000 MESSAGES=240000 editors/conformance/run.sh bin/lacuna
#   SEED=7 editors/conformance/run.sh bin/lacuna           others
#
# Needs Node.js, and the npm registry the first time.
set -euo pipefail
binary=$(realpath "${1:?usage: editors/conformance/run.sh bin/lacuna}")
cd "$(dirname "$0")"
if ! command -v node >/dev/null || ! command -v npm >/dev/null; then
	echo "editors/conformance/run.sh: node and npm are needed: install Node.js 18 or later" >&2
	exit 1
fi
if [ ! -e node_modules/.package-lock.json ] || [ package-lock.json -nt node_modules/.package-lock.json ]; then
	npm ci --silent --no-audit --no-fund
fi
(cd ../.. && go test -count=1 -timeout 1h -tags conformance -run '^TestDifferential$' -v ./lsp/document -edits "${EDITS:-30000}" -seed "${SEED:-1}")
LACUNA=$binary MESSAGES=${MESSAGES:-2000} SEED=${SEED:-1} node --test --test-reporter spec client.test.mjs
