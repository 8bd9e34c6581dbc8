#!/usr/bin/env bash
# Builds the release binary: static (musl), stripped, with a checksum, in dist/. Then proves that it needs nothing of
# the machine by running it in an empty root where that is allowed.
set -euo pipefail
cd "$(dirname "$0")/.."

machine=$(uname -m)
target=$machine-unknown-linux-musl
rustup target list --installed | grep -qx "$target" || rustup target add "$target"
if ! command -v musl-gcc >/dev/null; then
  if [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends musl-tools >&2
  else
    echo "dist: musl-gcc is missing; on Debian it is in the package musl-tools" >&2
    exit 3
  fi
fi

cargo build --locked --release --target "$target"
version=$(sed -n 's/^version = "\(.*\)"/\1/p' Cargo.toml | head -n 1)
name=maibot-$version-linux-$machine
mkdir -p dist
install -m 755 "target/$target/release/maibot" "dist/$name.partial"
mv "dist/$name.partial" "dist/$name"
(cd dist && sha256sum "$name" >"$name.sha256")

if [ "$(id -u)" -eq 0 ]; then
  empty=$(mktemp -d)
  trap 'rm -rf "$empty"' EXIT
  cp "dist/$name" "$empty/maibot"
  chroot "$empty" /maibot version --short >/dev/null
  echo "runs in an empty root: yes"
fi
printf '%s  %s bytes\n' "dist/$name" "$(stat -c %s "dist/$name")"
cat "dist/$name.sha256"
