"""The SMPP 3.4 PDUs as values; requests carry no status, responses do."""

from dataclasses import dataclass, field
from typing import NamedTuple

from voip_sms.wire.smpp.numbers import (
    ESM_RECEIPT,
    ESM_TYPE_MASK,
    INTERFACE_VERSION,
    NPI_ISDN,
    NPI_UNKNOWN,
    TAG_MESSAGE_PAYLOAD,
    TON_ALPHANUMERIC,
    TON_INTERNATIONAL,
    TON_UNKNOWN,
)
from voip_sms.wire.smpp.tlv import Tlvs, find


class Address(NamedTuple):
    """An SME address: type of number (5.2.5), numbering plan (5.2.6), digits without `+` or a name."""

    ton: int
    npi: int
    value: str

    @classmethod
    def international(cls, number: str) -> "Address":
        """An E.164 number, with or without its `+`."""
        return cls(TON_INTERNATIONAL, NPI_ISDN, number.removeprefix("+"))

    @classmethod
    def alphanumeric(cls, name: str) -> "Address":
        """A sender name."""
        return cls(TON_ALPHANUMERIC, NPI_UNKNOWN, name)


NOWHERE = Address(TON_UNKNOWN, NPI_UNKNOWN, "")


@dataclass(frozen=True, slots=True)
class Bind:
    """bind_receiver, bind_transmitter or bind_transceiver (4.1.1, 4.1.3, 4.1.5), by `command`."""

    command: int
    sequence: int
    system_id: str
    password: str = field(default="", repr=False)
    system_type: str = ""
    interface_version: int = INTERFACE_VERSION
    address_range: Address = NOWHERE


@dataclass(frozen=True, slots=True)
class BindResp:
    """Its response (4.1.2, 4.1.4, 4.1.6); `command` is the response's own id."""

    command: int
    sequence: int
    status: int = 0
    system_id: str = ""
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class _Message:
    sequence: int
    source: Address
    dest: Address
    short_message: bytes = b""
    esm_class: int = 0
    data_coding: int = 0
    registered_delivery: int = 0
    tlvs: Tlvs = ()
    service_type: str = ""
    protocol_id: int = 0
    priority: int = 0
    schedule: str = ""
    validity: str = ""
    replace_if_present: int = 0
    default_message_id: int = 0

    @property
    def content(self) -> bytes:
        """short_message, or message_payload where that is empty (5.3.2.32: never both)."""
        return self.short_message or find(self.tlvs, TAG_MESSAGE_PAYLOAD) or b""

    @property
    def message_type(self) -> int:
        """The message-type bits of esm_class: 0 for a message, numbers.ESM_RECEIPT, ESM_INTERMEDIATE …"""
        return self.esm_class & ESM_TYPE_MASK

    @property
    def is_receipt(self) -> bool:
        """Whether this is a final delivery receipt (5.2.12, bit 2), whatever other bits are set."""
        return bool(self.esm_class & ESM_RECEIPT)


@dataclass(frozen=True, slots=True)
class SubmitSm(_Message):
    """submit_sm (4.4.1)."""


@dataclass(frozen=True, slots=True)
class DeliverSm(_Message):
    """deliver_sm (4.6.1), for messages and receipts alike."""


@dataclass(frozen=True, slots=True)
class DataSm:
    """data_sm (4.7.1); the text is in message_payload."""

    sequence: int
    source: Address
    dest: Address
    esm_class: int = 0
    registered_delivery: int = 0
    data_coding: int = 0
    tlvs: Tlvs = ()
    service_type: str = ""


@dataclass(frozen=True, slots=True)
class SubmitSmResp:
    """submit_sm_resp (4.4.2); without a message_id when the status is an error."""

    sequence: int
    message_id: str = ""
    status: int = 0
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class DeliverSmResp:
    """deliver_sm_resp (4.6.2); its message_id is unused and empty."""

    sequence: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class DataSmResp:
    """data_sm_resp (4.7.2)."""

    sequence: int
    message_id: str = ""
    status: int = 0
    tlvs: Tlvs = ()


@dataclass(frozen=True, slots=True)
class QuerySm:
    """query_sm (4.8.1); `source` as in the submit_sm that it asks about."""

    sequence: int
    message_id: str
    source: Address = NOWHERE


@dataclass(frozen=True, slots=True)
class QuerySmResp:
    """query_sm_resp (4.8.2); final_date is empty while the state isn't final."""

    sequence: int
    message_id: str = ""
    final_date: str = ""
    message_state: int = 0
    error_code: int = 0
    status: int = 0


@dataclass(frozen=True, slots=True)
class CancelSm:
    """cancel_sm (4.9.1)."""

    sequence: int
    message_id: str
    source: Address = NOWHERE
    dest: Address = NOWHERE
    service_type: str = ""


@dataclass(frozen=True, slots=True)
class CancelSmResp:
    """cancel_sm_resp (4.9.2)."""

    sequence: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class EnquireLink:
    """enquire_link (4.11.1), sent by either side."""

    sequence: int


@dataclass(frozen=True, slots=True)
class EnquireLinkResp:
    """enquire_link_resp (4.11.2)."""

    sequence: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class Unbind:
    """unbind (4.2.1), sent by either side."""

    sequence: int


@dataclass(frozen=True, slots=True)
class UnbindResp:
    """unbind_resp (4.2.2)."""

    sequence: int
    status: int = 0


@dataclass(frozen=True, slots=True)
class GenericNack:
    """generic_nack (4.3.1): the answer to what could not be read as a PDU."""

    sequence: int
    status: int


@dataclass(frozen=True, slots=True)
class Unknown:
    """A sound frame whose command_id isn't among the above, body kept raw."""

    command: int
    sequence: int
    status: int = 0
    body: bytes = b""


Pdu = (
    Bind
    | BindResp
    | SubmitSm
    | SubmitSmResp
    | DeliverSm
    | DeliverSmResp
    | DataSm
    | DataSmResp
    | QuerySm
    | QuerySmResp
    | CancelSm
    | CancelSmResp
    | EnquireLink
    | EnquireLinkResp
    | Unbind
    | UnbindResp
    | GenericNack
    | Unknown
)
