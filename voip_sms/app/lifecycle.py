"""A process from its start to its end: locks, migrates, starts in order, says it is ready, drains, stops."""

import asyncio
import errno
import os
import signal
import sys
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager, suppress
from functools import partial
from pathlib import Path
from typing import Final

import orjson
import structlog
import uvloop

from voip_sms.app import garbage, logs
from voip_sms.app.administration import make_folders, served_folder
from voip_sms.app.build import CONFIGURATION, Ground, House, build, lay_ground
from voip_sms.app.exits import Exit
from voip_sms.app.notify import Notifier, notifier
from voip_sms.app.settings import Settings
from voip_sms.app.subscribers import Subscribers
from voip_sms.core.directory import Directory
from voip_sms.core.failures import StoreUnavailableError
from voip_sms.engine.pulse import Pulse
from voip_sms.net.sip.endpoint import Listen
from voip_sms.net.sip.transports import joined
from voip_sms.net.tls import TlsFileError
from voip_sms.store import migrate
from voip_sms.store.database import Database, check, open_database
from voip_sms.store.errors import DatabaseError
from voip_sms.store.folder import lock_folder
from voip_sms.store.secret import NONCE_KEY, get_or_create

DRAIN_SECONDS: Final = 10.0
"""How long a stop waits for answers (`docs/contract.md`)."""
CHANGED: Final = "directory"
"""The writer's topic: configuration was changed by this process."""
LOOK_SECONDS: Final = 60.0
"""A wait without a signal is renewed after this, so that no wait is for ever."""

log = structlog.get_logger(__name__)


def _nobody(addresses: Mapping[str, str | None], directory: Directory) -> None:
    """Hears it when nobody asked to be told."""


Told = Callable[[Mapping[str, str | None], Directory], None]
"""Hears where we listen and who there is, when we are ready and after every change of the configuration."""


def serve(settings: Settings, told: Told = _nobody) -> int:
    """Run until SIGTERM or SIGINT; the exit code. `told` is called on the loop, and must be quick."""
    logs.set_up(settings.log)
    try:
        with _database(settings) as database:
            return uvloop.run(_serve(settings, database, told))
    except DatabaseError as error:
        _complain(str(error))
        return Exit.DATABASE
    except TlsFileError as error:
        _complain(f"{error.section}.{error}")
        return Exit.CONFIGURATION
    except OSError as error:
        why = error.__cause__ if isinstance(error.__cause__, OSError) else error  # uvloop wraps UDP's
        in_use = why.errno == errno.EADDRINUSE
        hint = ": the port is in use; end that program or choose another port" if in_use else ""
        _complain(f"can't listen: {error}{hint}")
        return Exit.PORT_IN_USE if in_use else Exit.FAILED


def _complain(text: str) -> None:
    print(text, file=sys.stderr)  # noqa: T201 - for the person who started it, not for the log


@contextmanager
def _database(settings: Settings) -> Iterator[Database]:
    """The database, at this version's schema; the folder is ours alone. DatabaseError."""
    database = open_database(settings.database.url)
    try:
        make_folders(settings, database)
        with lock_folder(served_folder(settings, database)):
            check(database)
            if database.is_sqlite:
                migrate.upgrade(database.writer)
            else:
                migrate.need_head(database.writer)
            yield database
    finally:
        database.close()


async def _serve(settings: Settings, database: Database, told: Told) -> int:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        try:
            house, addresses = await _start(settings, database, stack)
        except StoreUnavailableError as error:
            _complain(f"the database does not answer: {error.detail}")
            return Exit.DATABASE
        garbage.tame()
        print(f"ready {orjson.dumps({'pid': os.getpid(), **addresses}).decode()}", flush=True)  # noqa: T201
        log.info("ready", **addresses)
        manager = _announce(house, addresses, told, stack)
        await stop.wait()
        log.info("stopping")
        manager.stopping()
        house.missing.add("stopping")
        await _drain(house)
    return Exit.OK


def _announce(
    house: House, addresses: Mapping[str, str | None], told: Told, stack: AsyncExitStack
) -> Notifier:
    """Tell the service manager, and whoever listens to changes."""
    manager = notifier()
    manager.ready(f"serving as pid {os.getpid()}")
    _spawn(stack, manager.beat())

    def tell() -> None:
        told(addresses, house.ground.context.directory())

    tell()
    stack.callback(house.ground.signals.on(CONFIGURATION, tell))
    return manager


async def _drain(house: House) -> None:
    """No new work; all that is under way ends at the same time, so that it takes DRAIN_SECONDS once."""
    house.endpoint.refuse_new()
    if house.panel is not None:
        await house.panel.stop()
    await asyncio.gather(
        *([house.ivr.stop(DRAIN_SECONDS)] if house.ivr is not None else []),
        house.http.stop(),
        house.mail.stop(DRAIN_SECONDS),
        house.forwarding.stop(DRAIN_SECONDS),
        house.dispatch.stop(DRAIN_SECONDS),
    )


async def _start(
    settings: Settings, database: Database, stack: AsyncExitStack
) -> tuple[House, Mapping[str, str | None]]:
    """Start from the ground up; `stack` ends everything in the opposite order."""
    ground = lay_ground(settings, database)
    stack.callback(ground.reader.close)
    ground.writer.start()
    stack.push_async_callback(ground.writer.stop)
    key = await ground.writer.run(lambda connection: get_or_create(connection, NONCE_KEY, os.urandom))
    await ground.holder.start()
    stack.push_async_callback(ground.holder.stop)
    _keep_subscribers(settings, ground, stack)
    house = build(settings, ground, key)
    await _start_engine(house, stack)
    addresses = await _open_doors(settings, house, stack)
    house.addresses.update(addresses)
    house.missing.clear()
    _spawn(stack, Pulse(ground.context, partial(_stored, house)).run())
    return house, addresses


def _keep_subscribers(settings: Settings, ground: Ground, stack: AsyncExitStack) -> None:
    """Let a Kamailio in front know who may register there, now and after every change."""
    if not settings.sip.subscribers:
        return
    file = Subscribers(Path(settings.sip.subscribers))

    def keep() -> None:
        file.keep(ground.holder.current())

    keep()
    stack.callback(ground.signals.on(CONFIGURATION, keep))


def _stored(house: House, well: bool) -> None:  # noqa: FBT001 - a callback's one argument
    """`/health/ready` says what a sign of life said of the store."""
    if well:
        house.missing.discard("database")
    else:
        house.missing.add("database")


async def _start_engine(house: House, stack: AsyncExitStack) -> None:
    await house.simulator.start()
    stack.push_async_callback(house.simulator.stop)
    stack.push_async_callback(house.guarded.close)
    await house.housekeeping.recover()  # first what a crash left behind
    house.housekeeping.start()
    stack.push_async_callback(house.housekeeping.stop)
    if house.binds is not None:
        await house.binds.try_to_renew()
        stack.push_async_callback(house.binds.release)
    await house.dispatch.sync()
    stack.push_async_callback(house.dispatch.stop, DRAIN_SECONDS)
    if house.binds is not None:
        _spawn(stack, house.binds.run(house.dispatch.sync))
    _spawn(stack, _follow(house.ground, house))
    _spawn(stack, _refresh(house.ground))


async def _open_doors(settings: Settings, house: House, stack: AsyncExitStack) -> Mapping[str, str | None]:
    """Listen; where. Forwards start last: they need the endpoint, and stop first."""
    stack.push_async_callback(house.endpoint.close)
    stack.push_async_callback(house.sip.stop)
    bound = await house.endpoint.start(settings.sip.listeners())
    log.info("sip_listening", at=[f"{one.transport} {joined((one.host, one.port))}" for one in bound])
    await house.sip.start()
    stack.push_async_callback(house.http.stop)
    http = await house.http.start() if settings.http.listen else None
    stack.push_async_callback(house.mail.stop, 0)
    smtp = await house.mail.start()
    if house.ari is not None:
        stack.push_async_callback(house.ari.close)
    if house.ivr is not None:
        stack.push_async_callback(house.ivr.stop, 0)
        await house.ivr.start()
    await house.forwarding.start()
    stack.push_async_callback(house.forwarding.stop, DRAIN_SECONDS)
    return {
        "http": http,
        "sip_udp": _bound(bound, "udp"),
        "sip_tcp": _bound(bound, "tcp"),
        "sip_tls": _bound(bound, "tls"),
        "smtp": smtp,
        "simulator_smpp": house.simulator.smpp_address,
        "simulator_http": house.simulator.http_address,
    }


def _bound(listeners: list[Listen], transport: str) -> str | None:
    """Where it listens; of several the first, the log names all."""
    return next((joined((one.host, one.port)) for one in listeners if one.transport == transport), None)


async def _follow(ground: Ground, house: House) -> None:
    """Bring the carriers to each new configuration."""
    while True:
        if await ground.signals.wait(CONFIGURATION, LOOK_SECONDS):
            if house.binds is not None:
                await house.binds.try_to_renew()
            await house.dispatch.sync()


async def _refresh(ground: Ground) -> None:
    """Read the configuration at once after this process changed it; the poll is the net below."""
    while True:
        if await ground.signals.wait(CHANGED, LOOK_SECONDS):
            with suppress(StoreUnavailableError):
                await ground.holder.refresh_now()


def _spawn(stack: AsyncExitStack, work: Coroutine[None, None, None]) -> None:
    task = asyncio.create_task(work)

    async def end() -> None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task

    stack.push_async_callback(end)
