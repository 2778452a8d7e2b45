"""File descriptors: as many as the system gives, and how many of them SIP connections may have."""

import resource
from typing import Final

from voip_sms.net.sip.connections import MAX_CONNECTIONS

WANTED: Final = 65_536
"""Descriptors asked for: many systems start a process with 1,024, however many it may have."""
OTHERS: Final = 3000
"""Kept for everything else: 2,000 connections of HTTP (`http.max_connections`), carriers, database, files."""
_HALF: Final = 2


def raise_limit() -> int:
    """Ask for more if there are fewer; how many there are."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = WANTED if hard == resource.RLIM_INFINITY else min(hard, WANTED)
    if soft != resource.RLIM_INFINITY and soft < most:
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
        soft = most
    return WANTED if soft == resource.RLIM_INFINITY else soft


def sip_connections(files: int) -> int:
    """How many connections SIP may hold of `files` descriptors: a flood takes none from the others."""
    return min(MAX_CONNECTIONS, max(files - OTHERS, files // _HALF))
