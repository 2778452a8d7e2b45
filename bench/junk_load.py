"""What a SIP port on the Internet gets: scanners' requests and garbage, at a steady rate; says what it sent.

    python -m bench.junk_load HOST PORT SECONDS RATE SOURCES

It comes in turn from so many addresses of 127.0.16.0/20, so that a limit per address is met, or not.
"""

import itertools
import json
import selectors
import socket
import sys
import time
from contextlib import suppress

SLICE = 0.005
"""Seconds between bursts: real floods come in bursts too, and a timer can't do much better."""
_REQUEST = (
    "{method} {uri} SIP/2.0\r\n"
    "Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK-{number};rport\r\n"
    "Max-Forwards: 70\r\n"
    'From: "sipvicious" <sip:{user}@10.0.0.1>;tag={number:x}\r\n'
    "To: <sip:{user}@10.0.0.1>\r\n"
    "Call-ID: {number}\r\n"
    "CSeq: 1 {method}\r\n"
    "Contact: <sip:{user}@10.0.0.1:5060>\r\n"
    "User-Agent: friendly-scanner\r\n"
    "Accept: application/sdp\r\n"
    "{more}Content-Length: 0\r\n\r\n"
)
_GUESS = (
    'Authorization: Digest username="{user}", realm="sms.test", nonce="0000", uri="sip:sms.test", '
    'response="0123456789abcdef0123456789abcdef", algorithm=MD5\r\n'
)


def _request(method: str, number: int, uri: str, *, guess: bool = False) -> bytes:
    user = str(100 + number % 9000)
    more = _GUESS.format(user=user) if guess else ""
    return _REQUEST.format(method=method, uri=uri, user=user, number=number, more=more).encode()


def junk(number: int) -> bytes:
    """The datagram number `number`: one of six kinds."""
    kinds = (
        lambda: _request("OPTIONS", number, "sip:100@10.0.0.1"),
        lambda: _request("REGISTER", number, "sip:sms.test"),
        lambda: _request("REGISTER", number, "sip:sms.test", guess=True),
        lambda: _request("INVITE", number, f"sip:9011{number:010}@10.0.0.1"),
        lambda: _request("MESSAGE", number, "sip:601123456@sms.test"),
        lambda: b"\x16\x03\x01" + bytes(range(32, 127)) * 3,
    )
    return kinds[number % len(kinds)]()


def main() -> None:
    host, port, seconds, rate, sources = sys.argv[1:]
    sockets = []
    selector = selectors.DefaultSelector()
    for n in range(int(sources)):
        one = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        one.bind((f"127.0.{16 + n // 250}.{1 + n % 250}", 0))
        one.connect((host, int(port)))
        one.setblocking(False)
        selector.register(one, selectors.EVENT_READ)
        sockets.append(one)
    began, replies = time.monotonic(), 0
    sent = 0
    for number in itertools.count():
        now = time.monotonic()
        if now - began > float(seconds):
            break
        if sent <= (now - began) * float(rate):
            with suppress(OSError):
                sockets[number % len(sockets)].send(junk(number))
            sent += 1
            continue
        for key, _ in selector.select(SLICE):
            with suppress(OSError):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.recv(65536)
                replies += 1
    print("figures " + json.dumps({"sent": sent, "replies": replies}), flush=True)


if __name__ == "__main__":
    main()
