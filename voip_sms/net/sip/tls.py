"""TLS for SIP connections: contexts from files that may be renewed, and the layer of one connection."""

import ssl
import stat
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import structlog

log = structlog.get_logger(__name__)

READ_SIZE: Final = 65_536
"""Octets of plain text taken at once: four TLS records."""

Stamp = tuple[tuple[int, int, int], ...]


class TlsFileError(Exception):
    """A certificate, key or trust file can't be used; the text names the setting, the file and what to do."""


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. `cert` (the chain) and `key` are for those who connect to us; with `ca` only its
    authorities are trusted when we connect to others, otherwise those of the system.
    """

    cert: str = ""
    key: str = ""
    ca: str = ""


class TlsContexts:
    """What new handshakes use. TLS 1.2 is the oldest version either way (RFC 8996).

    Connections that are up keep what they began with.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Read the files; TlsFileError when they can't be used."""
        self._files = files
        self._stamp = self._look()
        self._server, self._client = self._load()

    @property
    def server(self) -> ssl.SSLContext:
        """For who connects to us."""
        assert self._server is not None, "no certificate was given"
        return self._server

    @property
    def client(self) -> ssl.SSLContext:
        """For connections that we make: the certificate must be valid for the host."""
        return self._client

    def refresh(self) -> None:
        """Read the files again if one changed. What can't be used is logged once, and the old stays."""
        stamp = self._look()
        if stamp == self._stamp:
            return
        self._stamp = stamp
        try:
            self._server, self._client = self._load()
        except TlsFileError as error:
            log.error("sip_tls_files_not_taken", why=str(error))  # noqa: TRY400 - the text says it all
        else:
            log.info("sip_tls_files_renewed", cert=self._files.cert)

    def _look(self) -> Stamp:
        return tuple(_stamp(path) for path in (self._files.cert, self._files.key, self._files.ca) if path)

    def _load(self) -> tuple[ssl.SSLContext | None, ssl.SSLContext]:
        return (_server(self._files) if self._files.cert else None), _client(self._files.ca)


def _stamp(path: str) -> tuple[int, int, int]:
    """Changes when the file does; a link (Kubernetes, certbot) counts as what it leads to."""
    try:
        found = Path(path).stat()
    except OSError:
        return 0, 0, 0
    return found.st_mtime_ns, found.st_size, found.st_ino


def _server(files: TlsFiles) -> ssl.SSLContext:
    _readable("tls_cert", files.cert)
    _readable("tls_key", files.key)
    if stat.S_IMODE(Path(files.key).stat().st_mode) & stat.S_IROTH:
        raise TlsFileError(f"tls_key: {files.key}: everybody can read it; chmod 600 it")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    try:
        context.load_cert_chain(files.cert, files.key, password=_no_password)
    except (ssl.SSLError, ValueError) as error:
        raise TlsFileError(f"tls_cert: {files.cert} with {files.key}: {_brief(error)}") from None
    return context


def _client(ca: str) -> ssl.SSLContext:
    if ca:
        _readable("tls_ca", ca)
    try:
        context = ssl.create_default_context(cafile=ca or None)
    except ssl.SSLError as error:
        raise TlsFileError(f"tls_ca: {ca}: {_brief(error)}") from None
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _no_password() -> str:
    """Else OpenSSL would ask on the terminal, and the start would hang."""
    raise ValueError("the key has a passphrase; write it without one")


def _readable(name: str, path: str) -> None:
    try:
        with Path(path).open("rb"):
            pass
    except OSError as error:
        raise TlsFileError(f"{name}: {path}: {error.strerror}; check path and rights") from None


def _brief(error: Exception) -> str:
    if isinstance(error, ssl.SSLError):
        mismatch = error.reason == "KEY_VALUES_MISMATCH"
        what = "the key belongs to another certificate" if mismatch else "not PEM, or damaged"
        return f"{what} ({error.reason or error})"
    return str(error)


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
