"""What a person is told about a message of theirs that failed, in plain words."""

from typing import Final

from voip_sms.core.model import Message

FAILURES: Final = frozenset({"message.undelivered", "message.failed", "message.expired"})
"""Events that tell a phone that an SMS of its own came to nothing."""
_QUOTED: Final = 40
"""Characters of the text that are repeated: enough to know it again, on a phone's display."""

_ENGLISH: Final = {
    "rejected": "The network refused the SMS to {to}.",
    "undelivered": "The SMS to {to} was not delivered: the recipient could not be reached.",
    "expired": "The SMS to {to} was not delivered in time.",
    "uncertain": "It is not known whether the SMS to {to} was sent. It was not charged.",
    "": "The SMS to {to} was not delivered.",
    "text": ' Text: "{text}"',
}
_POLISH: Final = {
    "rejected": "Sieć odrzuciła SMS na {to}.",
    "undelivered": "SMS na {to} nie został doręczony: odbiorca jest nieosiągalny.",
    "expired": "SMS na {to} nie został doręczony na czas.",
    "uncertain": "Nie wiadomo, czy SMS na {to} został wysłany. Nie został policzony.",
    "": "SMS na {to} nie został doręczony.",
    "text": " Treść: „{text}”",
}
_WORDS: Final = {"en": _ENGLISH, "pl": _POLISH}


def tells_of_failure(event: str) -> bool:
    """Whether a hand-over of this event is such a notice."""
    return event in FAILURES


def failure(message: Message, language: str) -> str:
    """Why the message came to nothing (its `error_code`), with the beginning of its text if that is there."""
    words = _WORDS.get(language, _ENGLISH)
    told = words.get(message.error_code or "", words[""]).format(to=message.to)
    text = message.text or ""
    if not text:
        return told
    short = text if len(text) <= _QUOTED else text[:_QUOTED].rstrip() + "…"
    return told + words["text"].format(text=short)
