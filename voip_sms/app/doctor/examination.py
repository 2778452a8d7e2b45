"""The examination: which checks there are, and in what order they are told."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from urllib.parse import urlsplit

from sqlalchemy.exc import SQLAlchemyError

from voip_sms.app.doctor import (
    accounts,
    asterisk,
    carriers,
    certificates,
    database,
    flows,
    listeners,
    machine,
    names,
    panel,
    proxy,
    relay,
    webhooks,
)
from voip_sms.app.doctor.findings import Check, Finding, run
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Directory
from voip_sms.store.database import Database, open_database
from voip_sms.store.errors import brief


@dataclass(frozen=True, slots=True)
class Options:
    """`config`: the file that the settings came from; `bind`: log in at carriers for a moment."""

    config: Path | None = None
    bind: bool = False


def examine(settings: Settings, options: Options | None = None) -> Iterator[Finding]:
    """Everything in order; nothing is changed, made or migrated. DatabaseUrlError."""
    options = options or Options()
    opened = open_database(settings.database.url)
    try:
        yield from run(list(_first(settings, options, opened)))
        reading = _Reading(opened)
        yield from run([Check("configuration", reading)])
        if reading.directory is not None:
            yield from run(list(_second(settings, options, reading.directory)))
    finally:
        opened.close()


class _Reading:
    """Reads who and what there is; no directory comes of a database that can't be read."""

    def __init__(self, opened: Database) -> None:
        self._opened = opened
        self.directory: Directory | None = None

    def __call__(self) -> Iterator[Finding]:
        if self._opened.file is not None and not self._opened.file.exists():
            yield Finding("skip", "carriers", "no database to read them from")
            return
        try:
            self.directory = database.directory(self._opened)
        except (SQLAlchemyError, OSError) as error:
            yield Finding("skip", "carriers", f"the database can't be read: {brief(error)}")


def _first(settings: Settings, options: Options, opened: Database) -> Iterator[Check]:
    """What needs only the settings, and the database itself."""
    if options.config is not None:
        path = options.config
        yield Check(
            "config", lambda: [machine.config_file(path, holds_secrets=_holds_secrets(settings, path))]
        )
    yield Check("data_dir", lambda: machine.folder(settings.data_dir))
    yield Check("database", lambda: database.look(opened, settings.data_dir))
    yield Check("listeners", lambda: listeners.look(settings, opened))
    for pair in pairs(settings):
        yield Check(f"{pair.name}.tls_cert", partial(certificates.look, pair, time.time()))
    yield Check("sip.domain", lambda: names.look(settings))
    yield Check("panel.url", lambda: panel.look(settings))
    yield Check("asterisk.url", lambda: asterisk.look(settings))
    yield Check("ivr.flows", lambda: flows.look(settings))
    yield Check("clock", machine.clock)
    yield Check("open_files", machine.open_files)


def _second(settings: Settings, options: Options, directory: Directory) -> Iterator[Check]:
    """What needs to know who and what there is."""
    yield from carriers.checks(directory, bind=options.bind)
    yield Check("mail.relay", lambda: relay.look(settings.mail, needed=_mails(directory)))
    yield Check("webhooks", lambda: webhooks.look(directory, settings.webhooks.allow))
    yield Check("sip.outbound", lambda: proxy.look(settings.sip, directory))
    yield Check("sip.passwords", lambda: accounts.look(directory, settings.sip.domain))
    yield Check("api.keys", lambda: accounts.published_keys(directory))


def _holds_secrets(settings: Settings, path: Path) -> bool:
    """Whether a password stands in the file itself, not in the environment or a credential."""
    text = path.read_text(encoding="utf-8", errors="replace")
    urls = (settings.database.url, settings.mail.relay)
    passwords = (*(urlsplit(url).password for url in urls), settings.asterisk.password.get_secret_value())
    return any(password and password in text for password in passwords)


def pairs(settings: Settings) -> Iterator[certificates.Pair]:
    """The certificates that we show, and who for."""
    sip, mail = settings.sip, settings.mail
    if sip.tls:
        yield certificates.Pair("sip", sip.tls_cert, sip.tls_key, sip.domain)
    if mail.tls_listen or (mail.listen and mail.tls_cert):
        yield certificates.Pair("mail", mail.tls_cert, mail.tls_key, mail.domain)


def _mails(directory: Directory) -> bool:
    return any(
        rule.kind == "mail" and rule.enabled for rules in directory.forwards.values() for rule in rules
    )
