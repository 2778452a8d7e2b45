"""Octets to PDUs (SMPP 3.4, chapter 4), lenient where peers err and the meaning is still plain."""

import struct
from collections.abc import Callable
from struct import Struct
from typing import NamedTuple, TypeVar

from voip_sms.wire.smpp import numbers, pdus, tlv
from voip_sms.wire.smpp.errors import DecodeError
from voip_sms.wire.smpp.framer import HEADER_LENGTH
from voip_sms.wire.smpp.pdus import Address, Pdu
from voip_sms.wire.smpp.status import RINVCMDLEN, RINVMSGLEN

_HEADER = Struct(">IIII")
_unpack_header = _HEADER.unpack_from
_unpack3 = Struct("BBB").unpack_from
_unpack5 = Struct("BBBBB").unpack_from
_M = TypeVar("_M", pdus.SubmitSm, pdus.DeliverSm)
_FLAGS = 5  # registered_delivery, replace_if_present, data_coding, sm_default_msg_id, sm_length


class Header(NamedTuple):
    """The four words that open every PDU (3.2)."""

    length: int
    command: int
    status: int
    sequence: int


class _ShortMessageError(Exception):
    """sm_length points past the end of the PDU."""


def header(frame: bytes) -> Header:
    """The header alone. Raises DecodeError for fewer than 16 octets."""
    if len(frame) < HEADER_LENGTH:
        raise DecodeError(f"a PDU of {len(frame)} octets has no whole header", 0, 0)
    return Header(*_unpack_header(frame))


def decode(frame: bytes) -> Pdu:
    """One whole frame, as Framer yields it. A command that isn't in pdus comes back as Unknown.

    Raises DecodeError, which carries the command, the sequence and the status to answer with.
    """
    _, command, status, sequence = header(frame)
    reader = _READERS.get(command)
    if reader is None:
        return pdus.Unknown(command, sequence, status, frame[HEADER_LENGTH:])
    try:
        return reader(frame, command, status, sequence)
    except (ValueError, IndexError, struct.error) as error:
        detail = f"{numbers.command_name(command)} ends inside a field"
        raise DecodeError(detail, command, sequence, RINVCMDLEN) from error
    except _ShortMessageError as error:
        detail = f"{numbers.command_name(command)}: sm_length points past the end"
        raise DecodeError(detail, command, sequence, RINVMSGLEN) from error


def _string(frame: bytes, start: int) -> tuple[str, int]:
    end = frame.index(0, start)
    return frame[start:end].decode("latin-1"), end + 1


def _last_string(frame: bytes, start: int) -> tuple[str, int]:
    # COMPAT: responses come without a body, or with a string that lacks its NUL.
    end = frame.find(0, start)
    if end < 0:
        end = len(frame)
    return frame[start:end].decode("latin-1"), end + 1


def _address(frame: bytes, start: int) -> tuple[Address, int]:
    end = frame.index(0, start + 2)
    return Address(frame[start], frame[start + 1], frame[start + 2 : end].decode("latin-1")), end + 1


def _bind(frame: bytes, command: int, _status: int, sequence: int) -> Pdu:
    system_id, at = _string(frame, HEADER_LENGTH)
    password, at = _string(frame, at)
    system_type, at = _string(frame, at)
    version = frame[at]
    address_range, _ = _address(frame, at + 1)
    return pdus.Bind(command, sequence, system_id, password, system_type, version, address_range)


def _bind_resp(frame: bytes, command: int, status: int, sequence: int) -> Pdu:
    system_id, at = _last_string(frame, HEADER_LENGTH)
    return pdus.BindResp(command, sequence, status, system_id, tlv.read(frame, at))


def _submit(frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    return _message(pdus.SubmitSm, frame, sequence)


def _deliver(frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    return _message(pdus.DeliverSm, frame, sequence)


def _message(make: type[_M], frame: bytes, sequence: int) -> _M:
    service_type, at = _string(frame, HEADER_LENGTH)
    source, at = _address(frame, at)
    dest, at = _address(frame, at)
    esm_class, protocol_id, priority = _unpack3(frame, at)
    schedule, at = _string(frame, at + 3)
    validity, at = _string(frame, at)
    registered, replace, data_coding, default_id, length = _unpack5(frame, at)
    at += _FLAGS
    end = at + length
    if end > len(frame):
        raise _ShortMessageError
    return make(
        sequence,
        source,
        dest,
        frame[at:end],
        esm_class,
        data_coding,
        registered,
        tlv.read(frame, end) if end < len(frame) else (),
        service_type,
        protocol_id,
        priority,
        schedule,
        validity,
        replace,
        default_id,
    )


def _data(frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    service_type, at = _string(frame, HEADER_LENGTH)
    source, at = _address(frame, at)
    dest, at = _address(frame, at)
    esm_class, registered, data_coding = _unpack3(frame, at)
    tlvs = tlv.read(frame, at + 3)
    return pdus.DataSm(sequence, source, dest, esm_class, registered, data_coding, tlvs, service_type)


def _submit_resp(frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    message_id, at = _last_string(frame, HEADER_LENGTH)
    return pdus.SubmitSmResp(sequence, message_id, status, tlv.read(frame, at) if at < len(frame) else ())


def _data_resp(frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    message_id, at = _last_string(frame, HEADER_LENGTH)
    return pdus.DataSmResp(sequence, message_id, status, tlv.read(frame, at))


def _deliver_resp(_frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    return pdus.DeliverSmResp(sequence, status)


def _query(frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    message_id, at = _string(frame, HEADER_LENGTH)
    return pdus.QuerySm(sequence, message_id, _address(frame, at)[0])


def _query_resp(frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    if status and len(frame) == HEADER_LENGTH:
        return pdus.QuerySmResp(sequence, status=status)
    message_id, at = _string(frame, HEADER_LENGTH)
    final_date, at = _string(frame, at)
    return pdus.QuerySmResp(sequence, message_id, final_date, frame[at], frame[at + 1], status)


def _cancel(frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    service_type, at = _string(frame, HEADER_LENGTH)
    message_id, at = _string(frame, at)
    source, at = _address(frame, at)
    return pdus.CancelSm(sequence, message_id, source, _address(frame, at)[0], service_type)


def _cancel_resp(_frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    return pdus.CancelSmResp(sequence, status)


def _enquire(_frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    return pdus.EnquireLink(sequence)


def _enquire_resp(_frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    return pdus.EnquireLinkResp(sequence, status)


def _unbind(_frame: bytes, _command: int, _status: int, sequence: int) -> Pdu:
    return pdus.Unbind(sequence)


def _unbind_resp(_frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    return pdus.UnbindResp(sequence, status)


def _nack(_frame: bytes, _command: int, status: int, sequence: int) -> Pdu:
    return pdus.GenericNack(sequence, status)


_READERS: dict[int, Callable[[bytes, int, int, int], Pdu]] = {
    numbers.GENERIC_NACK: _nack,
    numbers.BIND_RECEIVER: _bind,
    numbers.BIND_TRANSMITTER: _bind,
    numbers.BIND_TRANSCEIVER: _bind,
    numbers.BIND_RECEIVER | numbers.RESPONSE: _bind_resp,
    numbers.BIND_TRANSMITTER | numbers.RESPONSE: _bind_resp,
    numbers.BIND_TRANSCEIVER | numbers.RESPONSE: _bind_resp,
    numbers.SUBMIT_SM: _submit,
    numbers.SUBMIT_SM | numbers.RESPONSE: _submit_resp,
    numbers.DELIVER_SM: _deliver,
    numbers.DELIVER_SM | numbers.RESPONSE: _deliver_resp,
    numbers.DATA_SM: _data,
    numbers.DATA_SM | numbers.RESPONSE: _data_resp,
    numbers.QUERY_SM: _query,
    numbers.QUERY_SM | numbers.RESPONSE: _query_resp,
    numbers.CANCEL_SM: _cancel,
    numbers.CANCEL_SM | numbers.RESPONSE: _cancel_resp,
    numbers.ENQUIRE_LINK: _enquire,
    numbers.ENQUIRE_LINK | numbers.RESPONSE: _enquire_resp,
    numbers.UNBIND: _unbind,
    numbers.UNBIND | numbers.RESPONSE: _unbind_resp,
}
