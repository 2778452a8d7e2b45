"""Tells open pages what has changed for their tenant: new messages and statuses, committed on any node.

One watch for each tenant with an open page looks at the newest messages, when this process has written
something for the tenant or `LOOK_SECONDS` have passed, and tells all who listen what differs. Who can't keep
up, or was away, is told only that much has changed: a page asks for what it shows anew in either case.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

import structlog

from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.engine.context import Context
from voip_sms.engine.signals import Signals, changes_of
from voip_sms.store.live import LOOKED_AT, Standing, newest
from voip_sms.store.oversight import passing

LOOK_SECONDS: Final = 2.0
"""Between looks without a wake: what other nodes wrote is seen that late."""
REST_SECONDS: Final = 0.25
"""Between looks of a busy tenant: people don't see more often, and each costs about a millisecond."""
LISTENERS_MOST: Final = 500
"""Of one process: each is a connection that stays open."""
OF_TENANT_MOST: Final = 100
PENDING_MOST: Final = 200
"""Changes that wait for one listener; beyond them it is told that much has changed."""

RETRY_SECONDS: Final = 60

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class Changes:
    """What to tell. `much`: anything may have changed, ask for all of it; `upto`: the newest message."""

    messages: Sequence[Standing] = ()
    peers: frozenset[str] = frozenset()
    """Conversations in which a message, a claim or a note has changed."""
    much: bool = False
    upto: Id | None = None


@dataclass(eq=False, slots=True)
class Listener:
    """One open page. `wait` for changes, again and again; `close` it in the end."""

    _watch: "_Watch"
    _messages: dict[Id, Standing] = field(default_factory=dict)
    _peers: set[str] = field(default_factory=set)
    _much: bool = False
    _event: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, seconds: float) -> Changes | None:
        """What has changed since the last call, as soon as something has; None after `seconds` without."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._event.wait()
        if not self._event.is_set():
            return None
        self._event.clear()
        changes = Changes(
            tuple(self._messages.values()), frozenset(self._peers), self._much, self._watch.upto
        )
        self._messages, self._peers, self._much = {}, set(), False
        return changes

    def close(self) -> None:
        """Listen no more."""
        self._watch.leave(self)

    def tell(self, changed: Mapping[Id, Standing], peers: frozenset[str], *, much: bool = False) -> None:
        """Have it for the next `wait`."""
        self._messages |= changed
        self._peers |= peers
        self._much = self._much or much
        if len(self._messages) > PENDING_MOST or len(self._peers) > PENDING_MOST:
            self._messages, self._peers, self._much = {}, set(), True
        self._event.set()


class Live:
    """All calls on the loop. Nothing is read while nobody listens."""

    def __init__(self, context: Context, signals: Signals) -> None:
        self._context = context
        self._signals = signals
        self._watches: dict[Id, _Watch] = {}

    def listen(self, tenant_id: Id) -> Listener:
        """Begin: first it is told that much may have changed since its page was made, or since it was lost.

        Refusal `rate_limited`: too many listen.
        """
        watch = self._watches.get(tenant_id)
        if sum(len(one.listeners) for one in self._watches.values()) >= LISTENERS_MOST:
            raise Refusal("rate_limited", "too many pages are open", {"retry_after": RETRY_SECONDS})
        if watch is not None and len(watch.listeners) >= OF_TENANT_MOST:
            raise Refusal(
                "rate_limited", "the company has too many pages open", {"retry_after": RETRY_SECONDS}
            )
        if watch is None:
            watch = _Watch(self._context, self._signals, tenant_id, lambda: self._watches.pop(tenant_id))
            self._watches[tenant_id] = watch
        listener = Listener(watch)
        watch.join(listener)
        return listener

    def touched(self, tenant_id: Id, peer: str) -> None:
        """Somebody claimed a conversation or noted something: the pages that this process serves are told."""
        watch = self._watches.get(tenant_id)
        if watch is not None:
            watch.tell({}, frozenset({peer}))


class _Watch:
    """Looks for one tenant from its first listener to its last."""

    def __init__(self, context: Context, signals: Signals, tenant_id: Id, over: Callable[[], object]) -> None:
        self.listeners: list[Listener] = []
        self.upto: Id | None = None
        self._context = context
        self._tenant_id = tenant_id
        self._over = over
        self._woken = asyncio.Event()
        self._off = signals.on(changes_of(tenant_id), self._woken.set)
        self._known: dict[Id, Standing] | None = None
        self._task = asyncio.create_task(self._run(), name="live")

    def join(self, listener: Listener) -> None:
        """From the first look on nothing escapes it: then it asks for everything once."""
        self.listeners.append(listener)
        if self._known is not None:
            listener.tell({}, frozenset(), much=True)

    def leave(self, listener: Listener) -> None:
        """The last one puts out the light."""
        if listener not in self.listeners:
            return
        self.listeners.remove(listener)
        if not self.listeners:
            self._off()
            self._task.cancel()
            self._over()

    def tell(self, changed: Mapping[Id, Standing], peers: frozenset[str], *, much: bool = False) -> None:
        """All who listen."""
        for listener in self.listeners:
            listener.tell(changed, peers, much=much)

    async def _run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(REST_SECONDS)
            with suppress(TimeoutError):
                async with asyncio.timeout(LOOK_SECONDS):
                    await self._woken.wait()
            self._woken.clear()

    async def _look(self) -> None:
        """Once. Whatever goes wrong, it is looked again: without a watch nobody would be told any more."""
        try:
            self._compare(await self._newest())
        except StoreUnavailableError:
            log.warning("live_look_failed")
        except Exception:
            log.exception("live_look_broken")
            self._known = None  # what was missed may be anything
            await asyncio.sleep(LOOK_SECONDS)  # however often it is woken: it is written down each time

    async def _newest(self) -> Sequence[Standing]:
        """A tenant's; for the operator's people what passes of all of them, whoever it is to."""
        reader = self._context.reader
        if self._tenant_id != NO_TENANT:
            return await reader.run(newest, self._tenant_id)
        found = await reader.run(passing, LOOKED_AT)
        return [Standing(one.id, "", one.direction, one.status) for one in found]

    def _compare(self, found: Sequence[Standing]) -> None:
        """Tell what differs from the last look; at the first one that may be anything."""
        known, self._known = self._known, {one.id: one for one in found}
        self.upto = found[0].id if found else None
        if known is None:
            self.tell({}, frozenset(), much=True)
            return
        changed = {one.id: one for one in found if known.get(one.id) != one}
        if not changed:
            return
        much = len(changed) == LOOKED_AT  # and maybe more below
        self.tell(changed, frozenset(one.peer for one in changed.values()), much=much)
