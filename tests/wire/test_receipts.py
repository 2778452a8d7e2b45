"""Receipts as carriers really write them, and message ids in every spelling."""

from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.receipts import Receipt, candidate_ids, canonical_id, essence, parse

DONE = datetime(2026, 11, 22, 10, 31)  # noqa: DTZ001
SUBMITTED = datetime(2026, 11, 22, 10, 30)  # noqa: DTZ001


def test_the_form_of_the_specification():
    receipt = parse(
        b"id:0123456789 sub:001 dlvrd:001 submit date:2611221030 done date:2611221031 "
        b"stat:DELIVRD err:000 text:Hello there"
    )
    assert receipt == Receipt(
        "0123456789", "DELIVRD", "000", SUBMITTED, DONE, sub=1, dlvrd=1, text="Hello there"
    )


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("20261122103115", datetime(2026, 11, 22, 10, 31, 15)),  # noqa: DTZ001
        ("261122103115", datetime(2026, 11, 22, 10, 31, 15)),  # noqa: DTZ001
        ("202611221031", DONE),
        ("2611221031", DONE),
        ("0000000000", None),
        ("000000000000", None),
        ("2613321031", None),
        ("261122", None),
        ("", None),
        ("soon", None),
    ],
)
def test_dates_in_minutes_and_seconds(written, expected):
    assert parse(f"id:1 done date:{written} stat:DELIVRD").done_at == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # without sub and dlvrd, without text
        ("id:7a stat:UNDELIV err:069", Receipt("7a", "UNDELIV", "069")),
        ("id:7 done date:0000000000 stat:FAILED err:12", Receipt("7", "FAILED", "12")),
        ("id:7 stat:EXPIRED err: 0", Receipt("7", "EXPIRED", "0")),
        ("id: 7  stat: DELIVRD  err:", Receipt("7", "DELIVRD")),
        ("ID:ABC SUB:1 DLVRD:1 STAT:delivrd ERR:0 TEXT:x", Receipt("ABC", "DELIVRD", "0", sub=1, dlvrd=1, text="x")),
        ("Id:9;Stat:Rejectd;Err:5", Receipt("9", "REJECTD", "5")),
        ("id:9,stat:DELIVRD,err:0", Receipt("9", "DELIVRD", "0")),
        ("id:9\r\nstat:DELIVRD\r\n", Receipt("9", "DELIVRD")),
        ("id:9 submit_date:2611221030 done_date:2611221031 stat:DELIVRD", Receipt("9", "DELIVRD", None, SUBMITTED, DONE)),
        ("id:9 sub:001 dlvrd:001 submit date: done date: stat:DELIVRD err:000 text:", Receipt("9", "DELIVRD", "000", sub=1, dlvrd=1, text="")),
        ("id:3fa85f64-5717-4562-b3fc-2c963f66afa6 stat:DELIVRD", Receipt("3fa85f64-5717-4562-b3fc-2c963f66afa6", "DELIVRD")),
        # nothing but the word
        ("DELIVRD", Receipt(stat="DELIVRD")),
        (" delivrd\r\n", Receipt(stat="DELIVRD")),
        ("UNDELIV\0", Receipt(stat="UNDELIV")),
        # no keys at all
        ("Your message was delivered", Receipt()),
        ("", Receipt()),
        # the message is never believed
        ("id:5 stat:UNDELIV err:1 text:stat:DELIVRD id:6", Receipt("5", "UNDELIV", "1", text="stat:DELIVRD id:6")),
        ("text:id:6 stat:DELIVRD", Receipt(text="id:6 stat:DELIVRD")),
        ("id:5 text:stat:DELIVRD", Receipt("5", text="stat:DELIVRD")),
        # the first of a repeated field; words that only end like a key
        ("id:5 stat:DELIVRD stat:UNDELIV", Receipt("5", "DELIVRD")),
        ("id:5 mystat:X stat:DELIVRD", Receipt("5", "DELIVRD")),
    ],
)  # fmt: skip
def test_what_carriers_write_instead(text, expected):
    assert parse(text) == expected
    assert parse(text.encode()) == expected


@pytest.mark.parametrize("noise", [b"\xff\xfe\x80", "żółw".encode(), b"\x00\x81", "żółw".encode("utf-16-be")])
def test_octets_that_are_no_text_spoil_nothing(noise):
    receipt = parse(b"id:5 sub:001 dlvrd:001 stat:DELIVRD err:000 text:" + noise)
    assert (receipt.id, receipt.stat, receipt.err) == ("5", "DELIVRD", "000")


@given(st.binary(max_size=2000))
def test_any_octets_give_a_receipt(octets):
    assert isinstance(parse(octets), Receipt)


@given(
    st.text("0123456789abcdefABCDEF-", min_size=1, max_size=64),
    st.sampled_from(["DELIVRD", "UNDELIV", "EXPIRED"]),
    st.text(max_size=60),
)
def test_id_and_stat_survive_any_text(identifier, stat, text):
    receipt = parse(f"id:{identifier} sub:001 dlvrd:000 stat:{stat} err:001 text:{text}")
    assert (receipt.id, receipt.stat) == (identifier, stat)


PIECES = st.sampled_from(
    ["id:7", "id:7f-A", "id: 7", " sub:001", " sub:id", " dlvrd:001", " submit date:2611221030", " done date:2611221031",
     " stat:DELIVRD", " stat:delivrd", " err:000", " err:", " text:", " text:stat:UNDELIV", "\n", "\0", " ", "x", "ż"]
)  # fmt: skip


@given(st.lists(PIECES, max_size=12), st.integers(0, 160))
def test_the_short_way_reads_the_same(pieces, cut):
    whole = "id:7 sub:001 dlvrd:001 submit date:2611221030 done date:2611221031 stat:DELIVRD err:000 text:Hej"
    for text in ("".join(pieces), whole[:cut] + "".join(pieces)):
        for message in (text, text.encode()):
            receipt = parse(message)
            assert essence(message) == (receipt.id, receipt.stat, receipt.err)


# --- ids ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("submitted", "in_receipt", "id_format"),
    [
        ("1a2b", "1A2B", "auto"),
        ("00001A2B", "1a2b", "auto"),
        ("1A2B", "6699", "auto"),  # answered in hexadecimal, receipt in decimal
        ("6699", "00001a2b", "auto"),  # and the reverse
        ("0000006699", "6699", "auto"),
        ("6699", "0000006699", "dec"),
        ("6699", "1A2B", "dec"),
        ("1A2B", "6699", "hex"),
        ("00001a2b", "1A2B", "hex"),
        ("10", "16", "hex"),
        ("16", "10", "dec"),
        ("18446744073709551615", "ffffffffffffffff", "auto"),
        ("0", "0000", "auto"),
        ("3fa85f64-5717-4562-b3fc-2c963f66afa6", "3fa85f64-5717-4562-b3fc-2c963f66afa6", "auto"),
        ("3FA85F6457174562B3FC2C963F66AFA6", "3FA85F6457174562B3FC2C963F66AFA6", "auto"),
        ("msg-00012", "msg-00012", "auto"),
        ("0012", "0012", "text"),
        ("0012\0", " 0012", "text"),
    ],
)
def test_an_id_is_found_in_any_spelling(submitted, in_receipt, id_format):
    assert canonical_id(submitted, id_format) in candidate_ids(in_receipt, id_format)


@pytest.mark.parametrize(
    ("submitted", "in_receipt", "id_format"),
    [
        ("0012", "12", "text"),
        ("1A2B", "1a2b", "text"),
        ("1A2B", "6699", "text"),
        ("1A2B", "6699", "dec"),
        ("6699", "1A2B", "hex"),
        ("3FA85F6457174562B3FC2C963F66AFA6", "3fa85f6457174562b3fc2c963f66afa6", "auto"),
        ("0018446744073709551616", "18446744073709551616", "auto"),  # over 64 bits: a name
    ],
)
def test_an_id_is_not_found_where_the_format_forbids(submitted, in_receipt, id_format):
    assert canonical_id(submitted, id_format) not in candidate_ids(in_receipt, id_format)


@given(st.integers(0, 2**64 - 1), st.integers(0, 8), st.sampled_from(["auto", "dec", "hex"]))
def test_every_number_is_found_in_the_other_base(value, zeros, id_format):
    decimal, hexadecimal = "0" * zeros + str(value), "0" * zeros + f"{value:X}"
    if id_format != "hex":
        assert canonical_id(decimal, id_format) in candidate_ids(hexadecimal, id_format)
    if id_format != "dec":
        assert canonical_id(hexadecimal, id_format) in candidate_ids(decimal, id_format)


@given(st.text(max_size=80), st.sampled_from(["auto", "dec", "hex", "text"]))
def test_the_likeliest_candidate_is_the_same_spelling(raw, id_format):
    candidates = candidate_ids(raw, id_format)
    assert candidates[0] == canonical_id(raw, id_format)
    assert len(set(candidates)) == len(candidates) <= 3
    assert canonical_id(candidates[0], id_format) == candidates[0]
