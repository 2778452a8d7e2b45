#!/usr/bin/env bash
# Fetches what stands around call flows: Asterisk 22 with a voice, and Kamailio, each in a folder of its own.
# Says what is missing and goes on: the demo and the tests tell what they skip.
set -uo pipefail
cd "$(dirname "$0")/.."

tools/apart.sh asterisk forky asterisk:asterisk asterisk-core-sounds-en-gsm espeak-ng:espeak-ng sox:sox || true
tools/apart.sh kamailio - kamailio:kamailio kamailio-tls-modules || true
