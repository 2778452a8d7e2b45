"""Which pairs (originator, recipient) have a part in flight, in retry or queued: nothing may pass these.

It is one lane's memory of what it saw itself; the queue's own order is the database's.
"""

from collections import Counter
from typing import Final

from voip_sms.core.directory import Id

HELD_MOST: Final = 10_000
"""Pairs being retried that are kept in mind; with more, everything goes through the queue."""

Key = tuple[Id, int]


class Pairs:
    """A pair is `free` when a new message of it overtakes none that this lane knows of."""

    def __init__(self) -> None:
        self._flying: Counter[str] = Counter()
        # Pairs in flight behind which others may wait in the queue.
        self._blocking: set[str] = set()
        # Parts being retried, by pair, with the moment of their expiry.
        self._held: dict[str, dict[Key, int]] = {}
        # Parts queued here and not claimed yet: not committed, committed since the last claim began, before.
        self._pending: Counter[str] = Counter()
        self._fresh: Counter[str] = Counter()
        self._waiting: Counter[str] = Counter()

    def free(self, pair: str, now: int) -> bool:
        """Whether a new message of this pair overtakes nothing."""
        return pair not in self._flying and not self.is_queued(pair) and not self._is_held(pair, now)

    # --- in flight ---

    def take(self, pair: str) -> None:
        """One more part of this pair is on its way."""
        self._flying[pair] += 1

    def leave(self, pair: str) -> bool:
        """One part fewer; True if that makes way for others of the pair that wait in the queue."""
        _less(self._flying, pair, 1)
        if pair in self._flying or pair not in self._blocking:
            return False
        self._blocking.discard(pair)
        return True

    def some_wait(self) -> None:
        """Due messages were found that wait behind others: any pair in flight may be theirs."""
        self._blocking.update(self._flying)

    # --- in the queue ---

    def announce(self, pair: str, parts: int) -> None:
        """Parts of a message are about to be queued."""
        self._pending[pair] += parts
        if pair in self._flying:
            self._blocking.add(pair)

    def withdraw(self, pair: str, parts: int) -> None:
        """They are not after all."""
        _less(self._pending, pair, parts)

    def queue(self, pair: str, parts: int) -> None:
        """They are."""
        _less(self._pending, pair, parts)
        self._fresh[pair] += parts

    def is_queued(self, pair: str) -> bool:
        """Whether parts of this pair are known to wait in the queue, or are about to."""
        return pair in self._waiting or pair in self._fresh or pair in self._pending

    @property
    def queued(self) -> int:
        """How many parts are known to wait in the queue."""
        return self._waiting.total() + self._fresh.total()

    def begin_claim(self) -> None:
        """A claim begins: it will see what was queued until now."""
        self._waiting.update(self._fresh)
        self._fresh.clear()

    def claimed(self, pair: str, key: Key) -> bool:
        """A part has left the queue; whether it was known to be there."""
        held = self._held.get(pair)
        if held is not None and held.pop(key, None) is not None:  # those behind it wait on
            if not held:
                del self._held[pair]
            return True
        known = pair in self._waiting
        _less(self._waiting, pair, 1)
        return known

    def drained(self) -> None:
        """The claim found nothing else: what is still thought to wait was cancelled, or has expired."""
        self._waiting.clear()

    # --- in retry ---

    def hold(self, pair: str, key: Key, expires_at: int) -> None:
        """A part is being retried."""
        self._held.setdefault(pair, {})[key] = expires_at

    def _is_held(self, pair: str, now: int) -> bool:
        if len(self._held) > HELD_MOST:
            return True
        held = self._held.get(pair)
        if held is None:
            return False
        if any(expires_at > now for expires_at in held.values()):
            return True
        del self._held[pair]  # expired in the queue, or was cancelled there
        return False


def _less(counter: Counter[str], pair: str, parts: int) -> None:
    left = counter[pair] - parts
    if left > 0:
        counter[pair] = left
    else:
        counter.pop(pair, None)
