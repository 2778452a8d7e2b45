"""Texts by data_coding, and long texts by UDH, sar_* and message_payload, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire import smpp
from voip_sms.wire.smpp import Alphabet, Long, numbers
from voip_sms.wire.udh import Concat

A = smpp.Address.international("+48601123456")


@pytest.mark.parametrize(
    ("text", "coding", "default", "octets"),
    [
        ("a@b", 0, "gsm7", b"a\0b"),
        ("€[", 0, "gsm7", b"\x1be\x1b<"),
        ("é@", 0, "latin1", b"\xe9@"),
        ("a@b", 0, "ascii", b"a@b"),
        ("a@b", 1, "gsm7", b"a@b"),
        ("é@", 3, "gsm7", b"\xe9@"),
        ("zażółć", 8, "gsm7", "zażółć".encode("utf-16-be")),
        ("\U0001f600", 8, "gsm7", b"\xd8\x3d\xde\x00"),
        ("Ж", 6, "gsm7", b"\xb6"),
        ("a@b", 0x10, "gsm7", b"a\0b"),
        ("a@b", 0xF0, "gsm7", b"a\0b"),
        ("ż", 0x18, "gsm7", b"\x01\x7c"),
        ("é", 0xF4, "gsm7", b"\xe9"),
    ],
)
def test_text_both_ways(text, coding, default, octets):
    assert smpp.encode_text(text, coding, Alphabet(default)) == octets
    assert smpp.decode_text(octets, coding, Alphabet(default)) == text


@pytest.mark.parametrize(
    ("text", "coding", "default"),
    [("ż", 0, "gsm7"), ("ż", 0, "latin1"), ("é", 0, "ascii"), ("\ud800", 8, "gsm7")],
)
def test_a_character_outside_the_alphabet_is_refused(text, coding, default):
    with pytest.raises(smpp.EncodeError):
        smpp.encode_text(text, coding, Alphabet(default))


@given(st.binary(max_size=200), st.integers(0, 255), st.sampled_from(Alphabet))
def test_decoding_never_fails_and_gives_storable_text(octets, coding, default):
    smpp.decode_text(octets, coding, default).encode()


parts = st.integers(1, 255).flatmap(lambda total: st.tuples(st.just(total), st.integers(1, total)))


@given(st.binary(min_size=1, max_size=134), parts, st.integers(0, 255), st.sampled_from([Long.UDH, Long.SAR]))
def test_parts_round_trip(octets, part, reference, long):
    total, sequence = part
    made = smpp.body(octets, 8, Concat(reference, total, sequence, long is Long.SAR), long)
    pdu = smpp.SubmitSm(1, A, A, made.short_message, made.esm_class, 8, 0, made.tlvs)
    found = smpp.content(smpp.decode(smpp.encode(pdu)))
    assert found.octets == octets
    assert (found.concat.reference, found.concat.total, found.concat.sequence) == (reference, total, sequence)
    assert bool(pdu.esm_class & numbers.ESM_UDHI) is (long is Long.UDH)
    assert bool(pdu.tlvs) is (long is Long.SAR)


@given(st.binary(min_size=161, max_size=2000))
def test_a_long_payload_is_in_its_parameter_only(octets):
    made = smpp.body(octets, 0, None, Long.PAYLOAD)
    pdu = smpp.DeliverSm(1, A, A, made.short_message, made.esm_class, 0, 0, made.tlvs)
    assert pdu.short_message == b""
    assert smpp.content(smpp.decode(smpp.encode(pdu))) == (octets, None)


@pytest.mark.parametrize(("coding", "fits"), [(0, 160), (8, 140)])
def test_a_single_sms_never_needs_a_payload(coding, fits):
    assert smpp.body(b"x" * fits, coding, None, Long.PAYLOAD) == (b"x" * fits, 0, ())
    assert smpp.body(b"x" * (fits + 1), coding, None, Long.PAYLOAD).tlvs


def test_a_part_can_not_go_as_payload():
    with pytest.raises(smpp.EncodeError):
        smpp.body(b"x", 0, Concat(1, 2, 1), Long.PAYLOAD)


def test_other_elements_may_stand_before_the_concatenation():
    octets = bytes.fromhex("0b" + "05040b8423f0" + "0003070201") + b"Hej"
    pdu = smpp.DeliverSm(1, A, A, octets, numbers.ESM_UDHI)
    assert smpp.content(pdu) == (b"Hej", Concat(7, 2, 1))


def test_a_broken_header_leaves_the_octets_as_text():
    pdu = smpp.DeliverSm(1, A, A, b"\xffHej", numbers.ESM_UDHI)
    assert smpp.content(pdu) == (b"\xffHej", None)
    empty = smpp.DeliverSm(1, A, A, b"", numbers.ESM_UDHI)
    assert smpp.content(empty) == (b"", None)


def test_data_sm_has_its_text_in_the_payload():
    pdu = smpp.DataSm(1, A, A, tlvs=(smpp.Tlv(numbers.TAG_MESSAGE_PAYLOAD, b"Hej"),))
    assert smpp.content(pdu) == (b"Hej", None)
