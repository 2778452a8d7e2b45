"""The kinds of value that resources are made of: money, spans, numbers, prefixes, addresses, secrets."""

import base64
import binascii
import re
from collections.abc import Callable
from typing import Annotated, Any, Final
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, PlainSerializer, PlainValidator, ValidationInfo, WithJsonSchema
from pydantic_core import PydanticCustomError

from voip_sms.core import addresses, clock, originators, rating
from voip_sms.core.failures import Refusal
from voip_sms.core.mail.addressing import is_mailbox

DEFAULT_COUNTRY: Final = "PL"

_MONEY: Final = re.compile(r"([0-9]{1,9})(?:\.([0-9]{1,6}))?", re.ASCII)
_WINDOW: Final = re.compile(r"([0-9]{1,6})(s|m|h|d|w)", re.ASCII)
_UNITS: Final = {
    "w": 7 * clock.DAY,
    "d": clock.DAY,
    "h": clock.HOUR,
    "m": clock.MINUTE,
    "s": clock.SECOND,
}
_LONGEST_WINDOW: Final = 366 * clock.DAY
_PREFIX: Final = re.compile(r"\+[0-9]{0,15}", re.ASCII)
_DIGITS: Final = re.compile(r"[0-9]{2,8}", re.ASCII)
_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", re.ASCII)
_TITLE_LONGEST: Final = 64
# RFC 3261 25.1 user, without escapes; what phones let people type.
_SIP_USER: Final = re.compile(r"[A-Za-z0-9_.+!~*'()&=$-]{1,64}", re.ASCII)
_URL: Final = re.compile(r"[!-~]{8,2000}", re.ASCII)
_TOKEN: Final = re.compile(r"[!-~]{16,200}", re.ASCII)
# Standard Webhooks, "Signature scheme": 24 to 64 octets.
_HOOK_PREFIX: Final = "whsec_"
_HOOK_OCTETS: Final = range(24, 65)
_PASSWORD_LONGEST: Final = 128


class Resource(BaseModel):
    """What every configurable object is: unknown keys are errors, and no error text repeats a secret."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True, frozen=True)


def complaint(text: str) -> PydanticCustomError:
    """A validation error that says exactly `text`."""
    return PydanticCustomError("value", "{text}", {"text": text})


# --- money --------------------------------------------------------------------------------------------------


def to_micros(text: str) -> int:
    """Integers of 10^-6 currency unit of a decimal text (`0.29`); ValueError for anything else."""
    found = _MONEY.fullmatch(text)
    if found is None:
        raise ValueError("not an amount")
    whole, fraction = found.groups()
    return int(whole) * rating.UNIT + int((fraction or "").ljust(6, "0"))


def _money(value: object) -> int:
    try:
        return to_micros(value if isinstance(value, str) else "")
    except ValueError:
        raise complaint('not an amount: write a decimal in quotes such as "0.29"') from None


# --- spans of time ------------------------------------------------------------------------------------------


def to_span(text: str) -> int:
    """Microseconds of `7d`, `36h`, `90m`, `30s`, `2w`; ValueError for anything else."""
    found = _WINDOW.fullmatch(text)
    if found is None:
        raise ValueError("not a span of time")
    return int(found[1]) * _UNITS[found[2]]


def span_text(span: int) -> str:
    """`7d` of microseconds: the largest unit that divides it; finer than seconds is cut."""
    for unit in ("d", "h", "m"):
        if span and span % _UNITS[unit] == 0:
            return f"{span // _UNITS[unit]}{unit}"
    return f"{span // clock.SECOND}s"


def _span(value: object) -> int:
    try:
        span = to_span(value if isinstance(value, str) else "")
    except ValueError:
        span = 0
    if not clock.MINUTE <= span <= _LONGEST_WINDOW:
        raise complaint("not a span of time: write 30m, 36h or 7d, at least a minute and at most a year")
    return span


# --- numbers ------------------------------------------------------------------------------------------------


def country_of(info: ValidationInfo) -> str:
    """The country whose national forms are read, from the validation context (`{"country": "PL"}`)."""
    context = info.context or {}
    return str(context.get("country", DEFAULT_COUNTRY))


def _number(value: object, info: ValidationInfo) -> str:
    return read_number(_text(value), country_of(info))


def read_number(text: str, country: str) -> str:
    """The E.164 of any valid number, or a complaint."""
    try:
        return addresses.number(text, country).e164
    except Refusal as refusal:
        raise complaint(f"{text!r}: {_why_not(refusal)}") from None


def _reachable(value: object, info: ValidationInfo) -> str:
    return read_reachable(_text(value), country_of(info))


def read_reachable(text: str, country: str) -> str:
    """The E.164 of a number that can take an SMS, or a complaint."""
    try:
        return addresses.recipient(text, country).e164
    except Refusal as refusal:
        raise complaint(f"{text!r}: {_why_not(refusal)}") from None


def _why_not(refusal: Refusal) -> str:
    if refusal.code.name == "recipient_invalid":
        return "not a phone number; write it as +48601234567"
    return refusal.detail


def read_digits(text: str) -> str | None:
    """The digits of a short or access code, or None for anything else."""
    return text if _DIGITS.fullmatch(text) else None


def read_prefix(value: object) -> str:
    """`+48…` of `+48…` or `0048…`, separators left out; `+` alone is every destination. Or a complaint."""
    text = re.sub(r"[ ().-]", "", _text(value))
    if text.startswith("00"):
        text = "+" + text[2:]
    if not _PREFIX.fullmatch(text):
        raise complaint('not a prefix: write it with the country, such as "+48600"; "+" is everything')
    return text


# --- names, addresses, secrets ------------------------------------------------------------------------------


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise complaint("must be a text; put it in quotes")
    return value


def _matching(pattern: re.Pattern[str], text: str) -> Callable[[object], str]:
    def read(value: object) -> str:
        written = _text(value)
        if not pattern.fullmatch(written):
            raise complaint(text)
        return written

    return read


def _title(value: object) -> str:
    text = _text(value)
    if not 1 <= len(text) <= _TITLE_LONGEST or not text.isprintable() or text != text.strip():
        raise complaint("must be 1 to 64 visible characters")
    return text


def read_sender_name(value: object) -> str:
    """A name that networks can show (`core/originators.py`), or a complaint."""
    text = _text(value)
    try:
        originators.check_name(text)
    except originators.OriginatorInvalidError as error:
        raise complaint(f"{text!r}: {error}") from None
    return text


def _sip_address(value: object) -> str:
    user = addresses.extension(_text(value))
    if user is None or not _SIP_USER.fullmatch(user):
        raise complaint("not a SIP account; write it as sip:101")
    return f"sip:{user}"


def _mail(value: object) -> str:
    text = _text(value)
    if not is_mailbox(text) or "." not in text.rpartition("@")[2]:
        raise complaint("not a mail address; write it as name@example.com")
    return text.lower()


def _mail_or_nothing(value: object) -> str:
    return "" if value == "" else _mail(value)


def _hook_url(value: object) -> str:
    text = _text(value)
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable or not _URL.fullmatch(text):
        raise complaint("not a URL: write https://host/path, at most 2000 characters, spaces as %20")
    if "@" in parts.netloc:
        raise complaint("user and password do not belong in a URL: check the signature instead")
    return text


def _hook_secret(value: object) -> str:
    text = _text(value)
    try:
        octets = base64.b64decode(text.removeprefix(_HOOK_PREFIX), validate=True)
    except (binascii.Error, ValueError):
        octets = b""
    if not text.startswith(_HOOK_PREFIX) or len(octets) not in _HOOK_OCTETS:
        raise complaint("not a webhook secret: write whsec_ and the base64 of 24 to 64 random octets")
    return text


def _password(value: object) -> str:
    text = _text(value)
    if not 1 <= len(text) <= _PASSWORD_LONGEST or not text.isprintable():
        raise complaint("must be 1 to 128 visible characters")
    return text


def _value(read: Callable[..., Any], example: str, *, write: Callable[[Any], str] | None = None) -> Any:
    """The Annotated parts of a text value: how it is read, shown in a schema, and written back."""
    parts: list[Any] = [
        PlainValidator(read),
        WithJsonSchema({"type": "string", "examples": [example]}),
    ]
    if write is not None:
        parts.append(PlainSerializer(write, return_type=str))
    return parts


Money = Annotated[int, *_value(_money, "0.29", write=rating.amount_text)]
"""10^-6 units, written as a decimal text."""
Span = Annotated[int, *_value(_span, "7d", write=span_text)]
"""Microseconds, written as `7d`."""
Number = Annotated[str, *_value(_number, "+48601234567")]
"""Any valid phone number, as E.164."""
Reachable = Annotated[str, *_value(_reachable, "+48601234567")]
"""A number that can take an SMS: no landline, premium or short number."""
Prefix = Annotated[str, *_value(read_prefix, "+48")]
Word = Annotated[
    str, *_value(_matching(_WORD, "must be 1 to 64 letters, digits, dots, dashes or underscores"), "main")
]
Title = Annotated[str, *_value(_title, "Acme")]
Name = Annotated[str, *_value(read_sender_name, "ACME")]
"""An alphanumeric sender."""
SipUser = Annotated[
    str, *_value(_matching(_SIP_USER, "not a SIP user: letters, digits and . _ + - only, at most 64"), "101")
]
SipAddress = Annotated[str, *_value(_sip_address, "sip:101")]
"""The user of a SIP account, as messages name it."""
MailAddress = Annotated[str, *_value(_mail, "office@example.com")]
MailAddressOrNothing = Annotated[str, *_value(_mail_or_nothing, "office@example.com")]
HookUrl = Annotated[str, *_value(_hook_url, "https://example.com/hook")]
HookSecret = Annotated[str, *_value(_hook_secret, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]
Token = Annotated[
    str, *_value(_matching(_TOKEN, "an API key has 16 to 200 visible characters without spaces"), "vs_…")
]
Password = Annotated[str, *_value(_password, "correct horse")]
