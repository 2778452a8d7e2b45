"""Keeps paid forwards from chasing each other: what was sent on is remembered and known when it returns.

A paid forward sends `<sender>: <text>`. Whoever forwards that back, another system too, sends the same text,
perhaps behind a prefix of its own; and whoever answers automatically sends one text again and again. Both are
recognised by digests in table `loop_guard`; neither is forwarded for money again.
"""

import hashlib
import re
from collections.abc import Iterator

from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.segments import without_accents

SENT_KEPT = 5 * DAY
"""A paid forward is tried for a day and its SMS is valid for some days; then it can't come back."""
REPEAT_KEPT = HOUR
"""The same text from the same sender to the same number: once an hour at most is forwarded for money.
Autoresponders that answer each other are stopped by the first repeat, as nothing goes out to answer."""
PREFIXES = 10
"""Systems in a row that may each have put a prefix before the text."""

# "+48601123456: " and what other systems make of it: "Od +48601123456: ", "SMS from 48601123456 - ".
_PREFIX = re.compile(r"\s*(?:[^\W\d]{1,12}\s+){0,3}\+?\d{3,15}\s*(?::|>|-)\s*")


def forwarded(sender: str, text: str) -> str:
    """The text of a paid forward."""
    return f"{sender}: {text}"


def digest(text: str) -> bytes:
    """SHA-256 of a text as it may arrive after a journey: without case, accents and differences of spaces."""
    return hashlib.sha256(b"text\0" + _fold(text)).digest()


def repeat_digest(sender: str, recipient: str, text: str) -> bytes:
    """SHA-256 of (sender, recipient, text)."""
    parts = (sender.encode(), recipient.encode(), _fold(text))
    return hashlib.sha256(b"repeat\0" + b"\0".join(parts)).digest()


def suspects(text: str) -> tuple[bytes, ...]:
    """The digests under which an inbound text may be a forward of ours: itself, and less its prefixes."""
    return tuple(dict.fromkeys(digest(candidate) for candidate in _peeled(text)))


def _peeled(text: str) -> Iterator[str]:
    yield text
    for _ in range(PREFIXES):
        prefix = _PREFIX.match(text)
        if prefix is None or prefix.end() == len(text):
            return
        text = text[prefix.end() :]
        yield text


def _fold(text: str) -> bytes:
    return " ".join(without_accents(text).casefold().split()).encode("utf-8", "replace")
