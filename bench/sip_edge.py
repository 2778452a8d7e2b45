"""The least that a SIP edge can do: checks digest credentials on MESSAGE over UDP, says 202, stores nothing.

No transactions, no repeats recognised, no parsing beyond the headers it needs; MD5 with qop=auth (RFC 7616).
"""

import asyncio
import hashlib
import hmac
import json
import os
import re
import secrets
import signal
import socket
import time
from typing import cast

import uvloop

from bench.sip_load import DOMAIN, USERS, password_of, user_of

_PAIR = re.compile(rb'(\w+)=(?:"([^"]*)"|([^,\s]+))')
_LIFETIME = 900
_BUFFER = 4 * 1024 * 1024


def _md5(octets: bytes) -> bytes:
    return hashlib.md5(octets, usedforsecurity=False).hexdigest().encode()


class Edge(asyncio.DatagramProtocol):
    """One UDP socket."""

    def __init__(self) -> None:
        self._key = secrets.token_bytes(32)
        self._ha1 = {
            user_of(n).encode(): _md5(f"{user_of(n)}:{DOMAIN}:{password_of(n)}".encode())
            for n in range(USERS)
        }

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)
        transport.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        head = data.partition(b"\r\n\r\n")[0].split(b"\r\n")
        method = head[0].partition(b" ")[0]
        kept: list[bytes] = []
        credentials: dict[bytes, bytes] = {}
        for line in head[1:]:
            name, _, value = line.partition(b":")
            name = name.lower()
            if name == b"authorization":
                credentials = {key: quoted or plain for key, quoted, plain in _PAIR.findall(value)}
            elif name in {b"via", b"from", b"call-id", b"cseq"}:
                kept.append(line)
            elif name == b"to":
                kept.append(line + b";tag=edge")
        if self._proven(method, credentials):
            first = b"SIP/2.0 202 Accepted"
        else:
            first = b"SIP/2.0 401 Unauthorized"
            kept.append(
                b'WWW-Authenticate: Digest realm="%b", nonce="%b", algorithm=MD5, qop="auth"'
                % (DOMAIN.encode(), self._nonce(int(time.time())))
            )
        self._transport.sendto(b"\r\n".join([first, *kept, b"Content-Length: 0", b"", b""]), addr)

    def _proven(self, method: bytes, given: dict[bytes, bytes]) -> bool:
        ha1 = self._ha1.get(given.get(b"username", b""))
        nonce = given.get(b"nonce", b"")
        stamp = nonce.partition(b"-")[0]
        if ha1 is None or not stamp.isdigit() or time.time() - int(stamp) > _LIFETIME:
            return False
        if not hmac.compare_digest(nonce, self._nonce(int(stamp))):
            return False
        ha2 = _md5(method + b":" + given[b"uri"])
        proof = _md5(b":".join((ha1, nonce, given[b"nc"], given[b"cnonce"], given[b"qop"], ha2)))
        return hmac.compare_digest(proof, given[b"response"])

    def _nonce(self, stamp: int) -> bytes:
        octets = str(stamp).encode()
        return octets + b"-" + hmac.digest(self._key, octets, "sha256").hex()[:24].encode()


async def _serve() -> None:
    loop = asyncio.get_running_loop()
    transport, _ = await loop.create_datagram_endpoint(Edge, local_addr=("127.0.0.1", 0))
    told_to_stop = asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, told_to_stop.set)
    host, port = transport.get_extra_info("sockname")[:2]
    print("ready " + json.dumps({"pid": os.getpid(), "sip_udp": f"{host}:{port}"}), flush=True)
    await told_to_stop.wait()


if __name__ == "__main__":
    uvloop.run(_serve())
