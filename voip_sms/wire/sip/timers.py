"""The SIP timers, in seconds, in one table (RFC 3261 table 4; RFC 4320 for non-INVITE)."""

from typing import Final

T1: Final = 0.5
"""Round-trip estimate (RFC 3261 17.1.1.1)."""
T2: Final = 4.0
"""Longest gap between retransmissions of a non-INVITE request (17.1.2.2)."""
T4: Final = 5.0
"""Longest time a message stays in the network (17.1.2.2)."""

TIMER_E_FIRST: Final = T1
"""First retransmission of a non-INVITE request over UDP; doubles up to T2."""
TIMER_F: Final = 64 * T1
"""A non-INVITE client transaction gives up (17.1.2.2)."""
TIMER_J: Final = 64 * T1
"""How long a final reply is kept for retransmissions of its request (17.2.2)."""
TIMER_K: Final = T4
"""How long a finished client transaction over UDP swallows repeated replies (17.1.2.2)."""


def retransmissions() -> tuple[float, ...]:
    """Instants after the first sending at which Timer E repeats a request over UDP, until Timer F."""
    instants: list[float] = []
    gap, at = TIMER_E_FIRST, TIMER_E_FIRST
    while at < TIMER_F:
        instants.append(at)
        gap = min(gap * 2, T2)
        at += gap
    return tuple(instants)
