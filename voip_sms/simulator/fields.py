"""A PDU as plain named fields, in the specification's own names, for people and for JSON."""

from dataclasses import fields as dataclass_fields

from voip_sms.wire.smpp import Address, Pdu
from voip_sms.wire.smpp.numbers import TAG_NAMES
from voip_sms.wire.smpp.tlv import Tlvs

# The header has these already.
_IN_HEADER = frozenset({"command", "sequence", "status"})
_ADDRESS_NAMES = {
    "source": ("source_addr_ton", "source_addr_npi", "source_addr"),
    "dest": ("dest_addr_ton", "dest_addr_npi", "destination_addr"),
    "address_range": ("addr_ton", "addr_npi", "address_range"),
}
_NAMES = {
    "priority": "priority_flag",
    "schedule": "schedule_delivery_time",
    "validity": "validity_period",
    "replace_if_present": "replace_if_present_flag",
    "default_message_id": "sm_default_msg_id",
}


def describe(pdu: Pdu) -> dict[str, object]:
    """All body fields; octets as hex, passwords as `***`, optional parameters under `tlvs` by name."""
    shown: dict[str, object] = {}
    for field in dataclass_fields(pdu):
        if field.name not in _IN_HEADER:
            shown |= _field(field.name, getattr(pdu, field.name))
    return shown


def _field(name: str, value: object) -> dict[str, object]:
    if isinstance(value, Address):
        return dict(zip(_ADDRESS_NAMES[name], value, strict=True))
    if name == "tlvs":
        return {"tlvs": _tlvs(value)} if isinstance(value, tuple) else {}
    if name == "password":
        return {"password": "***"}
    if isinstance(value, bytes):
        return {_NAMES.get(name, name): value.hex()}
    return {_NAMES.get(name, name): value}


def _tlvs(tlvs: Tlvs) -> dict[str, str]:
    return {TAG_NAMES.get(tag, f"0x{tag:04x}"): value.hex() for tag, value in tlvs}
