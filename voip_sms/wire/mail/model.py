"""What a mail says, as the service sees it: values without behaviour."""

from dataclasses import dataclass
from typing import Literal

from voip_sms.wire.errors import WireError

Auto = Literal["", "replied", "generated", "bulk", "list", "bounce"]
"""Who wrote: a person, an autoresponder, a program, a bulk mailing, a list, a mail server (RFC 3834 2, 5)."""

CutKind = Literal["quote", "signature", "footer"]


class MailBroken(WireError):  # noqa: N818 - the name of the design; an answer, not a fault of ours
    """What came can't be read as a mail at all."""


@dataclass(frozen=True, slots=True)
class Cut:
    """A piece that isn't what the writer says now, known by how it begins (at most 60 characters)."""

    kind: CutKind
    text_start: str


@dataclass(frozen=True, slots=True)
class Body:
    """The text of a mail after cutting; it may be empty.

    `html`: it was read from HTML. `repaired`: the octets weren't what their label said, and the text is what
    they most likely mean. `damaged`: something in it is lost or can't be known (it may hold U+FFFD).
    """

    text: str
    html: bool = False
    repaired: bool = False
    damaged: bool = False
    cuts: tuple[Cut, ...] = ()


@dataclass(frozen=True, slots=True)
class Mail:
    """One mail. No value but `body.text` holds a control character or a line break.

    `from_address` is empty unless there is exactly one author; domains are in lower case. `message_id`,
    `in_reply_to` and `references` keep their angle brackets, "" or () when there are none. `hops` counts
    Received lines, `loops` are the values of X-Loop, `attachments`: it carried something that isn't its text.
    """

    from_address: str
    from_name: str
    to: tuple[str, ...]
    cc: tuple[str, ...]
    subject: str
    message_id: str
    references: tuple[str, ...]
    in_reply_to: str
    auto: Auto
    hops: int
    loops: tuple[str, ...]
    body: Body
    attachments: bool
