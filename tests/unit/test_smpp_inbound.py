"""A deliver_sm as message, receipt or nothing: esm_class decides, TLVs win, texts are read leniently."""

import pytest

from support.carrier import settings
from voip_sms.carriers.smpp import inbound
from voip_sms.core.model import CarrierReceipt, InboundPart
from voip_sms.wire import smpp
from voip_sms.wire.receipts import canonical_id
from voip_sms.wire.smpp import numbers, tlv

HANDSET = smpp.Address(1, 1, "48601123456")
OURS = smpp.Address(1, 1, "48601000001")
TEXT = b"id:0123456789 sub:001 dlvrd:001 submit date:2611221000 done date:2611221001 stat:DELIVRD err:000 text:Hej"


def deliver(text=b"Hej", esm_class=0, data_coding=0, *, tlvs=(), source=HANDSET, dest=OURS, sequence=1):
    return smpp.DeliverSm(sequence, source, dest, text, esm_class, data_coding, tlvs=tlvs)


def read(pdu, **changes):
    return inbound.read(pdu, smpp.encode(pdu)[16:], settings(2775, **changes), "PL")


def receipt(text=TEXT, tlvs=(), esm_class=numbers.ESM_RECEIPT, changes=None, **fields) -> CarrierReceipt:
    meaning = read(deliver(text, esm_class, tlvs=tlvs, **fields), **(changes or {}))
    assert isinstance(meaning, CarrierReceipt)
    return meaning


# --- 1: ids ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answered", "reported", "id_format"),
    [
        ("1a2b", "1a2b", "auto"),
        ("1A2B", "1a2b", "auto"),
        ("1a2b", "6699", "auto"),
        ("6699", "1A2B", "auto"),
        ("0000006699", "6699", "auto"),
        ("6699", "00001a2b", "dec"),
        ("1a2b", "0000006699", "hex"),
        ("ID-77", "ID-77", "text"),
        ("5c1b2f3e-1111-4222-8333-444455556666", "5c1b2f3e-1111-4222-8333-444455556666", "auto"),
        ("99999999999999999999999999", "99999999999999999999999999", "auto"),
    ],
)
def test_1_the_id_of_the_response_is_found_among_the_references_of_the_receipt(answered, reported, id_format):
    found = receipt(f"id:{reported} stat:DELIVRD".encode(), changes={"id_format": id_format})
    assert canonical_id(answered, id_format) in found.references
    assert found.raw == reported


def test_1_the_certain_spelling_comes_first_and_the_recipient_tells_the_others_apart():
    found = receipt(b"id:6699 stat:DELIVRD")
    assert found.references[0] == "6699"
    assert set(found.references) > {"6699", "1a2b"}
    assert found.recipient == "+48601123456"


def test_1_names_are_never_read_as_numbers():
    assert receipt(b"id:0077 stat:DELIVRD", changes={"id_format": "text"}).references == ("0077",)


# --- 2: texts ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "status", "references"),
    [
        (TEXT, "delivered", "123456789"),
        (b"id:77 stat:DELIVRD done date:261122100159", "delivered", "77"),
        (b"id:77 submit date:2611221000 done date:0000000000 stat:FAILED err:1", "failed", "77"),
        (b"id:77 stat:UNDELIV err: 0", "undelivered", "77"),
        (b"DELIVRD", "delivered", None),
        (b"ID:77 Stat:Delivrd", "delivered", "77"),
        (b"id:77 stat:EXPIRED text:stat:DELIVRD id:88", "expired", "77"),
        (b"id:77 stat:REJECTD text:\xff\xfe\x00\xb3", "failed", "77"),
        (b"id:77 stat:ENROUTE", None, "77"),
        (b"id:77 stat:ACCEPTD", None, "77"),
        (b"your message has arrived", None, None),
        (b"", None, None),
    ],
)
def test_2_receipts_as_carriers_write_them(text, status, references):
    found = receipt(text)
    assert found.status == status
    assert found.references[:1] == (() if references is None else (references,))


def test_2_a_receipt_in_utf_16_reads_like_any_other():
    found = receipt("id:77 stat:DELIVRD".encode("utf-16-be"), data_coding=8)
    assert (found.status, found.references[0]) == ("delivered", "77")


@pytest.mark.parametrize(
    ("text", "tlvs", "cause"),
    [
        (b"id:7 stat:UNDELIV err:069", (), "UNDELIV 069"),
        (b"id:7 stat:DELIVRD err:000", (), "DELIVRD"),
        (b"id:7 stat:UNDELIV err:069", (smpp.Tlv(0x0423, b"\x03\x00\x1b"),), "UNDELIV 27"),
        (b"id:7 stat:UNDELIV err:069", (smpp.Tlv(0x0423, b"\x03\x00\x00"),), "UNDELIV 069"),
    ],
)
def test_2_the_cause_names_state_and_error(text, tlvs, cause):
    assert receipt(text, tlvs).cause == cause


# --- 3: TLVs -----------------------------------------------------------------------------------------------------------


def test_3_tlvs_win_over_the_text():
    found = receipt(b"id:88 stat:DELIVRD", tlv.of_receipt("77", numbers.STATE_EXPIRED))
    assert (found.references[0], found.raw, found.status, found.cause) == ("77", "77", "expired", "EXPIRED")


def test_3_the_text_may_spell_the_same_id_otherwise():
    found = receipt(b"id:6699 stat:DELIVRD", tlv.of_receipt("abc-1", numbers.STATE_DELIVERED))
    assert found.references == ("abc-1", "6699", "1a2b", "26265")


def test_3_a_receipt_of_tlvs_only_works():
    found = receipt(b"", tlv.of_receipt("77", numbers.STATE_UNDELIVERABLE))
    assert (found.references[0], found.status, found.cause) == ("77", "undelivered", "UNDELIV")


@pytest.mark.parametrize("state", [0, 9, 255])
def test_3_a_message_state_that_means_nothing_leaves_it_to_the_text(state):
    found = receipt(b"id:77 stat:DELIVRD", (smpp.Tlv(0x0427, bytes((state,))),))
    assert (found.status, found.cause) == ("delivered", "DELIVRD")


# --- 6, 7: what is a receipt ----------------------------------------------------------------------------------------------


def test_6_an_intermediate_notice_never_has_a_status():
    found = receipt(TEXT, tlv.of_receipt("77", numbers.STATE_DELIVERED), esm_class=numbers.ESM_INTERMEDIATE)
    assert (found.status, found.references[0]) == (None, "77")


@pytest.mark.parametrize("esm_class", [0x04, 0x44, 0x07, 0x84])
def test_7_bit_2_makes_a_receipt(esm_class):
    text = TEXT if not esm_class & 0x40 else b"\x05\x00\x03\x01\x01\x01" + TEXT
    assert receipt(text, esm_class=esm_class).references[0] == "123456789"


@pytest.mark.parametrize("esm_class", [0x08, 0x10, 0x18, 0x48])
def test_7_acknowledgements_of_the_handset_mean_nothing_to_us(esm_class):
    assert read(deliver(TEXT, esm_class)) is None


@pytest.mark.parametrize("esm_class", [0x00, 0x40, 0x80, 0x03])
def test_7_a_message_that_looks_like_a_receipt_is_a_message(esm_class):
    meaning = read(deliver(TEXT if not esm_class & 0x40 else b"\x00" + TEXT, esm_class))
    assert isinstance(meaning, InboundPart)
    assert meaning.text == TEXT.decode()


# --- 8: texts of messages ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("octets", "coding", "alphabet", "text", "encoding"),
    [
        (b"a\x00b\x1be", 0, "gsm7", "a@b€", "gsm7"),
        (b"a@b\xf3", 0, "latin1", "a@bó", "gsm7"),
        (b"a@b", 0, "ascii", "a@b", "gsm7"),
        (b"a@b\xf3", 3, "gsm7", "a@bó", "gsm7"),
        ("Żółw 🐢".encode("utf-16-be"), 8, "gsm7", "Żółw 🐢", "ucs2"),
    ],
)
def test_8_data_coding_of_inbound(octets, coding, alphabet, text, encoding):
    meaning = read(deliver(octets, data_coding=coding), default_alphabet=alphabet)
    assert (meaning.text, meaning.encoding) == (text, encoding)


def test_8_a_text_in_message_payload():
    assert read(deliver(b"", tlvs=(smpp.Tlv(0x0424, b"long" * 100),))).text == "long" * 100


# --- 10: parts -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("header", "reference"),
    [
        (b"\x05\x00\x03\x7f\x03\x02", 0x7F),
        (b"\x06\x08\x04\x12\x34\x03\x02", 0x1234),
        (b"\x0b\x05\x04\x15\x81\x00\x00\x00\x03\x7f\x03\x02", 0x7F),
        (b"\x08\x24\x01\x02\x00\x03\x7f\x03\x02", 0x7F),
    ],
)
def test_10_concatenation_wherever_it_stands_in_the_header(header, reference):
    meaning = read(deliver(header + b"second", 0x40))
    assert (meaning.reference, meaning.no, meaning.total, meaning.text) == (reference, 2, 3, "second")


def test_10_sar_of_inbound():
    meaning = read(deliver(b"second", tlvs=tlv.of_sar(0x1234, 3, 2)))
    assert (meaning.reference, meaning.no, meaning.total) == (0x1234, 2, 3)


def test_10_a_total_of_one_is_no_part():
    meaning = read(deliver(b"\x05\x00\x03\x7f\x01\x01whole", 0x40))
    assert (meaning.reference, meaning.no, meaning.total, meaning.text) == (None, 1, 1, "whole")


def test_10_a_character_cut_in_two_by_the_handset_survives_joining():
    whole = "a🐢b".encode("utf-16-be")
    header = b"\x05\x00\x03\x7f\x02"
    first = read(deliver(header + b"\x01" + whole[:4], 0x40, 8))
    second = read(deliver(header + b"\x02" + whole[4:], 0x40, 8))
    joined = (first.text + second.text).encode("utf-16-be", "surrogatepass")
    assert joined.decode("utf-16-be") == "a🐢b"


def test_10_an_odd_octet_at_the_end_of_a_part_is_no_fault():
    assert read(deliver(b"\x05\x00\x03\x7f\x02\x01\x00a\x00", 0x40, 8)).text.startswith("a")


# --- 11: numbers ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ((1, 1, "48601123456"), "+48601123456"),
        ((1, 1, "+48601123456"), "+48601123456"),
        ((0, 1, "48601123456"), "+48601123456"),
        ((2, 1, "601123456"), "+48601123456"),
        ((0, 0, "447911123456"), "+447911123456"),
        ((0, 0, "7155"), "7155"),
        ((1, 1, "7155"), "7155"),
        ((5, 0, "Bank"), "Bank"),
        ((0, 0, ""), ""),
    ],
)
def test_11_numbers_of_inbound_become_e164(address, shown):
    meaning = read(deliver(source=smpp.Address(*address), dest=smpp.Address(*address)))
    assert (meaning.sender, meaning.to) == (shown, shown)


def test_11_the_recipient_of_a_receipt_is_a_number_or_nothing():
    assert receipt(source=smpp.Address(5, 0, "ACME")).recipient == ""
    assert receipt(source=smpp.Address(0, 0, "601123456")).recipient == "+48601123456"


# --- 5: the same again ----------------------------------------------------------------------------------------------------


def test_5_a_repetition_has_the_same_digest_whatever_its_sequence():
    first, again = read(deliver(sequence=1)), read(deliver(sequence=99))
    assert first.digest == again.digest
    assert len(first.digest) == 32


@pytest.mark.parametrize(
    "other",
    [
        deliver(b"Hej!"),
        deliver(source=smpp.Address(1, 1, "48601123457")),
        deliver(dest=smpp.Address(1, 1, "48601000002")),
        deliver(data_coding=3),
        deliver(tlvs=tlv.of_sar(1, 2, 1)),
    ],
)
def test_5_another_message_has_another_digest(other):
    assert read(other).digest != read(deliver()).digest
