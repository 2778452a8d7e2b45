#!/usr/bin/env bash
# Adds the real SIP phone (PJSIP) to a virtual environment where there is a build of it; says so where there is none.
# Usage: tools/phone.sh VENV PYTHON
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?} python=${2:?}

tools/setup.sh "$venv" "$python" phone || echo "the phone's set could not be installed"
"$venv/bin/python" -c 'import pjsua2' 2>/dev/null && exit 0
echo "no PJSIP phone: there is no build of pjsua2-python for $("$venv/bin/python" --version) on $(uname -m)" \
    "(there is for Python 3.11 and 3.12 on x86_64); a small SIP client of our own takes its place"
