"""A deliver_sm as what it means: a message from a handset, a receipt, or nothing to us."""

import hashlib
from dataclasses import replace

from voip_sms.core.model import CarrierReceipt, InboundPart
from voip_sms.core.originators import Kind, from_network
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.core.status import Status, from_message_state, from_receipt_stat
from voip_sms.wire import receipts, smpp
from voip_sms.wire.smpp import numbers, tlv
from voip_sms.wire.smpp.text import Alphabet, Content, content, decode_text, is_ucs2


def read(
    pdu: smpp.DeliverSm, octets: bytes, settings: SmppCarrier, country: str
) -> InboundPart | CarrierReceipt | None:
    """What it is; None for acknowledgements of the handset and its user, which only want an answer.

    Decided by esm_class alone (SMPP 3.4, 5.2.12): the text of an ordinary message may look like a receipt.
    `octets` are the PDU's after its header: what a repetition has in common with the first.
    """
    if pdu.is_receipt:
        return _receipt(pdu, settings, country, final=True)
    if pdu.message_type == numbers.ESM_INTERMEDIATE:
        return _receipt(pdu, settings, country, final=False)
    if pdu.message_type:
        return None
    return _message(pdu, octets, settings, country)


def _message(pdu: smpp.DeliverSm, octets: bytes, settings: SmppCarrier, country: str) -> InboundPart:
    found = content(pdu)
    part = InboundPart(
        sender=_address(pdu.source, country),
        to=_address(pdu.dest, country),
        text=_text(found, pdu.data_coding, Alphabet(settings.default_alphabet)),
        encoding="ucs2" if is_ucs2(pdu.data_coding) else "gsm7",
        digest=hashlib.sha256(octets).digest(),
    )
    if found.concat is None or found.concat.total == 1:
        return part
    concat = found.concat
    return replace(part, reference=concat.reference, no=concat.sequence, total=concat.total)


def _text(found: Content, data_coding: int, default: Alphabet) -> str:
    if found.concat is not None and is_ucs2(data_coding):
        try:  # half a surrogate pair at an edge: the other half is in the next part
            return found.octets.decode("utf-16-be", "surrogatepass")
        except UnicodeDecodeError:
            pass  # an odd octet at the end
    return decode_text(found.octets, data_coding, default)


def _receipt(pdu: smpp.DeliverSm, settings: SmppCarrier, country: str, *, final: bool) -> CarrierReceipt:
    text, named = _receipt_text(pdu), tlv.receipted_message_id(pdu.tlvs)
    state = tlv.message_state(pdu.tlvs)
    if state not in numbers.STATE_WORDS:
        state = None
    status = _status(state, text.stat) if final else None
    word = (text.stat or "") if state is None else numbers.STATE_WORDS[state]
    recipient = from_network(pdu.source.value, pdu.source.ton, country)
    return CarrierReceipt(
        references=_references(named, text.id, settings),
        status=None if status is None else status.value,
        cause=" ".join(filter(None, (word, _error(pdu, text)))),
        raw=named or text.id or "",
        recipient=recipient.value if recipient.kind is Kind.NUMBER else "",
    )


def _receipt_text(pdu: smpp.DeliverSm) -> receipts.Essence:
    octets = content(pdu).octets
    # COMPAT: some carriers write even receipts in UTF-16.
    return receipts.essence(decode_text(octets, pdu.data_coding) if is_ucs2(pdu.data_coding) else octets)


def _references(named: str | None, written: str | None, settings: SmppCarrier) -> tuple[str, ...]:
    """Canonical ids, likeliest first. The TLV wins; a carrier may write the same id otherwise in the text."""
    likeliest = receipts.candidate_ids(named, settings.id_format) if named else ()
    if not written or written == named:
        return likeliest
    return tuple(dict.fromkeys((*likeliest, *receipts.candidate_ids(written, settings.id_format))))


def _status(state: int | None, stat: str | None) -> Status | None:
    """The TLV wins over the text."""
    return from_receipt_stat(stat or "") if state is None else from_message_state(state)


def _error(pdu: smpp.DeliverSm, text: receipts.Essence) -> str:
    error = tlv.network_error(pdu.tlvs)
    if error is not None and error.code:
        return str(error.code)
    return text.err if text.err and text.err.strip("0") else ""


def _address(address: smpp.Address, country: str) -> str:
    """E.164 with + where it is a number of the numbering plan; short codes and names as they are."""
    return from_network(address.value, address.ton, country).value
