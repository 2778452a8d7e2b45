"""The parts of a mail as a tree of slices: nothing is copied or decoded (RFC 2046 5.1)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voip_sms.wire.mail.heads import Fields, media_type, parameters, split_head
from voip_sms.wire.mail.model import MailBroken

MAX_DEPTH: Final = 12
"""Levels of multiparts: real mail has four."""
MAX_PARTS: Final = 200
"""Parts of one mail: photographs of a journey are fifty; what comes after isn't looked at."""
MAX_DELIMITERS: Final = 2_000
"""Lines that look like a delimiter, in the whole mail, true or not."""

MAX_HEADS: Final = 128 * 1024
"""Octets of all parts' heads: one has three or four lines."""


@dataclass(frozen=True, slots=True)
class Part:
    """A part: octets `start` to `end` of the mail are its body; a multipart has children instead."""

    kind: str
    params: dict[str, str]
    encoding: str
    disposition: str
    named: bool
    start: int
    end: int
    children: tuple["Part", ...] = ()

    def walk(self) -> Iterator["Part"]:
        """This part and all below it."""
        yield self
        for child in self.children:
            yield from child.walk()


@dataclass(slots=True)
class Splitter:
    """Splits one mail; `overflow` says that not everything was looked at."""

    octets: bytes
    parts: int = 0
    delimiters: int = 0
    heads: int = 0
    overflow: bool = False

    def part(
        self, fields: Fields, start: int, end: int, *, default: str = "text/plain", depth: int = 0
    ) -> Part:
        """The part with these fields and this body."""
        self.parts += 1
        kind, params = media_type(fields.first("content-type") or default)
        disposition = fields.first("content-disposition").lower()
        encoding = fields.first("content-transfer-encoding").partition(";")[0].strip().lower()
        children: tuple[Part, ...] = ()
        if kind.startswith("multipart/"):
            children = self._children(kind, params.get("boundary", ""), start, end, depth)
            if not children:
                kind, params = "text/plain", {}
        return Part(
            kind=kind,
            params=params,
            encoding=encoding,
            disposition=disposition.partition(";")[0].strip(),
            named="name" in params or "filename" in parameters(disposition),
            start=start,
            end=end,
            children=children,
        )

    def _children(self, kind: str, boundary: str, start: int, end: int, depth: int) -> tuple[Part, ...]:
        if depth >= MAX_DEPTH:
            self.overflow = True
            return ()
        mark = boundary.strip().encode("utf-8", "replace")[:200] or self._guess(start, end)
        default = "message/rfc822" if kind == "multipart/digest" else "text/plain"
        children: list[Part] = []
        for begins, ends in self._slices(mark, start, end):
            if self.parts >= MAX_PARTS or self.heads > MAX_HEADS:
                self.overflow = True
                break
            try:
                fields, body = split_head(self.octets, begins, ends)
            except MailBroken:
                self.overflow = True
                self.heads += ends - begins  # looked through all the same
                continue
            self.heads += body - begins
            if not fields.pairs and body == ends:
                body = begins  # no head at all, not even the empty line
            children.append(self.part(fields, body, max(body, ends), default=default, depth=depth + 1))
        return tuple(children)

    def _guess(self, start: int, end: int) -> bytes:
        """The boundary that the sender forgot to name: what the first line with two dashes shows."""
        found = _DASHES.search(self.octets, max(start - 1, 0), min(end, start + _GUESS_WITHIN))
        return found[1].removesuffix(b"--") if found else b""

    def _slices(self, mark: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
        """Where the bodies between the delimiters are; the last one may lack its end."""
        if not mark:
            return
        delimiter = b"--" + mark
        opened, at = -1, start
        while (found := self.octets.find(delimiter, at, end)) >= 0:
            self.delimiters += 1
            if self.delimiters > MAX_DELIMITERS:
                self.overflow = True
                break
            at = found + len(delimiter)
            line = _REST.match(self.octets, at, min(end, at + 200))
            if line is None or (found > start and self.octets[found - 1 : found] != b"\n"):
                continue
            if opened >= 0:
                yield opened, _before(self.octets, found, opened)
            opened, at = line.end(), line.end()
            if line[1]:
                return
        if opened >= 0:
            yield opened, end


_DASHES: Final = re.compile(rb"\n--([!-~]{1,70})[ \t]*\r?\n")
_GUESS_WITHIN: Final = 64 * 1024
_REST: Final = re.compile(rb"(--)?[ \t]*+(?:\r?\n|\r|\Z)")


def _before(octets: bytes, at: int, least: int) -> int:
    """The line end before a delimiter belongs to the delimiter (RFC 2046 5.1.1)."""
    at -= 1 if octets[at - 1 : at] == b"\n" else 0
    at -= 1 if octets[at - 1 : at] == b"\r" else 0
    return max(at, least)
