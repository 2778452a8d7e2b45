"""Processes of the bench: started as modules of ours or as the product, measured, ended by their own pids."""

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from voip_sms.demo.process import Service

HERE = Path(__file__).parent
_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


def module(name: str, folder: Path) -> Service:
    """A module of the bench that says `ready {…}` when it is."""
    environment = {"PYTHONPATH": os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])}
    return Service(
        "-m", f"bench.{name}", program=[sys.executable], log=folder / f"{name}.log", environment=environment
    )


@dataclass(frozen=True, slots=True)
class Usage:
    """What processes have used: seconds of processor, octets of memory now."""

    seconds: float
    memory: int


def usage(pids: Iterable[int]) -> Usage:
    """Of these processes and the children of theirs that live now; who is gone counts nothing."""
    seconds, pages = 0.0, 0
    for pid in _with_children(pids):
        try:
            fields = (
                Path(f"/proc/{pid}/stat")
                .read_text(encoding="ascii", errors="replace")
                .rpartition(")")[2]
                .split()
            )
        except OSError:
            continue
        seconds += (int(fields[11]) + int(fields[12])) / _TICKS
        pages += int(fields[21])
    return Usage(seconds, pages * _PAGE)


def _with_children(pids: Iterable[int]) -> set[int]:
    parents: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                fields = (
                    (entry / "stat").read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()
                )
            except OSError:
                continue
            parents.setdefault(int(fields[1]), []).append(int(entry.name))
    found: set[int] = set()
    left = list(pids)
    while left:
        pid = left.pop()
        if pid not in found:
            found.add(pid)
            left += parents.get(pid, [])
    return found
