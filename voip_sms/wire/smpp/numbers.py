"""The numbers of SMPP 3.4: one table per field, each citing its section of the specification (Issue 1.2)."""

from typing import Final

INTERFACE_VERSION: Final = 0x34  # 5.2.4

# Command ids, 5.1.2.1. A response is its request with the top bit set.
RESPONSE: Final = 0x80000000
GENERIC_NACK: Final = 0x80000000
BIND_RECEIVER: Final = 0x00000001
BIND_TRANSMITTER: Final = 0x00000002
QUERY_SM: Final = 0x00000003
SUBMIT_SM: Final = 0x00000004
DELIVER_SM: Final = 0x00000005
UNBIND: Final = 0x00000006
CANCEL_SM: Final = 0x00000008
BIND_TRANSCEIVER: Final = 0x00000009
ENQUIRE_LINK: Final = 0x00000015
DATA_SM: Final = 0x00000103

COMMAND_NAMES: Final = {
    GENERIC_NACK: "generic_nack",
    BIND_RECEIVER: "bind_receiver",
    BIND_TRANSMITTER: "bind_transmitter",
    QUERY_SM: "query_sm",
    SUBMIT_SM: "submit_sm",
    DELIVER_SM: "deliver_sm",
    UNBIND: "unbind",
    0x00000007: "replace_sm",
    CANCEL_SM: "cancel_sm",
    BIND_TRANSCEIVER: "bind_transceiver",
    0x0000000B: "outbind",
    ENQUIRE_LINK: "enquire_link",
    0x00000021: "submit_multi",
    0x00000102: "alert_notification",
    DATA_SM: "data_sm",
}

# Sequence numbers, 5.1.4.
MIN_SEQUENCE: Final = 0x00000001
MAX_SEQUENCE: Final = 0x7FFFFFFF

# Type of number 5.2.5 and numbering plan 5.2.6.
TON_UNKNOWN: Final = 0
TON_INTERNATIONAL: Final = 1
TON_NATIONAL: Final = 2
TON_NETWORK: Final = 3
TON_ALPHANUMERIC: Final = 5
NPI_UNKNOWN: Final = 0
NPI_ISDN: Final = 1

# esm_class, 5.2.12. Bits 5-2 hold the message type, bit 6 says that a user data header opens the text.
ESM_TYPE_MASK: Final = 0x3C
ESM_RECEIPT: Final = 0x04
ESM_DELIVERY_ACK: Final = 0x08
ESM_USER_ACK: Final = 0x10
ESM_INTERMEDIATE: Final = 0x20
ESM_UDHI: Final = 0x40

# registered_delivery, 5.2.17. Bits 1-0 ask for the final receipt, bit 4 for intermediate notices.
REGISTERED_MASK: Final = 0x03
REGISTERED_ALWAYS: Final = 0x01
REGISTERED_ON_FAILURE: Final = 0x02

# data_coding, 5.2.19.
CODING_DEFAULT: Final = 0x00
CODING_ASCII: Final = 0x01
CODING_BINARY: Final = 0x04
CODING_LATIN1: Final = 0x03
CODING_UCS2: Final = 0x08

# message_state, 5.2.28, with the word that the receipt text uses for it (appendix B).
STATE_ENROUTE: Final = 1
STATE_DELIVERED: Final = 2
STATE_EXPIRED: Final = 3
STATE_DELETED: Final = 4
STATE_UNDELIVERABLE: Final = 5
STATE_ACCEPTED: Final = 6
STATE_UNKNOWN: Final = 7
STATE_REJECTED: Final = 8
STATE_WORDS: Final = {
    STATE_ENROUTE: "ENROUTE",
    STATE_DELIVERED: "DELIVRD",
    STATE_EXPIRED: "EXPIRED",
    STATE_DELETED: "DELETED",
    STATE_UNDELIVERABLE: "UNDELIV",
    STATE_ACCEPTED: "ACCEPTD",
    STATE_UNKNOWN: "UNKNOWN",
    STATE_REJECTED: "REJECTD",
}

# Optional parameter tags, 5.3.2.
TAG_RECEIPTED_MESSAGE_ID: Final = 0x001E
TAG_USER_MESSAGE_REFERENCE: Final = 0x0204
TAG_SAR_REFERENCE: Final = 0x020C
TAG_SAR_TOTAL: Final = 0x020E
TAG_SAR_SEQUENCE: Final = 0x020F
TAG_SC_INTERFACE_VERSION: Final = 0x0210
TAG_NETWORK_ERROR_CODE: Final = 0x0423
TAG_MESSAGE_PAYLOAD: Final = 0x0424
TAG_DELIVERY_FAILURE_REASON: Final = 0x0425
TAG_MESSAGE_STATE: Final = 0x0427
TAG_NAMES: Final = {
    TAG_RECEIPTED_MESSAGE_ID: "receipted_message_id",
    TAG_USER_MESSAGE_REFERENCE: "user_message_reference",
    TAG_SAR_REFERENCE: "sar_msg_ref_num",
    TAG_SAR_TOTAL: "sar_total_segments",
    TAG_SAR_SEQUENCE: "sar_segment_seqnum",
    TAG_SC_INTERFACE_VERSION: "sc_interface_version",
    TAG_NETWORK_ERROR_CODE: "network_error_code",
    TAG_MESSAGE_PAYLOAD: "message_payload",
    TAG_DELIVERY_FAILURE_REASON: "delivery_failure_reason",
    TAG_MESSAGE_STATE: "message_state",
}


def command_name(command: int) -> str:
    """The specification's name of a command id; `unknown_0x…` for one that it doesn't list."""
    if name := COMMAND_NAMES.get(command):
        return name
    if command & RESPONSE and (name := COMMAND_NAMES.get(command & ~RESPONSE)):
        return f"{name}_resp"
    return f"unknown_0x{command:08x}"
