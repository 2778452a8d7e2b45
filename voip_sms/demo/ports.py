"""Ports that nobody else draws, for servers that must be able to come back on the port they are known by."""

import itertools
import random
import socket
from collections.abc import Iterator
from contextlib import suppress
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
        self._turn: Iterator[int] = itertools.cycle(range(first + STEP, first + BLOCK, STEP))

    def draw(self) -> int:
        """A port that is free for TCP and UDP on 127.0.0.1; comes again when the whole block was drawn."""
        for port in itertools.islice(self._turn, BLOCK):
            with suppress(OSError), socket.socket() as tcp, socket.socket(type=socket.SOCK_DGRAM) as udp:
                tcp.bind(("127.0.0.1", port))
                udp.bind(("127.0.0.1", port))
                return port
        raise RuntimeError("no free port on 127.0.0.1")


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


@cache
def _ports() -> QuietPorts:
    return QuietPorts()
