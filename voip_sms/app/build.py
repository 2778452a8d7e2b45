"""The only place where parts are wired: from settings and an open database to a house that can be started."""

import asyncio
import hashlib
import os
import random
import secrets
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Final

from sqlalchemy.exc import SQLAlchemyError

from voip_sms.app.files import raise_limit, sip_connections
from voip_sms.app.ivr import ivr_door
from voip_sms.app.settings import Settings
from voip_sms.app.signing import mail_signer
from voip_sms.app.web import Parts, api_door, panel_door, shared
from voip_sms.carriers.smpp.link import LinkContext, SmppLink
from voip_sms.core.clock import Clock, SystemClock
from voip_sms.core.directory import Carrier, ForwardKind, Via
from voip_sms.core.guessing import Guesses
from voip_sms.core.identity import Rules
from voip_sms.core.ids import Ids
from voip_sms.core.model import CarrierReceipt, InboundPart
from voip_sms.core.ports import CarrierEvents, CarrierLink, Forwarder, Submitter
from voip_sms.doors.ivr.door import IvrDoor
from voip_sms.doors.mail.door import MailDoor
from voip_sms.doors.mail.senders import MailSenders
from voip_sms.doors.panel.door import PanelDoor
from voip_sms.doors.sip.door import Engine as SipEngine
from voip_sms.doors.sip.door import SipDoor
from voip_sms.engine.binds import Binds
from voip_sms.engine.context import Context
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.dispositions import StoredDispositions
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.housekeeping import Housekeeping
from voip_sms.engine.limits import Limits
from voip_sms.engine.mail import Mailing
from voip_sms.engine.mail_secrets import Secrets
from voip_sms.engine.receipts import Receipts
from voip_sms.engine.receive import Receiver
from voip_sms.engine.registrations import StoredRegistrations
from voip_sms.engine.signals import Signals
from voip_sms.engine.submit import Submit
from voip_sms.forwards.mail import MailForwarder
from voip_sms.forwards.number import NumberForwarder
from voip_sms.forwards.pbx import PbxForwarder
from voip_sms.forwards.sip import SipForwarder
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.ari import Ari
from voip_sms.net.dns import SystemResolver
from voip_sms.net.http.guarded import GuardedClient
from voip_sms.net.http.server import HttpServer
from voip_sms.net.mailauth import DmarcProof
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.simulator.server import Simulator
from voip_sms.store.database import Database, erase_deleted
from voip_sms.store.holder import DirectoryHolder
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer

TOKEN_OCTETS: Final = 16
"""Of SIP branches, tags and Call-IDs: 128 bits can't be guessed (RFC 3261 19.3 asks for 32)."""
CONFIGURATION: Final = "configuration"
"""The signal that the Directory was replaced."""


@dataclass(frozen=True, slots=True)
class Ground:
    """What everything stands on: the writing thread, the reading pool, the configuration, the context."""

    writer: Writer
    reader: Reader
    holder: DirectoryHolder
    signals: Signals
    context: Context
    erase: Callable[[], None]
    """Make deleted texts unrecoverable; returns at once."""


@dataclass(frozen=True, slots=True)
class House:
    """The parts of one process; `app/lifecycle.py` starts and stops them in order."""

    ground: Ground
    simulator: Simulator
    binds: Binds | None
    dispatch: Dispatch
    forwarding: Forwarding
    housekeeping: Housekeeping
    endpoint: Endpoint
    sip: SipDoor
    mail: MailDoor
    ari: Ari | None
    ivr: IvrDoor | None
    http: HttpServer
    guarded: GuardedClient
    panel: PanelDoor | None = None
    missing: set[str] = field(default_factory=lambda: {"database", "snapshot", "listeners"})
    """What is not up yet, for `/health/ready`."""
    addresses: dict[str, str | None] = field(default_factory=dict)
    """Where each door listens, once it does."""


@dataclass(frozen=True, slots=True)
class _FromCarriers:
    """`ports.CarrierEvents`: messages go to the receiver, receipts to the receipts."""

    receiver: Receiver
    receipts: Receipts

    async def receive(self, carrier: str, part: InboundPart) -> None:
        await self.receiver.receive(carrier, part)

    async def receipt(self, carrier: str, receipt: CarrierReceipt) -> None:
        await self.receipts.receipt(carrier, receipt)


def lay_ground(settings: Settings, database: Database) -> Ground:
    """What is below the use cases. Call it in the running loop; nothing runs yet."""
    clock: Clock = SystemClock()
    signals = Signals()
    writer = Writer(database.writer, signals.wake)
    reader = Reader(database.reader)
    holder = DirectoryHolder(reader, lambda _: signals.wake({CONFIGURATION}))
    context = Context(
        writer,
        reader,
        holder.current,
        clock,
        Ids(clock, os.urandom).new,
        random.random,
        settings.service.node or _node(database, settings.data_dir),
    )
    return Ground(writer, reader, holder, signals, context, partial(_erase, database))


def _node(database: Database, data_dir: Path) -> str:
    """A file has one process, whatever its host is called: a container has another name at each start.

    On a server it is the locked folder on this host, so that several may run side by side.
    """
    if database.is_sqlite:
        return "main"
    return f"{socket.gethostname()[:50]}-{hashlib.sha256(bytes(data_dir.resolve())).hexdigest()[:8]}"


def _erase(database: Database) -> None:
    def work() -> None:
        with suppress(SQLAlchemyError, OSError):  # busy or gone: the next round of housekeeping tries again
            erase_deleted(database)

    asyncio.get_running_loop().run_in_executor(None, work)


def build(settings: Settings, ground: Ground, key: bytes) -> House:
    """All parts, wired and not started. `key`: 32 secret octets that stay over restarts. TlsFileError."""
    context, signals = ground.context, ground.signals
    receiver = Receiver(context, settings.service.country)
    binds = Binds(context) if settings.database.url.startswith("postgresql") else None
    dispatch = Dispatch(
        context,
        signals,
        _links(settings, _FromCarriers(receiver, Receipts(context)), context.clock),
        uncertain=settings.dispatch.uncertain,
        binds=binds,
    )
    submit = Submit(
        context,
        dispatch,
        Rules(settings.service.country, settings.service.default_name),
        limits=Limits({"sip": settings.sip.rate, "api": settings.http.rate, "panel": settings.panel.rate}),
    )
    endpoint = Endpoint(
        key=key,
        new_id=lambda: secrets.token_hex(TOKEN_OCTETS),
        tls=settings.sip.tls_contexts(),
        connections=sip_connections(raise_limit()),
    )
    credentials = DirectoryCredentials(context.directory)
    phones = SipForwarder(
        endpoint, settings.sip.domain, credentials, StoredRegistrations(context), settings.sip.proxy()
    )
    guesses = Guesses(time.monotonic)
    sip = _sip_door(settings, endpoint, _sip_engine(context, submit, phones, guesses), context, key)
    guarded = GuardedClient(settings.webhooks.allow)
    others = _forwarders(settings, submit, guarded, context)
    ari = Ari(settings.asterisk) if settings.asterisk.url else None
    elsewhere: dict[Via, Forwarder] = {"proxy": phones}
    if ari is not None:
        elsewhere["asterisk"] = PbxForwarder(ari, settings.asterisk.endpoint)
    forwarding = Forwarding(context, signals, {"sip": phones, **others}, elsewhere=elsewhere)
    http = HttpServer(settings.http)
    house = House(
        ground,
        Simulator(settings.simulator, context.clock),
        binds,
        dispatch,
        forwarding,
        Housekeeping(
            context,
            dispatch.holds,
            receiver.flush_partial,
            uncertain=settings.dispatch.uncertain,
            erased=ground.erase,
        ),
        endpoint,
        sip,
        _mail_door(settings, submit, context, guesses),
        ari,
        ivr_door(settings, ari, context, submit, http=http, key=key),
        http,
        guarded,
    )
    panel = _web(settings, house, submit, guesses, key)
    return replace(house, panel=panel)


def _links(settings: Settings, events: CarrierEvents, clock: Clock) -> Callable[[Carrier], CarrierLink]:
    """What makes the link of a carrier, by its kind."""
    context = LinkContext(
        events, clock, settings.service.country, response_timeout=settings.dispatch.response_timeout
    )

    def link(carrier: Carrier) -> CarrierLink:
        if carrier.kind != "smpp":
            raise ValueError(f"no such kind of carrier: {carrier.kind}")
        return SmppLink.of(carrier, context)

    return link


def _sip_engine(context: Context, submit: Submitter, phones: SipForwarder, guesses: Guesses) -> SipEngine:
    return SipEngine(
        submit,
        DirectoryCredentials(context.directory),
        StoredRegistrations(context, phones.registered),
        StoredDispositions(context),
        context.metrics,
        guesses,
    )


def _sip_door(
    settings: Settings, endpoint: Endpoint, engine: SipEngine, context: Context, key: bytes
) -> SipDoor:
    door = SipDoor(endpoint, settings.sip, engine, nonce_key=key, now=context.clock.now, random=os.urandom)
    door.attach()
    return door


def _mail_door(settings: Settings, submit: Submitter, context: Context, guesses: Guesses) -> MailDoor:
    limits = Limits({"mail": settings.mail.rate})
    mailing = Mailing(context, submit, settings.service.country, Secrets(os.urandom), limits=limits)
    proof = DmarcProof(SystemResolver(settings.mail.dns), seconds=time.monotonic, now=time.time)
    return MailDoor(
        settings.mail,
        mailing,
        MailSenders(mailing, proof, settings.mail.domain, time.monotonic),
        tls=settings.mail.tls_contexts(),
        guesses=guesses,
    )


def _forwarders(
    settings: Settings, submit: Submitter, guarded: GuardedClient, context: Context
) -> Mapping[ForwardKind, Forwarder]:
    """Those for everything but phones."""
    return {
        "mail": MailForwarder(settings.mail, settings.service.country, sign=mail_signer(settings.mail)),
        "number": NumberForwarder(submit),
        "webhook": WebhookForwarder(guarded, context.clock),
    }


def _web(settings: Settings, house: House, submit: Submit, guesses: Guesses, key: bytes) -> PanelDoor | None:
    """Put API and panel on the HTTP server."""
    context = house.ground.context
    _watch(house)
    parts = Parts(
        settings,
        context,
        house.ground.signals,
        house.ground.holder,
        submit,
        house.forwarding,
        guesses,
        house.dispatch.shown,
        lambda: sorted(house.missing),
        lambda: house.addresses,
    )
    both = shared(parts)
    api_door(parts, both).register(house.http)
    if not settings.panel.enabled:
        return None
    panel = panel_door(parts, both, key)
    panel.register(house.http)
    return panel


def _watch(house: House) -> None:
    """What the metrics look at when they are asked for."""
    metrics = house.ground.context.metrics
    metrics.watch(
        writer_waiting=lambda: house.ground.writer.waiting,
        links=house.dispatch.states,
        forwards_under_way=lambda: house.forwarding.under_way,
    )
    if house.ivr is not None:
        ivr = house.ivr
        metrics.watch_calls(calls=lambda: ivr.calls, connected=lambda: ivr.connected)
