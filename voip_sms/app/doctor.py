"""Looks at everything the service needs before it needs it: settings, folder, database, ports, carriers."""

import errno
import os
import socket
import ssl
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from typing import Final, Literal

from sqlalchemy.exc import SQLAlchemyError

from voip_sms.app.administration import settings_url
from voip_sms.app.sections import split_listener
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Carrier, Directory
from voip_sms.store import migrate, snapshot
from voip_sms.store.database import Database, check, open_database
from voip_sms.store.errors import DatabaseError, brief

CONNECT_SECONDS: Final = 3.0
"""A carrier that takes longer to accept a connection is in trouble, and an operator waits for the answer."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at, how it is, and what to do if it isn't well."""

    state: Literal["ok", "FAIL", "skip"]
    name: str
    text: str


def examine(settings: Settings) -> Iterator[Finding]:
    """Everything in order; nothing is changed, made or migrated."""
    yield _folder(settings)
    database = open_database(settings.database.url)
    try:
        directory = None
        for finding in _database(database):
            yield finding
            if finding.name == "database" and finding.state == "ok":
                directory = _directory(database)
        yield from _ports(settings)
        yield from _carriers(directory)
    finally:
        database.close()


def _folder(settings: Settings) -> Finding:
    folder = settings.data_dir
    if not folder.exists():
        return Finding("skip", "data_dir", f"{folder}: not there yet; serve or apply makes it")
    if not os.access(folder, os.W_OK | os.X_OK):
        return Finding("FAIL", "data_dir", f"{folder}: not writable for this user; chown it")
    if folder.stat().st_mode & 0o077:
        return Finding("FAIL", "data_dir", f"{folder}: others can look into it; chmod 700 it")
    return Finding("ok", "data_dir", str(folder))


def _database(database: Database) -> Iterator[Finding]:
    where = settings_url(database)
    if database.file is not None and not database.file.exists():
        yield Finding("skip", "database", f"{where}: not there yet; serve or apply makes it")
        return
    try:
        check(database)
        if migrate.at_head(database.writer):
            yield Finding("ok", "database", where)
        else:
            yield Finding("FAIL", "database", f"{where}: an older schema; run voip-sms db upgrade")
    except (DatabaseError, SQLAlchemyError, OSError) as error:
        text = str(error) if isinstance(error, DatabaseError) else f"{where}: {brief(error)}"
        yield Finding("FAIL", "database", text)


def _directory(database: Database) -> Directory:
    with database.reader.connect() as connection:
        return snapshot.load(connection)


# --- ports --------------------------------------------------------------------------------------------------


def _ports(settings: Settings) -> Iterator[Finding]:
    for name, listen, kind in (
        ("http.listen", settings.http.listen, socket.SOCK_STREAM),
        ("sip.udp", settings.sip.udp, socket.SOCK_DGRAM),
        ("sip.tcp", settings.sip.tcp, socket.SOCK_STREAM),
        ("simulator.smpp", settings.simulator.smpp, socket.SOCK_STREAM),
        ("simulator.http", settings.simulator.http, socket.SOCK_STREAM),
    ):
        if listen:
            yield _port(name, listen, kind)


def _port(name: str, listen: str, kind: int) -> Finding:
    """Bind as serve would, and let go at once."""
    host, port = split_listener(listen)
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    with closing(socket.socket(family, kind)) as probe:
        if kind == socket.SOCK_STREAM:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            hint = "in use: is serve running, or another program?" if taken else str(error.strerror)
            return Finding("FAIL", name, f"{listen}: {hint}")
    return Finding("ok", name, listen)


# --- carriers -----------------------------------------------------------------------------------------------


def _carriers(directory: Directory | None) -> Iterator[Finding]:
    if directory is None:
        yield Finding("skip", "carriers", "no database to read them from")
        return
    if not directory.carriers:
        yield Finding("skip", "carriers", "none; voip-sms apply adds them")
    for name, carrier in sorted(directory.carriers.items()):
        if carrier.enabled:
            yield _carrier(name, carrier)
        else:
            yield Finding("skip", f"carrier {name}", "switched off")


def _carrier(name: str, carrier: Carrier) -> Finding:
    """Whether somebody listens there; with TLS, whether we trust them. No bind: it might end serve's own."""
    host, port = str(carrier.settings.get("host", "")), int(str(carrier.settings.get("port", 0)))
    where = f"{host}:{port}"
    try:
        with closing(socket.create_connection((host, port), CONNECT_SECONDS)) as plain:
            if carrier.settings.get("tls"):
                context = ssl.create_default_context(cafile=str(carrier.settings.get("tls_ca", "")) or None)
                context.wrap_socket(plain, server_hostname=host).close()
    except OSError as error:  # ssl.SSLError is one
        return Finding("FAIL", f"carrier {name}", f"{where}: {error.strerror or error}; check host and port")
    return Finding("ok", f"carrier {name}", f"{where} answers")
