"""Wakes those who wait for a topic: `parts:<carrier>`, `forwards`, `directory`, `messages:<tenant>`.

A wake is remembered until its listener looks, so that none is lost between two waits. It says only that there
may be something new: whoever is woken looks into the database, and looks now and then without being woken.
"""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from voip_sms.core.directory import Id


def changes_of(tenant_id: Id) -> str:
    """The topic of a tenant's messages: one came, or has another status."""
    return "messages:" + tenant_id.hex()


class Signals:
    """All calls on the loop; `wake` is what the writer calls after each commit."""

    def __init__(self) -> None:
        self._events: dict[str, asyncio.Event] = {}
        self._callbacks: dict[str, list[Callable[[], None]]] = {}

    def wake(self, topics: Iterable[str]) -> None:
        """Tell everybody who listens to one of these topics."""
        for topic in topics:
            event = self._events.get(topic)
            if event is not None:
                event.set()
            for callback in self._callbacks.get(topic, ()):
                callback()

    async def wait(self, topic: str, seconds: float) -> bool:
        """Wait for a wake since the last `wait`, at most `seconds`; whether there was one.

        One waiter per topic: the wake is its own.
        """
        event = self._events.setdefault(topic, asyncio.Event())
        if not event.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(event.wait(), seconds)
        woken = event.is_set()
        event.clear()
        return woken

    def on(self, topic: str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call `callback` (quick, on the loop) at each wake; what is returned ends that."""
        self._callbacks.setdefault(topic, []).append(callback)

        def off() -> None:
            callbacks = self._callbacks.get(topic, [])
            if callback in callbacks:
                callbacks.remove(callback)
            if not callbacks:
                self._callbacks.pop(topic, None)

        return off
