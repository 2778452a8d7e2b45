"""Who has a port: what the kernel says about sockets of this machine (proc(5), Linux only)."""

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

_LISTENING: Final = "0A"
"""TCP_LISTEN in /proc/net/tcp; a UDP socket that is bound counts in any state."""
_LOCAL, _STATE, _INODE = 1, 3, 9
_PROCESSES: Final = 20_000
"""Processes looked at: more than a healthy machine has."""


@dataclass(frozen=True, slots=True)
class Holder:
    """A process that has a socket."""

    pid: int
    name: str

    def __str__(self) -> str:
        """As shown to an operator."""
        return f"{self.name} (pid {self.pid})"


def holder(kind: Literal["tcp", "udp"], port: int) -> Holder | None:
    """Who listens at this port; None if nobody does, or if we may not know."""
    inodes = set(_inodes(kind, port))
    if not inodes:
        return None
    wanted = {f"socket:[{inode}]" for inode in inodes}
    for process in _processes():
        with suppress(OSError):  # gone meanwhile, or another user's
            for entry in (process / "fd").iterdir():
                with suppress(OSError):
                    if str(entry.readlink()) in wanted:
                        return Holder(int(process.name), (process / "comm").read_text().strip())
    return None


def _processes() -> Iterator[Path]:
    with suppress(OSError):
        yield from [one for one in Path("/proc").iterdir() if one.name.isdecimal()][:_PROCESSES]


def _inodes(kind: str, port: int) -> Iterator[str]:
    for table in (f"/proc/net/{kind}", f"/proc/net/{kind}6"):
        with suppress(OSError):
            for line in Path(table).read_text(encoding="ascii", errors="replace").splitlines()[1:]:
                fields = line.split()
                bound = kind == "udp" or fields[_STATE] == _LISTENING
                if bound and int(fields[_LOCAL].rpartition(":")[2], 16) == port:
                    yield fields[_INODE]
