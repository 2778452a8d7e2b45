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

export DEBIAN_FRONTEND=noninteractive
echo "installing: ${missing[*]}"
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null 2>&1 && exit 0
# An old or empty package list is the usual reason on a new machine: fetch it and try again, aloud this time.
apt-get update -qq
apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
