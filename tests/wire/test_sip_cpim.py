"""message/cpim as phones write it, and as we do."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.wire.sip.cpim import IMDN, Envelope, read_cpim, write_cpim
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.imdn import DISPOSITIONS
from voip_sms.wire.sip.mime import Part, PartError

LINPHONE = (
    b"From: <sip:101@sms.test>\r\n"
    b"To: <sip:601123456@sms.test>\r\n"
    b"DateTime: 2026-11-22T10:00:00Z\r\n"
    b"NS: imdn <urn:ietf:params:imdn>\r\n"
    b"imdn.Message-ID: HjFsonRLpkim\r\n"
    b"imdn.Disposition-Notification: positive-delivery, negative-delivery, display\r\n"
    b"\r\n"
    b"Content-Type: text/plain; charset=UTF-8\r\n"
    b"Content-Length: 3\r\n"
    b"\r\n"
    b"hej"
)


def test_what_linphone_writes() -> None:
    message = read_cpim(LINPHONE)
    assert message.message_id == "HjFsonRLpkim"
    assert message.wants == ("delivered", "failed", "displayed")
    assert message.headers["", "datetime"] == "2026-11-22T10:00:00Z"
    assert message.content.headers.get("content-type") == "text/plain; charset=UTF-8"
    assert message.content.body == b"hej"


def test_lines_that_end_in_lf_alone() -> None:
    assert read_cpim(LINPHONE.replace(b"\r\n", b"\n")) == read_cpim(LINPHONE)


@pytest.mark.parametrize(
    ("namespaces", "name"),
    [
        ("NS: imdn <urn:ietf:params:imdn>\r\n", "imdn.Message-ID"),
        ("NS: x <urn:ietf:params:imdn>\r\n", "x.Message-ID"),
        ("NS:  X   <urn:ietf:params:imdn>\r\n", "x.message-id"),
        ("NS: <urn:ietf:params:imdn>\r\n", "Message-ID"),
        ("", "imdn.Message-ID"),
    ],
)
def test_a_header_is_known_by_its_namespace(namespaces: str, name: str) -> None:
    message = read_cpim(f"{namespaces}{name}: id1\r\n\r\n\r\nx".encode())
    assert message.message_id == "id1"


def test_another_namespace_with_the_usual_prefix_is_another_header() -> None:
    message = read_cpim(b"NS: imdn <urn:other>\r\nimdn.Message-ID: id1\r\n\r\n\r\nx")
    assert message.message_id == ""
    assert message.headers["urn:other", "message-id"] == "id1"


def test_headers_are_unfolded_and_unescaped_and_lose_their_parameters() -> None:
    message = read_cpim(
        b"From: MR SANDERS\r\n  <im:piglet@100akerwood.com>\r\n"
        b"Subject:;lang=pl Za\\u017c\\u00f3\\u0142\\u0107\\t\\\\o\\/\r\n\r\n\r\nx"
    )
    assert message.headers["", "from"] == "MR SANDERS <im:piglet@100akerwood.com>"
    assert message.headers["", "subject"] == "Zażółć\t\\o/"


def test_half_a_surrogate_pair_is_no_character() -> None:
    assert read_cpim(b"Subject: \\ud83d\r\n\r\n\r\nx").headers["", "subject"] == "\ufffd"


@pytest.mark.parametrize(
    "octets",
    [
        b"Content-Type: message/cpim\r\n\r\n" + LINPHONE,  # RFC 3862 4 shows it so
        LINPHONE,
        LINPHONE.replace(b"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 3\r\n", b""),
        LINPHONE.replace(b"Content-Type: text/plain; charset=UTF-8\r\nContent-Length: 3\r\n\r\n", b""),
    ],
    ids=["with its own type in front", "plain", "empty inner headers", "no inner headers"],
)
def test_preludes(octets: bytes) -> None:
    message = read_cpim(octets)
    assert (message.message_id, message.content.body) == ("HjFsonRLpkim", b"hej")


def test_a_text_that_looks_like_headers_is_text() -> None:
    message = read_cpim(b"From: <sip:a@b>\r\n\r\nUwaga: pilne\n\nreszta")
    assert message.content == Part(Headers(), b"Uwaga: pilne\n\nreszta")


@pytest.mark.parametrize(
    "octets",
    [b"", b"no headers at all", b"From: <sip:a@b>", b"= bad\r\n\r\n\r\nx", b"a: b\r\n" * 65 + b"\r\n\r\nx"],
)
def test_what_is_none(octets: bytes) -> None:
    with pytest.raises(PartError):
        read_cpim(octets)


@pytest.mark.parametrize("bad", ["", "with blank", "\u0142", "x" * 256])
def test_a_message_id_that_could_not_come_back_is_none(bad: str) -> None:
    assert read_cpim(f"imdn.Message-ID: {bad}\r\n\r\n\r\nx".encode()).message_id == ""


@given(
    st.binary(max_size=200),
    st.lists(st.sampled_from(DISPOSITIONS), unique=True),
)
def test_what_we_write_we_read(content: bytes, wants: list[str]) -> None:
    asked = tuple(state for state in DISPOSITIONS if state in wants)
    envelope = Envelope("sip:+48601123456@sms.test", "sip:101@sms.test", "2026-11-22T10:00:00Z", "id1", asked)
    message = read_cpim(write_cpim(envelope, "text/plain; charset=UTF-8", content))
    assert (message.message_id, message.wants, message.content.body) == ("id1", asked, content)
    assert message.headers["", "from"] == "<sip:+48601123456@sms.test>"
    assert message.content.headers.get("content-length") == str(len(content))


def test_no_value_breaks_the_headers() -> None:
    with pytest.raises(ValueError, match="line break"):
        write_cpim(Envelope("sip:a@b", "sip:c@d", "now", "id\r\nX: y"), "text/plain", b"")


@given(st.binary(max_size=400))
def test_no_octets_crash_it(octets: bytes) -> None:
    try:
        message = read_cpim(octets)
    except PartError:
        return
    assert len(message.content.body) <= len(octets)


HEADERISH = st.lists(
    st.sampled_from(
        [
            b"NS: imdn <urn:ietf:params:imdn>",
            b"imdn.Message-ID: a",
            b"Content-Type: text/plain",
            b"",
            b" fold",
            b":",
            b"Subject:;lang",
            b"x\\u12",
            b"NS: <",
            b"Content-Type: message/cpim",
        ]
    ),
    max_size=12,
)


@given(HEADERISH, st.sampled_from([b"\r\n", b"\n"]))
def test_no_arrangement_of_lines_crashes_it(lines: list[bytes], end: bytes) -> None:
    try:
        message = read_cpim(end.join(lines))
    except PartError:
        return
    assert message.message_id in {"", "a", "a fold"} or len(message.message_id) > 0
    assert message.headers.get((IMDN, "message-id"), "a").startswith("a")
