"""Vectors both ways, round trips, leniency and refusals of the SMPP codec."""

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire import smpp
from voip_sms.wire.smpp import numbers, status, tlv

FROM = smpp.Address.alphanumeric("ACME")
TO = smpp.Address.international("+48601123456")

VECTORS = [
    (
        smpp.Bind(numbers.BIND_TRANSCEIVER, 1, "sim", "secret", "VMA"),
        "0000002300000009000000000000000173696d0073656372657400564d4100340000" + "00",
    ),
    (
        smpp.BindResp(
            numbers.BIND_TRANSCEIVER | numbers.RESPONSE, 1, 0, "sim", (smpp.Tlv(0x0210, b"\x34"),)
        ),
        "00000019800000090000000000000001" + "73696d00" + "0210000134",
    ),
    (
        smpp.SubmitSm(2, FROM, TO, b"Hej", registered_delivery=1),
        "00000033" + "00000004" + "00000000" + "00000002"
        "00" + "0500" + "41434d4500" + "0101" + "343836303131323334353600" + "000000" + "00" + "00" + "0100000003" + "48656a",
    ),
    (smpp.SubmitSmResp(2, "7f"), "00000013" + "80000004" + "00000000" + "00000002" + "376600"),
    (smpp.SubmitSmResp(2, status=0x58), "00000010" + "80000004" + "00000058" + "00000002"),
    (
        smpp.DeliverSm(3, TO, FROM, b"", 0x04, tlvs=tlv.of_receipt("7f", numbers.STATE_DELIVERED)),
        "0000003c" + "00000005" + "00000000" + "00000003"
        "00" + "0101" + "343836303131323334353600" + "0500" + "41434d4500" + "040000" + "00" + "00" + "0000000000"
        "001e0003376600" + "0427000102",
    ),
    (smpp.DeliverSmResp(3, 8), "00000011" + "80000005" + "00000008" + "00000003" + "00"),
    (smpp.EnquireLink(4), "00000010" + "00000015" + "00000000" + "00000004"),
    (smpp.EnquireLinkResp(4), "00000010" + "80000015" + "00000000" + "00000004"),
    (smpp.Unbind(5), "00000010" + "00000006" + "00000000" + "00000005"),
    (smpp.UnbindResp(5), "00000010" + "80000006" + "00000000" + "00000005"),
    (smpp.GenericNack(6, 3), "00000010" + "80000000" + "00000003" + "00000006"),
    (smpp.QuerySm(7, "7f", TO), "00000021" + "00000003" + "00000000" + "00000007" + "376600" + "0101" + "343836303131323334353600"),
    (smpp.QuerySmResp(7, "7f", "", 2, 0), "00000016" + "80000003" + "00000000" + "00000007" + "376600" + "00" + "0200"),
    (
        smpp.CancelSm(8, "7f", FROM, TO),
        "00000029" + "00000008" + "00000000" + "00000008" + "00" + "376600" + "0500" + "41434d4500" + "0101" + "343836303131323334353600",
    ),
    (smpp.CancelSmResp(8, 0x11), "00000010" + "80000008" + "00000011" + "00000008"),
    (
        smpp.DataSm(9, FROM, TO, data_coding=8, tlvs=(smpp.Tlv(0x0424, b"\0A"),)),
        "0000002f" + "00000103" + "00000000" + "00000009" + "00" + "0500" + "41434d4500" + "0101" + "343836303131323334353600" + "000008" + "042400020041",
    ),
    (smpp.DataSmResp(9, "7f"), "00000013" + "80000103" + "00000000" + "00000009" + "376600"),
    (smpp.Unknown(0x0000000B, 10, 0, b"abc"), "00000013" + "0000000b" + "00000000" + "0000000a" + "616263"),
]  # fmt: skip


@pytest.mark.parametrize(("pdu", "octets"), VECTORS, ids=lambda value: type(value).__name__)
def test_vector_reads_and_writes(pdu, octets):
    assert smpp.encode(pdu).hex() == octets
    assert smpp.decode(bytes.fromhex(octets)) == pdu


text = st.text(st.characters(min_codepoint=0x20, max_codepoint=0x7E), max_size=16)
octet = st.integers(0, 255)
address = st.builds(smpp.Address, octet, octet, text)
sequence = st.integers(numbers.MIN_SEQUENCE, numbers.MAX_SEQUENCE)
tlvs = st.lists(st.builds(smpp.Tlv, st.integers(0, 0xFFFF), st.binary(max_size=300)), max_size=4).map(tuple)
message_fields = {
    "sequence": sequence,
    "source": address,
    "dest": address,
    "short_message": st.binary(max_size=254),
    "esm_class": octet,
    "data_coding": octet,
    "registered_delivery": octet,
    "tlvs": tlvs,
    "service_type": st.text("abcXYZ", max_size=5),
    "protocol_id": octet,
    "priority": octet,
    "schedule": text,
    "validity": text,
    "replace_if_present": octet,
    "default_message_id": octet,
}


@given(st.one_of(st.builds(smpp.SubmitSm, **message_fields), st.builds(smpp.DeliverSm, **message_fields)))
def test_messages_round_trip(pdu):
    assert smpp.decode(smpp.encode(pdu)) == pdu


@given(sequence, text, tlvs)
def test_responses_round_trip(number, identifier, extra):
    for pdu in (
        smpp.SubmitSmResp(number, identifier, 0, extra),
        smpp.DataSmResp(number, identifier, 0, extra),
        smpp.BindResp(0x80000001, number, 0, identifier[:15], extra),
        smpp.QuerySmResp(number, identifier, "261122120000000+", 2, 7),
    ):
        assert smpp.decode(smpp.encode(pdu)) == pdu


@given(st.binary(max_size=200), st.sampled_from(sorted(numbers.COMMAND_NAMES)), st.booleans())
def test_garbage_in_a_sound_frame_is_a_pdu_or_a_decode_error(body, command, response):
    command |= numbers.RESPONSE if response else 0
    frame = struct.pack(">IIII", 16 + len(body), command, 0, 9) + body
    try:
        answer = smpp.decode(frame)
    except smpp.DecodeError as error:
        answer = error
        assert (error.command, error.status) in {(command, status.RINVCMDLEN), (command, status.RINVMSGLEN)}  # noqa: PT017
    assert answer.sequence == 9


@given(st.binary(max_size=15))
def test_less_than_a_header_is_a_decode_error(octets):
    with pytest.raises(smpp.DecodeError):
        smpp.decode(octets)


def test_sm_length_past_the_end_says_invalid_message_length():
    frame = bytearray(smpp.encode(smpp.SubmitSm(2, FROM, TO, b"Hej")))
    frame[-4] = 200
    with pytest.raises(smpp.DecodeError) as caught:
        smpp.decode(bytes(frame))
    assert caught.value.status == status.RINVMSGLEN


@pytest.mark.parametrize(
    "change",
    [
        {"short_message": b"x" * 255},
        {"source": smpp.Address(1, 1, "4" * 21)},
        {"dest": smpp.Address(1, 1, "4" * 21)},
        {"dest": smpp.Address(1, 1, "48\x00601")},
        {"dest": smpp.Address(1, 1, "Łódź")},
        {"validity": "2" * 17},
        {"esm_class": 256},
        {"tlvs": (smpp.Tlv(0x0424, b"x" * 65536),)},
        {"sequence": 1 << 32},
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused(change):
    fields = {"sequence": 1, "source": FROM, "dest": TO, "short_message": b"x"} | change
    with pytest.raises(smpp.EncodeError):
        smpp.encode(smpp.SubmitSm(**fields))


def test_responses_without_a_body_are_read():
    frame = struct.pack(">IIII", 16, 0x80000004, 0x58, 2)
    assert smpp.decode(frame) == smpp.SubmitSmResp(2, "", 0x58)
    assert smpp.decode(struct.pack(">IIII", 16, 0x80000009, 0x0D, 1)) == smpp.BindResp(0x80000009, 1, 0x0D)
    assert smpp.decode(struct.pack(">IIII", 16, 0x80000005, 0, 1)) == smpp.DeliverSmResp(1)


def test_message_id_without_its_nul_is_read():
    assert smpp.decode(struct.pack(">IIII", 18, 0x80000004, 0, 2) + b"7f") == smpp.SubmitSmResp(2, "7f")


def test_over_long_and_truncated_parameters_keep_the_rest_readable():
    long_id = smpp.Tlv(numbers.TAG_RECEIPTED_MESSAGE_ID, b"9" * 200)
    beyond = struct.pack(">HH", numbers.TAG_MESSAGE_STATE, 9000) + b"\x02"
    whole = smpp.encode(smpp.DeliverSm(3, TO, FROM, b"id:1", 4, tlvs=(long_id,))) + beyond
    frame = struct.pack(">I", len(whole)) + whole[4:]
    after = smpp.encode(smpp.EnquireLink(4))
    first, second = map(smpp.decode, smpp.Framer().feed(frame + after))
    assert tlv.receipted_message_id(first.tlvs) == "9" * 200
    assert tlv.message_state(first.tlvs) == numbers.STATE_DELIVERED
    assert second == smpp.EnquireLink(4)


def test_known_parameters_have_meanings():
    extra = (
        *tlv.of_receipt("0AF3", numbers.STATE_EXPIRED),
        *tlv.of_sar(0x1234, 3, 2),
        smpp.Tlv(numbers.TAG_NETWORK_ERROR_CODE, b"\x03\x00\x1b"),
        smpp.Tlv(0x1400, b"vendor"),
    )
    pdu = smpp.decode(smpp.encode(smpp.DeliverSm(3, TO, FROM, tlvs=extra)))
    assert tlv.receipted_message_id(pdu.tlvs) == "0AF3"
    assert tlv.message_state(pdu.tlvs) == numbers.STATE_EXPIRED
    assert tlv.sar(pdu.tlvs) == tlv.Sar(0x1234, 3, 2)
    assert tlv.network_error(pdu.tlvs) == tlv.NetworkError(3, 27)
    assert tlv.find(pdu.tlvs, 0x1400) == b"vendor"


@pytest.mark.parametrize("triple", [(1, 0, 0), (1, 2, 3), (1, 2, 0)])
def test_impossible_sar_is_no_sar(triple):
    assert tlv.sar(tlv.of_sar(*triple)) is None


@pytest.mark.parametrize(
    ("esm_class", "receipt", "kind"),
    [(0x00, False, 0), (0x40, False, 0), (0x04, True, 4), (0x44, True, 4), (0x20, False, 0x20), (0x08, False, 8), (0x10, False, 0x10)],
)  # fmt: skip
def test_receipts_are_told_by_their_bit(esm_class, receipt, kind):
    pdu = smpp.DeliverSm(1, TO, FROM, b"id:1 stat:DELIVRD", esm_class)
    assert (pdu.is_receipt, pdu.message_type) == (receipt, kind)


def test_a_password_never_shows():
    assert "secret" not in repr(smpp.Bind(numbers.BIND_RECEIVER, 1, "sim", "secret"))


@pytest.mark.parametrize(
    ("code", "verdict"),
    [(0, "ok"), (0x58, "throttling"), (0x14, "throttling"), (0x08, "temporary"), (0x64, "temporary"), (0x0B, "permanent"), (0x45, "permanent"), (0x4FF, "permanent")],
)  # fmt: skip
def test_statuses_say_whether_to_try_again(code, verdict):
    assert smpp.classify(code) == verdict


def test_status_and_command_names():
    assert smpp.status_name(0x58) == "ESME_RTHROTTLED"
    assert smpp.status_name(0x400) == "0x00000400"
    assert numbers.command_name(0x80000004) == "submit_sm_resp"
    assert numbers.command_name(0x80000000) == "generic_nack"
    assert numbers.command_name(0x00010001) == "unknown_0x00010001"
