"""Domains of a test: their records, their keys, and mails that they signed."""

import asyncio
import base64
import functools
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, cast

import dkim
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from voip_sms.net.dns import DnsUnavailableError, Kind, Value


@dataclass
class DnsTable:
    """`dns.Resolver` out of a table; names in `broken` can't be asked, `asked` remembers every question."""

    records: dict[tuple[str, str], tuple[Value, ...]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    asked: list[tuple[str, str]] = field(default_factory=list)

    def lookup(self, name: str, kind: Kind, seconds: float) -> tuple[Value, ...]:
        assert seconds > 0
        name = name.rstrip(".").lower()
        self.asked.append((name, kind))
        if name in self.broken:
            raise DnsUnavailableError(name)
        return self.records.get((name, kind), ())

    def txt(self, name: str, *texts: str) -> None:
        self.records[name, "TXT"] = tuple(text.encode() for text in texts)


def key_of(bits: int = 2048) -> rsa.RSAPrivateKey:
    """One key for each size, made when it is first wanted."""
    return _key_of(bits)


@functools.cache
def _key_of(bits: int) -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=bits)


def pem(key: rsa.RSAPrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    )


def key_record(key: rsa.RSAPrivateKey, more: str = "") -> str:
    der = key.public_key().public_bytes(
        serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    return f"v=DKIM1; k=rsa; {more}p={base64.b64encode(der).decode()}"


def mail(
    author: str = "Biuro <biuro@example.pl>",
    *,
    to: str = "601123456@sms.test",
    more: Sequence[str] = (),
    text: str = "Dzien dobry",
) -> bytes:
    head = [
        f"From: {author}",
        f"To: {to}",
        "Subject: hello",
        "Message-ID: <1@example.pl>",
        "Date: Sun, 22 Nov 2026 10:00:00 +0100",
        *more,
    ]
    return ("\r\n".join(head) + f"\r\n\r\n{text}\r\n").encode()


DEFAULT_SIGNED = ("from", "to", "cc", "subject", "date", "message-id")


def signed(
    octets: bytes,
    domain: str = "example.pl",
    *,
    bits: int = 2048,
    names: Sequence[str] = DEFAULT_SIGNED,
    length: bool = False,
    tags: bytes = b"",
    algorithm: bytes = b"rsa-sha256",
    canonical: tuple[bytes, bytes] = (b"relaxed", b"relaxed"),
) -> bytes:
    """`octets` under a signature of `domain`, selector s1; `tags` are added to the field before it is signed."""
    signer = _Signer(octets, tags)
    header: bytes = signer.sign(
        b"s1",
        domain.encode(),
        pem(key_of(bits)),
        signature_algorithm=algorithm,
        canonicalize=canonical,
        include_headers=[name.encode() for name in names],
        length=length,
    )
    return header + octets


class _Signer(dkim.DKIM):  # type: ignore[misc]
    """dkimpy writes no x=: it is put among the fields that it signs."""

    def __init__(self, octets: bytes, tags: bytes) -> None:
        super().__init__(octets)
        self._tags = tags

    def gen_header(self, fields, *args, **kwargs):  # type: ignore[no-untyped-def]
        if self._tags:
            name, _, value = self._tags.partition(b"=")
            fields.insert(-1, (name, value))
        return super().gen_header(fields, *args, **kwargs)


class DnsServer(asyncio.DatagramProtocol):
    """A name server on loopback that answers out of a `DnsTable`; SERVFAIL for what is broken there."""

    def __init__(self, table: DnsTable) -> None:
        self.table = table
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> str:
        """Listen on a free port; `host:port`."""
        loop = asyncio.get_running_loop()
        await loop.create_datagram_endpoint(lambda: self, local_addr=("127.0.0.1", 0))
        assert self._transport is not None
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def stop(self) -> None:
        assert self._transport is not None
        self._transport.close()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Any) -> None:
        asked = dns.message.from_wire(data)
        answer = dns.message.make_response(asked, recursion_available=True)
        question = asked.question[0]
        name, kind = question.name.to_text(omit_final_dot=True), dns.rdatatype.to_text(question.rdtype)
        try:
            found = self.table.lookup(name, cast("Kind", kind), 1)
        except DnsUnavailableError:
            answer.set_rcode(dns.rcode.SERVFAIL)
            found = ()
        if found:
            texts = [_presented(kind, one) for one in found]
            answer.answer.append(dns.rrset.from_text(question.name, 60, "IN", kind, *texts))
        elif answer.rcode() == dns.rcode.NOERROR and not any(
            known == name.lower() for known, _ in self.table.records
        ):
            answer.set_rcode(dns.rcode.NXDOMAIN)
        assert self._transport is not None
        self._transport.sendto(answer.to_wire(), addr)


def _presented(kind: str, value: Value) -> str:
    match value:
        case bytes():
            pieces = [value[at : at + 255].decode() for at in range(0, len(value), 255)]
            return " ".join(f'"{piece}"' for piece in pieces)
        case (preference, name):
            return f"{preference} {name}."
        case _:
            return f"{value}." if kind == "PTR" else str(value)
