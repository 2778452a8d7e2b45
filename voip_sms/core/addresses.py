"""Recipients as people and programs write them, brought to E.164, and whether they can take an SMS."""

import re
import unicodedata
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final
from urllib.parse import unquote

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumber, PhoneNumberDesc, PhoneNumberType, shortnumberinfo

from voip_sms.core.failures import Refusal


class Kind(StrEnum):
    """What the country's numbering plan says a number is."""

    MOBILE = "mobile"
    FIXED_OR_MOBILE = "fixed_or_mobile"
    VOIP = "voip"
    FIXED = "fixed"
    TOLL_FREE = "toll_free"
    SHARED_COST = "shared_cost"
    PREMIUM = "premium"
    PERSONAL = "personal"
    PAGER = "pager"
    COMPANY = "company"
    VOICEMAIL = "voicemail"
    SHORT = "short"


TAKES_SMS: Final = frozenset({Kind.MOBILE, Kind.FIXED_OR_MOBILE, Kind.VOIP})
"""Where a plan can't tell (North America, VoIP ranges) we try. Personal numbers (+44 70…) cost as premium."""

_KINDS: Final = {
    PhoneNumberType.MOBILE: Kind.MOBILE,
    PhoneNumberType.FIXED_LINE_OR_MOBILE: Kind.FIXED_OR_MOBILE,
    PhoneNumberType.VOIP: Kind.VOIP,
    PhoneNumberType.FIXED_LINE: Kind.FIXED,
    PhoneNumberType.TOLL_FREE: Kind.TOLL_FREE,
    PhoneNumberType.SHARED_COST: Kind.SHARED_COST,
    PhoneNumberType.PREMIUM_RATE: Kind.PREMIUM,
    PhoneNumberType.PERSONAL_NUMBER: Kind.PERSONAL,
    PhoneNumberType.PAGER: Kind.PAGER,
    PhoneNumberType.UAN: Kind.COMPANY,
    PhoneNumberType.VOICEMAIL: Kind.VOICEMAIL,
}
_REASONS: Final = {
    Kind.FIXED: "a landline takes no SMS",
    Kind.TOLL_FREE: "a toll-free number takes no SMS",
    Kind.SHARED_COST: "a shared-cost number takes no SMS",
    Kind.PREMIUM: "premium numbers are not served",
    Kind.PERSONAL: "personal numbers bill like premium ones and are not served",
    Kind.PAGER: "a pager takes no SMS",
    Kind.COMPANY: "a company access number takes no SMS",
    Kind.VOICEMAIL: "a voice mailbox takes no SMS",
    Kind.SHORT: "emergency numbers and short codes are not served",
}

# A URI may be far longer, but none that holds a number is; the bound keeps parsing and the cache small.
_LONGEST: Final = 160
# A bulk call holds 10,000 recipients: one call must not push out everything else.
_CACHED: Final = 16_384
# A URI in an address book in a R-URI: deeper is an attack on the parser, not a number.
_WRAPPINGS: Final = 3
_SHORT_DIGITS: Final = range(3, 7)  # 112, 7155, 91955, 116111
_SIP_USER: Final = re.compile(r"\Asips?:([^+@;:][^@;:]*)", re.IGNORECASE)

_SCHEME: Final = re.compile(r"\A(?:sips?|tel|sms|smsto|im):", re.IGNORECASE)
_GLOBAL_CONTEXT: Final = re.compile(r"\+[0-9]{1,7}", re.ASCII)
_PLAIN_NUMBER: Final = re.compile(r"\+?[0-9]{1,20}", re.ASCII)
# RFC 3966 section 5.1.1 visual separators, and what people and address books use beside them: slashes, every
# kind of space and dash, invisible marks of writing direction (iOS copies them along).
_SEPARATORS: Final = dict.fromkeys(
    map(
        ord,
        " -.()/\t\u00a0\u2007\u2008\u2009\u200a\u202f\u3000\u2010\u2011\u2012\u2013\u2014\u2015\u2212\u00ad"
        "\u200b\u200c\u200d\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2060\u2066\u2067\u2068\u2069\ufeff",
    )
)


@dataclass(frozen=True, slots=True)
class Address:
    """A phone number: `e164` with +, `country` as ISO 3166 letters ('001': none), and its kind."""

    e164: str
    country: str
    kind: Kind


class RecipientInvalidError(Refusal):
    """What was typed is no phone number."""

    def __init__(self) -> None:
        super().__init__("recipient_invalid")


class RecipientForbiddenError(Refusal):
    """A number that can't or mustn't take an SMS; `kind` says which."""

    def __init__(self, kind: Kind) -> None:
        self.kind = kind
        super().__init__("recipient_forbidden", _REASONS[kind], {"kind": kind.value})


def recipient(text: str, country: str) -> Address:
    """The number that `text` names, if it can take an SMS; `country` (ISO 3166) reads national forms.

    Takes `601 123 456`, `48…`, `+48…`, `0048…`, `tel:` and `sip:` URIs with parameters, percent-encoding.
    Raises RecipientInvalidError, RecipientForbiddenError.
    """
    address = number(text, country)
    if address.kind not in TAKES_SMS:
        raise RecipientForbiddenError(address.kind)
    return address


def number(text: str, country: str) -> Address:
    """As `recipient`, for any valid number: a landline may well be a sender or a forward's owner.

    Raises RecipientInvalidError, and RecipientForbiddenError for short codes, which have no E.164 form.
    """
    found = _number(text, country) if len(text) <= _LONGEST else None
    if found is None:
        raise RecipientInvalidError
    if isinstance(found, Kind):
        raise RecipientForbiddenError(found)
    return found


def extension(text: str) -> str | None:
    """The user of a `sip:` URI, where that may be somebody's account; None for what can only be a number.

    With `+` before it, it is a number: what a phone shows as a text's sender can always be answered.
    """
    found = _SIP_USER.match(text) if len(text) <= _LONGEST else None
    if found is None:
        return None
    user = unquote(found[1]) if "%" in found[1] else found[1]
    return None if user.startswith("+") else user


def readable(number: str) -> str:
    """`+48601234567` as people write it, `+48 601 234 567`; what is no such number stays as it is."""
    if not number.startswith("+"):
        return number
    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def is_service(digits: str, country: str) -> bool:
    """Whether the country gave a meaning to this short number: 112, a helpline, a directory."""
    number = PhoneNumber(
        country_code=phonenumbers.country_code_for_region(country), national_number=int(digits)
    )
    return shortnumberinfo.is_valid_short_number_for_region(number, country)


def is_country(code: str) -> bool:
    """Whether `code` can be the country of national forms: ISO 3166 letters, upper case."""
    return code in phonenumbers.SUPPORTED_REGIONS


@lru_cache(maxsize=_CACHED)
def _number(text: str, country: str) -> Address | Kind | None:
    """An address, Kind.SHORT, or None for what is no number."""
    if _PLAIN_NUMBER.fullmatch(text):
        return _of_digits(text, country)
    user, parameters = _unwrapped(text)
    digits = _ascii_digits(user.translate(_SEPARATORS))
    if not _PLAIN_NUMBER.fullmatch(digits) or "ext" in parameters:
        return None
    context = parameters.get("phone-context", "")
    if not digits.startswith(("+", "00")) and _GLOBAL_CONTEXT.fullmatch(context):
        found = _of_digits(context + digits, country)
        if isinstance(found, Address):
            return found
    return _of_digits(digits, country)


def _unwrapped(text: str) -> tuple[str, dict[str, str]]:
    """The user part of a URI, without scheme, host and percent-encoding, and its parameters (RFC 3966)."""
    user = text
    for _ in range(_WRAPPINGS):
        user = _SCHEME.sub("", user.strip()).removeprefix("@").partition("@")[0]
        if "%" not in user:
            break
        user = unquote(user)
    user, *written = user.split(";")
    pairs = (parameter.partition("=") for parameter in written)
    return user, {name.strip().lower(): value.strip() for name, _, value in pairs}


def _ascii_digits(text: str) -> str:
    """Digits of any script as 0-9 and the full-width plus as +."""
    if text.isascii():
        return text
    return "".join([str(unicodedata.decimal(char, char)) for char in text.replace("\uff0b", "+")])


def _of_digits(digits: str, country: str) -> Address | Kind | None:
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    return _mobile_at_once(digits, country) or _by_library(digits, country)


# --- the library's full reading: any country, any form; tens of microseconds --------------------------------


def _by_library(digits: str, country: str) -> Address | Kind | None:
    try:
        parsed = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        return None
    kind = _KINDS.get(phonenumbers.number_type(parsed))
    if kind is None:
        return Kind.SHORT if len(str(parsed.national_number)) in _SHORT_DIGITS else None
    region = phonenumbers.region_code_for_number(parsed) or "001"
    return Address(_e164(parsed), region, kind)


def _e164(parsed: PhoneNumber) -> str:
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


# --- the shortcut: mobiles of countries whose plan leaves no doubt; under two microseconds ------------------


@dataclass(frozen=True, slots=True)
class _Plan:
    """The part of a country's numbering plan that recognises its mobiles, from the library's own data."""

    code: str
    region: str
    general: re.Pattern[str]
    mobile: re.Pattern[str]
    other: re.Pattern[str]


def _mobile_at_once(digits: str, country: str) -> Address | None:
    """The address, where the library would surely give the same one; None says nothing."""
    if digits.startswith("+"):
        plan = _plan_of_code(digits[1:3])
        national = digits[3:]
    else:
        plan = _plan_of_country(country)
        national = digits
        if plan is not None and digits.startswith(plan.code) and not plan.general.fullmatch(digits):
            national = digits.removeprefix(plan.code)
    if plan is None or not plan.mobile.fullmatch(national) or plan.other.fullmatch(national):
        return None
    return Address(f"+{plan.code}{national}", plan.region, Kind.MOBILE)


@lru_cache(maxsize=512)
def _plan_of_country(country: str) -> _Plan | None:
    code = str(phonenumbers.country_code_for_region(country))
    plan = _plan_of_code(code)
    return plan if plan is not None and plan.region == country else None


@lru_cache(maxsize=128)
def _plan_of_code(code: str) -> _Plan | None:
    """The plan of a two-digit country code; None where a shared code or a trunk prefix leaves doubt."""
    regions = phonenumbers.COUNTRY_CODE_TO_REGION_CODE.get(int(code), ()) if code.isdigit() else ()
    if len(regions) != 1:
        return None
    data = PhoneMetadata.metadata_for_region(regions[0])
    if data is None or data.national_prefix_for_parsing or data.mobile is None:
        return None
    general, mobile = _pattern(data.general_desc), _pattern(data.mobile)
    if not general or not mobile:
        return None
    others = (
        data.premium_rate,
        data.toll_free,
        data.shared_cost,
        data.voip,
        data.personal_number,
        data.pager,
        data.uan,
        data.voicemail,
        data.fixed_line,
    )
    other = "|".join(filter(None, map(_pattern, others)))
    return _Plan(code, regions[0], re.compile(general), re.compile(mobile), re.compile(other or "(?!)"))


def _pattern(description: PhoneNumberDesc | None) -> str:
    """The pattern as a group, or '' where the plan has no such numbers."""
    if description is None or not description.national_number_pattern:
        return ""
    return f"(?:{description.national_number_pattern})"
