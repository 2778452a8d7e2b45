"""Datagrams and header values: what is read, what is refused, and that nothing crashes the parser."""

import contextlib

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.headers import Headers, Via, parse_cseq, parse_name_addr, parse_seconds, parse_via
from voip_sms.wire.sip.messages import Malformed, Request, Response, parse_datagram
from voip_sms.wire.sip.rules import Refused, read, reply_headers, stamp_via, top_via

GOOD = (
    b"MESSAGE sip:601123456@sms.test SIP/2.0\r\n"
    b"Via: SIP/2.0/UDP 192.0.2.1:5070;branch=z9hG4bK1;rport\r\n"
    b"Max-Forwards: 70\r\n"
    b'From: "Jan \\"X\\" Kowalski" <sip:101@sms.test>;tag=abc\r\n'
    b"To: <sip:601123456@sms.test>\r\n"
    b"Call-ID: call1\r\n"
    b"CSeq: 7 MESSAGE\r\n"
    b"Content-Type: text/plain\r\n"
    b"Content-Length: 5\r\n"
    b"\r\n"
    b"hello"
)


def changed(old: bytes, new: bytes) -> bytes:
    assert old in GOOD
    return GOOD.replace(old, new)


def test_a_message_is_read() -> None:
    message = parse_datagram(GOOD)
    assert isinstance(message, Request)
    assert (message.method, message.uri, message.body) == ("MESSAGE", "sip:601123456@sms.test", b"hello")
    got = read(message)
    assert (got.cseq.number, got.call_id, got.sender.tag, got.sender.display) == (
        7,
        "call1",
        "abc",
        'Jan "X" Kowalski',
    )
    assert top_via(message.headers) == Via("udp", "192.0.2.1", 5070, {"branch": "z9hG4bK1", "rport": ""})


def test_compact_forms_folding_and_gaps_mean_the_same() -> None:
    other = (
        b"\r\n\r\nMESSAGE sip:601123456@sms.test SIP/2.0\r\n"
        b"v:  SIP / 2.0 / UDP  192.0.2.1:5070 ;\r\n  branch=z9hG4bK1;\r\n\t rport\r\n"
        b"MAX-FORWARDS : 70\r\n"
        b'f: "Jan \\"X\\" Kowalski"\r\n <sip:101@sms.test>\r\n ;tag=abc\r\n'
        b"t :<sip:601123456@sms.test>\r\n"
        b"i: call1\r\n"
        b"cseq: 7\r\n  MESSAGE\r\n"
        b"c: text/plain\r\n"
        b"Content-Length \t : 5\r\n"
        b"\r\n"
        b"hello and octets behind the length"
    )
    first, second = parse_datagram(GOOD), parse_datagram(other)
    assert isinstance(first, Request)
    assert isinstance(second, Request)
    assert second.body == first.body
    assert [name for name, _ in second.headers] == [name for name, _ in first.headers]
    one, two = read(first), read(second)
    assert (one.cseq, one.call_id, one.sender, one.recipient, one.uri) == (
        two.cseq,
        two.call_id,
        two.sender,
        two.recipient,
        two.uri,
    )
    assert top_via(first.headers) == top_via(second.headers)


def test_body_without_length_reaches_to_the_end_of_the_datagram() -> None:
    message = parse_datagram(changed(b"Content-Length: 5\r\n", b""))
    assert message.body == b"hello"


@pytest.mark.parametrize(
    "data",
    [
        changed(b"Content-Length: 5", b"Content-Length: 6"),
        changed(b"Content-Length: 5", b"Content-Length: -5"),
        changed(b"Content-Length: 5", b"Content-Length: 5\r\nContent-Length: 4"),
        changed(b"Content-Length: 5", b"Content-Length: 99999999999"),
        changed(b"Content-Length: 5", b"Content-Length: five"),
        changed(b"MESSAGE sip:601123456@sms.test SIP", b"MESSAGE  sip:601123456@sms.test SIP"),
        changed(b"MESSAGE sip:601123456@sms.test SIP", b"MESSAGE sip:601123456@sms.test; lr SIP"),
        changed(b"Call-ID: call1", b"No colon here"),
        changed(b"Call-ID: call1", b"Bad name: x"),
    ],
)
def test_flawed_but_answerable(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_datagram(data)
    assert caught.value.status == 400
    assert caught.value.request is not None
    assert top_via(caught.value.request.headers).branch == "z9hG4bK1"


def test_other_version_is_505() -> None:
    with pytest.raises(Malformed) as caught:
        parse_datagram(changed(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"))
    assert caught.value.status == 505


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\r\n\r\n",
        b"hello",
        b"\0\0\0\0",
        GOOD[:100],
        b"X" * 20000,
        changed(b"call1", b"ca\nll"),
    ],
)
def test_what_is_no_message_gets_no_answer(data: bytes) -> None:
    with pytest.raises(Malformed) as caught:
        parse_datagram(data)
    assert caught.value.request is None


@pytest.mark.parametrize(
    ("old", "new", "status"),
    [
        (b"Call-ID: call1\r\n", b"", 400),
        (b"Call-ID: call1", b"Call-ID: call\xff", 400),
        (b"MESSAGE sip:601123456@", b"MESSAGE sip:\xff@", 400),
        (b"To: <sip:601123456@sms.test>\r\n", b"", 400),
        (b"CSeq: 7 MESSAGE", b"CSeq: 7 INVITE", 400),
        (b"CSeq: 7 MESSAGE", b"CSeq: 36893488147419103232 MESSAGE", 400),
        (b"CSeq: 7 MESSAGE", b"CSeq: 2147483648 MESSAGE", 400),
        (b"CSeq: 7 MESSAGE", b"CSeq: 7 MESSAGE\r\nCSeq: 8 MESSAGE", 400),
        (b"Max-Forwards: 70", b"Max-Forwards: 300", 400),
        (b"To: <sip:601123456@sms.test>", b'To: "Watson, Thomas < sip:t.watson@example.org>', 400),
        (b"MESSAGE sip:601123456@sms.test", b"MESSAGE <sip:601123456@sms.test>", 400),
        (b"MESSAGE sip:601123456@sms.test", b"MESSAGE nobodyKnows:601123456", 416),
        (b"Max-Forwards: 70", b"Max-Forwards: 70\r\nRequire: nothingSupportsThis, nor-this", 420),
    ],
)
def test_refused_with_the_status_the_rfc_names(old: bytes, new: bytes, status: int) -> None:
    message = parse_datagram(changed(old, new))
    assert isinstance(message, Request)
    with pytest.raises(Refused) as caught:
        read(message)
    assert caught.value.refusal.status == status
    if status == 420:
        assert caught.value.refusal.headers == (("unsupported", "nothingSupportsThis, nor-this"),)


def test_missing_max_forwards_is_forgiven() -> None:
    message = parse_datagram(changed(b"Max-Forwards: 70\r\n", b""))
    assert isinstance(message, Request)
    assert read(message).cseq.number == 7


def test_reply_copies_what_it_must_and_completes_to() -> None:
    request = parse_datagram(
        changed(b"Max-Forwards: 70", b"Via: SIP/2.0/TCP far.test;branch=z9hG4bK0\r\nMax-Forwards: 70")
    )
    assert isinstance(request, Request)
    octets = Response(202, "Accepted", Headers(reply_headers(request, "t1"))).encode()
    reply = parse_datagram(octets)
    assert isinstance(reply, Response)
    assert (reply.status, reply.reason) == (202, "Accepted")
    assert [via.partition(";")[0] for via in reply.headers.all("via")] == [
        "SIP/2.0/UDP 192.0.2.1:5070",
        "SIP/2.0/TCP far.test",
    ]
    assert reply.headers.get("to") == "<sip:601123456@sms.test>;tag=t1"
    assert reply.headers.get("from").endswith(";tag=abc")


def test_a_tag_inside_the_uri_is_not_the_header_s() -> None:
    data = changed(b"To: <sip:601123456@sms.test>", b"To: <sip:601123456@sms.test;tag=x>")
    request = parse_datagram(data)
    assert isinstance(request, Request)
    assert dict(reply_headers(request, "t1"))["to"] == "<sip:601123456@sms.test;tag=x>;tag=t1"


@pytest.mark.parametrize(
    ("via", "source", "stamped"),
    [
        ("SIP/2.0/UDP 192.0.2.1:5070;branch=b", ("192.0.2.1", 5070), "SIP/2.0/UDP 192.0.2.1:5070;branch=b"),
        (
            "SIP/2.0/UDP 10.0.0.1;branch=b",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;rport;branch=b",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1;rport=9",
        ),
        (
            "SIP/2.0/UDP 10.0.0.1;received=198.51.100.1;rport;branch=b, SIP/2.0/UDP x;branch=c",
            ("192.0.2.1", 9),
            "SIP/2.0/UDP 10.0.0.1;branch=b;received=192.0.2.1;rport=9, SIP/2.0/UDP x;branch=c",
        ),
    ],
)
def test_received_and_rport(via: str, source: tuple[str, int], stamped: str) -> None:
    assert stamp_via(via, parse_via(via.partition(",")[0]), *source) == stamped


@pytest.mark.parametrize(
    ("text", "uri", "display", "params"),
    [
        ("sip:101@sms.test;tag=1", "sip:101@sms.test", "", {"tag": "1"}),
        ("<sip:101@sms.test;lr>;tag=1", "sip:101@sms.test;lr", "", {"tag": "1"}),
        ("Jan K <sip:101@sms.test>", "sip:101@sms.test", "Jan K", {}),
        (
            '"a <b>, c" <sip:101@sms.test>;expires=30;q="0.5"',
            "sip:101@sms.test",
            "a <b>, c",
            {"expires": "30", "q": "0.5"},
        ),
    ],
)
def test_name_addr(text: str, uri: str, display: str, params: dict[str, str]) -> None:
    value = parse_name_addr(text)
    assert (str(value.uri), value.display, value.params) == (uri, display, params)
    assert parse_name_addr(str(value)) == value


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<sip:a@b",
        '"open <sip:a@b>',
        '"x" y <sip:a@b>',
        "sip:a@b?Route=x",
        "<sip:a@b> x",
        "< sip:a@b >",
        "*",
    ],
)
def test_bad_name_addr(text: str) -> None:
    with pytest.raises(GrammarError):
        parse_name_addr(text)


def test_lists_are_taken_apart_outside_quotes() -> None:
    headers = Headers([("contact", '"a, b" <sip:x@y;a=1,2>;q=1, <sip:z@y>'), ("contact", "<sip:w@y>")])
    assert headers.list("contact") == ['"a, b" <sip:x@y;a=1,2>;q=1', "<sip:z@y>", "<sip:w@y>"]


@pytest.mark.parametrize(
    ("text", "value"),
    [("300", 300), (" 0 ", 0), ("-1", None), ("4294967296", None), ("soon", None), ("²", None)],
)
def test_seconds(text: str, value: int | None) -> None:
    assert parse_seconds(text) == value


def test_nothing_of_ours_can_break_a_line() -> None:
    with pytest.raises(ValueError, match="line break"):
        Response(200, "OK", Headers([("subject", "a\r\nRoute: <sip:evil>")])).encode()
    with pytest.raises(ValueError, match="line break"):
        Request("MESSAGE", "sip:a@b\nX", Headers()).encode()


TOKENS = st.text("abcdefghijklmnopqrstuvwxyz0123456789-", min_size=1, max_size=12)
VALUES = st.text(
    st.characters(codec="utf-8", exclude_characters="\r\n\t", exclude_categories=["Cs"]), max_size=40
).map(str.strip)


@given(st.lists(st.tuples(TOKENS.map(lambda t: "x-" + t), VALUES), max_size=8), st.binary(max_size=200))
def test_round_trip(pairs: list[tuple[str, str]], body: bytes) -> None:
    request = Request("MESSAGE", "sip:a@b", Headers(pairs), body)
    again = parse_datagram(request.encode())
    assert isinstance(again, Request)
    assert list(again.headers)[:-1] == [(n, v.strip()) for n, v in pairs]
    assert again.body == body


@given(st.binary(max_size=300), st.integers(0, len(GOOD)), st.integers(0, 40))
@example(b"\xff\xfe", 120, 3)
@example(b"%", 12, 1)
@example(b'"', 150, 1)
def test_no_octets_crash_the_reader(noise: bytes, at: int, cut: int) -> None:
    for data in (noise, GOOD[:at] + noise + GOOD[at + cut :]):
        with contextlib.suppress(GrammarError, Refused):
            message = parse_datagram(data)
            top_via(message.headers)
            if isinstance(message, Request):
                read(message)
                reply_headers(message, "t")
                message.headers.list("contact")


@given(st.text(max_size=60))
def test_no_text_crashes_a_value_parser(text: str) -> None:
    for parser in (parse_via, parse_cseq, parse_name_addr):
        with contextlib.suppress(GrammarError):
            parser(text)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b'Require: "a', 400),
        (b"Require: " + b"a," * 40 + b"a", 400),
        (b"Require: a, b", 420),
    ],
)
def test_requirements_that_cannot_be_met_are_refused_whatever_they_are(line: bytes, status: int) -> None:
    request = parse_datagram(changed(b"CSeq:", line + b"\r\nCSeq:"))
    assert isinstance(request, Request)
    with pytest.raises(Refused) as caught:
        read(request)
    assert caught.value.refusal.status == status


def test_a_via_of_commas_has_nobody_to_answer() -> None:
    with pytest.raises(GrammarError):
        top_via(Headers([("via", ",")]))


def test_what_stands_behind_the_first_via_stays_as_it_is() -> None:
    value = 'SIP/2.0/UDP 10.0.0.1;x="a,b;rport";branch=b,SIP/2.0/UDP x;branch=c,,'
    stamped = stamp_via(value, top_via(Headers([("via", value)])), "192.0.2.1", 9)
    assert (
        stamped == 'SIP/2.0/UDP 10.0.0.1;x="a,b;rport";branch=b;received=192.0.2.1,SIP/2.0/UDP x;branch=c,,'
    )


def test_an_answer_of_another_version_is_never_answered() -> None:
    with pytest.raises(Malformed) as caught:
        parse_datagram(changed(b"MESSAGE sip:601123456@sms.test SIP/2.0", b"SIP/3.0 481 Call Does Not Exist"))
    assert caught.value.request is None
