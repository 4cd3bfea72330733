# The same verbs everywhere: setup, demo, test, lint, bench, docs. Each installs what it needs first.

NEW_ENOUGH := import sys; sys.exit(sys.version_info < (3, 11))
PYTHON ?= $(shell for python in python3 python3.13 python3.12 python3.11; do \
	$$python -c '$(NEW_ENOUGH)' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check

.PHONY: help setup demo test fuzz lint bench docs lock clean

help:
	@echo "make setup   install what is missing, into this folder's .venv and, where allowed, the system"
	@echo "make demo    scaffold, build, sign, verify and emulate an application"
	@echo "make test    run every test"
	@echo "make fuzz    look for inputs that break the processor core, for SECONDS=60"
	@echo "make lint    check style, types, floors and generated files"
	@echo "make bench   measure beside the peers"
	@echo "make docs    write the generated pages and files anew"

setup: $(VENV)/.ready

NATIVE := $(wildcard mvsdk/emulator/core/native/*.[ch] mvsdk/emulator/core/native/*.inc)

$(VENV)/.ready: requirements-dev.lock pyproject.toml hatch_build.py scripts/system-packages $(NATIVE)
	@$(or $(PYTHON),false) -c '$(NEW_ENOUGH)' || { echo "mvsdk needs Python 3.11 or newer;" \
		"none was found. Install one and run: make PYTHON=/path/to/python3.11 $(MAKECMDGOALS)"; exit 1; }
	@PYTHON=$(PYTHON) scripts/system-packages
	@echo "preparing $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@$(PIP) install --require-hashes --requirement requirements-dev.lock
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

demo: setup
	@scripts/demo

test: setup
	@PYTHON=$(PYTHON) scripts/system-packages chromium chromium-driver clang gdb-multiarch mosquitto openssl postgresql qemu-system-arm
	@$(BIN)/pytest --numprocesses auto

fuzz: setup
	@PYTHON=$(PYTHON) scripts/fuzz $(or $(SECONDS),60)

lint: setup
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m mvsdk.abi.generate --check
	@$(BIN)/python -m mvsdk.boards.generate --check
	@$(BIN)/python -m mvsdk.emulator.core.generate --check
	@$(BIN)/python -m mvsdk_cli.manual --check

bench: setup
	@PYTHON=$(PYTHON) scripts/system-packages qemu-system-arm
	@$(BIN)/python -m benchmarks

docs: setup
	@$(BIN)/python -m mvsdk.abi.generate
	@$(BIN)/python -m mvsdk.boards.generate
	@$(BIN)/python -m mvsdk.emulator.core.generate
	@$(BIN)/python -m mvsdk_cli.manual

lock: setup
	@$(PIP) install uv
	@$(BIN)/uv pip compile --quiet --universal --generate-hashes --no-annotate --no-emit-index-url \
		--custom-compile-command "make lock" --group dev pyproject.toml --output-file requirements-dev.lock

clean:
	@rm -rf $(VENV) build dist
