#!/usr/bin/env bash
# Runs what just failed again, alone and aloud: a test that only a busy machine breaks must not hide, nor stop a release.
# Usage: tools/again.sh VENV TREE MOST; TREE is where they ran; more than MOST failures are no accident and fail at once.
set -euo pipefail
cd "$(dirname "$0")/.."
venv=$(realpath "${1:?usage: tools/again.sh VENV TREE MOST}") tree=${2:?usage: tools/again.sh VENV TREE MOST} most=${3:?}
cd "$tree"
export PYTHONPATH=$PWD

if [[ $(cat .pytest_cache/status 2>/dev/null) != 1 ]]; then
    echo "!! pytest did not come to its end: nothing to be tried again"
    exit 1
fi
failed=$("$venv/bin/python" - <<'PY'
import json, pathlib
record = pathlib.Path(".pytest_cache/v/cache/lastfailed")
print("\n".join(json.loads(record.read_text())) if record.exists() else "")
PY
)
count=$(grep -c . <<<"$failed" || true)
if [[ $count -eq 0 || $count -gt $most ]]; then
    echo "!! $count failures: not tried again (1 to $most are)"
    exit 1
fi

echo "!! $count failed beside the others; once more, alone:"
echo "$failed"
"$venv/bin/python" -m pytest --last-failed --last-failed-no-failures none
echo "!! PASSED ONLY AT THE SECOND TRY, which is a fault to be found:"
echo "$failed"
