"""Certificates of the TLS listeners: file, key, dates, host name, chain, and who can read the key.

They are read by OpenSSL itself: a handshake in memory with the certificate as its own authority tells what is
in it, and one with this system's authorities tells whether strangers will trust it.
"""

import os
import ssl
import stat
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

from voip_sms.app.doctor.findings import Finding

WARN_DAYS: Final = 21
"""ACME clients renew 30 days before the end: whoever has fewer left isn't being renewed."""
_NO_CHECK_TIME: Final = 0x200000
"""X509_V_FLAG_NO_CHECK_TIME (OpenSSL's x509_vfy.h); the ssl module has no name for it."""
_HOSTNAME_MISMATCH: Final = frozenset({62, 64})
"""X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH."""
_STEPS: Final = 10
"""A handshake in memory is over after three exchanges."""


@dataclass(frozen=True, slots=True)
class Pair:
    """A listener's files. `name` is its section, `host` what clients call it."""

    name: str
    certificate: str
    key: str
    host: str


def look(pair: Pair, now: float) -> Iterator[Finding]:
    """Everything about one pair; `now` in epoch seconds."""
    problem = _unusable(pair)
    if problem is not None:
        yield problem
        return
    yield _rights(pair)
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(pair.certificate, pair.key, password=lambda: "")
        content = _handshake(context, _trusting(pair.certificate), None)
    except ssl.SSLError as error:
        yield _not_loaded(pair, error)
        return
    yield _dates(pair, content, now)
    yield _host(pair, context)
    yield _chain(pair, context)


def _unusable(pair: Pair) -> Finding | None:
    for what, path in (("tls_cert", pair.certificate), ("tls_key", pair.key)):
        if not path:
            advice = f"set {pair.name}.tls_cert and {pair.name}.tls_key, or switch the TLS listener off"
            return Finding("fail", f"{pair.name}.{what}", "not set", advice)
        try:
            Path(path).read_bytes()
        except OSError as error:
            advice = "is the path right, and may the service's user read it?"
            return Finding("fail", f"{pair.name}.{what}", f"{path}: {error.strerror}", advice)
    return None


def _rights(pair: Pair) -> Finding:
    found = os.stat(pair.key)  # noqa: PTH116 - as it is named, not resolved
    if found.st_mode & (stat.S_IROTH | stat.S_IWOTH):
        advice = f"chmod 640 {pair.key}, make a new key: this one may be known"
        return Finding("fail", f"{pair.name}.tls_key", "everybody can read it", advice)
    return Finding("ok", f"{pair.name}.tls_key", pair.key)


def _not_loaded(pair: Pair, error: ssl.SSLError) -> Finding:
    name = f"{pair.name}.tls_cert"
    if error.reason == "KEY_VALUES_MISMATCH":
        advice = "name the key that this certificate was made for"
        return Finding("fail", name, f"{pair.key} is not its key", advice)
    advice = "both must be PEM, the key without a passphrase, the server's certificate first"
    return Finding("fail", name, f"{pair.certificate}: OpenSSL can't use it: {error.reason or error}", advice)


def _dates(pair: Pair, content: dict[str, Any], now: float) -> Finding:
    name = f"{pair.name}.tls_cert"
    begins, ends = (ssl.cert_time_to_seconds(content[key]) for key in ("notBefore", "notAfter"))
    days = int((ends - now) // 86_400)
    until = datetime.fromtimestamp(ends, UTC).date().isoformat()
    if now >= ends:
        return Finding("fail", name, f"expired on {until}", "renew it: phones refuse it")
    if now < begins:
        start = datetime.fromtimestamp(begins, UTC).isoformat()
        return Finding("fail", name, f"not valid before {start}", "is this machine's clock right?")
    if days < WARN_DAYS:
        return Finding("warn", name, f"{days} days left, until {until}", "is its renewal at work?")
    return Finding("ok", name, f"{days} days left, until {until}")


def _host(pair: Pair, server: ssl.SSLContext) -> Finding:
    name = f"{pair.name}.tls_host"
    try:
        _handshake(server, _trusting(pair.certificate), pair.host)
    except ssl.SSLCertVerificationError as error:
        if error.verify_code in _HOSTNAME_MISMATCH:
            advice = f"phones that check names refuse it: get one with {pair.host} among its DNS names"
            return Finding("warn", name, f"the certificate isn't for {pair.host}", advice)
        return Finding("warn", name, error.verify_message)
    return Finding("ok", name, f"it is for {pair.host}")


def _chain(pair: Pair, server: ssl.SSLContext) -> Finding:
    name = f"{pair.name}.tls_chain"
    try:
        client = ssl.create_default_context()
        client.check_hostname = False
        _ignore_dates(client)
        _handshake(server, client, None)
    except ssl.SSLCertVerificationError as error:
        advice = (
            "a private authority is fine where you put it into every phone; else the file needs the"
            " intermediate certificates after its own"
        )
        return Finding("warn", name, f"strangers don't trust it: {error.verify_message}", advice)
    return Finding("ok", name, "trusted by this system's authorities")


def _trusting(certificate: str) -> ssl.SSLContext:
    """A client to whom this certificate is its own authority, whatever the date."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.load_verify_locations(certificate)
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    _ignore_dates(context)
    return context


def _ignore_dates(context: ssl.SSLContext) -> None:
    context.verify_flags = ssl.VerifyFlags(context.verify_flags | _NO_CHECK_TIME)


def _handshake(server: ssl.SSLContext, client: ssl.SSLContext, host: str | None) -> dict[str, Any]:
    """What the client sees of the certificate. ssl.SSLError, and SSLCertVerificationError if it objects."""
    client.check_hostname = host is not None
    to_client, to_server = ssl.MemoryBIO(), ssl.MemoryBIO()
    near = client.wrap_bio(to_client, to_server, server_hostname=host)
    far = server.wrap_bio(to_server, to_client, server_side=True)
    for _ in range(_STEPS):
        with suppress(ssl.SSLWantReadError):
            near.do_handshake()
            return near.getpeercert() or {}
        with suppress(ssl.SSLWantReadError):
            far.do_handshake()
    raise ssl.SSLError("the handshake doesn't end")
