"""Longest-prefix look-up, which routes and rates share."""

from collections.abc import Iterable
from typing import Generic, TypeVar

T = TypeVar("T")


class Prefixes(Generic[T]):
    """Values by the prefix of an E.164 number; the longest prefix that fits comes first."""

    def __init__(self, values: Iterable[tuple[str, T]]) -> None:
        """Of two values with one prefix the first counts."""
        self._values: dict[str, T] = {}
        for prefix, value in values:
            self._values.setdefault(prefix, value)
        self._lengths = tuple(sorted({len(prefix) for prefix in self._values}, reverse=True))

    def longest(self, number: str) -> T | None:
        """The value with the longest fitting prefix, or None."""
        for length in self._lengths:
            found = self._values.get(number[:length])
            if found is not None:
                return found
        return None

    def all(self, number: str) -> list[T]:
        """Every value whose prefix fits, the longest first."""
        found = (self._values.get(number[:length]) for length in self._lengths if length <= len(number))
        return [value for value in found if value is not None]
