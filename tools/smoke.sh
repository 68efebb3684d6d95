#!/bin/sh
# Installs the wheel in a folder into a new environment of each Python named, without a compiler, and uses it.
# usage: smoke.sh FOLDER PYTHON...
set -eu
wheels=$1
shift
tools=$(cd "$(dirname "$0")" && pwd)
for python in "$@"; do
  environment=$(mktemp -d)
  trap 'rm -rf "$environment"' EXIT
  "$python" -m venv "$environment"
  (
    # Nothing to build with, and nothing of this shell's to import.
    export PATH="$environment/bin" CC=/bin/false CXX=/bin/false PIP_DISABLE_PIP_VERSION_CHECK=1
    unset PYTHONPATH
    pip install --quiet --no-index --no-deps --find-links "$wheels" embedpipe
    pip install --quiet --only-binary :all: embedpipe # its requirements
    cd "$environment"
    python "$tools/smoke.py"
  )
  rm -rf "$environment"
done
