"""Phones that send MESSAGE with digest credentials, so many under way at a time; prints its figures.

    python -m bench.sip_load HOST PORT SECONDS WAITING FIRST [udp|tcp|tls]

Blocking sockets and no event loop: it must cost less than those it measures. Credentials are made from one
challenge per user, with growing nonce counts, as a phone that keeps its nonce does it. What is not answered
in half a second is sent again over UDP, octet for octet (RFC 3261, 17.1.2.2: T1).
"""

import hashlib
import json
import re
import sys
import time
from dataclasses import dataclass, field

from bench.recipients import mobile
from bench.sip_wires import opened

DOMAIN = "sms.test"
USERS = 20
TEXT = b"The parcel is waiting, the code is 123456. It will be kept for 3 days."
T1 = 0.5
# After the load: what is still under way gets this long to be answered.
GRACE = 3.0
_BRANCH = re.compile(rb"branch=z9hG4bK-(\d+)")
_NONCE = re.compile(rb'WWW-Authenticate: [^\r]*nonce="([^"]+)"[^\r]*', re.IGNORECASE)


def user_of(n: int) -> str:
    return str(101 + n)


def password_of(n: int) -> str:
    return f"pw{101 + n}"


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).hexdigest().encode()


@dataclass
class Phone:
    """One account: its nonce and how often that was used."""

    user: str
    password: str
    nonce: bytes = b""
    count: int = 0
    ha1: bytes = field(init=False)

    def __post_init__(self) -> None:
        self.ha1 = _md5(f"{self.user}:{DOMAIN}:{self.password}".encode())

    def message(self, number: int, local: bytes, transport: bytes = b"UDP") -> bytes:
        """The request number `number`, to the mobile of that number."""
        uri = b"sip:%b@%b" % (mobile(number).encode(), DOMAIN.encode())
        user = self.user.encode()
        lines = [
            b"MESSAGE %b SIP/2.0" % uri,
            b"Via: SIP/2.0/%b %b;branch=z9hG4bK-%d;rport" % (transport, local, number),
            b"Max-Forwards: 70",
            b"From: <sip:%b@%b>;tag=t%d" % (user, DOMAIN.encode(), number),
            b"To: <%b>" % uri,
            b"Call-ID: bench-%d" % number,
            b"CSeq: 1 MESSAGE",
            b"Content-Type: text/plain",
            b"Content-Length: %d" % len(TEXT),
        ]
        if self.nonce:
            lines.insert(-2, self.credentials(b"MESSAGE", uri))
        return b"\r\n".join((*lines, b"", TEXT))

    def take_nonce(self, challenge: bytes) -> None:
        """Use the nonce of a 401 from now on; RuntimeError when there is none."""
        found = _NONCE.search(challenge)
        if found is None:
            raise RuntimeError(f"no challenge: {challenge[:200]!r}")
        self.nonce = found[1]

    def credentials(self, method: bytes, uri: bytes) -> bytes:
        """The Authorization header of the next request."""
        self.count += 1
        nc = b"%08x" % self.count
        proof = _md5(b":".join((self.ha1, self.nonce, nc, b"c1", b"auth", _md5(method + b":" + uri))))
        return (
            b'Authorization: Digest username="%b", realm="%b", nonce="%b", uri="%b", response="%b", '
            b'algorithm=MD5, cnonce="c1", nc=%b, qop=auth'
        ) % (self.user.encode(), DOMAIN.encode(), self.nonce, uri, proof, nc)


@dataclass(slots=True)
class Sent:
    """One message under way: whose it is, when it first left, when it is sent again."""

    phone: int
    octets: bytes
    first: float
    again: float
    wait: float = T1


class Load:
    """Keeps `waiting` messages under way."""

    def __init__(self, address: tuple[str, int], first: int, transport: str = "udp") -> None:
        self._wire = opened(transport, address, T1, USERS)
        self._phones = [Phone(user_of(n), password_of(n)) for n in range(USERS)]
        self._number = first
        self._under_way: dict[int, Sent] = {}
        self._times: list[float] = []
        self.refused = self.repeated = 0

    def challenge(self) -> None:
        """Get every phone its nonce; RuntimeError when there is none to be had."""
        for index, phone in enumerate(self._phones):
            self._send(index)
            phone.take_nonce(self._wire.receive() or b"")
        self._under_way.clear()

    def run(self, seconds: float, waiting: int) -> dict[str, object]:
        began = time.monotonic()
        end = began + seconds
        look = began + T1
        for _ in range(waiting):
            self._send()
        while (now := time.monotonic()) < end:
            if self._receive(now):
                self._send()
            if now >= look:
                look = now + T1 / 5
                self._repeat(now)
        took, count = time.monotonic() - began, len(self._times)
        self._drain()
        times = sorted(self._times)
        return {
            "began": began, "accepted": len(times), "in_time": count, "seconds": took,
            "refused": self.refused, "repeated": self.repeated, "unanswered": len(self._under_way),
            "p50": times[len(times) // 2] if times else 0,
            "p99": times[len(times) * 99 // 100] if times else 0,
        }  # fmt: skip

    def _send(self, phone: int | None = None) -> None:
        self._number = number = self._number + 1
        index = number % USERS if phone is None else phone
        octets = self._phones[index].message(number, self._wire.local, self._wire.name)
        now = time.monotonic()
        self._under_way[number] = Sent(index, octets, now, now + T1)
        self._wire.send(index, octets)

    def _receive(self, now: float) -> bool:
        """Whether one that was under way got its final reply."""
        reply = self._wire.receive()
        if reply is None:
            self._repeat(now)
            return False
        found = _BRANCH.search(reply)
        if found is None or reply.startswith(b"SIP/2.0 1"):
            return False
        sent = self._under_way.pop(int(found[1]), None)
        if sent is None:
            return False
        if reply.startswith(b"SIP/2.0 202"):
            self._times.append(time.monotonic() - sent.first)
        else:
            self.refused += 1
        return True

    def _repeat(self, now: float) -> None:
        if not self._wire.repeats:
            return
        for sent in [sent for sent in self._under_way.values() if sent.again <= now]:
            self.repeated += 1
            sent.wait *= 2  # RFC 3261, 17.1.2.2
            sent.again = now + sent.wait
            self._wire.send(sent.phone, sent.octets)

    def _drain(self) -> None:
        until = time.monotonic() + GRACE
        while self._under_way and time.monotonic() < until:
            self._receive(time.monotonic())


def main() -> None:
    host, port, seconds, waiting, first, *transport = sys.argv[1:]
    load = Load((host, int(port)), int(first), *transport)
    load.challenge()
    print("figures " + json.dumps(load.run(float(seconds), int(waiting))), flush=True)


if __name__ == "__main__":
    main()
