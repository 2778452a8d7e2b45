"""After a run: keep of its corpus what reaches code that nothing kept so far reaches. `python -m fuzz.keep [FOLDER]`.

Small inputs come first, and each must bring a step from one line of ours to another that no seed and no kept
input takes; what is kept is written to corpus/TARGET.b64, one line each.
"""

import base64
import sys
from pathlib import Path
from types import FrameType
from typing import Any, Final

import structlog
from structlog.testing import capture_logs

from fuzz.seeds import CORPUS, kept, seeds
from fuzz.targets import TARGETS, Target

LONGEST: Final = 2_000
"""Octets of an input that is worth a line in the repository."""
_OURS: Final = f"{Path('voip_sms')}/"

Step = tuple[str, int, int]


def steps(target: Target, octets: bytes) -> set[Step]:
    """Every step from line to line that `octets` makes the code take."""
    taken: set[Step] = set()

    def enter(frame: FrameType, event: str, argument: Any) -> Any:
        if _OURS not in frame.f_code.co_filename:
            return None
        name, last = frame.f_code.co_filename, 0

        def line(frame: FrameType, event: str, argument: Any) -> Any:
            nonlocal last
            if event == "line":
                taken.add((name, last, frame.f_lineno))
                last = frame.f_lineno
            return line

        return line

    sys.settrace(enter)
    try:
        target(octets)
    finally:
        sys.settrace(None)
    return taken


def keep(name: str, folder: Path) -> tuple[int, int]:
    """Add to the corpus of a target; how many inputs it then has, and how many steps they take."""
    target = TARGETS[name]
    known: set[Step] = set()
    for octets in seeds(name) + [octets for _, octets in kept(name)]:
        known |= steps(target, octets)
    lines = CORPUS / f"{name}.b64"
    before = lines.read_text(encoding="ascii").split() if lines.exists() else []
    found = [path.read_bytes() for path in (folder / name / "corpus").glob("*")]
    for octets in sorted(found, key=lambda one: (len(one), one)):
        if len(octets) <= LONGEST and (new := steps(target, octets) - known):
            known |= new
            before.append(base64.b64encode(octets).decode())
    if before:
        lines.write_text("".join(f"{line}\n" for line in before), encoding="ascii")
    return len(before), len(known)


if __name__ == "__main__":
    structlog.configure(cache_logger_on_first_use=False)
    for each in TARGETS:
        with capture_logs():
            inputs, reached = keep(each, Path([*sys.argv[1:], "var/fuzz"][0]))
        print(f"{each:13} {inputs:4} inputs kept, {reached:5} steps between lines")
