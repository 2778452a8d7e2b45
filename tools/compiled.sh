#!/usr/bin/env bash
# Makes or renews a copy of this tree in FOLDER whose busiest modules are compiled; whoever runs it there runs those.
# Usage: tools/compiled.sh VENV FOLDER; needs a C compiler and Python's headers (Debian: gcc python3-dev).
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(realpath "${1:?usage: tools/compiled.sh VENV FOLDER}") folder=${2:?usage: tools/compiled.sh VENV FOLDER}
mkdir -p "$folder"

sources() { git ls-files -z --cached --others --exclude-standard; }
stamp=$folder/.compiled
wanted=$(sources | xargs -0 sha256sum --  2>/dev/null | sha256sum)
[[ -f $stamp && $(<"$stamp") == "$wanted" ]] && exit 0

find "$folder" -mindepth 1 -maxdepth 1 ! -name build -exec rm -rf {} +
sources | tar --create --null --files-from - --ignore-failed-read 2>/dev/null | tar --extract --directory "$folder"
echo "compiling into $folder"
(cd "$folder" && VOIP_SMS_COMPILED=1 "$venv/bin/python" setup.py --quiet build_ext --inplace >compiling.log 2>&1) || {
    tail -40 "$folder/compiling.log" >&2
    echo "could not compile; Debian: apt-get install gcc python3-dev (the whole log: $folder/compiling.log)" >&2
    exit 1
}
printf '%s\n' "$wanted" >"$stamp"
