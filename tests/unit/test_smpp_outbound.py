"""A stored part as submit_sm: alphabets, cuts, concatenation, senders, validity (SMPP 3.4)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from support.carrier import part, settings
from voip_sms.carriers.smpp.outbound import relative_time, submit_sm
from voip_sms.core.model import Sender
from voip_sms.core.segments import segment
from voip_sms.wire import smpp
from voip_sms.wire.errors import WireError
from voip_sms.wire.smpp import numbers, tlv
from voip_sms.wire.smpp.text import content


def pdu(one, **changes):
    return submit_sm(one, settings(2775, **changes), 7)


def octets(one, **changes):
    sent = pdu(one, **changes)
    return sent.data_coding, sent.short_message


# --- 8: data_coding 0 is per carrier ---------------------------------------------------------------------------


def test_8_the_at_sign_is_gsm_0_in_a_gsm_carrier():
    assert octets(part(text="a@b€")) == (0, b"a\x00b\x1be")


@pytest.mark.parametrize(
    ("alphabet", "text", "coding", "wire"),
    [
        ("latin1", "a@bù", 0, b"a@b\xf9"),
        ("latin1", "5 €", 8, "5 €".encode("utf-16-be")),
        ("ascii", "a@b", 0, b"a@b"),
        ("ascii", "ù", 3, b"\xf9"),
        ("ascii", "Δ€", 8, "Δ€".encode("utf-16-be")),
    ],
)
def test_8_other_default_alphabets_use_their_own_octets_or_name_another(alphabet, text, coding, wire):
    assert octets(part(text=text), default_alphabet=alphabet) == (coding, wire)


def test_8_ucs2_is_utf_16_big_endian():
    assert octets(part(text="Żółw 🐢", encoding="ucs2")) == (8, "Żółw 🐢".encode("utf-16-be"))


# --- 9: sizes ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "encoding", "total"),
    [
        ("a" * 161, "gsm7", 1),
        ("€" * 81, "gsm7", 1),
        ("a" * 154, "gsm7", 3),
        ("ż" * 71, "ucs2", 1),
        ("ż" * 68, "ucs2", 2),
        ("🐢" * 34, "ucs2", 2),
    ],
)
@pytest.mark.parametrize("alphabet", ["gsm7", "latin1"])
def test_9_what_is_longer_than_one_sms_is_never_sent_as_one(text, encoding, total, alphabet):
    with pytest.raises(WireError):
        pdu(part(text=text, encoding=encoding, total=total), default_alphabet=alphabet)


def test_9_a_part_that_needs_utf_16_at_this_carrier_and_does_not_fit_is_refused():
    with pytest.raises(WireError):
        pdu(part(text="€" * 68, total=2), default_alphabet="latin1")


@given(st.text(alphabet="ab@€[Żółw🐢", min_size=150, max_size=500))
def test_9_and_10_every_cut_fits_and_the_parts_read_together_give_the_text(text):
    cut = segment(text, 20)
    sent = [
        pdu(part(text=piece, encoding=cut.encoding, no=no, total=len(cut.parts), reference=0x1234))
        for no, piece in enumerate(cut.parts, 1)
    ]
    assert all(len(one.short_message) <= 160 for one in sent)
    found = [content(one) for one in sent]
    if len(sent) > 1:
        assert [one.concat.sequence for one in found] == list(range(1, len(sent) + 1))
        assert {one.concat.reference for one in found} == {0x34}
    text_of = smpp.decode_text
    assert (
        "".join(text_of(one.octets, first.data_coding) for one, first in zip(found, sent, strict=True))
        == cut.text
    )


# --- 10: UDH, sar_* or message_payload, never two at once --------------------------------------------------------


@pytest.mark.parametrize("long", ["udh", "sar", "payload"])
@pytest.mark.parametrize("total", [1, 3])
def test_10_never_two_ways_of_joining_at_once(long, total):
    sent = pdu(part(total=total, reference=65_535), long=long)
    udh = bool(sent.esm_class & numbers.ESM_UDHI)
    sar = tlv.sar(sent.tlvs) is not None
    payload = tlv.find(sent.tlvs, numbers.TAG_MESSAGE_PAYLOAD) is not None
    assert [udh, sar, payload].count(True) == (0 if total == 1 else 1)


def test_10_udh_carries_the_low_octet_of_the_reference():
    sent = pdu(part(total=3, no=2, reference=0xABCD))
    assert sent.short_message == bytes((5, 0, 3, 0xCD, 3, 2)) + b"Hej"
    assert sent.esm_class == numbers.ESM_UDHI


def test_10_sar_carries_all_16_bits_of_the_reference():
    sent = pdu(part(total=3, no=2, reference=0xABCD), long="sar")
    assert tlv.sar(sent.tlvs) == (0xABCD, 3, 2)
    assert (sent.short_message, sent.esm_class) == (b"Hej", 0)


@pytest.mark.parametrize(
    ("text", "encoding", "coding"), [("ab€" * 400, "gsm7", 0), ("Żółw" * 300, "ucs2", 8)]
)
def test_10_payload_takes_a_whole_text_in_one_submit(text, encoding, coding):
    sent = pdu(part(text=text, encoding=encoding), long="payload")
    assert (sent.short_message, sent.data_coding, sent.esm_class) == (b"", coding, 0)
    assert smpp.decode_text(sent.content, sent.data_coding) == text


def test_10_payload_in_another_default_alphabet():
    sent = pdu(part(text="ab€" * 400), long="payload", default_alphabet="latin1")
    assert (sent.data_coding, sent.content.decode("utf-16-be")) == (8, "ab€" * 400)


def test_10_payload_leaves_a_short_text_where_it_is():
    sent = pdu(part(text="a" * 160), long="payload")
    assert (sent.short_message, sent.tlvs) == (b"a" * 160, ())


def test_10_parts_cut_before_the_carrier_was_set_to_payload_still_come_together():
    sent = pdu(part(total=2, no=2, reference=9), long="payload")
    assert content(sent).concat.sequence == 2


def test_10_a_text_kept_whole_for_payload_is_refused_where_it_would_have_to_be_cut():
    with pytest.raises(WireError):
        pdu(part(text="a" * 400), long="udh")


def test_10_more_parts_than_a_header_can_count_are_refused():
    with pytest.raises(WireError):
        pdu(part(no=256, total=256))


# --- 11: type of number --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("sender", "address"),
    [
        (Sender("name", "ACME"), (5, 0, "ACME")),
        (Sender("default", "Bramka SMS"), (5, 0, "Bramka SMS")),
        (Sender("number", "+48601000001"), (1, 1, "48601000001")),
        (Sender("2way", "+48799000001", "pl"), (1, 1, "48799000001")),
        (Sender("number", "7155"), (3, 0, "7155")),
        (Sender("number", ""), (0, 0, "")),
    ],
)
def test_11_type_of_number_of_the_sender(sender, address):
    assert tuple(pdu(part(sender=sender)).source) == address


def test_11_short_codes_as_the_carrier_wants_them():
    sent = pdu(part(sender=Sender("number", "7155")), short_code_ton=0, short_code_npi=1)
    assert tuple(sent.source) == (0, 1, "7155")


def test_11_the_recipient_is_international_without_plus():
    assert tuple(pdu(part(to="+48601123456")).dest) == (1, 1, "48601123456")


@pytest.mark.parametrize("name", ["ABCDEFGHIJKL", "ŻÓŁW"])
def test_11_names_that_no_address_field_holds_are_refused(name):
    with pytest.raises(WireError):
        smpp.encode(pdu(part(sender=Sender("name", name))))


# --- 6, 12: what is asked for ----------------------------------------------------------------------------------------


def test_6_registered_delivery_1_asks_for_every_receipt_and_2_is_never_sent():
    assert pdu(part()).registered_delivery == 1
    assert pdu(part(), receipts=False).registered_delivery == 0


def test_12_the_second_attempt_asks_for_its_receipt_too():
    assert pdu(part(attempt=3, possible_duplicate=True)) == pdu(part())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, ""),
        (-5, ""),
        (1, "000000000001000R"),
        (3661, "000000010101000R"),
        (86400 * 3 + 7, "000003000007000R"),
        (86400 * 31, "000031000000000R"),
        (86400 * 40, "000031235959000R"),
    ],
)
def test_validity_is_relative_time(seconds, text):
    assert relative_time(seconds) == text
    assert pdu(part(validity=seconds)).validity == text


PARTS = st.builds(
    part,
    text=st.text(max_size=200),
    encoding=st.sampled_from(["gsm7", "ucs2"]),
    reference=st.integers(0, 65535),
    no=st.integers(1, 300),
    total=st.integers(1, 300),
)


@given(PARTS, st.sampled_from(["udh", "sar", "payload"]), st.sampled_from(["gsm7", "latin1", "ascii"]))
def test_whatever_the_part_it_is_a_pdu_or_a_wire_error(one, long, alphabet):
    try:
        frame = smpp.encode(pdu(one, long=long, default_alphabet=alphabet))
    except WireError:
        return
    assert smpp.decode(frame) == pdu(one, long=long, default_alphabet=alphabet)
