#!/bin/sh
# `cargo build` compiles every dependency with the features that `cargo test` uses, so that neither the
# tests nor the window compile one again. If this fails, add the missing line to tests/Cargo.toml.
set -eu
features() {
    cargo tree --workspace --edges "$1" --prefix none --format '{p} {f}' | sed 's/ (\*)$//' | sort -u
}
built=$(mktemp)
trap 'rm -f "$built"' EXIT
features normal,build >"$built"
missing=$(features normal,build,dev | comm -13 "$built" -)
[ -z "$missing" ] || {
    echo "only the tests need this, or need it with these features:"
    echo "$missing"
    exit 1
}
