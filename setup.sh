#!/bin/sh
# Installs what this machine lacks to build, run and test Trunkline (Debian and Ubuntu): a C compiler,
# Redis, just, and the libraries for the tests of the window. Safe to repeat.
#
# With `check`, also cargo-deny, for `just check`. With `python`, also what makes a virtual environment;
# with `clients` (Debian), also other people's WebSocket clients, browsers and proxies:
# tests/clients/setup.sh calls it so.
set -eu

RUST=95 # Rust 1.$RUST is the oldest that builds this workspace.

has() { command -v "$1" >/dev/null 2>&1; }
fail() {
    echo "setup: $*" >&2
    exit 1
}

has cargo || fail "Rust 1.$RUST or newer is needed: install it from https://rustup.rs"
found=$(cargo --version | cut -d ' ' -f 2)
minor=$(echo "$found" | cut -d . -f 2)
[ "$minor" -ge "$RUST" ] || fail "Rust $found is too old, 1.$RUST is needed: run rustup update stable"

packages=
need() { packages="$packages $*"; }
need_debian() { dpkg -s "$1" >/dev/null 2>&1 || need "$1"; }
has cc || need gcc libc6-dev
has redis-server || need redis-server
has setpriv || need util-linux
has Xvfb || need xvfb
for library in libgl1 libgl1-mesa-dri libx11-xcb1 libxcursor1 libxi6 libxkbcommon-x11-0; do
    if has dpkg; then need_debian $library; fi
done
case "${1-}" in
python | clients) python3 -c 'import ensurepip' 2>/dev/null || need python3-venv ;;
esac
if [ "${1-}" = clients ]; then
    has javac || need default-jdk-headless
    has npm || need npm
    for package in nginx haproxy chromium firefox-esr libokhttp-java libmojolicious-perl \
        ruby ruby-faye-websocket; do
        need_debian $package
    done
fi

as_root=
if [ "$(id -u)" -ne 0 ]; then
    as_root="sudo -n"
    if ! has sudo || ! sudo -n true 2>/dev/null; then as_root=none; fi
fi
install() {
    has apt-get || fail "please install:$*"
    [ "$as_root" != none ] || fail "please run: sudo apt-get install$*"
    echo "setup: installing$*"
    # shellcheck disable=SC2086 # words are meant
    $as_root env DEBIAN_FRONTEND=noninteractive \
        apt-get -qq -o DPkg::Lock::Timeout=120 install --no-install-recommends -y $* >/dev/null
}

just_from_apt() { apt-cache show just >/dev/null 2>&1; }
if [ -n "$packages" ]; then
    if has apt-get && [ "$as_root" != none ]; then $as_root apt-get -qq update; fi
    install "$packages"
fi
if [ -w /usr/local/bin ]; then root="--root /usr/local"; else root=; fi
if ! has just; then
    if has apt-cache && just_from_apt && [ "$as_root" != none ]; then
        install " just"
    else
        echo "setup: building just, which takes a minute or two"
        # shellcheck disable=SC2086 # words are meant
        cargo install --quiet --locked $root just
        hash -r
        has just || fail "just is installed: add ${CARGO_HOME:-$HOME/.cargo}/bin to your PATH"
    fi
fi
# A debug build takes 100 s of CPU time instead of several times that, and checks in a second.
if [ "${1-}" = check ] && ! has cargo-deny; then
    echo "setup: building cargo-deny, which takes a minute or two"
    # shellcheck disable=SC2086 # words are meant
    cargo install --quiet --locked --debug $root cargo-deny
fi
