"""What people are told in plain words: of an SMS of theirs that failed, of one that no phone took."""

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from voip_sms.core.clock import to_datetime
from voip_sms.core.mail import notices
from voip_sms.core.model import INTERNAL, Message

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
    "internal": "The message to {to} was not delivered.",
    "text": ' Text: "{text}"',
}
_POLISH: Final = {
    "rejected": "Sieć odrzuciła SMS na {to}.",
    "undelivered": "SMS na {to} nie został doręczony: odbiorca jest nieosiągalny.",
    "expired": "SMS na {to} nie został doręczony na czas.",
    "uncertain": "Nie wiadomo, czy SMS na {to} został wysłany. Nie został policzony.",
    "": "SMS na {to} nie został doręczony.",
    "internal": "Wiadomość do {to} nie została doręczona.",
    "text": " Treść: „{text}”",
}
_WORDS: Final = {"en": _ENGLISH, "pl": _POLISH}


def tells_of_failure(event: str) -> bool:
    """Whether a hand-over of this event is such a notice."""
    return event in FAILURES


def failure(message: Message, language: str) -> str:
    """Why the message came to nothing (its `error_code`), with the beginning of its text if that is there."""
    words = _WORDS.get(language, _ENGLISH)
    why = "internal" if INTERNAL in message.flags else message.error_code or ""
    told = words.get(why, words[""]).format(to=message.to.removeprefix("sip:"))
    text = message.text or ""
    if not text:
        return told
    short = text if len(text) <= _QUOTED else text[:_QUOTED].rstrip() + "…"
    return told + words["text"].format(text=short)


# --- what people wished to be told of (W5) ------------------------------------------------------------------

_WISHED: Final = {
    "en": {
        notices.BALANCE_LOW: "SMS balance: {available} is left, you are told below {low}.",
        notices.LIMIT_REACHED: "The SMS limit {whose} {period} is used up ({limit}).",
        notices.NAME_APPROVED: "The sender name {sender} is approved.",
        "address": "of {of}",
        "flow": "of the calls {of}",
        "account": "of all mail senders",
        "day": "for today",
        "month": "for this month",
    },
    "pl": {  # without Polish letters: with one of them an SMS has 70 characters, and the customer pays
        notices.BALANCE_LOW: "Saldo SMS: {available}, ponizej progu {low}.",
        notices.LIMIT_REACHED: "Limit SMS {whose} {period} wykorzystany ({limit}).",
        notices.NAME_APPROVED: "Nazwa nadawcy {sender} jest zatwierdzona.",
        "address": "{of}",
        "flow": "polaczen {of}",
        "account": "nadawcow e-mail",
        "day": "na dzis",
        "month": "na ten miesiac",
    },
}


def wished(event: str, payload: Mapping[str, object]) -> str:
    """The SMS of a notice that somebody wished; `payload` as `core/mail/notices.py` has it."""
    language = str(payload.get("language", ""))
    words = _WISHED.get(language, _WISHED["en"])
    said = {name: str(one) for name, one in payload.items()}
    if event == notices.LIMIT_REACHED:
        said |= {name: words[said[name]].format(of=said["of"]) for name in ("whose", "period")}
    if event == notices.BALANCE_LOW and language == "pl":
        said |= {name: said[name].replace(".", ",") for name in ("available", "low")}
    return words[event].format(**said)


# --- texts that no phone took -------------------------------------------------------------------------------


def fallen_back(message: Message, timezone: str) -> str:
    """The SMS to a number in a phone's place: who wrote, when (in the customer's zone), and what."""
    when = _local(message, timezone)
    return f"{message.sender.removeprefix('sip:')} {when.day}.{when.month:02} {when:%H:%M}: {message.text}"


_NOT_TAKEN: Final = {
    "en": "No phone of {user} took this message of {when}.",
    "pl": "Żaden telefon konta {user} nie odebrał tej wiadomości z {when}.",
}


def not_taken(message: Message, user: str, timezone: str, language: str) -> str:
    """Why a mail comes in a phone's place, and how old its text is."""
    when = f"{_local(message, timezone):%Y-%m-%d %H:%M}"
    return _NOT_TAKEN.get(language, _NOT_TAKEN["en"]).format(user=user, when=when)


def _local(message: Message, timezone: str) -> datetime:
    return to_datetime(message.created_at).astimezone(ZoneInfo(timezone))
