"""What commands take beside words and numbers: ids as they are shown, moments, values by name."""

from collections.abc import Sequence
from typing import Any

import click

from voip_sms.core import clock, ids
from voip_sms.core.directory import Id


class IdType(click.ParamType[Id]):
    """An id as the API and receivers show it."""

    def __init__(self, prefix: str) -> None:
        self.name = f"{prefix}_…"
        self._prefix = prefix

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Id:
        try:
            return value if isinstance(value, bytes) else ids.from_text(self._prefix, value)
        except ids.IdInvalidError as error:
            self.fail(f"{value}: {error}", param, ctx)


class MomentType(click.ParamType[int]):
    """A moment with its offset, as epoch microseconds."""

    name = "moment"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        try:
            return value if isinstance(value, int) else clock.from_rfc3339(value)
        except clock.TimeInvalidError:
            self.fail(f"{value}: write it as 2026-11-22T10:00:00Z, with an offset", param, ctx)


class PairInvalidError(ValueError):
    """No NAME=VALUE; its text is what was given."""


def by_name(pairs: Sequence[str]) -> dict[str, str]:
    """Values by their names, of texts NAME=VALUE; the last one of a name counts. PairInvalidError."""
    found = [(text, *text.partition("=")) for text in pairs]
    for text, name, equals, _ in found:
        if not name or not equals:
            raise PairInvalidError(text)
    return {name: value for _, name, _, value in found}
