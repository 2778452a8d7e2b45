"""message/imdn+xml: what became of a message, told by whoever got it (RFC 5438 7, 11.1)."""

from dataclasses import dataclass, field
from typing import Final, Literal
from xml.parsers import expat
from xml.sax.saxutils import escape

from voip_sms.wire.errors import WireError

MEDIA_TYPE: Final = "message/imdn+xml"
NAMESPACE: Final = "urn:ietf:params:xml:ns:imdn"
MAX_ID: Final = 255
"""Characters of a Message-ID that we keep: phones write 8 to 40."""
_MAX_DEPTH: Final = 8
"""Elements within each other: the schema has four (RFC 5438 11.1.1)."""

Disposition = Literal["delivered", "failed", "displayed"]

DISPOSITIONS: Final[tuple[Disposition, ...]] = ("delivered", "failed", "displayed")
_STATES: Final[dict[tuple[str, str], Disposition]] = {
    ("delivery-notification", "delivered"): "delivered",
    ("delivery-notification", "failed"): "failed",
    ("delivery-notification", "forbidden"): "failed",
    ("delivery-notification", "error"): "failed",
    ("display-notification", "displayed"): "displayed",
}
"""What the elements within <imdn> come to (RFC 5438 7.2); processing, and display refused, tell nothing."""


class ReceiptError(WireError):
    """Octets that are no receipt."""


@dataclass(frozen=True, slots=True)
class Receipt:
    """What became of the message with this Message-ID; `state` None: nothing that we keep."""

    message_id: str
    state: Disposition | None


def is_message_id(text: str) -> bool:
    """Whether it can name a message in a header and come back in a receipt."""
    return 0 < len(text) <= MAX_ID and text.isascii() and text.isprintable() and " " not in text


def read_receipt(octets: bytes) -> Receipt:
    """Parse a receipt; document type declarations, and with them entities, are refused."""
    reading = _Reading()
    parser = expat.ParserCreate()
    parser.buffer_text = True
    parser.StartElementHandler = reading.start
    parser.EndElementHandler = reading.end
    parser.CharacterDataHandler = reading.text
    parser.StartDoctypeDeclHandler = _refuse
    try:
        parser.Parse(octets, True)
    except (expat.ExpatError, ValueError, LookupError):  # the latter two: encodings that are none
        raise ReceiptError("no XML") from None
    message_id = "".join(reading.name).strip()
    if reading.root != "imdn" or not is_message_id(message_id):
        raise ReceiptError("no receipt")
    return Receipt(message_id, reading.state)


def write_receipt(message_id: str, moment: str, recipient: str, state: Disposition) -> bytes:
    """A receipt: `moment` (RFC 3339) is when the message was sent, `recipient` the URI it was sent to."""
    kind = "display" if state == "displayed" else "delivery"
    return (
        f'<?xml version="1.0" encoding="UTF-8"?>\n<imdn xmlns="{NAMESPACE}">'
        f"<message-id>{escape(message_id)}</message-id><datetime>{escape(moment)}</datetime>"
        f"<recipient-uri>{escape(recipient)}</recipient-uri>"
        f"<{kind}-notification><status><{state}/></status></{kind}-notification></imdn>"
    ).encode()


@dataclass(slots=True)
class _Reading:
    """One document as it goes by. Prefixes are left out: peers bind them differently."""

    path: list[str] = field(default_factory=list)
    root: str = ""
    name: list[str] = field(default_factory=list)
    state: Disposition | None = None

    def start(self, tag: str, _: dict[str, str]) -> None:
        self.path.append(tag.rpartition(":")[2].lower())
        if len(self.path) > _MAX_DEPTH:
            raise ReceiptError("too deep")
        self.root = self.root or self.path[0]
        match self.path:
            case [_, kind, "status", word]:
                self.state = self.state or _STATES.get((kind, word))

    def end(self, _: str) -> None:
        self.path.pop()

    def text(self, text: str) -> None:
        if self.path[1:] == ["message-id"]:
            self.name.append(text)


def _refuse(*_: object) -> None:
    raise ReceiptError("document type declaration")
