"""Optional parameters (SMPP 3.4, 3.2.4.1, 5.3): reading, writing, and the few that mean something to us."""

from collections.abc import Iterable
from struct import Struct
from typing import NamedTuple

from voip_sms.wire.smpp import numbers
from voip_sms.wire.smpp.errors import EncodeError

_HEAD = Struct(">HH")
_UINT16 = Struct(">H")
_NETWORK_ERROR = Struct(">BH")
_MAX_VALUE = 0xFFFF  # the length field has 16 bits


class Tlv(NamedTuple):
    """One parameter as it stood on the wire; unknown tags are kept like known ones."""

    tag: int
    value: bytes


class Sar(NamedTuple):
    """The sar_* triple (5.3.2.22-24): reference 0-65535, total and sequence 1-255."""

    reference: int
    total: int
    sequence: int


class NetworkError(NamedTuple):
    """network_error_code (5.3.2.31): network 1 ANSI-136, 2 IS-95, 3 GSM; code is the network's own."""

    network: int
    code: int


Tlvs = tuple[Tlv, ...]


def read(octets: bytes, start: int) -> Tlvs:
    """All parameters from `start` to the end of the PDU.

    A length that points past the end yields what is there: the frame's own length bounds it, so framing
    is never lost. One to three stray octets at the end are ignored.
    """
    found = []
    end = len(octets)
    while start + _HEAD.size <= end:
        tag, length = _HEAD.unpack_from(octets, start)
        start += _HEAD.size
        found.append(Tlv(tag, octets[start : start + length]))
        start += length
    return tuple(found)


def write(tlvs: Iterable[tuple[int, bytes]]) -> bytes:
    """The parameters as octets, in order. Raises EncodeError for a value over 65535 octets."""
    parts = []
    for tag, value in tlvs:
        if len(value) > _MAX_VALUE:
            raise EncodeError(f"optional parameter 0x{tag:04x} is longer than {_MAX_VALUE} octets")
        parts.append(_HEAD.pack(tag, len(value)))
        parts.append(value)
    return b"".join(parts)


def find(tlvs: Tlvs, tag: int) -> bytes | None:
    """The value of the first parameter with this tag."""
    for candidate, value in tlvs:
        if candidate == tag:
            return value
    return None


def receipted_message_id(tlvs: Tlvs) -> str | None:
    """The id that the SMSC gave to the message which this receipt is about (5.3.2.12), raw."""
    value = find(tlvs, numbers.TAG_RECEIPTED_MESSAGE_ID)
    return value.split(b"\0", 1)[0].decode("latin-1") or None if value is not None else None


def message_state(tlvs: Tlvs) -> int | None:
    """message_state (5.3.2.35), one of numbers.STATE_*."""
    return _uint8(find(tlvs, numbers.TAG_MESSAGE_STATE))


def interface_version(tlvs: Tlvs) -> int | None:
    """sc_interface_version (5.3.2.25) of a bind response."""
    return _uint8(find(tlvs, numbers.TAG_SC_INTERFACE_VERSION))


def network_error(tlvs: Tlvs) -> NetworkError | None:
    """network_error_code, if it has its three octets."""
    value = find(tlvs, numbers.TAG_NETWORK_ERROR_CODE)
    if value is None or len(value) < _NETWORK_ERROR.size:
        return None
    return NetworkError(*_NETWORK_ERROR.unpack_from(value))


def sar(tlvs: Tlvs) -> Sar | None:
    """The sar_* triple, or None unless all three are there and say `sequence` of `total`."""
    reference = find(tlvs, numbers.TAG_SAR_REFERENCE)
    total = _uint8(find(tlvs, numbers.TAG_SAR_TOTAL))
    sequence = _uint8(find(tlvs, numbers.TAG_SAR_SEQUENCE))
    if not reference or not total or not sequence or sequence > total:
        return None
    return Sar(int.from_bytes(reference[:2], "big"), total, sequence)


def of_receipt(message_id: str, state: int) -> Tlvs:
    """The two parameters of a delivery receipt."""
    return (
        Tlv(numbers.TAG_RECEIPTED_MESSAGE_ID, message_id.encode("latin-1") + b"\0"),
        Tlv(numbers.TAG_MESSAGE_STATE, bytes((state,))),
    )


def of_sar(reference: int, total: int, sequence: int) -> Tlvs:
    """The sar_* triple as parameters."""
    return (
        Tlv(numbers.TAG_SAR_REFERENCE, _UINT16.pack(reference)),
        Tlv(numbers.TAG_SAR_TOTAL, bytes((total,))),
        Tlv(numbers.TAG_SAR_SEQUENCE, bytes((sequence,))),
    )


def _uint8(value: bytes | None) -> int | None:
    # COMPAT: some SMSCs send one-octet values as two or four; the last octet holds the number.
    return value[-1] if value else None
