# Trunkline's recipes. Each calls cargo or the local cluster's program, and nothing else.

set positional-arguments

# What a recipe is ended by is for the program to explain, so none has a message of just's own.
trunkline := "exec cargo run --quiet --bin trunkline --"

faults := "cargo run --quiet --bin trunkline-faults --"

benchmark := "exec cargo run --release --quiet --bin trunkline-bench --"

# List the recipes
[private]
default:
    @just --list --unsorted

# Install what this machine lacks
setup:
    ./setup.sh

# The local cluster is a dev build: on two cores that is there in a third of the time that a release
# takes, and it is the one that the tests use.

# Start Redis, a relay, three nodes, and the window where there is a display; Ctrl-C stops all
[no-exit-message]
up *args:
    @exec cargo run --bin trunkline -- up "$@"

# Stop what `up` started
[no-exit-message]
down:
    @{{ trunkline }} down

# Open the operator's window
[no-exit-message]
gui:
    @{{ trunkline }} gui

# Start one more node, or one that has ended once more
[no-exit-message]
node name:
    @{{ trunkline }} node "$1"

# Kill a member of the cluster (SIGKILL)
[no-exit-message]
kill name:
    @{{ trunkline }} kill "$1"

# Ask a member of the cluster to leave (SIGTERM), and wait until it has
[no-exit-message]
drain name:
    @{{ trunkline }} drain "$1"

# Talk as a user, at a node or the first one: type `bob hello`
[no-exit-message]
chat user *node:
    @{{ trunkline }} chat "$@"

# Show what the relay sees; --json for the lines as they come
[no-exit-message]
status *args:
    @{{ trunkline }} status "$@"

# Let users send one another messages on the running cluster; Ctrl-C ends it
[no-exit-message]
load *args:
    @{{ trunkline }} load "$@"

# Measure throughput, latency, memory and growth on a cluster of its own (about 5 minutes)
[no-exit-message]
bench *args:
    @{{ benchmark }} "$@"

# Measure the same on two NATS servers, in turn, and compare (about 6 minutes)
[no-exit-message]
bench-peers *args:
    @{{ benchmark }} --peers "$@"

# Take the pictures of the window that the documentation shows (about 3 minutes); --all DIR for more
[no-exit-message]
screenshot *args:
    @exec cargo run --quiet --bin trunkline-screenshot -- "$@"

# Run every test
test:
    cargo test --workspace

# Hurt a cluster for some seconds, by a seed's schedule of faults, and judge what its clients saw
[no-exit-message]
faults *args:
    @{{ faults }} run "$@"

# The same with many seeds, one after the other: COUNT SECONDS
[no-exit-message]
faults-many *args:
    @{{ faults }} many "$@"

# Measure how long ghosts stay and how long the directory takes to be whole again
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
check: format lint docs test

# The code is formatted
[private]
format:
    cargo fmt --all --check

# No lint has anything to say
[private]
lint:
    cargo clippy --workspace --all-targets -- -D warnings
    cargo clippy --workspace --features trunkline-node/testing --test clients --test autobahn -- -D warnings

# The documentation builds, and its links lead somewhere
[private]
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --document-private-items
