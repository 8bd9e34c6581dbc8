#!/usr/bin/env bash
# Builds the Helm oracle of both Helm versions into target/oracle/, where the tests look for it. Go's own build cache
# makes a second run a matter of a second; the first takes about two minutes.
set -euo pipefail
cd "$(dirname "$0")"
out=$(realpath -m ../../target/oracle)
command -v go >/dev/null || { echo "tests/oracle: the oracle needs Go (go.mod says which)" >&2; exit 3; }
mkdir -p "$out"
# No debug information and no cgo, so that less is compiled; GOFLAGS and GOWORK of the user do not matter.
build() {
  CGO_ENABLED=0 GOFLAGS= GOWORK=off go build -mod=readonly -buildvcs=false -trimpath -gcflags=all=-dwarf=false -o "$out/$1.new" "$2"
  # At once, so that a test that is running keeps a whole program.
  mv "$out/$1.new" "$out/$1"
}
build helm-oracle .
build helm-oracle3 ./helm3
