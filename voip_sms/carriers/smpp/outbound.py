"""A stored part as a submit_sm."""

from typing import Final

from voip_sms.carriers.smpp.settings import SmppSettings
from voip_sms.core.model import OutboundPart, Sender
from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp.text import Alphabet, Long, body, encode_text
from voip_sms.wire.udh import Concat

SHORT_CODE_DIGITS: Final = 8
"""Digits without + up to this many are a short code, not an international number."""
_UCS2_UNITS: Final = 70
_DAY, _HOUR, _MINUTE = 86400, 3600, 60
_LAST_DAY: Final = 31  # of a relative time: DD (SMPP 3.4, 7.1.1)


def submit_sm(part: OutboundPart, settings: SmppSettings, sequence: int) -> smpp.SubmitSm:
    """The PDU of one part. smpp.EncodeError: this carrier's alphabets can't say its text."""
    octets, coding = _text(part, Alphabet(settings.default_alphabet))
    concat = Concat(part.reference, part.total, part.no, wide=False) if part.total > 1 else None
    if concat is not None and settings.long == "udh":
        concat = Concat(part.reference & 0xFF, part.total, part.no)
    text = body(octets, coding, concat, Long(settings.long))
    return smpp.SubmitSm(
        sequence,
        _source(part.sender, settings),
        smpp.Address.international(part.to),
        text.short_message,
        text.esm_class,
        coding,
        numbers.REGISTERED_ALWAYS if settings.receipts else 0,
        text.tlvs,
        validity=_validity(part.validity),
    )


def _text(part: OutboundPart, default: Alphabet) -> tuple[bytes, int]:
    if part.encoding == "ucs2":
        return encode_text(part.text, numbers.CODING_UCS2), numbers.CODING_UCS2
    for coding in (numbers.CODING_DEFAULT, numbers.CODING_LATIN1):
        try:
            return encode_text(part.text, coding, default), coding
        except smpp.EncodeError:
            if default is Alphabet.GSM7:
                raise
    if len(part.text) > _UCS2_UNITS:
        raise smpp.EncodeError(f"the text is not in {default} and too long for UCS-2")
    return encode_text(part.text, numbers.CODING_UCS2), numbers.CODING_UCS2


def _source(sender: Sender, settings: SmppSettings) -> smpp.Address:
    if sender.kind in ("name", "default"):
        return smpp.Address.alphanumeric(sender.value)
    if not sender.value.startswith("+") and len(sender.value) <= SHORT_CODE_DIGITS:
        return smpp.Address(settings.short_code_ton, settings.short_code_npi, sender.value)
    return smpp.Address.international(sender.value)


def _validity(seconds: int) -> str:
    """Relative time (SMPP 3.4, 7.1.1.2): `0000DDhhmmss000R`."""
    if seconds <= 0:
        return ""
    days, rest = divmod(seconds, _DAY)
    hours, rest = divmod(rest, _HOUR)
    minutes, rest = divmod(rest, _MINUTE)
    return f"0000{min(days, _LAST_DAY):02d}{hours:02d}{minutes:02d}{rest:02d}000R"
