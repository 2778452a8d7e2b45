#!/usr/bin/env bash
# Makes or renews one virtual environment from a locked, hashed set, with the project itself in editable form.
# Usage: tools/setup.sh VENV PYTHON runtime|dev|phone
set -euo pipefail
cd "$(dirname "$0")/.."
venv=${1:?} python=${2:?} set=${3:?}
stamp=$venv/.$set.lock

# The stamp is the lock it was made from: same content, nothing to do.
wanted=$(cat "requirements/$set.txt" pyproject.toml | sha256sum)
[[ -f $stamp && $(<"$stamp") == "$wanted" ]] && exit 0

"$python" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] < (3, 14))' || {
    echo "voip_sms runs on Python 3.11 to 3.13, and $python is $("$python" --version 2>&1);" \
        "say which one to use: make PYTHON=python3.11 ..." >&2
    exit 1
}
if [[ ! -x $venv/bin/python ]]; then
    "$python" -m venv "$venv" || {
        echo "$python cannot make virtual environments; on Debian: apt-get install python3-venv" >&2
        exit 1
    }
fi

echo "installing the $set set into $venv"
export PIP_DISABLE_PIP_VERSION_CHECK=1
# The build tools are locked too, and come first: nothing unhashed is fetched to build what comes as source.
sed -n '/^setuptools==/,/[^\\]$/p' "requirements/$set.txt" >"$venv/.build.txt"
"$venv/bin/python" -m pip install --quiet --require-hashes --requirement "$venv/.build.txt"
"$venv/bin/python" -m pip install --quiet --require-hashes --no-build-isolation --requirement "requirements/$set.txt"
"$venv/bin/python" -m pip install --quiet --no-deps --no-build-isolation --editable .
printf '%s\n' "$wanted" >"$stamp"
