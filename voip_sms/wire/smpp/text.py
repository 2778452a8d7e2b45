"""Texts in SMPP: octets by data_coding (5.2.19), and long ones by UDH, sar_* or message_payload."""

from enum import StrEnum
from typing import Final, NamedTuple

from voip_sms.wire import gsm0338, udh
from voip_sms.wire.errors import WireError
from voip_sms.wire.smpp import numbers, tlv
from voip_sms.wire.smpp.errors import EncodeError
from voip_sms.wire.smpp.pdus import DataSm, DeliverSm, SubmitSm
from voip_sms.wire.smpp.tlv import Tlv, Tlvs, find


class Alphabet(StrEnum):
    """What data_coding 0, the "SMSC default alphabet", means at a carrier."""

    GSM7 = "gsm7"  # unpacked, one septet an octet
    LATIN1 = "latin1"
    ASCII = "ascii"


class Long(StrEnum):
    """How a carrier wants texts over one SMS."""

    UDH = "udh"
    SAR = "sar"
    PAYLOAD = "payload"


class Body(NamedTuple):
    """What a text adds to a submit_sm or deliver_sm; or the bits of esm_class into it."""

    short_message: bytes
    esm_class: int = 0
    tlvs: Tlvs = ()


class Content(NamedTuple):
    """What a PDU carries: the text's octets without header, and which part of what they are."""

    octets: bytes
    concat: udh.Concat | None = None


# Over these a message is no single SMS (3GPP TS 23.040, 9.2.3.24): septets unpacked, or octets.
_SINGLE_DEFAULT: Final = 160
_SINGLE_UCS2: Final = 140

_CODECS: Final = {
    Alphabet.LATIN1: "latin-1",
    Alphabet.ASCII: "ascii",
    numbers.CODING_ASCII: "ascii",
    numbers.CODING_LATIN1: "latin-1",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    numbers.CODING_UCS2: "utf-16-be",
}
# GSM data coding groups (3GPP TS 23.038, 4) that SMPP 3.4 passes through as they are: bits 3-2 say
# default alphabet, 8 bit or UCS-2 up to 0x3F (0x10-0x1F: with a message class), bit 2 says 8 bit from 0xF0.
_CLASS_GROUP: Final = range(0x10, 0x40)
_CLASS_ALPHABET: Final = 0x0C
_CLASS_UCS2: Final = 0x08
_CLASS_8BIT: Final = 0x04
_WAITING_UCS2_GROUP: Final = range(0xE0, 0xF0)
_CLASS_ONLY_GROUP: Final = range(0xF0, 0x100)
_DEFAULT_GROUPS: Final = range(0xC0, 0xE0)


def encode_text(text: str, data_coding: int, default: Alphabet = Alphabet.GSM7) -> bytes:
    """The octets of `text`. Raises EncodeError when a character isn't in that alphabet."""
    codec = _codec(data_coding, default)
    try:
        return gsm0338.encode(text) if codec is None else text.encode(codec)
    except (WireError, UnicodeEncodeError) as error:
        raise EncodeError(f"the text has a character outside data_coding {data_coding}: {error}") from error


def decode_text(octets: bytes, data_coding: int, default: Alphabet = Alphabet.GSM7) -> str:
    """The text of `octets`; never fails: what is no character becomes U+FFFD, binary reads as Latin-1."""
    codec = _codec(data_coding, default)
    return gsm0338.decode(octets) if codec is None else octets.decode(codec, "replace")


def is_ucs2(data_coding: int) -> bool:
    """Whether a text with this data_coding is UTF-16BE."""
    return _codec(data_coding, Alphabet.GSM7) == _CODECS[numbers.CODING_UCS2]


def body(octets: bytes, data_coding: int, concat: udh.Concat | None, long: Long) -> Body:
    """How to send the octets of one part (`concat`) or of a whole text (None).

    With Long.PAYLOAD a whole text goes into short_message while it is a single SMS, else into
    message_payload. Raises EncodeError for a part with Long.PAYLOAD: there the whole text is one message.
    """
    if concat is None:
        single = _SINGLE_UCS2 if is_ucs2(data_coding) else _SINGLE_DEFAULT
        if long is Long.PAYLOAD and len(octets) > single:
            return Body(b"", 0, (Tlv(numbers.TAG_MESSAGE_PAYLOAD, octets),))
        return Body(octets)
    if long is Long.UDH:
        return Body(udh.concat_header(concat) + octets, numbers.ESM_UDHI)
    if long is Long.SAR:
        return Body(octets, 0, tlv.of_sar(concat.reference, concat.total, concat.sequence))
    raise EncodeError("message_payload carries a whole text, not a part of one")


def content(pdu: SubmitSm | DeliverSm | DataSm) -> Content:
    """The text's octets and the part they are, by UDH, else by sar_*; a broken UDH counts as text.

    The data may stand in short_message or message_payload.
    """
    octets = (find(pdu.tlvs, numbers.TAG_MESSAGE_PAYLOAD) or b"") if isinstance(pdu, DataSm) else pdu.content
    if pdu.esm_class & numbers.ESM_UDHI:
        try:
            header, text = udh.split(octets)
        except WireError:
            return Content(octets)
        return Content(text, header.concat)
    found = tlv.sar(pdu.tlvs) if pdu.tlvs else None
    return Content(octets, udh.Concat(*found, wide=True) if found else None)


def _codec(data_coding: int, default: Alphabet) -> str | None:
    """The name of Python's codec, or None for the GSM alphabet."""
    if data_coding == numbers.CODING_DEFAULT or data_coding in _DEFAULT_GROUPS:
        return _CODECS.get(default)
    if data_coding in _CODECS:
        return _CODECS[data_coding]
    with_class = data_coding in _CLASS_GROUP
    if data_coding in _WAITING_UCS2_GROUP or (with_class and data_coding & _CLASS_ALPHABET == _CLASS_UCS2):
        return _CODECS[numbers.CODING_UCS2]
    if with_class or data_coding in _CLASS_ONLY_GROUP:
        return "latin-1" if data_coding & _CLASS_8BIT else _CODECS.get(default)
    return "latin-1"
