"""What the body of a MESSAGE says: a text, receipts, or nothing that anybody would read (RFC 3428 8)."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from typing import Final, Literal

from voip_sms.wire import html
from voip_sms.wire.errors import WireError
from voip_sms.wire.sip import cpim, imdn
from voip_sms.wire.sip.charsets import CharsetError, Text, decode_text
from voip_sms.wire.sip.encodings import (
    ACCEPT_ENCODING,
    EncodingError,
    ExpandedError,
    UnknownEncodingError,
    codings,
    expanded,
)
from voip_sms.wire.sip.grammar import GrammarError, is_token, parse_params
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.imdn import Disposition, Receipt, ReceiptError
from voip_sms.wire.sip.messages import MAX_BODY
from voip_sms.wire.sip.mime import Part, PartError, TransferError, transferred
from voip_sms.wire.sip.multipart import read_parts

__all__ = [
    "ACCEPT",
    "ACCEPT_ENCODING",
    "CharsetError",
    "Content",
    "ContentError",
    "MediaType",
    "Text",
    "decode_text",
    "parse_media_type",
    "read_content",
]

PLAIN: Final = "text/plain"
HTML: Final = "text/html"
COMPOSING: Final = "application/im-iscomposing+xml"
"""Somebody is typing (RFC 3994): of no interest to an SMS."""
ACCEPT: Final = (
    PLAIN,
    cpim.MEDIA_TYPE,
    imdn.MEDIA_TYPE,
    COMPOSING,
    "multipart/mixed",
    "multipart/alternative",
)
"""Media types a MESSAGE may have. HTML is understood where nothing plainer comes, and not asked for."""
MAX_DEPTH: Final = 4
"""Bodies within bodies: receipts in message/cpim in a multipart make three."""
MAX_EXPANDED: Final = 4 * MAX_BODY
"""Octets that all compressed bodies of one message may come to."""


class ContentError(WireError):
    """A body that isn't taken: the status to answer, and for 415 which list says what would be."""

    def __init__(self, status: int, reason: str = "", missing: Literal["", "type", "encoding"] = "") -> None:
        super().__init__(reason)
        self.status = status
        self.reason = reason
        self.missing = missing


@dataclass(frozen=True, slots=True)
class MediaType:
    """Content-Type, in lower case but for parameter values."""

    name: str
    params: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Content:
    """A text, or receipts, or neither (somebody is typing, an empty body).

    `cpim`: it came in message/cpim; then the sender's name for it, and the receipts it asks for.
    """

    text: Text | None = None
    receipts: tuple[Receipt, ...] = ()
    cpim: bool = False
    message_id: str = ""
    wants: tuple[Disposition, ...] = ()
    rich: bool = False
    """The text was marked up: a plain one beside it is better."""


NOTHING: Final = Content()


@lru_cache(maxsize=256)  # phones write a few, each with all of its messages
def parse_media_type(value: str) -> MediaType | None:
    """Parse a Content-Type value; an absent one is text/plain, None means that it is no media type."""
    if not value.strip():
        return MediaType(PLAIN)
    name, semicolon, params = value.partition(";")
    main, slash, sub = name.strip().lower().partition("/")
    if not slash or not is_token(main.strip()) or not is_token(sub.strip()):
        return None
    try:
        return MediaType(f"{main.strip()}/{sub.strip()}", parse_params(params) if semicolon else {})
    except GrammarError:
        return None


def read_content(headers: Headers, body: bytes) -> Content:
    """Read a body as its headers describe it, whatever it is wrapped in. ContentError where that fails.

    Bounded by `MAX_BODY`, `MAX_EXPANDED`, `MAX_DEPTH` and the parts of a multipart (16).
    """
    try:
        return _Reading().read(Part(headers, body), 0)
    except UnknownEncodingError:
        raise ContentError(415, missing="encoding") from None
    except ExpandedError:
        raise ContentError(413, "Body Too Large") from None
    except (CharsetError, TransferError):
        raise ContentError(415, missing="type") from None
    except (PartError, EncodingError):
        raise ContentError(400, "Bad Body") from None


class _Reading:
    """One message: what may still be expanded goes down with every compressed body in it."""

    def __init__(self) -> None:
        self._room = MAX_EXPANDED

    def read(self, part: Part, depth: int) -> Content:
        """One body, and what is in it."""
        if not part.body:
            return NOTHING
        if depth > MAX_DEPTH:
            raise PartError("too deep")
        media = parse_media_type(part.headers.get("content-type"))
        if media is None:
            raise ContentError(400, "Bad Content-Type")
        octets = self._expanded(part)  # an unknown encoding is told before an unknown type
        if media.name == cpim.MEDIA_TYPE:
            return self._cpim(octets, depth)
        if media.name.startswith("multipart/"):
            return self._multipart(media, octets, depth)
        kind = _KINDS.get(media.name)
        if kind is None:
            raise ContentError(415, missing="type")
        return kind(media, octets)

    def _expanded(self, part: Part) -> bytes:
        octets = transferred(part)
        encoding = part.headers.get("content-encoding")
        if not codings(encoding):
            return octets
        octets = expanded(octets, encoding, min(MAX_BODY, self._room))
        self._room -= len(octets)
        return octets

    def _cpim(self, octets: bytes, depth: int) -> Content:
        message = cpim.read_cpim(octets)
        inner = self.read(message.content, depth + 1)
        return replace(inner, cpim=True, message_id=message.message_id, wants=message.wants)

    def _multipart(self, media: MediaType, octets: bytes, depth: int) -> Content:
        """The first plain text, else the first of all; every receipt."""
        found: list[Content] = []
        problem: WireError | None = None
        for part in read_parts(octets, media.params.get("boundary", "")):
            try:
                found.append(self.read(part, depth + 1))
            except (ContentError, CharsetError, PartError, UnknownEncodingError) as error:
                problem = problem or error
        if problem is not None and not found:
            raise problem
        texts = [content for content in found if content.text is not None]
        best = min(texts, key=lambda content: content.rich, default=NOTHING)
        if best is NOTHING and problem is not None and not any(content.receipts for content in found):
            raise problem
        return replace(best, receipts=_all_receipts(found))


def _plain(media: MediaType, octets: bytes) -> Content:
    return Content(decode_text(octets, media.params.get("charset", "")))


def _html(media: MediaType, octets: bytes) -> Content:
    text = decode_text(octets, media.params.get("charset", ""))
    seen = html.to_text(text.text, links=False)  # a chat is short: addresses would only make it dear
    return Content(Text(seen.text.strip(), text.damaged or seen.clipped), rich=True)


def _nothing(_: MediaType, __: bytes) -> Content:
    return NOTHING


def _receipt(_: MediaType, octets: bytes) -> Content:
    """A receipt that nobody can read changes nothing, and an error would only be repeated at the phone."""
    try:
        return Content(receipts=(imdn.read_receipt(octets),))
    except ReceiptError:
        return NOTHING


def _all_receipts(found: Iterable[Content]) -> tuple[Receipt, ...]:
    return tuple(receipt for content in found for receipt in content.receipts)


_KINDS: Final[Mapping[str, Callable[[MediaType, bytes], Content]]] = {
    PLAIN: _plain,
    HTML: _html,
    COMPOSING: _nothing,
    imdn.MEDIA_TYPE: _receipt,
}
