"""Content-Encoding: bodies that were compressed, within a bound (RFC 3261 20.12, RFC 9110 8.4.1)."""

import zlib
from typing import Final

from voip_sms.wire.errors import WireError

ACCEPT_ENCODING: Final = ("gzip", "deflate", "identity")
"""What a body may be encoded in."""
_MAX_CODINGS: Final = 2
"""Encodings on top of each other: one is usual."""
_WINDOWS: Final = {
    "gzip": (zlib.MAX_WBITS | 16,),
    "x-gzip": (zlib.MAX_WBITS | 16,),
    # RFC 9110 8.4.1.2 means the zlib format; COMPAT: some write the bare deflate stream.
    "deflate": (zlib.MAX_WBITS, -zlib.MAX_WBITS),
}
"""How zlib is told which formats to try."""


class EncodingError(WireError):
    """Octets that are not what their encoding says: 400."""


class UnknownEncodingError(EncodingError):
    """An encoding that we don't undo: 415 with Accept-Encoding."""


class ExpandedError(EncodingError):
    """A body that is larger than allowed once it is expanded: 413."""


def codings(value: str) -> list[str]:
    """The encodings that a Content-Encoding names, in the order they were applied; without `identity`."""
    names = [name.strip().lower() for name in value.split(",")]
    return [name for name in names if name not in {"", "identity"}]


def expanded(body: bytes, value: str, most: int) -> bytes:
    """The body without the encodings of `value`; no more than `most` octets are ever expanded at a time."""
    names = codings(value)
    if len(names) > _MAX_CODINGS or any(name not in _WINDOWS for name in names):
        raise UnknownEncodingError("encoding not supported")
    for name in reversed(names):
        body = _expanded(body, _WINDOWS[name], most)
    return body


def _expanded(body: bytes, windows: tuple[int, ...], most: int) -> bytes:
    for window in windows:
        stream = zlib.decompressobj(window)
        try:
            octets = stream.decompress(body, most + 1)
        except zlib.error:
            continue
        if len(octets) > most:
            raise ExpandedError("too large when expanded")
        if stream.eof:
            return octets
    raise EncodingError("bad compressed body")
