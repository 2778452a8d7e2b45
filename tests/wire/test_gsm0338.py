"""The GSM alphabet: vectors of the specification, every character both ways, and noise that must not hurt."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire import gsm0338
from voip_sms.wire.errors import WireError

GSM_TEXT = st.text(st.sampled_from(sorted(gsm0338.CHARACTERS)), max_size=300)


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("", b""),
        ("@", b"\x00"),
        ("$_", b"\x02\x11"),
        ("Hello, world!\r\n", b"Hello, world!\r\n"),
        ("€", b"\x1be"),
        ("[x]", b"\x1b\x3cx\x1b\x3e"),
        ("^{}\\~|\f", b"\x1b\x14\x1b\x28\x1b\x29\x1b\x2f\x1b\x3d\x1b\x40\x1b\x0a"),
        ("ÄÖÑÜ§¿äöñüà", b"\x5b\x5c\x5d\x5e\x5f\x60\x7b\x7c\x7d\x7e\x7f"),
        ("ΔΦΓΛΩΠΨΣΘΞ", b"\x10\x12\x13\x14\x15\x16\x17\x18\x19\x1a"),
        ("£¥èéùìòÇØøÅåÆæßÉ¤¡", b"\x01\x03\x04\x05\x06\x07\x08\x09\x0b\x0c\x0e\x0f\x1c\x1d\x1e\x1f\x24\x40"),
    ],
)
def test_vectors_both_ways(text, octets):
    assert gsm0338.encode(text) == octets
    assert gsm0338.decode(octets) == text
    assert gsm0338.septets(text) == len(octets)


def test_the_alphabet_is_complete():
    assert len(gsm0338.BASIC_CHARACTERS) == 127  # 128 codes, one of them the escape
    assert len(gsm0338.EXTENSION_CHARACTERS) == 10
    for character in gsm0338.CHARACTERS:
        assert gsm0338.decode(gsm0338.encode(character)) == character


@given(GSM_TEXT)
def test_what_goes_in_comes_out(text):
    octets = gsm0338.encode(text)
    assert max(octets, default=0) < 0x80
    assert gsm0338.decode(octets) == text
    assert gsm0338.unpack(gsm0338.pack(octets), len(octets)) == octets
    assert len(octets) == sum(2 if char in gsm0338.EXTENSION_CHARACTERS else 1 for char in text)


@given(st.binary(max_size=300))
def test_any_octets_show_as_something(octets):
    shown = gsm0338.decode(octets)
    assert "\x1b" not in shown
    assert len(shown) <= len(octets)


@pytest.mark.parametrize(
    ("octets", "shown"),
    [
        (b"a\x1bb", "ab"),  # not in the extension table: the character of the default table
        (b"a\x1b", "a "),
        (b"\x1b\x1bx", " x"),
        (b"\x1b\x00", "@"),
        (b"a\xffb", "a\ufffdb"),
        (b"\x1b\xff", "\ufffd"),
    ],
)
def test_odd_escapes_show_as_the_specification_says(octets, shown):
    assert gsm0338.decode(octets) == shown


@pytest.mark.parametrize(
    ("text", "index", "character"),
    [
        ("Zażółć", 2, "ż"),
        ("abc`", 3, "`"),
        ("ok 😀", 3, "😀"),
        ("a\x1bb", 1, "\x1b"),
        ("\tx", 0, "\t"),
        ("ç", 0, "ç"),
    ],
)
def test_the_first_foreign_character_is_found(text, index, character):
    foreign = gsm0338.first_foreign(text)
    assert foreign == gsm0338.Foreign(index, character)
    with pytest.raises(gsm0338.NotInAlphabetError) as raised:
        gsm0338.encode(text)
    assert (raised.value.index, raised.value.character) == (index, character)


def test_nothing_foreign_in_a_gsm_text():
    assert gsm0338.first_foreign("Pójdź? No: ó isn't. €".replace("ó", "o").replace("ź", "z")) is None


@given(st.text(max_size=200))
def test_a_text_is_encoded_or_its_foreign_character_named(text):
    foreign = gsm0338.first_foreign(text)
    if foreign is None:
        assert gsm0338.decode(gsm0338.encode(text)) == text
    else:
        assert text[foreign.index] == foreign.character
        assert foreign.character not in gsm0338.CHARACTERS
        assert gsm0338.first_foreign(text[: foreign.index]) is None


@pytest.mark.parametrize(
    ("septets", "packed"),
    [
        (b"hellohello", "e8329bfd4697d9ec37"),
        (b"1234567", "31d98c56b3dd00"),
        (b"12345678", "31d98c56b3dd70"),
        (b"", ""),
    ],
)
def test_packing_vectors(septets, packed):
    assert gsm0338.pack(septets).hex() == packed
    assert gsm0338.unpack(bytes.fromhex(packed), len(septets)) == septets


@given(st.binary(max_size=160).map(lambda b: bytes(o & 0x7F for o in b)), st.integers(0, 6))
def test_packing_after_a_header_round_trips(septets, fill):
    packed = gsm0338.pack(septets, fill)
    assert gsm0338.unpack(packed, len(septets), fill) == septets
    if packed:
        assert packed[0] & ((1 << fill) - 1) == 0


def test_unpacking_more_than_there_is_fails_as_a_wire_error():
    with pytest.raises(WireError):
        gsm0338.unpack(b"\x00", 2)
    with pytest.raises(WireError):
        gsm0338.unpack(b"", 1, 3)
    with pytest.raises(WireError):
        gsm0338.pack(b"\x80")
    with pytest.raises(WireError):
        gsm0338.pack(b"a", 7)
