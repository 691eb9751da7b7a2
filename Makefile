# One command for each thing a developer does. CI calls the same ones. `make help` lists them.

# The Python that makes .venv. Left empty, the newest usable one is found.
PYTHON ?=
# Passed on to the program that a target runs, for example: make test ARGS="-k signature"
ARGS ?=
# Where `make serve` keeps its data; left empty, the user's own data directory.
DATA_DIR ?=
# The folder of data sets that `make bench-quality` measures on; bench/quality.py says what it may hold.
DATA ?=

BIN := .venv/bin
SET_UP = python="$$(scripts/find-python "$(PYTHON)")" && "$$python" scripts/set_up.py $(if $(PYTHON),--exact)
DEMO_REPORT := examples/demo-report.xml

# Recipes run in this shell, stop at the first failure, and never see a virtual environment that happens to be active.
SHELL := /bin/sh
.SHELLFLAGS := -eu -c
unexport VIRTUAL_ENV
unexport PYTHONPATH
unexport PYTHONHOME

.DEFAULT_GOAL := help
.PHONY: help setup setup-runtime demo serve dev check test docs bench bench-quality bench-replay picture lock release

help: ## List these commands
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv with everything a developer needs
	@$(SET_UP) dev

setup-runtime:
	@$(SET_UP) runtime

demo: setup-runtime ## Analyse a bundled failing report and show the answer
	@code=0; AI_PROVIDER=builtin $(BIN)/rootcoz analyze --data-dir .data/demo $(ARGS) $(DEMO_REPORT) || code=$$?; \
	if [ "$$code" -ne 1 ]; then \
	    echo "The demo's report has failures, so rootcoz should have exited with 1, not $$code." >&2; exit 1; \
	fi
	@printf '\nTo serve this result over HTTP: make serve DATA_DIR=.data/demo\n'

serve: setup-runtime ## Start the server on 127.0.0.1:8000 (DATA_DIR=... for another data directory)
	@exec $(BIN)/rootcoz serve $(if $(DATA_DIR),--data-dir "$(DATA_DIR)") $(ARGS)

dev: setup ## Start the server on example data, again after each change of the source
	@if [ ! -d .data/dev ]; then \
	    code=0; AI_PROVIDER=builtin $(BIN)/rootcoz analyze --data-dir .data/dev $(DEMO_REPORT) >/dev/null || code=$$?; \
	    [ "$$code" -eq 1 ]; \
	fi
	@exec $(BIN)/watchfiles --filter python "$(BIN)/rootcoz serve --data-dir .data/dev $(ARGS)" src

check: setup ## Format, lint, types, import contract, docs, news fragments: all of them, then a summary
	@$(BIN)/python scripts/check.py $(ARGS)

test: setup ## Run the tests
	@exec $(BIN)/python -m pytest -n 2 $(ARGS)

docs: setup ## Build the documentation into site/; a broken link fails
	@$(BIN)/zensical build --strict --clean

bench: setup ## Run the bench programs and print their figures
	@exec $(BIN)/python bench/run.py $(ARGS)

bench-quality: setup ## Measure how good the answers are: make bench-quality DATA=<folder of data sets>
	@if [ -z "$(DATA)" ]; then \
	    echo "Name the folder of data sets: make bench-quality DATA=<folder>. bench/quality.py says what it may hold." >&2; \
	    exit 2; \
	fi
	@exec $(BIN)/python -m bench.quality "$(DATA)" $(ARGS)

bench-replay: setup ## Replay labelled failures in order of time: make bench-replay DATA=<folder>
	@if [ -z "$(DATA)" ]; then \
	    echo "Name the folder of labelled failures: make bench-replay DATA=<folder>. bench/replay.py says what it may hold." >&2; \
	    exit 2; \
	fi
	@exec $(BIN)/python -m bench.replay "$(DATA)" $(ARGS)

picture: setup ## Draw the demo's report anew for the README
	@$(BIN)/python scripts/picture.py

lock: setup ## Write requirements/ anew from pyproject.toml
	@$(BIN)/python scripts/lock.py

release: setup ## Build and try the packages of a version: make release VERSION=1.2.3
	@$(BIN)/python scripts/release.py "$(VERSION)"
