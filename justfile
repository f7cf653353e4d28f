# Trunkline's recipes. Those for the local cluster call `trunkline`.

set positional-arguments

# Recipes select no package (no `-p`), so that all of them build dependencies with the same features,
# and only once.

# Recipes that a signal ends print no message of just's own: the program explains its end.
trunkline := "exec cargo run --quiet --bin trunkline --"

faults := "cargo run --quiet --bin trunkline-faults --"

# A release is built for its package alone: what is measured has no feature that only tests need.
benchmark := "exec cargo run --release --quiet -p trunkline-bench --"

# List the recipes
[private]
default:
    @just --list --unsorted

# Install what this machine lacks
setup:
    ./setup.sh

# Start Redis, a relay, three nodes, and the window where there is a display; Ctrl-C stops all
[no-exit-message]
up *args: build
    @{{ trunkline }} up "$@"

# Build all programs, and the dependencies of the tests
[private]
build:
    @cargo build

# Stop what `up` started
[no-exit-message]
down:
    @{{ trunkline }} down

# Open the operator's window
[no-exit-message]
gui:
    @{{ trunkline }} gui

# Start a new node, or one that has ended
[no-exit-message]
node name:
    @{{ trunkline }} node "$1"

# Kill a member of the cluster (SIGKILL)
[no-exit-message]
kill name:
    @{{ trunkline }} kill "$1"

# Stop a member of the cluster (SIGTERM), and wait until it has ended
[no-exit-message]
drain name:
    @{{ trunkline }} drain "$1"

# Chat as a user, on a node or the first one: type `bob hello`
[no-exit-message]
chat user *node:
    @{{ trunkline }} chat "$@"

# Show what the relay sees; --json for the lines of the status stream
[no-exit-message]
status *args:
    @{{ trunkline }} status "$@"

# Let users send each other messages on the running cluster; Ctrl-C ends it
[no-exit-message]
load *args:
    @{{ trunkline }} load "$@"

# Measure throughput, latency, memory and growth on a cluster of its own (about 5 minutes)
[no-exit-message]
bench *args:
    @{{ benchmark }} "$@"

# Measure the same on two NATS servers, taking turns, and compare (about 6 minutes)
[no-exit-message]
bench-peers *args:
    @{{ benchmark }} --peers "$@"

# Take the pictures of the window for the documentation (about 3 minutes); --all DIR for more
[no-exit-message]
screenshot *args:
    @exec cargo run --quiet --bin trunkline-screenshot -- "$@"

# Make the moving picture of the README (about 2 minutes)
[no-exit-message]
movie:
    @exec cargo run --quiet --bin trunkline-screenshot -- --movie

# Run every test
test:
    cargo test --workspace

# Run a cluster under a seed's schedule of faults for some seconds, and check what its clients saw
[no-exit-message]
faults *args:
    @{{ faults }} run "$@"

# The same with many seeds, one after the other: COUNT SECONDS
[no-exit-message]
faults-many *args:
    @{{ faults }} many "$@"

# Measure how long stale entries stay and how long the directory takes to be rebuilt
faults-measure *args:
    @cargo run --quiet --release --bin trunkline-faults -- measure "$@"

# Play one scenario with 14 other clients and browsers, directly, behind nginx and behind HAProxy
clients:
    tests/clients/setup.sh
    cargo test --workspace --test clients -- --test-threads 8

# Run the Autobahn test suite against the node's accept path and codec settings
autobahn:
    tests/clients/setup.sh autobahn
    cargo test --workspace --features trunkline-node/testing --test autobahn

# Run every check that needs nothing but Rust and Redis; CI runs `clients` and `autobahn` besides
check: format lint docs dependencies test

# The code is formatted
[private]
format:
    cargo fmt --all --check

# Clippy has no warning
[private]
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --features trunkline-node/testing --test clients --test autobahn -- -D warnings

# The documentation builds without warnings
[private]
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items

# Tests need no feature and no crate that `cargo build` does not compile
[private]
one-build:
    @tests/one-build.sh

# Licences, sources and duplicates are as deny.toml allows; advisories too, where they can be loaded
[private]
dependencies: one-build
    @./setup.sh check
    cargo deny --workspace check licenses bans sources
    @if cargo deny --workspace fetch db 2>/dev/null; then \
        cargo deny --workspace check advisories; \
    else \
        echo "advisories: not checked, as their database cannot be reached"; \
    fi
