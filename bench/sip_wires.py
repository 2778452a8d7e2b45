"""What the load on SIP goes over: one UDP socket, or a connection for each phone, with or without TLS."""

import selectors
import socket
import ssl
from collections import deque
from collections.abc import Callable
from typing import Final, Protocol

_BUFFER: Final = 4 * 1024 * 1024
_CHUNK: Final = 65536
_END: Final = b"\r\n\r\n"
CONNECT: Final = 5.0
"""Seconds for a connection and its handshake, before anything is measured."""


class Wire(Protocol):
    """`name` and `local` are for Via; `repeats` when requests can get lost (RFC 3261 17.1.2.2)."""

    name: bytes
    local: bytes
    repeats: bool

    def send(self, phone: int, octets: bytes) -> None:
        """One request of this phone."""

    def receive(self) -> bytes | None:
        """One reply; None when none came in `timeout` seconds."""


class Datagrams:
    """One UDP socket for all phones."""

    name, repeats = b"UDP", True

    def __init__(self, address: tuple[str, int], timeout: float) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _BUFFER)
        self._socket.connect(address)
        self._socket.settimeout(timeout)
        self.local = "{}:{}".format(*self._socket.getsockname()).encode()

    def send(self, phone: int, octets: bytes) -> None:
        del phone
        self._socket.send(octets)

    def receive(self) -> bytes | None:
        try:
            return self._socket.recv(_CHUNK)
        except TimeoutError:
            return None


class Streams:
    """A connection for each phone; replies have no bodies."""

    repeats = False

    def __init__(self, address: tuple[str, int], timeout: float, phones: int, *, tls: bool) -> None:
        self.name = b"TLS" if tls else b"TCP"
        self.local = b"127.0.0.1:9"
        self._timeout = timeout
        self._ready: deque[bytes] = deque()
        self._selector = selectors.DefaultSelector()
        self._sockets = [_connected(address, tls=tls) for _ in range(phones)]
        for one in self._sockets:
            one.setblocking(False)
            self._selector.register(one, selectors.EVENT_READ, self._reader(one))

    def send(self, phone: int, octets: bytes) -> None:
        self._sockets[phone].sendall(octets)

    def receive(self) -> bytes | None:
        while not self._ready:
            events = self._selector.select(self._timeout)
            if not events:
                return None
            for key, _ in events:
                key.data()
        return self._ready.popleft()

    def _reader(self, connection: socket.socket) -> Callable[[], None]:
        rest = b""

        def read() -> None:
            nonlocal rest
            try:
                octets = connection.recv(_CHUNK)
                while isinstance(connection, ssl.SSLSocket) and connection.pending():
                    octets += connection.recv(_CHUNK)
            except ssl.SSLWantReadError:  # a session ticket, nothing for us
                return
            if not octets:
                raise ConnectionError("closed by the other side")
            *whole, rest = (rest + octets).split(_END)
            self._ready.extend(whole)

        return read


def _connected(address: tuple[str, int], *, tls: bool) -> socket.socket:
    made = socket.create_connection(address, CONNECT)
    made.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    if not tls:
        return made
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE  # whose it is costs the server nothing
    return context.wrap_socket(made)


def opened(transport: str, address: tuple[str, int], timeout: float, phones: int) -> Wire:
    """`transport` is udp, tcp or tls."""
    if transport == "udp":
        return Datagrams(address, timeout)
    return Streams(address, timeout, phones, tls=transport == "tls")
