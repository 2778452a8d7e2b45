"""What a strict SMSC refuses in a submit_sm."""

from typing import Final

from voip_sms.wire.smpp import SubmitSm, status, tlv
from voip_sms.wire.smpp.numbers import (
    CODING_DEFAULT,
    ESM_UDHI,
    TAG_MESSAGE_PAYLOAD,
    TAG_SAR_REFERENCE,
    TON_ALPHANUMERIC,
)

# A name has at most 11 septets' room in an address of 20 semi-octets (3GPP TS 23.040, 9.1.2.5).
_LONGEST_NAME: Final = 11
# One SMS: 140 octets, or 160 septets sent one an octet (9.2.3.24).
_OCTETS: Final = 140
_SEPTETS: Final = 160


def refusal(pdu: SubmitSm) -> int:
    """A command_status, or 0 for a submit that is all right."""
    if not (pdu.dest.value.isascii() and pdu.dest.value.isdigit()):
        return status.RINVDSTADR
    if pdu.source.ton == TON_ALPHANUMERIC and not 0 < len(pdu.source.value) <= _LONGEST_NAME:
        return status.RINVSRCADR
    limit = _SEPTETS if pdu.data_coding == CODING_DEFAULT else _OCTETS
    if len(pdu.short_message) > limit:
        return status.RINVMSGLEN
    return _doubled(pdu) if pdu.tlvs else 0


def _doubled(pdu: SubmitSm) -> int:
    """Text, or the parts of a text, said in two ways at once."""
    if pdu.short_message and tlv.find(pdu.tlvs, TAG_MESSAGE_PAYLOAD) is not None:
        return status.ROPTPARNOTALLWD
    if pdu.esm_class & ESM_UDHI and tlv.find(pdu.tlvs, TAG_SAR_REFERENCE) is not None:
        return status.RINVESMCLASS
    return 0
