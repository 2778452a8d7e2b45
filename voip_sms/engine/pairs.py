"""Which pairs (originator, recipient) have a part in flight or being retried: nothing may pass these."""

from typing import Final

from voip_sms.core.directory import Id

HELD_MOST: Final = 10_000
"""Pairs being retried that are kept in mind; with more, everything goes through the queue."""

Key = tuple[Id, int]


class Pairs:
    """What one carrier's lane remembers; a hint only, the queue's own order is the database's."""

    def __init__(self) -> None:
        self._flying: dict[str, int] = {}
        # Pairs in flight behind which others may wait in the queue.
        self._blocking: set[str] = set()
        # Parts being retried, by pair, with the moment of their expiry.
        self._held: dict[str, dict[Key, int]] = {}

    def free(self, pair: str, now: int) -> bool:
        """Whether a new message of this pair overtakes nothing."""
        return pair not in self._flying and not self._is_held(pair, now)

    def take(self, pair: str) -> None:
        """One more part of this pair is on its way."""
        self._flying[pair] = self._flying.get(pair, 0) + 1

    def leave(self, pair: str) -> bool:
        """One part fewer; True if that makes way for others of the pair that wait in the queue."""
        left = self._flying.get(pair, 0) - 1
        if left > 0:
            self._flying[pair] = left
            return False
        self._flying.pop(pair, None)
        if pair in self._blocking:
            self._blocking.discard(pair)
            return True
        return False

    def waits_behind(self, pair: str) -> None:
        """A message of this pair is about to be queued."""
        if pair in self._flying:
            self._blocking.add(pair)

    def some_wait(self) -> None:
        """Due messages were found that wait behind others: any pair in flight may be theirs."""
        self._blocking.update(self._flying)

    def hold(self, pair: str, key: Key, expires_at: int) -> None:
        """A part is being retried."""
        self._held.setdefault(pair, {})[key] = expires_at

    def let_go(self, pair: str, key: Key) -> None:
        """It is no longer."""
        held = self._held.get(pair)
        if held is not None:
            held.pop(key, None)
            if not held:
                del self._held[pair]

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
