# The commands of the project. `make help` lists them.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

PYTHON ?= python3
PORT ?=
DATA ?=
# One more than processors, since tests wait as well.
WORKERS ?= $(shell expr $$(getconf _NPROCESSORS_ONLN) + 1)
VENV := .venv
BIN := $(VENV)/bin
LOCKED := $(VENV)/.locked
INSTALLED := $(VENV)/.installed
COLLECTED := $(VENV)/.collected
STATIC := $(MAKE) --no-print-directory --jobs 3 --output-sync=target lint types imports
PIP := PIP_DISABLE_PIP_VERSION_CHECK=1 $(BIN)/python -m pip --quiet
# A module stays on one worker. The flows come first: what is short evens out the end.
PYTEST := $(BIN)/python -m pytest --quiet --numprocesses $(WORKERS) --dist loadscope --no-loadscope-reorder
ALL_TESTS := tests/flows tests
QUICK_TESTS := tests --ignore tests/flows --ignore tests/conformance -k "not postgres"
SLOWEST := --durations 15 --durations-min 1
# What draws its cases draws 20 times as many, and what kills at random kills more often.
NIGHTLY := KILLS=50 EXAMPLES=20

unexport PYTHONDONTWRITEBYTECODE # every process of the tests would compile everything anew

.PHONY: help setup run test pytest check nightly lint types imports format docs bench lock hooks clean

help: ## list the commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

setup: $(INSTALLED) ## build .venv from the lock file, with .venv/bin/fhir-server

run: setup ## serve the hub with its demo network (PORT=8000 DATA=./data)
	@$(BIN)/fhir-server demo $(if $(PORT),--port '$(PORT)') $(if $(DATA),--data-dir '$(DATA)')

# Side by side: alone, the check of the types would leave processors idle for as long as it takes.
test: setup ## everything that must hold: lint, types, imports, all tests
	@$(MAKE) --no-print-directory --jobs 4 lint types imports pytest

pytest: $(COLLECTED)
	@$(PYTEST) $(SLOWEST) $(ALL_TESTS)

check: setup ## the quick part: lint, types, imports, tests without PostgreSQL and without whole flows
	@$(STATIC)
	@$(PYTEST) $(SLOWEST) $(QUICK_TESTS)

nightly: setup ## all tests, with many more cases where they are drawn, and kills
	@$(NIGHTLY) $(PYTEST) --timeout 7200 $(SLOWEST) $(ALL_TESTS)

lint: setup ## style and format
	@$(BIN)/ruff check --quiet .
	@$(BIN)/ruff format --quiet --check . || { echo "run 'make format' for the files named above"; exit 1; }

types: setup ## types of the shipped packages
	@$(BIN)/mypy --no-error-summary

imports: setup ## direction of imports
	@$(BIN)/lint-imports --no-cache > $(VENV)/imports.txt || { cat $(VENV)/imports.txt; exit 1; }

format: setup ## format, and fix what can be fixed without thinking
	@$(BIN)/ruff check --quiet --fix-only .
	@$(BIN)/ruff format --quiet .

docs: setup ## write the generated pages anew
	@$(BIN)/python -c 'from fhir_server.settings import describe; print(describe(), end="")' > docs/configuration.md

bench: setup ## measure, as ratios against a floor of the same run
	@$(BIN)/python -m benchmarks $(ARGS)

lock: setup ## resolve the dependencies of pyproject.toml anew
	@./scripts/lock.sh

hooks: setup ## check each commit (style, format, imports)
	@$(BIN)/pre-commit install

clean: ## remove .venv and every cache
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis dist

# Only with exactly the files that the lock names: every download is compared with its hash.
$(LOCKED): requirements-dev.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Python 3.11 or newer is needed, " + sys.executable + " is " + sys.version.split()[0] + ": make setup PYTHON=...")'
	@echo "building $(VENV) (once; a few minutes, mostly downloads)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --no-compile --require-hashes --requirement requirements-dev.lock # most of it is never imported
	@touch $@

$(INSTALLED): $(LOCKED) pyproject.toml
	@$(PIP) install --no-deps --no-index --no-build-isolation --editable .
	@touch $@

# Writes the bytecode that otherwise each worker writes for itself; what is wrong is told by the run.
$(COLLECTED): $(INSTALLED)
	@$(BIN)/python -m pytest --quiet --collect-only $(ALL_TESTS) > $(VENV)/collected.txt || true
	@touch $@
