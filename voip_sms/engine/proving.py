"""Hashes and proves passwords in threads, a few at a time: for everybody who logs in, at whatever door."""

import asyncio
from collections.abc import Callable
from typing import Final, TypeVar

from voip_sms.core.failures import Refusal
from voip_sms.engine.accounts.sealing import Random, proves, sealed

AT_ONCE: Final = 2
"""Hashes under way: each takes 19 MiB and a processor for some 30 ms. Who guesses waits for others who do."""
WAITING: Final = 64
"""Who waits for one; beyond that nobody new is heard, until those in front have been."""
_NOBODYS_OCTETS: Final = 32

T = TypeVar("T")


class Proving:
    """One per process. The calls are made on the loop."""

    def __init__(self, random: Random) -> None:
        """`random(n)` gives n random octets: of salts, and of a password that nobody has."""
        self._random = random
        self._nobodys = sealed(random(_NOBODYS_OCTETS).hex(), random)
        self._turn = asyncio.Semaphore(AT_ONCE)
        self._waiting = 0

    async def prove(self, stored: str, secret: str) -> bool:
        """Whether `stored` was made of this secret; "" is nobody's: no, after the same work.

        Refusal `rate_limited` when too many wait: nothing is known then.
        """
        right = await self._in_turn(lambda: proves(secret, stored or self._nobodys))
        return right and bool(stored)

    async def seal(self, secret: str) -> str:
        """What is kept of a new password. Refusal `rate_limited` as above."""
        return await self._in_turn(lambda: sealed(secret, self._random))

    async def _in_turn(self, work: Callable[[], T]) -> T:
        if self._waiting >= WAITING:
            raise Refusal("rate_limited", "too many are logging in")
        self._waiting += 1
        try:
            async with self._turn:
                return await asyncio.to_thread(work)
        finally:
            self._waiting -= 1
