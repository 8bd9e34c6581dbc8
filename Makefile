# Two commands: `make demo` shows MaiBot running, `make test` passes all tests. The rest are parts of them.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

RIG := cd tests/cluster && go run ./rig

.PHONY: help build demo demo-down test test-fast conformance fuzz lint bench dist cluster-up cluster-down docs clean

help: ## this list
	@awk -F':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s %s\n", $$1, $$2 }' Makefile

build: ## the program, in target/fast/maibot
	cargo build --locked --profile fast

demo: ## install MaiBot on a throwaway Kubernetes (or on DEMO_CONTEXT) and show it running
	tests/demo.sh up

demo-down: ## remove what `make demo` made
	tests/demo.sh down

test: ## everything: formatting, lints, licences, unit, conformance, scripted server, real cluster with both Helms
	tests/run.sh

test-fast: ## everything that needs no cluster
	MAIBOT_TEST_CLUSTER=none tests/run.sh

conformance: ## the vectors recorded from real Helm (MAIBOT_CONFORMANCE_DIR names another folder of them)
	cargo test --locked --test it -- --nocapture --test-threads 1 conformance:: | grep -v '^test .* ok$$'

fuzz: ## random charts, values and documents against the Helm oracle (MAIBOT_FUZZ_CASES of each kind, MAIBOT_FUZZ_SEED)
	tests/oracle/build.sh
	MAIBOT_FUZZ_CASES=$${MAIBOT_FUZZ_CASES:-50000} MAIBOT_FUZZ_SEED=$${MAIBOT_FUZZ_SEED:-random} \
	  cargo test --locked --test it -- --nocapture differential::

lint: ## formatting and lints
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings

bench: ## side by side with real Helm, on the test cluster
	benches/run.sh

dist: ## a stripped release binary with its checksum, in dist/
	tests/dist.sh

cluster-up: ## start the test cluster and leave it running
	$(RIG) up

cluster-down: ## stop the test cluster
	$(RIG) down

docs: ## write the generated reference pages anew
	UPDATE_DOCS=1 cargo test --locked --test it cli::pages::

clean: ## what was built here
	cargo clean
	rm -rf dist
