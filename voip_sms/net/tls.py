"""TLS contexts from PEM files that may be renewed while we run: for SIP and for mail."""

import ssl
import stat
from dataclasses import dataclass
from pathlib import Path

import structlog

log = structlog.get_logger(__name__)

Stamp = tuple[tuple[int, int, int], ...]


class TlsFileError(Exception):
    """A certificate, key or trust file can't be used; the text names the setting, the file and what to do.

    `section` is that of the configuration file that it stands in.
    """

    section = "sip"


@dataclass(frozen=True, slots=True)
class TlsFiles:
    """Paths of PEM files. `cert` (the chain) and `key` are for those who connect to us; with `ca` only its
    authorities are trusted when we connect to others, otherwise those of the system. `section` of the
    configuration file says so.
    """

    cert: str = ""
    key: str = ""
    ca: str = ""
    section: str = "sip"


class TlsContexts:
    """What new handshakes use. TLS 1.2 is the oldest version either way (RFC 8996).

    Connections that are up keep what they began with.
    """

    def __init__(self, files: TlsFiles) -> None:
        """Read the files; TlsFileError when they can't be used."""
        self._files = files
        self._stamp = self._look()
        try:
            self._server, self._client = self._load()
        except TlsFileError as error:
            error.section = files.section
            raise

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
        event = f"{self._files.section}_tls_files"
        try:
            self._server, self._client = self._load()
        except TlsFileError as error:
            log.error(f"{event}_not_taken", why=str(error))  # noqa: G004, TRY400 - the text says it all
        else:
            log.info(f"{event}_renewed", cert=self._files.cert)  # noqa: G004 - one of two sections

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
