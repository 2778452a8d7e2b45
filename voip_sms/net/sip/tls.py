"""TLS for SIP connections: the layer of one connection, without I/O of its own."""

import ssl
from contextlib import suppress
from typing import Final

from voip_sms.net.tls import TlsContexts, TlsFileError, TlsFiles

__all__ = ["TlsContexts", "TlsFileError", "TlsFiles", "TlsLayer"]

READ_SIZE: Final = 65_536
"""Octets of plain text taken at once: four TLS records."""


class TlsLayer:
    """One connection's TLS, between octets on the wire and plain text; no I/O of its own.

    Feed what came with `receive`, hand plain text to `send`, and after each of them write `outgoing()`.
    """

    __slots__ = ("_context", "_host", "_incoming", "_outgoing", "_server_side", "_tls", "closed", "ready")

    def __init__(self, context: ssl.SSLContext, *, server_side: bool, host: str = "") -> None:
        """`host` is who we connect to: the name or address that the certificate must be for."""
        self._context = context
        self._server_side = server_side
        self._host = host or None
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls: ssl.SSLObject | None = None
        self.ready = False
        self.closed = False

    def begin(self) -> None:
        """A client speaks first. A server holds 30 kB less while it is only connected to."""
        if not self._server_side:
            self._shake()

    def receive(self, octets: bytes) -> bytes:
        """The plain text that `octets` complete. ssl.SSLError ends the connection."""
        self._incoming.write(octets)
        if not self.ready and not self._shake():
            return b""
        found = bytearray()
        try:
            while piece := self._object().read(READ_SIZE):
                found += piece
            self.closed = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLZeroReturnError:
            self.closed = True
        return bytes(found)

    def send(self, plain: bytes) -> None:
        """Encrypt; only when `ready`."""
        self._object().write(plain)

    def outgoing(self) -> bytes:
        """What is to be written now."""
        return self._outgoing.read()

    def end(self) -> None:
        """Say goodbye (close_notify) without waiting for the other side's."""
        with suppress(ssl.SSLError):
            self._object().unwrap()

    def _object(self) -> ssl.SSLObject:
        if self._tls is None:
            self._tls = self._context.wrap_bio(
                self._incoming, self._outgoing, server_side=self._server_side, server_hostname=self._host
            )
        return self._tls

    def _shake(self) -> bool:
        try:
            self._object().do_handshake()
        except ssl.SSLWantReadError:
            return False
        self.ready = True
        return True
