#!/usr/bin/env bash
# Fetches what stands around call flows, where the machine has none of its own: Asterisk 22 with a voice, Kamailio.
# Says what is missing and goes on: the demo and the tests tell what they skip.
set -uo pipefail
cd "$(dirname "$0")/.." || exit 1
PATH=$PATH:/usr/sbin:/sbin

here() { command -v "$1" >/dev/null; }
# The versions that voip_sms/demo/programs.py takes from the path.
major() { "$@" 2>/dev/null | sed -nE '1s/^[^0-9]*([0-9]+)\..*/\1/p'; }

{ here espeak-ng && here sox && here asterisk && [[ $(major asterisk -V) -ge 22 ]]; } ||
    tools/apart.sh asterisk forky asterisk:asterisk asterisk-core-sounds-en-gsm espeak-ng:espeak-ng sox:sox || true
{ here kamailio && [[ $(major kamailio -v) -ge 5 ]]; } ||
    tools/apart.sh kamailio - kamailio:kamailio kamailio-tls-modules || true
