"""`python -m bench [names…]`: compare with peers on this machine, in alternating rounds, and print ratios."""

import argparse
import asyncio
import os
import sys
import tempfile
from pathlib import Path

from bench import report
from bench.comparisons import COMPARISONS, Terms
from bench.report import Result


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    listed = "; ".join(f"{name}: {one.__doc__}" for name, one in COMPARISONS.items())
    parser.add_argument("names", nargs="*", metavar="name", help=f"which ones; all unless given. {listed}")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each comparison (5)")
    parser.add_argument("--seconds", type=float, default=5.0, help="load per turn (5)")
    parser.add_argument("--soak", type=float, default=60.0, help="seconds of `memory` at half load (60)")
    parser.add_argument(
        "--messages",
        type=int,
        default=50_000,
        help="in the database of `panel` (50000; 1000000 is what counts)",
    )
    parser.add_argument("--strict", action="store_true", help="exit 1 when a floor is not held")
    found = parser.parse_args()
    unknown = set(found.names) - set(COMPARISONS)
    if unknown:
        parser.error(f"no such comparison: {', '.join(sorted(unknown))}; known: {', '.join(COMPARISONS)}")
    return found


async def _compare(names: list[str], terms: Terms) -> list[Result]:
    results: list[Result] = []
    for name in names:
        print(f"== {name}: {COMPARISONS[name].__doc__}", flush=True)
        with tempfile.TemporaryDirectory(prefix="voip-sms-bench-") as folder:
            own = Terms(Path(folder), terms.rounds, terms.seconds, terms.soak, terms.messages)
            results += await COMPARISONS[name](own)
        print(flush=True)
    return results


def main() -> int:
    """Compare what was asked for; the exit code."""
    asked = _arguments()
    busy = os.getloadavg()[0]
    if busy > 0.5:
        print(f"note: the machine is busy already (load {busy:.1f}); ratios may drift", flush=True)
    terms = Terms(Path(), asked.rounds, asked.seconds, asked.soak, asked.messages)
    results = asyncio.run(_compare(asked.names or list(COMPARISONS), terms))
    if results:
        print(report.ratios(results))
    return 1 if asked.strict and report.missed(results) else 0


if __name__ == "__main__":
    sys.exit(main())
