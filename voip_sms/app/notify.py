"""Tells the service manager that we are ready, alive and stopping (sd_notify(3)); nothing without systemd."""

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

_MICROSECONDS: Final = 1_000_000
_BEATS: Final = 3
"""Signs of life within one watchdog span: one that comes late is no death."""


class Notifier:
    """Speaks to `NOTIFY_SOCKET`. A message that can't be sent is lost: systemd has time-outs of its own."""

    def __init__(self, address: str, watchdog: float = 0) -> None:
        """`address`: a path, `@name` for an abstract socket, '' for nobody; `watchdog`: seconds, 0: none."""
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = watchdog

    @classmethod
    def of(cls, environment: Mapping[str, str], pid: int) -> "Notifier":
        """As the service manager asks for it; its watchdog may be meant for another process."""
        span = environment.get("WATCHDOG_USEC", "")
        ours = environment.get("WATCHDOG_PID", str(pid)) == str(pid)
        watchdog = int(span) / _MICROSECONDS if span.isdecimal() and ours else 0.0
        return cls(environment.get("NOTIFY_SOCKET", ""), watchdog)

    def ready(self, status: str) -> None:
        """All listeners are up."""
        self._send(f"READY=1\nSTATUS={status}")

    def stopping(self) -> None:
        """What is under way is being ended."""
        self._send("STOPPING=1\nSTATUS=draining")

    async def beat(self) -> None:
        """Signs of life of the loop, for as long as it turns: a service that hangs is started anew."""
        while self._watchdog:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / _BEATS)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as out:
            out.setblocking(False)  # a full queue of the service manager must not hold us up
            out.sendto(text.encode(), self._address)


def notifier() -> Notifier:
    """That of this process."""
    return Notifier.of(os.environ, os.getpid())
