"""Targets of webhooks: whether their hosts are known, may be called, and answer. Nothing is sent to them."""

import socket
from collections.abc import Iterator
from contextlib import closing
from typing import Final, NamedTuple
from urllib.parse import urlsplit

from voip_sms.app.doctor.findings import CONNECT, Check, Finding, run
from voip_sms.core.directory import Directory
from voip_sms.net.http.public import is_public, read_address, read_exceptions

HOSTS: Final = 64
"""Different hosts looked at, each on a thread: customers' own affairs, and a sample of them shows ours."""
_PORTS: Final = {"http": 80, "https": 443}


class _Target(NamedTuple):
    scheme: str
    host: str
    port: int

    def __str__(self) -> str:
        """Without path and query: they may hold a customer's secret."""
        return f"{self.scheme}://{self.host}:{self.port}"


def look(directory: Directory, allow: tuple[str, ...]) -> Iterator[Finding]:
    """One finding for all that are well, one for each that isn't."""
    targets = sorted(set(_targets(directory)))
    if not targets:
        yield Finding("skip", "webhooks", "none")
        return
    checks = [Check(f"webhook {target}", _Look(target, allow), CONNECT * 2) for target in targets[:HOSTS]]
    found = list(run(checks))
    well = sum(finding.state == "ok" for finding in found)
    text = f"{well} of {len(found)} hosts may be called and answer"
    more = f"{len(targets) - HOSTS} more were not looked at" if len(targets) > HOSTS else ""
    yield Finding("ok", "webhooks", text, more)
    yield from (finding for finding in found if finding.state != "ok")


def _targets(directory: Directory) -> Iterator[_Target]:
    rules = [*directory.forwards.values(), *directory.subscriptions.values()]
    for rule in (one for several in rules for one in several):
        if rule.kind != "webhook" or not rule.enabled:
            continue
        for url in rule.targets:
            try:
                parts = urlsplit(url)
                if parts.scheme in _PORTS and parts.hostname:
                    yield _Target(parts.scheme, parts.hostname, parts.port or _PORTS[parts.scheme])
            except ValueError:
                continue


class _Look:
    """What is done for one host."""

    def __init__(self, target: _Target, allow: tuple[str, ...]) -> None:
        self._target = target
        self._exceptions = read_exceptions(allow)

    def __call__(self) -> Iterator[Finding]:
        target, name = self._target, f"webhook {self._target}"
        try:
            found = socket.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError):
            yield Finding("warn", name, "no such host", "tell the customer, or correct the URL")
            return
        addresses = list(dict.fromkeys(str(address[0]) for *_, address in found))
        closed = [text for text in addresses if not self._allowed(text)]
        if closed or not addresses:
            advice = (
                f"if it is meant: webhooks.allow with {target.scheme}://{closed[0] if closed else '…'}/32"
            )
            why = "is not a public address" if target.scheme == "https" else "is called by https only"
            yield Finding("warn", name, f"{', '.join(closed)} {why}: nothing is sent there", advice)
            return
        yield self._answers(name, addresses[0])

    def _allowed(self, text: str) -> bool:
        address = read_address(text)
        public = self._target.scheme == "https" and is_public(address)
        return public or self._exceptions.allow(self._target.scheme, address)

    def _answers(self, name: str, address: str) -> Finding:
        try:
            with closing(socket.create_connection((address, self._target.port), CONNECT)):
                return Finding("ok", name, "answers")
        except OSError as error:
            advice = "tries go on for three days; tell the customer"
            return Finding("warn", name, f"{error.strerror or error}", advice)
