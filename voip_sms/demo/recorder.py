"""A record of what arrived from outside, on which others can wait with a bound."""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Recorder(Generic[T]):
    """Keeps every item in order of arrival; belongs to one event loop."""

    def __init__(self) -> None:
        self.items: list[T] = []
        self._arrival = asyncio.Event()

    def __len__(self) -> int:
        return len(self.items)

    def add(self, item: T) -> None:
        self.items.append(item)
        self._arrival.set()

    async def first(self, wanted: Callable[[T], bool], within: float, after: int = 0) -> T:
        """Return the first item past index `after` that is `wanted`; TimeoutError after `within` seconds."""
        looked_at = after
        async with asyncio.timeout(within):
            while True:
                for item in self.items[looked_at:]:
                    looked_at += 1
                    if wanted(item):
                        return item
                self._arrival.clear()
                await self._arrival.wait()

    async def count(self, number: int, within: float) -> list[T]:
        """Return all items once there are at least `number`; TimeoutError after `within` seconds."""
        async with asyncio.timeout(within):
            while len(self.items) < number:
                self._arrival.clear()
                await self._arrival.wait()
        return list(self.items)
