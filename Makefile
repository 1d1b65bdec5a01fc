# What can be made, and why. make help prints the commented targets.
#
# Nothing here needs root or writes outside the tree, but for what is downloaded:
# that goes to the cache folder, $XDG_CACHE_HOME/lacuna or ~/.cache/lacuna.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
# Two cores compile or measure, not both; and what failed stands last.
.NOTPARALLEL:

# How long one go test run may take: the limit of Go is 10 minutes a package, and
# a slow machine that compiles under -race needs it.
TEST_TIMEOUT ?= 10m
# How long each fuzz target runs.
FUZZ_TIME ?= 30s
# Holes cut by make eval. 300 give a figure to about 3 points.
HOLES ?= 300
SEED ?= 1

PY_TRAIN := models/train
PYTEST := PYTHONDONTWRITEBYTECODE=1 $$python -m pytest -q -p no:cacheprovider $(PY_TRAIN)/tests

.PHONY: build
build: ## the program: bin/lacuna, with the model in it
	go build -o bin/lacuna ./cmd/lacuna

.PHONY: deps
deps: ## ONNX Runtime, pinned and checked, into the cache folder: lacuna loads it at run time
	runtime/ort/install.sh

.PHONY: demo
demo: deps build ## see it work: fills the holes in examples/ and shows the diffs and timings
	bin/lacuna fill --color $(if $(NO_COLOR),never,always) examples/*.go examples/*.py

.PHONY: test
test: test-go test-python test-conformance test-nvim ## everything a change must pass, but for what needs PyTorch
	@echo "ran: go vet, go test -race, Python tests without PyTorch, conformance, $(if $(filter 1,$(LACUNA_SKIP_NVIM)),and NOT the Neovim leg,Neovim leg)"
	@echo "NOT run: the model served by Triton (make test-remote), llama.cpp beside it (make test-peer)"

.PHONY: test-go
test-go: deps ## go vet finds what compiles and is wrong, -race what is right only by luck
	go vet ./...
	go test -race -timeout $(TEST_TIMEOUT) ./...

.PHONY: test-python
test-python: ## the parts of models/train that need light packages only: tokenizer, data, export
	python=$$(tools/venv.sh light $(PY_TRAIN)/requirements.txt); \
	$(PYTEST) -m "not torch and not peer"

.PHONY: test-conformance
test-conformance: deps build ## documents and the session beside other implementations, from npm
	editors/conformance/run.sh bin/lacuna

.PHONY: soak
soak: deps build ## the long form of what make test does in short: a million random edits, 240,000 messages, a thousand edits with fills
	EDITS=1000000 MESSAGES=240000 editors/conformance/run.sh bin/lacuna
	go test -race -count=1 -timeout 60m -v -run '^TestEditedEqualsCold$$' ./cmd/lacuna -edits 1000
	go test -race -count=1 -timeout 60m -v -run '^TestConstraintsAllowTheTruth$$' ./infill -files 1000

.PHONY: test-nvim
test-nvim: deps build ## a real Neovim shows and accepts ghost text; LACUNA_SKIP_NVIM=1 skips it
	editors/nvim/test/run.sh bin/lacuna

.PHONY: test-train
test-train: ## the parts of models/train that need PyTorch, a download of gigabytes
	python=$$(tools/venv.sh train $(PY_TRAIN)/requirements-train.txt); \
	LACUNA_TORCH=1 $(PYTEST) -m torch
	@echo "ran: Python tests with PyTorch"

.PHONY: test-remote
test-remote: deps ## a real Triton serves the model; half a gigabyte to fetch, so not part of test
	python=$$(tools/venv.sh serve $(PY_TRAIN)/requirements-serve.txt); \
	LACUNA_SERVE_PYTHON=$$python go test -count=1 -run '^TestTriton$$' ./cmd/lacuna
	@echo "ran: the model served by Triton"

.PHONY: test-peer
test-peer: ## llama.cpp, from Debian, predicts what our left stream does: what bench-peer compares is alike
	server=$$(tools/llamacpp.sh); \
	python=$$(tools/venv.sh peer $(PY_TRAIN)/requirements-peer.txt); \
	LACUNA_LLAMA_SERVER=$$server $(PYTEST) -m peer
	@echo "ran: llama.cpp beside the model"

.PHONY: lint
lint: ## style and the mistakes tests miss: gofmt, go vet, staticcheck, shell syntax
	unformatted=$$(gofmt -l $$(git ls-files --cached --others --exclude-standard '*.go' ':!examples' ':!*/testdata/*')); \
	if [ -n "$$unformatted" ]; then echo "not formatted, run gofmt -w on: $$unformatted"; exit 1; fi
	go vet ./...
	go tool -modfile=tools/go.mod staticcheck ./...
	for script in $$(git ls-files --cached --others --exclude-standard '*.sh' .ci/run); do bash -n "$$script"; done

.PHONY: vuln
vuln: ## known vulnerabilities in what we link; asks vuln.go.dev, so it is not part of lint
	go tool -modfile=tools/go.mod govulncheck ./...

.PHONY: bench
bench: deps build ## the speed figures of docs/benchmarks.md
	bin/lacuna bench

.PHONY: bench-peer
bench-peer: deps build ## the same with llama.cpp beside it, which is taken from Debian, and a model of the same size
	server=$$(tools/llamacpp.sh); \
	python=$$(tools/venv.sh peer $(PY_TRAIN)/requirements-peer.txt); \
	$$python -B $(PY_TRAIN)/llamacpp.py models/small --out out/peer/q8_0.gguf; \
	$$python -B $(PY_TRAIN)/llamacpp.py models/small --out out/peer/f32.gguf --weights f32; \
	bin/lacuna bench --llama-server $$server --llama-model out/peer/q8_0.gguf,out/peer/f32.gguf

.PHONY: eval
eval: deps build ## the quality figures of docs/benchmarks.md: holes cut out of the standard libraries
	bin/lacuna eval --lang go --holes $(HOLES) --seed $(SEED)
	bin/lacuna eval --lang python --holes $(HOLES) --seed $(SEED)

# Training: git directories under permissive licences, and how long it may take.
SOURCES ?=
MINUTES ?= 75
# What fits a few CPU cores; on a GPU the defaults of train.py do: TRAIN_FLAGS=.
TRAIN_FLAGS ?= --batch 2 --d-model 320 --n-layer 8 --n-head 4 --ffn 896 --grow 2:0.3,4:0.6

.PHONY: train
train: ## a bundle of your own, in out/bundle: make train SOURCES='checkouts/*' [MINUTES=75] [TRAIN_FLAGS= on a GPU]
	[ -n "$(SOURCES)" ] || { echo "name the git directories to train on: make train SOURCES='checkouts/*'"; exit 2; }
	python=$$(tools/venv.sh train $(PY_TRAIN)/requirements-train.txt); \
	$$python $(PY_TRAIN)/prepare.py --out out/data $(SOURCES); \
	$$python $(PY_TRAIN)/train.py --data out/data --out out/run --minutes $(MINUTES) $(TRAIN_FLAGS); \
	$$python $(PY_TRAIN)/plot.py out/run/log.jsonl --out out/run/loss.svg; \
	$$python $(PY_TRAIN)/export.py --checkpoint out/run --tokenizer out/data/tokenizer.json --training out/run/training.json --out out/bundle
	@echo "try it: bin/lacuna eval --lang go --bundle out/bundle"

.PHONY: fuzz
fuzz: deps ## each fuzz target for FUZZ_TIME (30s): input nobody thought of
	grep -rlE '^func Fuzz' --include='*_test.go' . | while read -r file; do \
		for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$file"); do \
			echo "fuzzing $$target in $$(dirname "$$file")"; \
			go test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ_TIME) "$$(dirname "$$file")"; \
		done; \
	done

.PHONY: picture
picture: deps build ## the picture in the README, docs/nvim.svg, from a real editor; needs tmux
	editors/nvim/picture/take.sh bin/lacuna docs/nvim.svg

.PHONY: clean
clean: ## what was built; the cache folder stays, delete it yourself to download anew
	rm -rf bin out

.PHONY: help
help: ## this list
	@sed -nE 's/^([a-z-]+):.*## (.*)/\1\t\2/p' $(firstword $(MAKEFILE_LIST)) | while IFS=$$'\t' read -r target why; do printf '%-12s %s\n' "$$target" "$$why"; done
