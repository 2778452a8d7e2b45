"""A deliver_sm as what it means: a message from a handset, a receipt, or nothing to us."""

import hashlib
from dataclasses import replace

from voip_sms.carriers.smpp.settings import SmppSettings
from voip_sms.core import addresses
from voip_sms.core.failures import Refusal
from voip_sms.core.model import CarrierReceipt, InboundPart
from voip_sms.core.status import from_message_state, from_receipt_stat
from voip_sms.wire import receipts, smpp
from voip_sms.wire.smpp import numbers, tlv
from voip_sms.wire.smpp.text import Alphabet, content, decode_text, is_ucs2


def read(pdu: smpp.DeliverSm, settings: SmppSettings, country: str) -> InboundPart | CarrierReceipt | None:
    """What it is; None for acknowledgements of the handset and its user, which only want an answer.

    Decided by esm_class alone (SMPP 3.4, 5.2.12): the text of an ordinary message may look like a receipt.
    """
    if pdu.is_receipt:
        return _receipt(pdu, settings, country, final=True)
    if pdu.message_type == numbers.ESM_INTERMEDIATE:
        return _receipt(pdu, settings, country, final=False)
    if pdu.message_type:
        return None
    return _message(pdu, settings, country)


def _message(pdu: smpp.DeliverSm, settings: SmppSettings, country: str) -> InboundPart:
    found = content(pdu)
    text = decode_text(found.octets, pdu.data_coding, Alphabet(settings.default_alphabet))
    part = InboundPart(
        sender=_number(pdu.source, country),
        to=_number(pdu.dest, country),
        text=text,
        encoding="ucs2" if is_ucs2(pdu.data_coding) else "gsm7",
        digest=hashlib.sha256(repr(replace(pdu, sequence=0)).encode()).digest(),
    )
    if found.concat is None or found.concat.total == 1:
        return part
    concat = found.concat
    return replace(part, reference=concat.reference, no=concat.sequence, total=concat.total)


def _receipt(
    pdu: smpp.DeliverSm, settings: SmppSettings, country: str, *, final: bool
) -> CarrierReceipt | None:
    text = receipts.parse(pdu.content)
    raw_id = tlv.receipted_message_id(pdu.tlvs) or text.id or ""
    state = tlv.message_state(pdu.tlvs)
    status = None
    if final:  # the TLV wins over the text
        status = from_message_state(state) if state is not None else from_receipt_stat(text.stat or "")
    word = numbers.STATE_WORDS.get(state, "") if state is not None else (text.stat or "")
    return CarrierReceipt(
        references=receipts.candidate_ids(raw_id, settings.id_format) if raw_id else (),
        status=None if status is None else str(status),
        cause=" ".join(filter(None, (word, _error(pdu, text)))),
        raw=raw_id,
        recipient=_number(pdu.source, country),
    )


def _error(pdu: smpp.DeliverSm, text: receipts.Receipt) -> str:
    error = tlv.network_error(pdu.tlvs)
    if error is not None:
        return str(error.code)
    return text.err if text.err and text.err.strip("0") else ""


def _number(address: smpp.Address, country: str) -> str:
    """E.164 with + where it is a number of the numbering plan; short codes and names as they are."""
    if address.ton == numbers.TON_ALPHANUMERIC:
        return address.value
    digits = address.value.removeprefix("+")
    if address.ton == numbers.TON_INTERNATIONAL and digits.isdecimal():
        return f"+{digits}"
    try:
        return addresses.number(address.value, country).e164
    except Refusal:
        return address.value
