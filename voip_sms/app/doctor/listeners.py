"""Listeners: each port free or our own running service's, and what is reachable from outside."""

import errno
import http.client
import os
import socket
from collections.abc import Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from voip_sms.app.administration import served_folder
from voip_sms.app.doctor import sockets
from voip_sms.app.doctor.findings import CONNECT, Finding
from voip_sms.app.settings import Settings
from voip_sms.net.listeners import is_loopback, split_listener
from voip_sms.store.database import Database
from voip_sms.store.folder import LOCK_NAME

_OK: Final = 200
_PRIVILEGED: Final = 1024


@dataclass(frozen=True, slots=True)
class Listener:
    """One listener as it is configured; `name` is its key."""

    name: str
    text: str
    kind: Literal["tcp", "udp"]


def listeners(settings: Settings) -> Iterator[Listener]:
    """All that are switched on."""
    wanted: tuple[tuple[str, object, Literal["tcp", "udp"]], ...] = (
        ("http.listen", settings.http.listen, "tcp"),
        ("sip.udp", settings.sip.udp, "udp"),
        ("sip.tcp", settings.sip.tcp, "tcp"),
        ("sip.tls", settings.sip.tls, "tcp"),
        ("mail.listen", settings.mail.listen, "tcp"),
        ("mail.tls_listen", settings.mail.tls_listen, "tcp"),
        ("simulator.smpp", settings.simulator.smpp, "tcp"),
        ("simulator.http", settings.simulator.http, "tcp"),
    )
    for name, value, kind in wanted:
        for text in (value,) if isinstance(value, str) else value if isinstance(value, tuple) else ():
            if text:
                yield Listener(name, text, kind)


def look(settings: Settings, database: Database) -> Iterator[Finding]:
    """The running service if there is one, every port, and what others can reach."""
    pid = served_by(settings, database)
    if pid is not None:
        yield _service(settings, pid)
    for listener in listeners(settings):
        yield _port(listener, pid)
    yield from _exposed(settings)


def served_by(settings: Settings, database: Database) -> int | None:
    """The process that serves from our folder (the lock there names it), or whoever has our HTTP port."""
    with suppress(OSError, ValueError):
        pid = int((served_folder(settings, database) / LOCK_NAME).read_text(encoding="ascii"))
        if _is_ours(pid):
            return pid
    if settings.http.listen:
        found = sockets.holder("tcp", split_listener(settings.http.listen)[1])
        if found is not None and _is_ours(found.pid):
            return found.pid
    return None


def _is_ours(pid: int) -> bool:
    """Whether that process is a `voip-sms serve`: the lock's file stays behind when a service ends."""
    try:
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except OSError:
        return False
    return b"serve" in words and any(b"voip-sms" in word or b"voip_sms" in word for word in words)


def _service(settings: Settings, pid: int) -> Finding:
    host, port = split_listener(settings.http.listen) if settings.http.listen else ("", 0)
    if not port:
        return Finding("ok", "service", f"runs as pid {pid}")
    try:
        with closing(http.client.HTTPConnection(_reachable(host), port, timeout=CONNECT)) as connection:
            connection.request("GET", "/health/ready")
            answer = connection.getresponse()
            said = answer.read(500).decode(errors="replace")
    except (OSError, http.client.HTTPException) as error:
        return Finding(
            "fail", "service", f"pid {pid} doesn't answer at {host}:{port}: {error}", "look at its log"
        )
    if answer.status != _OK:
        return Finding("warn", "service", f"pid {pid} is not ready: {said}", "it names what is missing")
    return Finding("ok", "service", f"runs as pid {pid} and is ready")


def _reachable(host: str) -> str:
    """Where to knock for a listener on any address."""
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - read, not bound


def _port(listener: Listener, service: int | None) -> Finding:
    """Bind as serve would, and let go at once."""
    host, port = split_listener(listener.text)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, _KINDS[listener.kind])) as probe:
        if listener.kind == "tcp":
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            return _not_bound(listener, port, error, service)
    return Finding("ok", listener.name, f"{listener.text} is free")


_KINDS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


def _not_bound(listener: Listener, port: int, error: OSError, service: int | None) -> Finding:
    name, where = listener.name, listener.text
    if error.errno == errno.EADDRINUSE:
        found = sockets.holder(listener.kind, port)
        if service is not None and (found is None or found.pid == service):
            return Finding("ok", name, f"{where} is served by pid {service}")
        who = f"in use by {found}" if found else "in use by another program"
        return Finding("fail", name, f"{where} is {who}", f"end that, or change {name}")
    if error.errno == errno.EADDRNOTAVAIL:
        advice = "`ip -br address` lists what it has; 0.0.0.0 is all of them"
        return Finding("fail", name, f"{where}: this machine has no such address", advice)
    if error.errno == errno.EACCES and port < _PRIVILEGED:
        advice = "AmbientCapabilities=CAP_NET_BIND_SERVICE in the unit, or a port from 1024 on"
        return Finding("fail", name, f"{where}: uid {os.geteuid()} may not use ports below 1024", advice)
    return Finding("fail", name, f"{where}: {error.strerror or error}", f"is {name} host:port?")


def _exposed(settings: Settings) -> Iterator[Finding]:
    """What leaves the machine in the clear."""
    if settings.http.listen and not near(settings.http.listen):
        advice = (
            "put a TLS proxy in front and keep http.listen on 127.0.0.1: keys and texts pass in the clear"
        )
        yield Finding("warn", "http.exposed", f"{settings.http.listen} is not loopback", advice)
    for listener in listeners(settings):
        if listener.name.startswith("simulator.") and not near(listener.text):
            advice = "keep it on 127.0.0.1: whoever reaches it reads every text and sends as any handset"
            yield Finding("fail", listener.name, f"{listener.text} is not loopback", advice)
    for network in settings.sip.trusted_peers:
        yield from _trusted(str(network), network.num_addresses)


_MANY: Final = 256
"""Addresses: a proxy or two and their standby fit into a /24."""


def _trusted(network: str, addresses: int) -> Iterator[Finding]:
    advice = "name your proxies' own addresses in sip.trusted_peers: whoever sits there sends as any account"
    if network in ("0.0.0.0/0", "::/0"):
        yield Finding("fail", "sip.trusted_peers", f"{network} is everybody", advice)
    elif addresses > _MANY:
        yield Finding("warn", "sip.trusted_peers", f"{network} is {addresses} addresses", advice)
    else:
        yield Finding("ok", "sip.trusted_peers", network)


def near(listener: str) -> bool:
    """Whether only this machine reaches a listener."""
    host, _ = split_listener(listener)
    return is_loopback(host)
