#!/usr/bin/env bash
# Sees to it that the Debian packages of one set in tools/peers.txt are there: root installs them, others are told.
# Usage: tools/peers.sh test|bench
set -euo pipefail
cd "$(dirname "$0")"
wanted=${1:?usage: tools/peers.sh test|bench}

present() { # a command on the path, or a file pattern
    case $1 in
        /*) compgen -G "$1" >/dev/null ;;
        *) PATH=$PATH:/usr/sbin:/sbin command -v "$1" >/dev/null ;;
    esac
}

missing=()
while read -r set package shows purpose; do
    [[ $set == "$wanted" ]] || continue
    present "$shows" && continue
    missing+=("$package")
    echo "missing: $package ($purpose)"
done <peers.txt

[[ ${#missing[@]} -gt 0 ]] || exit 0

if [[ $(id -u) -ne 0 ]] || ! command -v apt-get >/dev/null; then
    echo
    echo "!! Not root on Debian: what needs the above is SKIPPED. To run it: sudo apt-get install ${missing[*]}"
    echo
    exit 0
fi

# The tests start servers of their own: the packages' daemons stay off (the usual lock, if nobody set one).
lock=/usr/sbin/policy-rc.d
if [[ ! -e $lock ]]; then
    trap 'rm -f "$lock"' EXIT
    printf '#!/bin/sh\nexit 101\n' >"$lock" && chmod 755 "$lock"
fi

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}"
# An old or empty package list is the usual reason of a failure on a new machine: fetch it, and try once more aloud.
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 || {
    apt-get update -qq
    apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}
