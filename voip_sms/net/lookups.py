"""The questions that one mail may cost: counted, and over by a time."""

from collections.abc import Callable
from typing import Final

from voip_sms.net.dns import DnsUnavailableError, Kind, Resolver, Value

MOST: Final = 60
"""Questions about one mail: SPF may ask for ten names and ten MX of each (RFC 7208 4.6.4)."""
EACH: Final = 5.0
"""Seconds for one question."""


class TooManyLookupsError(Exception):
    """A record of somebody's makes us ask for more than a mail is worth."""


class Lookups:
    """A `Resolver` with a bound, for one mail. `seconds` is a monotonic clock."""

    def __init__(self, resolver: Resolver, seconds: Callable[[], float], budget: float) -> None:
        self._resolver = resolver
        self._seconds = seconds
        self._until = seconds() + budget
        self._left = MOST

    def ask(self, name: str, kind: Kind) -> tuple[Value, ...]:
        """The records; DnsUnavailableError, TooManyLookupsError."""
        left = self._until - self._seconds()
        if left <= 0:
            raise DnsUnavailableError("the time for this mail is over")
        if self._left <= 0:
            raise TooManyLookupsError
        self._left -= 1
        return self._resolver.lookup(name, kind, min(EACH, left))

    def stop(self) -> None:
        """Nobody waits for the answer any more: the next question isn't asked. From any thread."""
        self._until = self._seconds()

    def texts(self, name: str) -> list[bytes]:
        """The TXT records, whole."""
        return [value for value in self.ask(name, "TXT") if isinstance(value, bytes)]
