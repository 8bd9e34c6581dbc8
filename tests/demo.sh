#!/usr/bin/env bash
# `make demo`: MaiBot on a real Kubernetes, from nothing. `make demo-down` removes all of it.
#
# Without DEMO_CONTEXT a throwaway one-node Kubernetes is started on this machine; it cannot reach the outside, so
# small stand-ins run under the names of the real images. With DEMO_CONTEXT=NAME that context of your kubeconfig is used
# and the cluster pulls the real images; you are asked for consent to MaiBot's agreements first (DEMO_CONSENT=yes
# answers in a script).
set -euo pipefail
cd "$(dirname "$0")/.."

release=maimai namespace=bot
maibot=$PWD/target/fast/maibot
title() { printf '\n\033[1m== %s\033[0m\n' "$*"; }
rig() { (cd tests/cluster && go run ./rig "$@"); }

where() {
  if [ -n "${DEMO_CONTEXT:-}" ]; then
    kube=(--kube-context "$DEMO_CONTEXT")
  else
    KUBECONFIG=$(rig kubeconfig)
    export KUBECONFIG
    kube=()
  fi
}

up() {
  if [ -n "${DEMO_CONTEXT:-}" ]; then
    title "MaiBot's agreements / 麦麦的协议"
    echo "  https://github.com/Mai-with-u/MaiBot/blob/0.12.2/EULA.md"
    echo "  https://github.com/Mai-with-u/MaiBot/blob/0.12.2/PRIVACY.md"
    if [ "${DEMO_CONSENT:-}" != yes ]; then
      [ -t 0 ] || { echo "demo: no terminal to ask on; DEMO_CONSENT=yes says that you have read them and agree" >&2; exit 64; }
      read -r -p "Read and agreed to? Type yes / 已阅读并同意请输入 yes: " answer
      [ "$answer" = yes ] || { echo "demo: nothing was done" >&2; exit 65; }
    fi
  fi
  title "building maibot"
  cargo build --locked --profile fast
  if [ -z "${DEMO_CONTEXT:-}" ]; then
    title "starting a one-node Kubernetes"
    rig up >/dev/null
  fi
  where
  title "maibot install $release -n $namespace --create-namespace"
  "$maibot" install "$release" -n "$namespace" --create-namespace "${kube[@]}" --set EULA_AGREE=true,PRIVACY_AGREE=true
  title "maibot status $release -n $namespace"
  "$maibot" status "$release" -n "$namespace" "${kube[@]}"
  title "look around / 看一看"
  local prefix=''
  [ -n "${DEMO_CONTEXT:-}" ] || { prefix="KUBECONFIG=$KUBECONFIG "; }
  echo "  ${prefix}$maibot list -A ${kube[*]}"
  echo "  ${prefix}$maibot get values $release -n $namespace --all ${kube[*]}"
  if [ -z "${DEMO_CONTEXT:-}" ]; then
    eval "$(rig env | grep '^MAIBOT_TEST_KUBECTL=')"
    echo "  ${prefix}$MAIBOT_TEST_KUBECTL -n $namespace get pods"
    echo "  ${prefix}$MAIBOT_TEST_KUBECTL -n $namespace logs $release-maibot-core-0"
  fi
  title "remove everything / 全部删除"
  echo "  make demo-down${DEMO_CONTEXT:+ DEMO_CONTEXT=$DEMO_CONTEXT}"
}

down() {
  if [ -z "${DEMO_CONTEXT:-}" ]; then
    rig down
    return
  fi
  where
  "$maibot" uninstall "$release" -n "$namespace" "${kube[@]}" --ignore-not-found --delete-data --confirm "$release"
  echo "The namespace $namespace is left; it may have been there before."
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) echo "usage: $0 up|down" >&2; exit 64 ;;
esac
