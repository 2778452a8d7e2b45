"""A stored part as a submit_sm."""

from collections.abc import Mapping
from functools import lru_cache
from typing import Final

from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.model import OutboundPart, Sender
from voip_sms.core.originators import NAME_LONGEST
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.wire import gsm0338, smpp
from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp.text import Alphabet, Long, body, encode_text
from voip_sms.wire.udh import Concat

SHORT_CODE_DIGITS: Final = 8
"""Digits without + up to this many are a short code, not an international number."""
# What one SMS holds, whole and as a part (3GPP TS 23.040, 9.2.3.24.1): UTF-16 units, septets.
_UCS2_UNITS: Final = (70, 67)
_SEPTETS: Final = (160, 153)
# What to try in turn. Without GSM 03.38 as default alphabet, Latin-1 and then UTF-16 say what is left.
_CODINGS: Final[Mapping[str, tuple[int, ...]]] = {
    "ucs2": (numbers.CODING_UCS2,),
    Alphabet.GSM7: (numbers.CODING_DEFAULT,),
    Alphabet.LATIN1: (numbers.CODING_DEFAULT, numbers.CODING_UCS2),
    Alphabet.ASCII: (numbers.CODING_DEFAULT, numbers.CODING_LATIN1, numbers.CODING_UCS2),
}
_LAST_DAY: Final = 31  # of a relative time: DD (SMPP 3.4, 7.1.1)
_SECONDS: Final = (DAY // SECOND, HOUR // SECOND, MINUTE // SECOND)


def submit_sm(part: OutboundPart, settings: SmppCarrier, sequence: int) -> smpp.SubmitSm:
    """The PDU of one part, or of a whole text where `long` is payload.

    WireError: this carrier can't be told such a text or sender.
    """
    concat, long = _concat(part, settings)
    whole = concat is None and long is Long.PAYLOAD
    octets, coding = _text(part, Alphabet(settings.default_alphabet), whole=whole)
    text = body(octets, coding, concat, long)
    return smpp.SubmitSm(
        sequence,
        _source(part.sender, settings),
        smpp.Address.international(part.to),
        text.short_message,
        text.esm_class,
        coding,
        numbers.REGISTERED_ALWAYS if settings.receipts else 0,
        text.tlvs,
        validity=relative_time(part.validity),
    )


@lru_cache(maxsize=256)
def relative_time(seconds: int) -> str:
    """A validity_period (SMPP 3.4, 7.1.1.2): `0000DDhhmmss000R`; '' (the carrier's default) for none."""
    if seconds <= 0:
        return ""
    day, hour, minute = _SECONDS
    if seconds >= (_LAST_DAY + 1) * day:
        return f"0000{_LAST_DAY}235959000R"
    days, rest = divmod(seconds, day)
    hours, rest = divmod(rest, hour)
    minutes, rest = divmod(rest, minute)
    return f"0000{days:02d}{hours:02d}{minutes:02d}{rest:02d}000R"


def _concat(part: OutboundPart, settings: SmppCarrier) -> tuple[Concat | None, Long]:
    """Which part it is, and by what means the carrier is told so: by one, never by two."""
    long = Long(settings.long)
    if part.total == 1:
        return None, long
    if long is Long.SAR:
        return Concat(part.reference, part.total, part.no, wide=True), long
    # A text that was cut before the carrier was set to take whole ones still has to come together.
    return Concat(part.reference & 0xFF, part.total, part.no), Long.UDH


def _text(part: OutboundPart, default: Alphabet, *, whole: bool) -> tuple[bytes, int]:
    """The octets and their data_coding: as planned, or by the next alphabet that has all characters."""
    for coding in _CODINGS["ucs2" if part.encoding == "ucs2" else default]:
        try:
            octets = encode_text(part.text, coding, default)
        except smpp.EncodeError:
            continue
        if not whole:
            _check_size(part, octets, coding)
        return octets, coding
    raise smpp.EncodeError(f"the text has characters outside {part.encoding}")


def _check_size(part: OutboundPart, octets: bytes, coding: int) -> None:
    ucs2 = coding == numbers.CODING_UCS2
    # Whatever this carrier's default alphabet is: over the air it is septets.
    units = len(octets) // 2 if ucs2 else gsm0338.septets(part.text)
    longest = (_UCS2_UNITS if ucs2 else _SEPTETS)[part.total > 1]
    if units > longest:
        raise smpp.EncodeError(f"{units} units are more than one SMS, which takes {longest}")


def _source(sender: Sender, settings: SmppCarrier) -> smpp.Address:
    value = sender.value
    if not value:
        return smpp.NOWHERE  # the carrier puts the account's own
    if sender.kind in ("name", "default"):
        if len(value) > NAME_LONGEST:
            raise smpp.EncodeError(f"a name of over {NAME_LONGEST} characters")
        return smpp.Address.alphanumeric(value)
    if not value.startswith("+") and len(value) <= SHORT_CODE_DIGITS:
        return smpp.Address(settings.short_code_ton, settings.short_code_npi, value)
    return smpp.Address.international(value)
