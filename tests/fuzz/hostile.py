"""Input made to be dear: as much as the bounds let in, of whatever a careless reader goes over twice."""

import zlib
from collections.abc import Iterator
from typing import Final

_ROOM: Final = 15_000
"""Octets left for one thing when the head may have 16 kB."""


def _request(
    *lines: str,
    method: str = "MESSAGE",
    via: str = "",
    sender: str = "<sip:101@sms.test>;tag=a",
    body: bytes = b"",
) -> bytes:
    head = [
        f"{method} sip:601123456@sms.test SIP/2.0",
        f"Via: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bKx{via}",
        f"From: {sender}",
        "To: <sip:101@sms.test>",
        "Call-ID: hostile",
        f"CSeq: 1 {method}",
        "X-Auth-User: 101",
        *lines,
        f"Content-Length: {len(body)}",
    ]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


def _filled(unit: str) -> str:
    return unit * (_ROOM // len(unit))


_UNITS: Final = (
    *(",", ";", "<", ">", '"', "\\", " ", "%", "a", "=", "/", ":", "[", "&", "(", "\u0142"),
    *(
        "<>",
        '""',
        ';"',
        ',"',
        '\\"',
        "a=",
        "a,",
        "a;",
        ";a",
        "; ,",
        ", ;",
        " ,",
        " ;",
        'a=",',
        "%41",
        "<sip:a>,",
        "*,",
    ),
    *(';a="<', '"\\\\', "a <", "a:", "SIP/2.0/UDP a,", "Digest ", 'a="b",', "a=b,", "q=0.", "--", "/ ", " /"),
)
_PLACES: Final = (
    "Contact",
    "Require",
    "Content-Type",
    "Content-Encoding",
    "Authorization",
    "Expires",
    "Date",
    "X",
)


def _lines() -> Iterator[tuple[str, bytes]]:
    for unit in _UNITS:
        for place in _PLACES:
            method = "REGISTER" if place in {"Contact", "Expires"} else "MESSAGE"
            octets = _request(f"{place}: {_filled(unit)}", method=method, body=b"x")
            yield f"{place} of {unit!r}", octets
        yield f"quoted {unit!r}", _request(f'Contact: "{_filled(unit)}" <sip:a@b>', method="REGISTER")
        yield f"in brackets {unit!r}", _request(f"Contact: <sip:a@b;{_filled(unit)}>", method="REGISTER")
        yield f"Via with {unit!r}", _request(via=f";x={_filled(unit)}")
        yield f"From with {unit!r}", _request(sender=f"{_filled(unit)} <sip:101@sms.test>")
        yield f"Request-URI with {unit!r}", _request().replace(b"601123456", _filled(unit).encode(), 1)
        yield (
            f"credentials with {unit!r}",
            _request(f"Authorization: Digest {unit * (4000 // len(unit))}").replace(
                b"X-Auth-User: 101\r\n", b""
            ),
        )


def _many() -> Iterator[tuple[str, bytes]]:
    vias = ",".join(f"SIP/2.0/UDP h{n};branch=z9hG4bK{n}" for n in range(400))
    yield "hundreds of Via in a line", _request(f"Via: {vias}")
    yield "a Via a line", _request(*(f"v: SIP/2.0/UDP h{n}" + ";a" * 40 for n in range(110)))
    yield "a Contact a line", _request(*("m: <sip:a@b>" + ";a" * 40 for _ in range(110)), method="REGISTER")
    yield "folded lines", _request("X: a\r\n" + "\r\n".join(" " + "b" * 120 for _ in range(110)))
    yield "folded spaces", _request("X: a\r\n" + "\r\n".join(" " * 120 for _ in range(110)))
    yield "credentials a line", _request(*("Authorization: Digest " + "a=b," * 25 for _ in range(110)))
    yield "empty lines in front", b"\r\n" * 30_000 + _request()
    yield "nothing but colons", b":\r\n" * 100 + b"\r\n"


def _bodies() -> Iterator[tuple[str, bytes]]:
    def typed(kind: str, body: bytes, *more: str) -> bytes:
        return _request(f"Content-Type: {kind}", *more, body=body)

    size = 60_000
    yield "no letters", typed("text/plain", b"\xff" * size)
    yield "line ends", typed("text/plain", b"\r" * size)
    yield (
        "a deflate bomb",
        typed("text/plain", zlib.compress(bytes(40_000_000), 9), "Content-Encoding: deflate"),
    )
    yield "boundaries", typed("multipart/mixed;boundary=x", b"--x\r\n" * (size // 5))
    yield "almost boundaries", typed("multipart/mixed;boundary=" + "x" * 60, (b"--" + b"x" * 59) * 900)
    nest = b"".join(
        b"--%d\r\nContent-Type: multipart/mixed;boundary=%d\r\n\r\n" % (n, n + 1) for n in range(900)
    )
    yield "parts in parts", typed("multipart/mixed;boundary=0", nest)
    yield "headers of CPIM", typed("message/cpim", b"a: b\r\n" * (size // 6) + b"\r\n\r\nx")
    yield "escapes of CPIM", typed("message/cpim", b"a: " + b"\\u0041" * (size // 6) + b"\r\n\r\n\r\nx")
    yield "CPIM in CPIM", typed("message/cpim", b"\r\nContent-Type: message/cpim\r\n\r\n" * 1500)
    yield "elements", typed("message/imdn+xml", b"<a>" * (size // 3))
    yield (
        "attributes",
        typed("message/imdn+xml", b"<a " + b"".join(b"a%d='' " % n for n in range(7000)) + b"/>"),
    )
    laughs = b"<!DOCTYPE a [<!ENTITY a 'ha'>" + b"".join(
        b"<!ENTITY a%d '%s'>" % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 10)
    )
    yield "entities", typed("message/imdn+xml", laughs + b"]><a>&a9;</a>")


def hostile() -> list[tuple[str, bytes]]:
    """(what it is, one datagram) each."""
    return [*_lines(), *_many(), *_bodies()]


def streams() -> list[tuple[str, list[bytes]]]:
    """(what it is, what arrives at once) each: a quarter megabyte is what one turn of the loop may read."""
    slow = _request(f"X: {_filled('a')}", body=b"b" * 60_000)
    return [
        ("pings", [b"\r\n" * 131_072]),
        ("single octets", [bytes([octet]) for octet in slow[:20_000]]),
        ("octets behind a broken length", [_request().replace(b"Length: 0", b"Length: x"), b"y" * 250_000]),
        ("a head without end", [b"MESSAGE sip:a@b SIP/2.0\r\n" + b"x: y\r\n" * 40_000]),
        ("senseless answers", [b"SIP/2.0 9999 x\r\nl: 0\r\n\r\n" * 10_000]),
    ]
