# Every command does its own set-up.  One build profile (release) for everything, so that
# dependencies compile once; RocksDB is compiled once per machine (tools/rocksdb-cache).

SHELL := /bin/sh
.SHELLFLAGS := -ec
.ONESHELL:
.DEFAULT_GOAL := help

# The long runs, by environment variables: see docs/TESTING.md.
CARGO_FLAGS := --locked --release
PREPARE := tools/prepare; eval "$$(tools/rocksdb-cache)"

.PHONY: help build demo examples test lint bench browser innsyn attack model tamper drill fuzz long long-tests crash clean

help: ## Shows this list.
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 14

build: ## Builds the program: target/release/hvelv, or below CARGO_TARGET_DIR.
	@$(PREPARE)
	cargo build $(CARGO_FLAGS)

demo: ## Runs the main job end to end on generated synthetic data, and cleans up after itself.
	@$(PREPARE)
	cargo build $(CARGO_FLAGS)
	tools/demo "$${CARGO_TARGET_DIR:-target}/release/hvelv"

examples: ## Runs the clients of examples/ (Python, buf) against a server; needs PyPI.
	@$(PREPARE)
	cargo build $(CARGO_FLAGS)
	tools/examples "$${CARGO_TARGET_DIR:-target}/release/hvelv"

lint: ## Checks formatting, lints, documentation, the interface and the supply chain.
	@$(PREPARE)
	cargo fmt --check
	cargo clippy $(CARGO_FLAGS) --all-targets -- -D warnings
	RUSTDOCFLAGS="-D warnings" cargo doc $(CARGO_FLAGS) --no-deps --lib
	tools/lint-proto
	tools/lint-supply

test: lint ## Formats, lints and tests everything. Ends with the test runner's summary.
	@eval "$$(tools/rocksdb-cache)"
	cargo test $(CARGO_FLAGS) --doc
	cargo test $(CARGO_FLAGS) --lib --bins --tests

bench: ## Measures everything side by side: prints a table, writes bench-results.json in the target directory.
	@$(PREPARE)
	rm -rf "$${CARGO_TARGET_DIR:-target}/bench-results"
	cargo bench --locked --bench extract --bench files --bench ingest
	cargo bench --locked --bench results

browser: ## Renders the page of innsyn in headless Chromium, and looks for what keeps people out; needs npm.
	@$(PREPARE)
	cargo build $(CARGO_FLAGS)
	target="$${CARGO_TARGET_DIR:-target}"
	tools/browser "$$target/release/hvelv" "$$target/browser"

innsyn: ## Measures innsyn for one of 10,000,000 persons in 1,000 disclosures: time, and what is read.
	@$(PREPARE)
	HVELV_INNSYN_PERSONS=10000000 cargo test $(CARGO_FLAGS) --lib -- --nocapture one_person_is_told

attack: ## Joins of two disclosures, and of one and the register, on 100,000 persons.
	@$(PREPARE)
	HVELV_LONG=1 cargo test $(CARGO_FLAGS) --test attack -- --nocapture

model: ## Random courses of steps against a simple model: 50,000 instead of 2,000.
	@$(PREPARE)
	HVELV_MODEL_COURSES=50000 cargo test $(CARGO_FLAGS) --lib model

tamper: ## Every entry of a log of 1,000,000 deleted, swapped, cut off and rewritten: all found, with position.
	@$(PREPARE)
	HVELV_TAMPER_ENTRIES=1000000 cargo test $(CARGO_FLAGS) --lib audit::tests

drill: ## Backup, wipe, restore, verify, serve: 100,000 persons.
	@$(PREPARE)
	HVELV_DRILL_PERSONS=100000 cargo test $(CARGO_FLAGS) --test it backup::a_wiped

fuzz: ## Each target of tests/fuzz under libFuzzer, 30 minutes each (HVELV_FUZZ_SECONDS).
	@$(PREPARE)
	tools/fuzz

crash: ## kill -9 during ingest, 200 rounds; 1,000 power cuts.
	@$(PREPARE)
	HVELV_CRASH_ROUNDS=200 cargo test $(CARGO_FLAGS) --test it crash
	HVELV_POWER_CUTS=1000 cargo test $(CARGO_FLAGS) --test it power_cut

long: long-tests examples ## The long runs: more rounds, more random cases, the clients of examples/.

# Not a call of make within the recipe: that would run it under `make -n` too.
long-tests:
	@$(PREPARE)
	HVELV_LONG=1 HVELV_CRASH_ROUNDS=200 HVELV_POWER_CUTS=1000 cargo test $(CARGO_FLAGS) --lib --tests

clean: ## Removes what was built, development keys included.
	cargo clean
	rm -rf keys/dev
