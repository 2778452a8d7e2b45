"""The operator's use cases, wired; and what of `doctor` can be looked at while the service runs."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from voip_sms.app.doctor import accounts, certificates, machine
from voip_sms.app.doctor.examination import pairs
from voip_sms.app.doctor.findings import Finding as Found
from voip_sms.app.settings import Settings
from voip_sms.core.directory import Directory
from voip_sms.core.model import LinkState
from voip_sms.doors.panel.operating import Operating
from voip_sms.engine.accounts.deciding import AccountRules, Deciding
from voip_sms.engine.context import Context
from voip_sms.engine.health import Examination, Finding
from voip_sms.engine.names import Names
from voip_sms.engine.network import Network
from voip_sms.engine.quarantine import Quarantine
from voip_sms.engine.traffic import Traffic
from voip_sms.store.holder import DirectoryHolder

_TOLD: Final = frozenset({"warn", "fail"})
"""What is well is told in one line by the page itself."""


def operating(
    settings: Settings,
    context: Context,
    holder: DirectoryHolder,
    *,
    links: Callable[[], Mapping[str, LinkState]],
    missing: Callable[[], Sequence[str]],
    doors: Callable[[], Mapping[str, str | None]],
) -> Operating:
    """See `app/web.py`'s Parts; `doors`: where each listens, by its name in the ready line."""
    rules = AccountRules(settings.sip.domain, settings.service.country)
    deciding = Deciding(context, rules, os.urandom, holder.refresh_now)
    return Operating(
        Network(context, deciding),
        Names(context, deciding, settings.service.default_name),
        Quarantine(context),
        Traffic(context),
        Examination(
            context,
            ready=missing,
            doors=doors,
            links=links,
            machine=lambda: machine_findings(settings, context.directory(), context.clock.now()),
        ),
    )


def machine_findings(settings: Settings, directory: Directory, now: int) -> Sequence[Finding]:
    """What is wrong with this machine, its certificates and keys; it blocks for some milliseconds."""
    looked = _look(settings, directory, now)
    return [Finding(one.state, one.name, one.found, one.advice) for one in looked if one.state in _TOLD]


def _look(settings: Settings, directory: Directory, now: int) -> Iterator[Found]:
    yield machine.disk("disk", settings.data_dir)
    yield from machine.open_files()
    yield from machine.clock()
    yield from accounts.published_keys(directory)
    for pair in pairs(settings):
        yield from certificates.look(pair, now / 1_000_000)
