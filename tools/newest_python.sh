#!/usr/bin/env bash
# Prints the highest supported Python above 3.11 that runs on this machine; prints nothing when there is none.
set -uo pipefail
for version in 3.13 3.12; do
    if "python$version" -c '' 2>/dev/null; then
        command -v "python$version" && exit 0
    fi
    # pyenv keeps interpreters that its own shims refuse to start until they are chosen.
    if command -v pyenv >/dev/null; then
        held=$(pyenv versions --bare 2>/dev/null | grep -E "^${version//./\\.}\.[0-9]+$" | tail -1)
        [[ -n $held ]] && echo "$(pyenv prefix "$held")/bin/python$version" && exit 0
    fi
done
