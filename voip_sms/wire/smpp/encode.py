"""PDUs to octets (SMPP 3.4, chapter 4), checked: what doesn't fit its field is an EncodeError."""

import struct
from collections.abc import Callable
from struct import Struct
from typing import Any, Final

from voip_sms.wire.smpp import numbers, pdus, tlv
from voip_sms.wire.smpp.errors import EncodeError
from voip_sms.wire.smpp.pdus import Address, Pdu

# Longest value of each C-octet string without its NUL (chapter 4 tables give sizes with the NUL).
MAX_SYSTEM_ID: Final = 15
MAX_PASSWORD: Final = 32  # COMPAT: the table says 8, providers issue longer ones
MAX_SYSTEM_TYPE: Final = 12
MAX_SERVICE_TYPE: Final = 5
MAX_ADDRESS: Final = 20
MAX_ADDRESS_RANGE: Final = 40
MAX_MESSAGE_ID: Final = 64
MAX_TIME: Final = 16
MAX_SHORT_MESSAGE: Final = 254

_HEADER = Struct(">IIII")
_HEADER_SIZE = _HEADER.size
_pack_header = _HEADER.pack
_pack2 = Struct("BB").pack
_pack3 = Struct("BBB").pack
_pack5 = Struct("BBBBB").pack


def encode(pdu: Pdu) -> bytes:
    """The PDU as octets, header included. Raises EncodeError when a field doesn't fit."""
    try:
        return _ENCODERS[type(pdu)](pdu)
    except (struct.error, UnicodeEncodeError) as error:
        raise EncodeError(f"{type(pdu).__name__}: {error}") from error


def _frame(command: int, status: int, sequence: int, body: bytes) -> bytes:
    return _pack_header(_HEADER_SIZE + len(body), command, status, sequence) + body


def _cstring(value: str, limit: int, name: str) -> bytes:
    if len(value) > limit or "\0" in value:
        raise EncodeError(f"{name} is longer than {limit} octets or holds a NUL")
    return value.encode("latin-1") + b"\0"


def _address(address: Address, name: str, limit: int = MAX_ADDRESS) -> bytes:
    ton, npi, value = address
    return _pack2(ton, npi) + _cstring(value, limit, name)


def _bind(pdu: pdus.Bind) -> bytes:
    body = (
        _cstring(pdu.system_id, MAX_SYSTEM_ID, "system_id")
        + _cstring(pdu.password, MAX_PASSWORD, "password")
        + _cstring(pdu.system_type, MAX_SYSTEM_TYPE, "system_type")
        + struct.pack("B", pdu.interface_version)
        + _address(pdu.address_range, "address_range", MAX_ADDRESS_RANGE)
    )
    return _frame(pdu.command, 0, pdu.sequence, body)


def _bind_resp(pdu: pdus.BindResp) -> bytes:
    body = _cstring(pdu.system_id, MAX_SYSTEM_ID, "system_id") + tlv.write(pdu.tlvs)
    return _frame(pdu.command, pdu.status, pdu.sequence, body)


def _message(pdu: pdus.SubmitSm | pdus.DeliverSm, command: int) -> bytes:
    source_ton, source_npi, source = pdu.source
    dest_ton, dest_npi, dest = pdu.dest
    text, schedule, validity = pdu.short_message, pdu.schedule, pdu.validity
    service_type = pdu.service_type
    if (
        len(source) > MAX_ADDRESS
        or len(dest) > MAX_ADDRESS
        or len(text) > MAX_SHORT_MESSAGE
        or len(service_type) > MAX_SERVICE_TYPE
        or len(schedule) > MAX_TIME
        or len(validity) > MAX_TIME
    ):
        raise EncodeError(_too_long(pdu))
    strings = f"{service_type}\0{source}\0{dest}\0{schedule}\0{validity}\0"
    if strings.count("\0") != _MESSAGE_STRINGS:
        raise EncodeError("a string field holds a NUL")
    at_source = len(service_type) + 1
    at_dest = at_source + len(source) + 1
    at_times = at_dest + len(dest) + 1
    octets = strings.encode("latin-1")
    body = b"".join(
        (
            octets[:at_source],
            _pack2(source_ton, source_npi),
            octets[at_source:at_dest],
            _pack2(dest_ton, dest_npi),
            octets[at_dest:at_times],
            _pack3(pdu.esm_class, pdu.protocol_id, pdu.priority),
            octets[at_times:],
            _pack5(
                pdu.registered_delivery,
                pdu.replace_if_present,
                pdu.data_coding,
                pdu.default_message_id,
                len(text),
            ),
            text,
            tlv.write(pdu.tlvs) if pdu.tlvs else b"",
        )
    )
    return _pack_header(_HEADER_SIZE + len(body), command, 0, pdu.sequence) + body


_MESSAGE_STRINGS = 5


def _too_long(pdu: pdus.SubmitSm | pdus.DeliverSm) -> str:
    limits = {
        "source": (pdu.source.value, MAX_ADDRESS),
        "dest": (pdu.dest.value, MAX_ADDRESS),
        "short_message": (pdu.short_message, MAX_SHORT_MESSAGE),
        "service_type": (pdu.service_type, MAX_SERVICE_TYPE),
        "schedule": (pdu.schedule, MAX_TIME),
        "validity": (pdu.validity, MAX_TIME),
    }
    return ", ".join(
        f"{name} is over {top} octets" for name, (value, top) in limits.items() if len(value) > top
    )


def _submit(pdu: pdus.SubmitSm) -> bytes:
    return _message(pdu, numbers.SUBMIT_SM)


def _deliver(pdu: pdus.DeliverSm) -> bytes:
    return _message(pdu, numbers.DELIVER_SM)


def _data(pdu: pdus.DataSm) -> bytes:
    body = (
        _cstring(pdu.service_type, MAX_SERVICE_TYPE, "service_type")
        + _address(pdu.source, "source", MAX_MESSAGE_ID)
        + _address(pdu.dest, "dest", MAX_MESSAGE_ID)
        + _pack3(pdu.esm_class, pdu.registered_delivery, pdu.data_coding)
        + tlv.write(pdu.tlvs)
    )
    return _frame(numbers.DATA_SM, 0, pdu.sequence, body)


def _with_message_id(pdu: pdus.SubmitSmResp | pdus.DataSmResp, command: int) -> bytes:
    if pdu.status and not pdu.message_id and not pdu.tlvs:  # SMPP 3.4 4.4.2: then there is no body
        return _frame(command, pdu.status, pdu.sequence, b"")
    body = _cstring(pdu.message_id, MAX_MESSAGE_ID, "message_id")
    if pdu.tlvs:
        body += tlv.write(pdu.tlvs)
    return _frame(command, pdu.status, pdu.sequence, body)


def _submit_resp(pdu: pdus.SubmitSmResp) -> bytes:
    return _with_message_id(pdu, numbers.SUBMIT_SM | numbers.RESPONSE)


def _data_resp(pdu: pdus.DataSmResp) -> bytes:
    return _with_message_id(pdu, numbers.DATA_SM | numbers.RESPONSE)


def _deliver_resp(pdu: pdus.DeliverSmResp) -> bytes:
    return _frame(numbers.DELIVER_SM | numbers.RESPONSE, pdu.status, pdu.sequence, b"\0")


def _query(pdu: pdus.QuerySm) -> bytes:
    body = _cstring(pdu.message_id, MAX_MESSAGE_ID, "message_id") + _address(pdu.source, "source")
    return _frame(numbers.QUERY_SM, 0, pdu.sequence, body)


def _query_resp(pdu: pdus.QuerySmResp) -> bytes:
    body = (
        _cstring(pdu.message_id, MAX_MESSAGE_ID, "message_id")
        + _cstring(pdu.final_date, MAX_TIME, "final_date")
        + _pack2(pdu.message_state, pdu.error_code)
    )
    return _frame(numbers.QUERY_SM | numbers.RESPONSE, pdu.status, pdu.sequence, body)


def _cancel(pdu: pdus.CancelSm) -> bytes:
    body = (
        _cstring(pdu.service_type, MAX_SERVICE_TYPE, "service_type")
        + _cstring(pdu.message_id, MAX_MESSAGE_ID, "message_id")
        + _address(pdu.source, "source")
        + _address(pdu.dest, "dest")
    )
    return _frame(numbers.CANCEL_SM, 0, pdu.sequence, body)


def _unknown(pdu: pdus.Unknown) -> bytes:
    return _frame(pdu.command, pdu.status, pdu.sequence, pdu.body)


def _header_only(command: int) -> Callable[[Any], bytes]:
    def encode_header(pdu: Any) -> bytes:
        return _pack_header(_HEADER_SIZE, command, getattr(pdu, "status", 0), pdu.sequence)

    return encode_header


_ENCODERS: dict[type, Callable[[Any], bytes]] = {
    pdus.Bind: _bind,
    pdus.BindResp: _bind_resp,
    pdus.SubmitSm: _submit,
    pdus.SubmitSmResp: _submit_resp,
    pdus.DeliverSm: _deliver,
    pdus.DeliverSmResp: _deliver_resp,
    pdus.DataSm: _data,
    pdus.DataSmResp: _data_resp,
    pdus.QuerySm: _query,
    pdus.QuerySmResp: _query_resp,
    pdus.CancelSm: _cancel,
    pdus.CancelSmResp: _header_only(numbers.CANCEL_SM | numbers.RESPONSE),
    pdus.EnquireLink: _header_only(numbers.ENQUIRE_LINK),
    pdus.EnquireLinkResp: _header_only(numbers.ENQUIRE_LINK | numbers.RESPONSE),
    pdus.Unbind: _header_only(numbers.UNBIND),
    pdus.UnbindResp: _header_only(numbers.UNBIND | numbers.RESPONSE),
    pdus.GenericNack: _header_only(numbers.GENERIC_NACK),
    pdus.Unknown: _unknown,
}
