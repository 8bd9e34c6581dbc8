#!/usr/bin/env bash
# Measures maibot beside Helm 3 and Helm 4 and prints how they compare; about twenty minutes with the test cluster.
#
#   benches/run.sh [--write] [FLAG...]
#
# --write renews the tables of docs/benchmarks.md. FLAGs go to the driver (`go run . -h` in benches/ lists them), such as
# `-cases version,template`, which needs no cluster. Everything measured is written to target/bench/results.json.
#
# MAIBOT_BENCH_PROGRAM=FILE measures that program instead of building the release binary (some minutes).
# MAIBOT_TEST_CONTEXT=NAME installs on that context of the kubeconfig instead of the test cluster.
set -euo pipefail
cd "$(dirname "$0")/.."

write=()
if [ "${1:-}" = --write ]; then
  write=(-write ../docs/benchmarks.md)
  shift
fi

program=${MAIBOT_BENCH_PROGRAM:-}
if [ -z "$program" ]; then
  tests/dist.sh >&2
  program=dist/maibot-$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)-linux-$(uname -m)
fi
program=$(realpath "$program")

rig() { (cd tests/cluster && go run ./rig "$@"); }
if [ -z "${MAIBOT_TEST_CONTEXT:-}" ] && ! rig status >/dev/null 2>&1; then
  # A cluster that was not running is not left running.
  trap 'rig down' EXIT
  rig up >&2
fi
environment=$(rig env)
export $(printf '%s\n' "$environment" | xargs)

# What times the engines within one process: ours built as the program is, Helm's in the oracle.
tests/oracle/build.sh >&2
target=$(uname -m)-unknown-linux-musl
cargo build --locked --release --target "$target" --example render-bench >&2

mkdir -p target/bench
cd benches
go build -o ../target/bench/driver .
# Other work on the machine waits for the programs while they are timed, where that is allowed.
first=()
if [ "$(id -u)" -eq 0 ]; then first=(nice -n -15); fi
"${first[@]}" ../target/bench/driver -maibot "$program" -engine "../target/$target/release/examples/render-bench" -json ../target/bench/results.json "${write[@]}" "$@"
