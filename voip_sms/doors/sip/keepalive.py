"""Keeps NATs open to phones, and notices phones that are gone: empty lines, or OPTIONS to those on UDP."""

import asyncio
from collections.abc import Callable
from typing import Final

import structlog

from voip_sms.core.failures import Refusal
from voip_sms.core.ports import Credentials, Registrations
from voip_sms.doors.sip.phones import Hole, Phones
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.net.sip.traffic import Ending, Outgoing

log = structlog.get_logger(__name__)

BATCH: Final = 100
PAUSE: Final = 0.1
"""Keep-alives sent at once, and the seconds before the next: a thousand a second."""
PATIENCE: Final = 4.0
"""Seconds for an answer to OPTIONS: it is repeated thrice meanwhile (Timer E)."""
MISSES: Final = 3
"""Unanswered OPTIONS in a row of a phone that has answered before: then it is gone."""
MOST_ASKED: Final = 500
"""OPTIONS under way at once: texts share the client transactions with them."""
_TOKEN: Final = 8


class KeepAlive:
    """Run `forever` as a task."""

    def __init__(
        self,
        endpoint: Endpoint,
        settings: SipSettings,
        phones: Phones,
        *,
        credentials: Credentials,
        registrations: Registrations,
        random: Callable[[int], bytes],
    ) -> None:
        """`random(n)`: n unguessable octets, for tags and Call-IDs."""
        self._endpoint = endpoint
        self._settings = settings
        self._phones = phones
        self._credentials = credentials
        self._registrations = registrations
        self._random = random
        self._answered: dict[tuple[str, str], int] = {}
        """Phones that have answered OPTIONS, and how often in a row they have not since."""

    async def forever(self) -> None:
        """A round every `sip.keep_alive` seconds, spread out so that nobody else waits for it."""
        options = self._settings.keep_alive_method == "options"
        asking: asyncio.Task[None] | None = None
        async with asyncio.TaskGroup() as tasks:
            while True:
                await asyncio.sleep(self._settings.keep_alive)
                holes = list(self._phones.holes())
                probed = [hole for hole in holes if options and hole.target.transport == "udp"]
                for number, hole in enumerate(holes, 1):
                    if not options or hole.target.transport != "udp":
                        self._endpoint.keep_alive(hole.target)
                    if number % BATCH == 0:
                        await asyncio.sleep(PAUSE)
                if probed and (asking is None or asking.done()):
                    asking = tasks.create_task(self._asked(probed))

    async def _asked(self, holes: list[Hole]) -> None:
        try:
            await self._round(holes)
        except Exception:  # a fault with one phone must not close the NATs of all
            log.exception("sip_keep_alive_fault")

    async def _round(self, holes: list[Hole]) -> None:
        """Ask all; nobody counts as gone when nobody answers at all: then the fault is on our side."""
        silent: list[Hole] = []
        for start in range(0, len(holes), MOST_ASKED):
            some = holes[start : start + MOST_ASKED]
            answers = await asyncio.gather(*(self._answers(hole) for hole in some))
            silent += [hole for hole, answered in zip(some, answers, strict=True) if not answered]
        self._forget({hole.key for hole in holes})
        if len(silent) == len(holes):
            return
        for hole in silent:
            await self._missed(hole)

    async def _answers(self, hole: Hole) -> bool:
        """Whether there is any answer: a phone that refuses OPTIONS lives too."""
        result = await self._endpoint.send(self._options(hole))
        if result.ending is not Ending.ANSWERED:
            return False
        self._answered[hole.key] = 0
        return True

    async def _missed(self, hole: Hole) -> None:
        key = hole.key
        misses = self._answered.get(key)
        if misses is None:  # it has never answered: some phones don't
            return
        self._answered[key] = misses + 1
        if misses + 1 < MISSES or not self._phones.has(hole):
            return
        del self._answered[key]
        await self._drop(hole)

    async def _drop(self, hole: Hole) -> None:
        account = self._credentials.sip_account(hole.binding.user)
        if account is None:
            return
        try:
            await self._registrations.drop(account.account, hole.binding.contact, hole.binding)
        except Refusal as refusal:
            log.warning("sip_binding_drop_failed", code=refusal.code.name)
            return
        if self._phones.has(hole):
            self._phones.close(hole)
        log.info("sip_phone_gone", user=hole.binding.user, misses=MISSES)

    def _forget(self, there: set[tuple[str, str]]) -> None:
        for key in [key for key in self._answered if key not in there]:
            del self._answered[key]

    def _options(self, hole: Hole) -> Outgoing:
        token = self._random(_TOKEN).hex()
        domain = self._settings.domain
        return Outgoing(
            method="OPTIONS",
            uri=hole.binding.contact,
            sender=f"<sip:{domain}>;tag={token}",
            recipient=f"<{hole.binding.contact}>",
            call_id=f"alive-{token}@{domain}",
            cseq=1,
            target=hole.target,
            timeout=PATIENCE,
        )
