#!/bin/sh
# Installs what `just clients` runs, or with `autobahn` what `just autobahn` does: packages of the
# system by ../../setup.sh, and under target/clients/ what PyPI and npm have, in the versions that
# requirements.txt and package-lock.json name. Safe to repeat; the second time takes no time.
set -eu
cd "$(dirname "$0")"
here=$PWD
target=${CARGO_TARGET_DIR:-$here/../../target}/clients

case "${1-}" in
autobahn) ../../setup.sh python ;;
*) ../../setup.sh clients ;;
esac

python=$target/python
if ! cmp -s requirements.txt "$python/installed"; then
    echo "setup: installing Python's clients and test suite"
    python3 -m venv --clear "$python"
    "$python/bin/pip" --quiet --disable-pip-version-check install --only-binary :all: \
        --requirement requirements.txt
    cp requirements.txt "$python/installed"
fi

npm=$target/npm
if [ "${1-}" != autobahn ] && ! cmp -s package-lock.json "$npm/installed"; then
    echo "setup: installing Node and its clients"
    mkdir -p "$npm"
    cp package.json package-lock.json "$npm"
    (cd "$npm" && npm ci --loglevel error --no-audit --no-fund)
    cp package-lock.json "$npm/installed"
fi
