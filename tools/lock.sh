#!/usr/bin/env bash
# Writes requirements/*.txt from pyproject.toml: exact versions and hashes, one set for Python 3.11 to 3.13.
# Usage: tools/lock.sh PYTHON [--upgrade]
set -euo pipefail
cd "$(dirname "$0")/.."
python=${1:?} && shift
locker=.venv-lock
[[ -x $locker/bin/uv ]] || { "$python" -m venv "$locker" && "$locker/bin/python" -m pip install --quiet 'uv>=0.13'; }

lock() { # NAME, then what to lock; no addresses: they come from each machine's own settings
    local name=$1 && shift
    "$locker/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
        --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
        pyproject.toml "$@" --output-file "requirements/$name.txt"
}
lock runtime --group build "$@"
lock dev --group dev --constraint requirements/runtime.txt "$@"
lock compile --group compile --constraint requirements/dev.txt "$@"
lock phone --group build --extra phone --constraint requirements/runtime.txt "$@"
lock fuzz --group fuzz --constraint requirements/runtime.txt "$@"
