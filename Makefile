# Trunkline's task runner. `make` lists the verbs; CI calls the same ones.

VENV   := .venv
BIN    := $(VENV)/bin
PY     := $(BIN)/python
STAMP  := $(VENV)/.installed
NATIVE := $(shell find native \( -name target -o -name fuzz \) -prune -o -type f \( -name '*.rs' -o -name '*.toml' -o -name '*.lock' \) -print 2>/dev/null)
CARGO  := cargo
CRATES := --manifest-path native/Cargo.toml --workspace --locked
# What clippy goes by.
CLIPPY := build/clippy/clippy.toml
# Arguments for one run: `make test ARGS='tests/unit/sip -k digest'`, `make serve ARGS='--dir trial'`.
ARGS   ?=

# The binding crate is built and linted against the interpreter that will load it.
export PYO3_PYTHON := $(CURDIR)/$(PY)

.DEFAULT_GOAL := help
.PHONY: help setup demo serve edges test test-programs programs lint types audit check bench docs pbxs fuzz clean
.DELETE_ON_ERROR:

help: ## list the verbs
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: $(STAMP) ## install what building needs, build the native engine, make .venv

demo: $(STAMP) ## run a node with a simulated carrier and place calls through it
	$(BIN)/trunkline demo $(ARGS)

serve: $(STAMP) ## run a node with a simulated carrier, kept in ./run, and say what to point a phone at
	$(BIN)/trunkline demo --stay $(ARGS)

edges: $(STAMP) programs ## six edges in three regions on this machine, one of them killed (root; leaves nothing behind)
	$(PY) -m tests.edges $(ARGS)

test: $(STAMP) test-programs ## run every test, Rust and Python (ARGS go to pytest)
	$(CARGO) test $(CRATES) --quiet
	$(PY) -m pytest -p tests.side_by_side -n auto $(ARGS)

lint: $(STAMP) $(CLIPPY) ## check style, the doors between the rooms, and Rust's warnings
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports
	$(CARGO) fmt --manifest-path native/Cargo.toml --all --check
	$(CARGO) fmt --manifest-path native/fuzz/Cargo.toml --check
	@# No let chains, which Rust has since 1.88: an older edition has none, so this reads by its rules.
	@rustfmt --check --edition 2021 --style-edition 2024 --config-path native $(filter %.rs,$(NATIVE))
	CLIPPY_CONF_DIR=$(CURDIR)/$(dir $(CLIPPY)) $(CARGO) clippy $(CRATES) --all-targets --quiet -- -D warnings

types: $(STAMP) ## check the types of sources and tests
	$(BIN)/mypy

audit: $(STAMP) ## ask OSV for known holes in what we depend on (tools/advisories.toml holds the exceptions)
	$(PY) tools/audit.py

check: lint types audit test ## everything that CI checks

bench: $(STAMP) ## measure the hot paths
	$(PY) -m bench $(ARGS)

docs: $(STAMP) ## write the pages of docs/ that say what the code declares
	$(PY) tools/reference.py

pbxs: $(STAMP) test-programs ## try every PBX and phone in every case, and write docs/pbxs.md
	$(PY) -m pytest -p tests.interop.casebook --cases docs/pbxs.json -m case tests/interop $(ARGS)
	$(PY) tools/reference.py

fuzz: $(STAMP) ## give every parser and decoder a minute of foreign bytes (Atheris; nightly Rust, cargo-fuzz)
	for target in $$($(PY) -m tests.fuzz); do \
	  $(PY) -m tests.fuzz $$target -max_len=4096 -max_total_time=60 $(ARGS) || exit; \
	done
	cd native && for target in $$($(CARGO) +nightly fuzz list); do \
	  $(CARGO) +nightly fuzz run $$target -- -max_len=4096 -max_total_time=60 $(ARGS) || exit; \
	done

clean: ## remove what was built, the virtual environment included
	rm -rf $(VENV) build dist native/target native/fuzz/target .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	find src tests bench -name __pycache__ -prune -exec rm -rf {} +
	find src -name '_native*.so' -delete

# In tests too, nothing that is newer than `rust-version`; clippy knows that setting since 1.87 and refuses it before.
$(CLIPPY): native/clippy.toml Makefile
	@mkdir -p $(dir $@)
	@version=$$($(CARGO) clippy --version) && cp $< $@ && case $$version in \
	  *' 0.1.8'[56]*) ;; \
	  *) echo 'check-incompatible-msrv-in-tests = true' >>$@ ;; esac

test-programs:
	@tools/machine test

programs:
	@tools/machine programs

# One stamp for the interpreter, the dependencies and the native engine. cargo does its own incremental work. pesq comes as
# source and is built before, with a setuptools of its own.
$(STAMP): pyproject.toml $(NATIVE) tools/machine
	@tools/machine build
	[ -x $(PY) ] || "$$(tools/machine python)" -m venv $(VENV)
	$(PY) -m pip install --quiet 'maturin>=1.8,<2' 'pesq>=0.0.4'
	PATH="$(CURDIR)/$(BIN):$$PATH" $(PY) -m pip install --quiet --no-build-isolation --editable '.[dev]'
	@touch $@
