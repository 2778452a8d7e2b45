#!/usr/bin/env bash
# Fuzzes the SIP and SMPP code, guided by coverage: each target for a while, then says what was found.
# Usage: tools/fuzz.sh VENV PYTHON [SECONDS [TARGET...]]; findings and the growing corpus: var/fuzz.
set -uo pipefail
cd "$(dirname "$0")/.."
venv=${1:?} python=${2:?} seconds=${3:-60}
shift $(($# < 3 ? $# : 3))

tools/setup.sh "$venv" "$python" fuzz || exit 1
"$venv/bin/python" -c 'import atheris' 2>/dev/null || {
    echo "no atheris: there are builds of it for Python 3.11 to 3.13 on Linux, x86_64;" \
        "the corpus is replayed everywhere: pytest tests/fuzz" >&2
    exit 1
}
export PYTHONPATH=tests:.
read -ra every < <("$venv/bin/python" -c 'from fuzz.targets import TARGETS; print(*TARGETS)')
failed=()
for target in "${@:-${every[@]}}"; do
    log=var/fuzz/$target.log
    mkdir -p var/fuzz
    nice -n 15 "$venv/bin/python" -m fuzz.run "$target" "$seconds" >"$log" 2>&1 || failed+=("$target")
    awk -v target="$target" '
        /cov: /                        { for (i = 1; i < NF; i++) { if ($i == "cov:") edges = $(i + 1); if ($i == "corp:") kept = $(i + 1) } }
        /stat::average_exec_per_sec/   { pace = $2 }
        /stat::number_of_executed/     { runs = $2 }
        END { printf "%-13s %9d inputs, %6d a second, %5d edges, corpus %s\n", target, runs, pace, edges, kept }' "$log"
done
for target in "${failed[@]}"; do
    echo "FOUND by $target: $(grep -m1 -A1 'Uncaught Python exception' "var/fuzz/$target.log" | tail -1)" >&2
    grep -h 'Test unit written to' "var/fuzz/$target.log" >&2
done
((${#failed[@]} == 0))
