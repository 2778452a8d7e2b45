"""Ports that nobody else draws, for servers that must be able to come back on the port they are known by."""

import random
import socket
from collections import deque
from functools import cache
from typing import Final

QUIET_PORTS: Final = range(20_000, 32_000)
"""Below those that kernels give to outgoing connections: nobody else takes one while the service is away."""
BLOCK: Final = 400
"""Ports of one process; it holds the block's first one, so that no other process does."""
STEP: Final = 2
"""Phones take the port behind theirs as well: for TLS (baresip), for RTCP."""


class QuietPorts:
    """Draws every second port of one block in turn: two draws close together are never neighbours."""

    def __init__(self) -> None:
        first = _claimed_block()
        self._turn = deque(range(first + STEP, first + BLOCK, STEP))

    def draw(self) -> int:
        """A port that is free for TCP and UDP on 127.0.0.1; comes again when all others were drawn."""
        port = self.keep()
        self._turn.append(port)
        return port

    def keep(self) -> int:
        """One that this process never draws again, for who uses it later and again."""
        for _ in range(len(self._turn)):
            port = self._turn.popleft()
            if _is_free(port):
                return port
            self._turn.append(port)
        raise RuntimeError("no free port on 127.0.0.1")


def _is_free(port: int) -> bool:
    try:
        with socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
            tcp.bind(("127.0.0.1", port))
            udp.bind(("127.0.0.1", port))
    except OSError:
        return False
    return True


def _claimed_block() -> int:
    """The first port of a block that no other process has; held until this process ends."""
    blocks = QUIET_PORTS[::BLOCK]
    for first in random.sample(blocks, len(blocks)):
        claim = socket.socket()
        try:
            claim.bind(("127.0.0.1", first))
        except OSError:
            claim.close()
        else:
            claim.detach()  # never closed: it is the claim
            return first
    raise RuntimeError("every block of ports on 127.0.0.1 belongs to another process")


def quiet_port() -> int:
    """A port of this process's own block; free now, and drawn by nobody else for hundreds of draws."""
    return _ports().draw()


def kept_port() -> int:
    """One that is drawn once in this process: for a server that is started again and again, or much later."""
    return _ports().keep()


@cache
def _ports() -> QuietPorts:
    return QuietPorts()
