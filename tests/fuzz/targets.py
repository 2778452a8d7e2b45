"""What the fuzzer calls: each target takes octets, and raises when something that must hold doesn't.

Errors of the wire (WireError) are answers, not findings; anything else that is raised is one.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Final

from fuzz.edge import shared
from fuzz.transactions import play_transactions
from voip_sms.wire import gsm0338, html, receipts, udh
from voip_sms.wire.errors import WireError
from voip_sms.wire.mail import charsets, quotes
from voip_sms.wire.mail.reading import read_mail
from voip_sms.wire.sip import content, digest, headers, rules, uri
from voip_sms.wire.sip.framing import Broken, Event, Flawed, Ping, StreamFramer
from voip_sms.wire.sip.grammar import GrammarError, quote, unquote
from voip_sms.wire.sip.headers import Headers
from voip_sms.wire.sip.messages import (
    MAX_BODY,
    MAX_HEAD,
    MAX_HEADERS,
    Malformed,
    Request,
    Response,
    parse_datagram,
)
from voip_sms.wire.sip.nonces import NonceMint
from voip_sms.wire.smpp import DataSm, DeliverSm, Framer, SmppError, SubmitSm, decode, encode
from voip_sms.wire.smpp import content as smpp_content

Target = Callable[[bytes], None]

SOURCE: Final = ("192.0.2.1", 5060)
MOST_PIECES: Final = 200
"""A long stream isn't fed octet by octet: the torture cases are, and other things are worth the time."""
ROOM, ROOM_LINES = 2048, 8
"""Octets and lines left when a message comes back with ours added."""
_MINT: Final = NonceMint(bytes(32))


def datagram(data: bytes) -> None:
    """One datagram: read it, answer it, and read the answer."""
    try:
        message = parse_datagram(data)
    except Malformed as error:
        if error.request is not None:
            _answered(error.request)
        return
    if isinstance(message, Request):
        _answered(message)
    if len(data) > MAX_HEAD - ROOM or len(message.headers) > MAX_HEADERS - ROOM_LINES:
        return
    again = parse_datagram(message.encode())
    assert again.headers.all("via") == message.headers.all("via")
    assert again.body == message.body


def _answered(request: Request) -> None:
    try:
        via = rules.top_via(request.headers)
    except GrammarError:
        return
    assert 0 < via.reply_port < 65536
    with suppress(rules.Refused):
        read = rules.read(request)
        assert str(read.sender)
        assert str(read.recipient)
    kept = rules.reply_headers(request, "t")
    stamped = rules.stamp_via(request.headers.get("via"), via, *SOURCE)
    again = rules.top_via(Headers([("via", stamped)]))
    assert (again.host, again.port, again.branch) == (via.host, via.port, via.branch)
    asked = "rport" in via.params
    assert not asked or (again.params["received"], again.params["rport"]) == ("192.0.2.1", "5060")
    if len(request.headers) > MAX_HEADERS - ROOM_LINES or len(str(request.headers)) > MAX_HEAD - ROOM:
        return
    reply = Response(400, "Bad", Headers([("via", stamped), *(pair for pair in kept if pair[0] != "via")]))
    read_back = parse_datagram(reply.encode())
    assert read_back.headers.get("call-id") == request.headers.get("call-id")


def stream(data: bytes) -> None:
    """A stream: the first two octets say how it is cut; however it is, the same comes out."""
    if len(data) < 3:
        return
    first, octets = data[0] + 1, data[2:]
    step = max(data[1] + 1, len(octets) // MOST_PIECES)
    whole = _shapes(StreamFramer().feed(octets))
    framer = StreamFramer()
    events: list[Event] = list(framer.feed(octets[:first]))
    for at in range(first, len(octets), step):
        events += framer.feed(octets[at : at + step])
        assert len(framer._buffer) <= MAX_HEAD + MAX_BODY + step, "it keeps too much"
    assert _shapes(events) == whole


def _shapes(events: Iterator[Event] | list[Event]) -> list[object]:
    shapes: list[object] = []
    for event in events:
        if isinstance(event, Flawed | Broken):
            shapes.append((type(event), event.error.reason))
        elif not isinstance(event, Ping) or shapes[-1:] != ["ping"]:
            shapes.append("ping" if isinstance(event, Ping) else event)
    return shapes


def address(data: bytes) -> None:
    """A URI: what was read is written so that it reads the same."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(GrammarError):
        parsed = uri.parse_uri(text)
        again = uri.parse_uri(str(parsed))
        assert str(again) == str(parsed)
        if isinstance(parsed, uri.SipUri):
            assert isinstance(again, uri.SipUri)
            assert again.aor == parsed.aor
            parsed.user.encode()
            assert uri.parse_uri(uri.sip_uri(parsed.user or "x", parsed.host)).user == (parsed.user or "x")


def header(data: bytes) -> None:
    """One header value, read as everything that it might be."""
    text = data.decode("utf-8", "surrogateescape")
    fields = Headers([("x", text)])
    readers: list[Callable[[str], object]] = [
        headers.parse_via,
        headers.parse_cseq,
        headers.parse_name_addr,
        headers.parse_seconds,
        content.parse_media_type,
        lambda _: fields.list("x"),
        lambda _: rules.top_via(Headers([("via", text)])),
    ]
    for read in readers:
        with suppress(GrammarError):
            read(text)
    with suppress(GrammarError):
        named = headers.parse_name_addr(text)
        quoted = quote(named.display)
        assert unquote(quoted) == "".join(c if c.isprintable() else " " for c in named.display)


def credentials(data: bytes) -> None:
    """Digest credentials and challenges, and the nonces in them."""
    text = data.decode("utf-8", "surrogateescape")
    with suppress(GrammarError):
        given = digest.parse_credentials(text)
        assert given.count >= 0
        digest.proves(given, "MESSAGE", "0" * 32)
        _MINT.state(given.nonce, 1_700_000_000.0)
        json.dumps(given.username)
    with suppress(GrammarError):
        challenge = digest.parse_challenge(text)
        digest.answer(challenge, "MESSAGE", "sip:a@b", "u", "p", cnonce="c")


def body(data: bytes) -> None:
    """A body: the first line is its Content-Type, the second its Content-Encoding."""
    kind, _, rest = data.partition(b"\n")
    encoding, _, octets = rest.partition(b"\n")
    pairs = [("content-type", kind.decode("utf-8", "surrogateescape"))]
    if encoding:
        pairs.append(("content-encoding", encoding.decode("utf-8", "surrogateescape")))
    with suppress(WireError):
        read = content.read_content(Headers(pairs), octets)
        assert "\0" not in str(read.text)


def smpp(data: bytes) -> None:
    """A stream of PDUs, and the user data, texts and receipts in them."""
    framer = Framer()
    frames: list[bytes] = []
    with suppress(SmppError):
        for at in range(0, len(data), 7):
            frames += framer.feed(data[at : at + 7])
    for frame in frames:
        with suppress(SmppError):
            pdu = decode(frame)
            if isinstance(pdu, SubmitSm | DeliverSm | DataSm):
                with suppress(WireError):
                    smpp_content(pdu)
            with suppress(SmppError):
                written = encode(pdu)
                assert encode(decode(written)) == written
    receipts.parse(data)
    receipts.essence(data)
    gsm0338.decode(data)
    gsm0338.unpack(data)
    with suppress(WireError):
        udh.split(data)


def mail(data: bytes) -> None:
    """A whole mail: nothing in what is read could break a header, a line of a log or the encoding of a text."""
    with suppress(WireError):
        read = read_mail(data)
        json.dumps([*read.to, *read.cc, *read.references, read.body.text]).encode()
        values = (read.from_address, read.from_name, read.subject, read.message_id, read.in_reply_to)
        every = (*values, *read.to, *read.cc, *read.references, *read.loops)
        assert all(one.isprintable() or not set(one) & set(map(chr, range(32))) for one in every)
        read.body.text.encode()
        assert not set(read.body.text) & _UNSEEN
        assert read.body.damaged or "\ufffd" not in read.body.text
        assert read.body.text == read.body.text.strip("\n")


_UNSEEN: Final = set(map(chr, (*range(9), 11, 12, *range(13, 32), 127, 0x202E, 0x200B)))


def mail_text(data: bytes) -> None:
    """A text as HTML, as an answer to be cut and as octets of every charset: it comes to an end, and to nothing new."""
    label, _, octets = data.partition(b"\n")
    read = charsets.decode(octets, label.decode("latin-1"))
    seen = html.to_text(read.text)
    assert len(seen.text) <= html.MAX_TEXT
    for text in (read.text, seen.text):
        new, cuts = quotes.cut_quotes(text)
        assert len(new) <= len(text)
        assert all(cut.text_start and "\n" not in cut.text_start for cut in cuts)
        quotes.cut_quotes(text, forwarded=True)


def transactions(data: bytes) -> None:
    """Server transactions against a model: arrivals, copies, answers, and time that passes."""
    play_transactions(data)


def edge(data: bytes) -> None:
    """The endpoint with registrar and message door: the first octet chooses transport and standing."""
    shared().play(data)


TARGETS: Final[dict[str, Target]] = {
    "datagram": datagram,
    "stream": stream,
    "address": address,
    "header": header,
    "credentials": credentials,
    "body": body,
    "smpp": smpp,
    "mail": mail,
    "mail_text": mail_text,
    "transactions": transactions,
    "edge": edge,
}
