#!/usr/bin/env bash
# Runs every test and ends with one line: `maibot: N passed, N failed, N skipped`.
#
# MAIBOT_TEST_CLUSTER says where the tests of the real cluster run:
#   own       (default) a one-node Kubernetes that is started and stopped here; needs root on Debian 12
#   required  the same, and a cluster that cannot be started is a failure instead of named skips
#   none      nowhere; each of these tests is named as skipped
#   context:NAME  that context of the present kubeconfig
set -uo pipefail
cd "$(dirname "$0")/.."

cluster=${MAIBOT_TEST_CLUSTER:-own}
# A cluster beside another one that runs already, such as that of `make demo`.
instance=${MAIBOT_TEST_INSTANCE:-main}
rig() { (cd tests/cluster && go run ./rig -instance "$instance" "$@"); }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
passed=0 failed=0
: >"$work/skipped"; : >"$work/ignored"; : >"$work/failed"
export MAIBOT_TEST_SKIPS=$work/skipped

say() { printf '\n== %s\n' "$*"; }

# step NAME COMMAND...: one check that passes or fails as a whole.
step() {
  local name=$1 began=$SECONDS; shift
  say "$name"
  if "$@"; then passed=$((passed + 1)); else failed=$((failed + 1)); echo "$name" >>"$work/failed"; fi
  echo "-- $name: $((SECONDS - began)) s"
}

# count LOG: adds the results that libtest printed; a run that ended without a result is a failure.
count() {
  local ok bad ignored
  ok=$(awk '/^test result:/ { n += $4 } END { print n + 0 }' "$1")
  bad=$(awk '/^test result:/ { n += $6 } END { print n + 0 }' "$1")
  ignored=$(sed -n 's/^test \(.*\) \.\.\. ignored\(, \(.*\)\)\?$/\1: \3/p' "$1")
  passed=$((passed + ok)) failed=$((failed + bad))
  sed -n 's/^test \(.*\) \.\.\. FAILED$/\1/p' "$1" >>"$work/failed"
  [ -z "$ignored" ] || printf '%s\n' "$ignored" >>"$work/ignored"
}

rust_tests() {
  local name=$1 began=$SECONDS; shift
  say "$name"
  "$@" 2>&1 | tee "$work/log"
  local status=${PIPESTATUS[0]}
  count "$work/log"
  if [ "$status" -ne 0 ] && ! grep -q '^test result: FAILED' "$work/log"; then
    failed=$((failed + 1)); echo "$name (did not finish)" >>"$work/failed"
  fi
  echo "-- $name: $((SECONDS - began)) s"
}

# go_tests FOLDER: the tests of one Go module.
go_tests() {
  say "go test $1"
  local began=$SECONDS ok bad
  (cd "$1" && go vet ./... && go test -count=1 -v ./...) 2>&1 | tee "$work/go.log" | grep -E '^(ok|FAIL|---|panic)' || true
  ok=$(grep -c '^--- PASS' "$work/go.log") bad=$(grep -c '^--- FAIL' "$work/go.log")
  passed=$((passed + ok)) failed=$((failed + bad))
  sed -n 's/^--- FAIL: \([^ ]*\).*/go: \1/p' "$work/go.log" >>"$work/failed"
  sed -n 's/^--- SKIP: \([^ ]*\).*/go: \1/p' "$work/go.log" >>"$work/ignored"
  if [ "$bad" -eq 0 ] && { [ "$ok" -eq 0 ] || grep -qE '^(FAIL|panic|go: )' "$work/go.log"; }; then
    failed=$((failed + 1)); echo "go test $1 (did not finish)" >>"$work/failed"
  fi
  echo "-- go test $1: $((SECONDS - began)) s"
}

unformatted() { local files; files=$(gofmt -l tests/cluster tests/oracle benches); [ -z "$files" ] || { echo "$files"; return 1; }; }

# Our Helm chart of the official chart's shape, rendered by both Helms and held against the recorded cases.
chart_shape() { (cd tests/cluster/chartcheck && go run . "$MAIBOT_TEST_HELM3" "$MAIBOT_TEST_HELM4"); }

step "formatting (Rust)" cargo fmt --check
step "formatting (Go)" unformatted

# The cluster's parts are built first: on a new machine that takes the longest, and the two compilers take turns.
case $cluster in
  own | required)
    say "test cluster"
    if rig up >&2 && environment=$(rig env | sed "s/^KUBECONFIG=/MAIBOT_TEST_KUBECONFIG=/"); then
      trap 'rig down || true; rm -rf "$work"' EXIT
      export $(printf '%s\n' "$environment" | xargs)
      passed=$((passed + 1))
    elif [ "$cluster" = required ]; then
      failed=$((failed + 1)); echo "test cluster (did not start)" >>"$work/failed"
    fi ;;
  context:*)
    say "test cluster"
    environment=$(MAIBOT_TEST_CONTEXT=${cluster#context:} rig env) || exit
    export $(printf '%s\n' "$environment" | grep '^MAIBOT_' | xargs)
    # A kubeconfig with this context alone, so that no test can reach another cluster by mistake.
    export MAIBOT_TEST_KUBECONFIG=$work/kubeconfig
    (umask 077 && "$MAIBOT_TEST_KUBECTL" config view --raw --minify --flatten --context "${cluster#context:}" >"$MAIBOT_TEST_KUBECONFIG") || exit ;;
  none)
    # Registries are tested without a cluster too, where Go is there to build one.
    if command -v go >/dev/null && tools=$(rig tools); then export $(printf '%s\n' "$tools" | xargs); fi ;;
  *) echo "MAIBOT_TEST_CLUSTER: own, required, none or context:NAME, not \`$cluster\`" >&2; exit 64 ;;
esac

step "lints" cargo clippy --locked --all-targets -- -D warnings
# The integration tests ask the oracle what Helm answers; without it they name themselves as skipped.
step "Helm oracle" tests/oracle/build.sh
for module in tests/cluster tests/cluster/chartcheck tests/oracle benches; do go_tests "$module"; done
rust_tests "unit tests" cargo test --locked --lib
rust_tests "integration tests" cargo test --locked --test it

if [ -n "${environment:-}" ] && [[ $cluster != context:* ]]; then
  step "Helm test chart" chart_shape
  trap 'rm -rf "$work"' EXIT
  step "test cluster leaves nothing behind" rig down
  step "test cluster recovers from crashes" rig selftest
elif [ -n "${environment:-}" ]; then
  step "Helm test chart" chart_shape
fi

skipped=$(sort -u "$work/skipped" | grep -c . || true)
# A test that skips itself has returned without failing, and was counted as passed above.
passed=$((passed - skipped))
skipped=$((skipped + $(grep -c . "$work/ignored" || true)))
if [ "$skipped" -gt 0 ]; then say "skipped"; sort -u "$work/skipped" "$work/ignored"; fi
if [ -s "$work/failed" ]; then say "failed"; sort -u "$work/failed"; fi
printf '\nmaibot: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
