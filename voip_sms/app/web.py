"""The two doors of the HTTP server, API and panel, wired over the same use cases."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from voip_sms.app.operating import operating
from voip_sms.app.settings import Settings
from voip_sms.core.guessing import Guesses
from voip_sms.core.identity import Rules
from voip_sms.core.model import LinkState
from voip_sms.core.ports import Forwarder
from voip_sms.doors.api.door import ApiDoor
from voip_sms.doors.api.door import Rooms as ApiRooms
from voip_sms.doors.panel.door import PanelDoor
from voip_sms.doors.panel.operating import Operating
from voip_sms.doors.panel.rooms import Rooms as PanelRooms
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.accounts.deciding import AccountRules
from voip_sms.engine.audit import AuditLog
from voip_sms.engine.blocked import Blocked
from voip_sms.engine.context import Context
from voip_sms.engine.conversations import Conversations
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.history import History
from voip_sms.engine.live import Live
from voip_sms.engine.messages import Messages
from voip_sms.engine.oversight import Oversight
from voip_sms.engine.panel import Writing
from voip_sms.engine.people.links import Links
from voip_sms.engine.people.own import Own
from voip_sms.engine.people.registration import Registrations
from voip_sms.engine.people.sessions import Sessions
from voip_sms.engine.people.sign_in import SignIn
from voip_sms.engine.people.users import Users
from voip_sms.engine.proving import Proving
from voip_sms.engine.signals import Signals
from voip_sms.engine.standing import Standing
from voip_sms.engine.submit import Submit
from voip_sms.engine.trials import EVERY
from voip_sms.engine.verifying import Verifying
from voip_sms.engine.webhooks import Webhooks
from voip_sms.store.holder import DirectoryHolder


@dataclass(frozen=True, slots=True)
class Parts:
    """What the use cases are made of, as `app/build.py` has them.

    `links`: the carriers' links by name; `missing`: what is not up yet; `doors`: where each listens;
    `guesses`: that of all doors.
    """

    settings: Settings
    context: Context
    signals: Signals
    holder: DirectoryHolder
    submitter: Submit
    forwarder: Forwarder
    guesses: Guesses
    links: Callable[[], Mapping[str, LinkState]]
    missing: Callable[[], Sequence[str]]
    doors: Callable[[], Mapping[str, str | None]]


@dataclass(frozen=True, slots=True)
class Shared:
    """The use cases that both doors have."""

    accounts: Accounts
    messages: Messages
    oversight: Oversight
    webhooks: Webhooks
    audit: AuditLog
    proving: Proving
    verifying: Verifying
    operating: Operating


def shared(parts: Parts) -> Shared:
    """One of each."""
    settings, context, refresh = parts.settings, parts.context, parts.holder.refresh_now
    rules, proving = AccountRules(settings.sip.domain, settings.service.country), Proving(os.urandom)
    return Shared(
        Accounts(context, rules, os.urandom, refresh),
        Messages(context.reader),
        Oversight(context.reader),
        Webhooks(context, parts.forwarder, os.urandom, refresh, tried=EVERY),
        AuditLog(context.reader),
        proving,
        Verifying(context, proving, parts.submitter, os.urandom, settings.service.country),
        operating(
            settings,
            context,
            parts.holder,
            links=parts.links,
            missing=parts.missing,
            doors=parts.doors,
        ),
    )


def api_door(parts: Parts, both: Shared) -> ApiDoor:
    """The API."""
    settings, context = parts.settings, parts.context
    rooms = ApiRooms(
        parts.submitter,
        DirectoryCredentials(context.directory),
        both.messages,
        both.accounts,
        context.directory,
        parts.links,
        parts.missing,
        context.metrics,
        both.oversight,
        both.operating.names,
        both.operating.quarantine,
        both.webhooks,
        both.audit,
        both.verifying,
    )
    return ApiDoor(
        rooms,
        country=settings.service.country,
        metrics_from=settings.http.metrics_from,
        proxies=settings.http.proxies,
        guesses=parts.guesses,
    )


def panel_door(parts: Parts, both: Shared, key: bytes) -> PanelDoor:
    """The panel. `key`: 32 secret octets, the same on every node."""
    settings, context = parts.settings, parts.context
    address = settings.panel.address(settings.http.listen)
    proving = both.proving
    live = Live(context, parts.signals)
    sign_in = SignIn(context, proving, parts.guesses, os.urandom, seconds=time.monotonic)
    rooms = PanelRooms(
        submitter=parts.submitter,
        writing=Writing(
            context, parts.submitter, Rules(settings.service.country, settings.service.default_name)
        ),
        accounts=both.accounts,
        messages=both.messages,
        history=History(context),
        conversations=Conversations(context, live.touched),
        live=live,
        webhooks=both.webhooks,
        oversight=both.oversight,
        audit=both.audit,
        verifying=both.verifying,
        blocked=Blocked(context.reader),
        standing=Standing(context),
        sign_in=sign_in,
        sessions=Sessions(context, os.urandom),
        own=Own(context, proving, parts.guesses, os.urandom, issuer=settings.panel.name),
        links=Links(context, proving, sign_in, os.urandom, panel=address),
        users=Users(context, os.urandom, panel=address),
        registrations=Registrations(
            context, os.urandom, panel=address, seconds=time.monotonic, refresh=parts.holder.refresh_now
        ),
        operating=both.operating,
        directory=context.directory,
        carrier_links=parts.links,
        ready=parts.missing,
        metrics=context.metrics,
        clock=context.clock,
        new_id=context.new_id,
        random=os.urandom,
        country=settings.service.country,
        settings=settings.panel,
    )
    http = settings.http
    return PanelDoor(rooms, key=key, proxies=http.proxies, streams=http.max_connections // 2)
