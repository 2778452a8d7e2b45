"""Bodies as phones label them, as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.content import CharsetError, MediaType, Text, decode_text, parse_media_type
from voip_sms.wire.sip.timers import TIMER_F, retransmissions

ZAZOLC = "Zażółć gęślą jaźń"


@pytest.mark.parametrize(
    ("charset", "codec"),
    [
        ("", "utf-8"),
        ("UTF-8", "utf-8"),
        ("utf8", "utf-8"),
        ("us-ascii", "utf-8"),
        ("ISO-8859-2", "iso8859-2"),
        ("iso8859-2", "iso8859-2"),
        ("Iso_8859 - 2", "iso8859-2"),
        ("latin2", "iso8859-2"),
        ("windows-1250", "cp1250"),
        ("CP1250", "cp1250"),
        ("UTF-16", "utf-16"),
        ("ucs-2", "utf-16-be"),
    ],
)
def test_labels(charset: str, codec: str) -> None:
    assert decode_text(ZAZOLC.encode(codec), charset) == Text(ZAZOLC)


def test_unlabelled_windows_text_is_guessed_and_flagged() -> None:
    assert decode_text(ZAZOLC.encode("cp1250")) == Text(ZAZOLC, damaged=True)


def test_invalid_octets_are_shown_not_fatal() -> None:
    assert decode_text(b"a\xffb", "utf-8") == Text("a\ufffdb", damaged=True)


def test_line_ends_and_byte_order_mark() -> None:
    assert decode_text(b"\xef\xbb\xbfa\r\nb\rc\0\n") == Text("a\nb\nc\n")


@pytest.mark.parametrize("charset", ["utf-7", "rot13", "hex", "idna", "EBCDIC", "base64_codec"])
def test_other_labels_are_refused(charset: str) -> None:
    with pytest.raises(CharsetError):
        decode_text(b"x", charset)


@given(
    st.binary(max_size=60),
    st.sampled_from(["", "utf-8", "iso-8859-2", "cp1250", "utf-16", "utf-16le", "ascii"]),
)
def test_no_octets_crash_it(body: bytes, charset: str) -> None:
    assert isinstance(decode_text(body, charset).text, str)


def test_media_types() -> None:
    assert parse_media_type("") == MediaType("text/plain")
    assert parse_media_type('Text/Plain ; Charset="ISO-8859-2"') == MediaType(
        "text/plain", {"charset": "ISO-8859-2"}
    )
    assert parse_media_type("message/cpim") == MediaType("message/cpim")
    for bad in ("text", "text/", "/plain", "a b/c", 'text/plain;x="'):
        assert parse_media_type(bad) is None


def test_timer_e_doubles_to_t2_and_stops_before_timer_f() -> None:
    instants = retransmissions()
    assert instants[:5] == (0.5, 1.5, 3.5, 7.5, 11.5)
    assert instants[-1] < TIMER_F
    assert len(instants) == 10
