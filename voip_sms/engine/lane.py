"""One carrier's way out: keeps its window filled from the queue, and records how each hand-over ended.

The database is the queue. In memory are only hints: which pairs (originator, recipient) have parts in flight,
in retry or in the queue (`pairs`), and whether there may be queued parts that this lane knows nothing of. A
new message may go past the queue (`admit`) only when it overtakes none of its own pair.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from typing import Final

import structlog

from voip_sms.core.clock import MINUTE, SECOND
from voip_sms.core.directory import Carrier, Id
from voip_sms.core.failures import Outcome, StoreUnavailableError
from voip_sms.core.model import OutboundPart
from voip_sms.core.ports import CarrierLink
from voip_sms.engine.claims import Claimed, claim_unit, put_back_unit, retrying_unit
from voip_sms.engine.context import Context
from voip_sms.engine.outcomes import HandOver, Policy, Recorded, outcome_unit
from voip_sms.engine.pairs import HELD_MOST, Key, Pairs
from voip_sms.engine.progress import Moment
from voip_sms.engine.rows import pair_of
from voip_sms.engine.signals import Signals
from voip_sms.store.jobs import Done
from voip_sms.store.units import Unit

POLL_SECONDS: Final = 1.0
"""The safety net beneath the wake-ups: other nodes' parts, scheduled ones, and whatever was missed."""
CLAIM_MOST: Final = 100
"""Parts in one claim: some milliseconds of work, and more than most windows."""
POLL_SHARE: Final = 4
"""When nothing is known to wait, a look claims this fraction: the rest of the window is for new messages."""
UNKNOWN: Final = 15 * MINUTE
"""After it every part that was being retried when we started has been tried again (`retry.CARRIER`)."""
RECORD_SECONDS: Final = 3.0
"""How long a stopping lane waits for the database: for a claim under way, and to take the last outcomes."""

log = structlog.get_logger(__name__)


class Lane:
    """Start it in the loop; every call is on the loop."""

    def __init__(
        self, context: Context, signals: Signals, carrier: Carrier, link: CarrierLink, policy: Policy
    ) -> None:
        self.carrier = carrier
        self.link = link
        self._context = context
        self._signals = signals
        self._policy = policy
        self._event = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._off: Callable[[], None] = _nothing
        self._stopping = False
        # Places of the window promised to claims and tickets, not yet to the link.
        self._pledged = 0
        # Submissions that will queue parts of any pairs here, once their transaction is through.
        self._announced = 0
        # Whether to look into the queue; whether parts may be due there that we know nothing of; and whether
        # a claim is looking for such right now.
        self._dirty = True
        self._unknown = True
        self._searching = False
        self._looked_at = 0.0
        self._next_due: int | None = None
        self._open: dict[Key, str] = {}
        self._pairs = Pairs()
        # Until we know which parts were being retried when we started, nothing passes the queue.
        self._seen = False
        self._blind_until = 0
        self._unrecorded: deque[HandOver] = deque()
        self._writes = 0
        self._written = asyncio.Event()

    async def start(self) -> None:
        """Start the link and the loop that feeds it."""
        self._off = self._signals.on(f"parts:{self.carrier.name}", self.look)
        self.link.on_free(self._room_again)
        await self.link.start()
        self._task = asyncio.create_task(self._run(), name=f"lane:{self.carrier.name}")

    async def stop(self, drain: float) -> None:
        """Take nothing more, wait for responses up to `drain` seconds, record them."""
        self._stopping = True
        self._off()
        self._event.set()
        if self._task is not None:  # a claim under way: what it brings is put back, also after the link's end
            await asyncio.wait({self._task}, timeout=RECORD_SECONDS)
        await self.link.stop(drain)
        self._record_again()
        if self._writes:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), RECORD_SECONDS)
        if self._open:  # their claims lapse, and their end is then unknown
            log.warning("outcomes_not_recorded", carrier=self.carrier.name, parts=len(self._open))

    def look(self) -> None:
        """There may be due parts of any pair."""
        self._unknown = True
        self._dirty = True
        self._event.set()

    def holds(self, message_id: Id, no: int) -> bool:
        """Whether this part is in our hands: with the carrier, or its outcome not yet recorded."""
        return (message_id, no) in self._open

    # --- past the queue ---

    def admit(self, pair: str, parts: int) -> "LaneTicket":
        """Places for the parts of one new message, if it overtakes nobody; else it is announced."""
        if self._may_pass(pair, parts):
            self._pledged += parts
            self._pairs.take(pair)
            return LaneTicket(self, pair, parts, fast=True)
        self._pairs.announce(pair, parts)
        return LaneTicket(self, pair, parts, fast=False)

    def announce(self) -> "LaneTicket":
        """Parts of any pairs are about to be queued: nothing passes them."""
        self._announced += 1
        return LaneTicket(self, "", 0, fast=False)

    def _may_pass(self, pair: str, parts: int) -> bool:
        now = self._context.clock.now()
        return (
            self._seen
            and not (self._unknown or self._searching or self._announced or self._stopping)
            and now >= self._blind_until
            and self._room() >= parts
            and self._pairs.free(pair, now)
        )

    def committed(self, ticket: "LaneTicket", parts: Sequence[OutboundPart]) -> None:
        """A ticket's transaction is through."""
        if ticket.fast:
            self._pass(ticket, parts)
        elif ticket.pair:
            self._pairs.queue(ticket.pair, ticket.parts)
            self._dirty = True
        else:
            self._announced -= 1
            self.look()
        self._room_again()

    def withdrawn(self, ticket: "LaneTicket") -> None:
        """A ticket's transaction is not."""
        if ticket.fast:
            self._pledged -= ticket.parts
            self._leave_pair(ticket.pair)
            self._room_again()
        elif ticket.pair:
            self._pairs.withdraw(ticket.pair, ticket.parts)
        else:
            self._announced -= 1

    def _pass(self, ticket: "LaneTicket", parts: Sequence[OutboundPart]) -> None:
        self._pledged -= ticket.parts
        if self._stopping:
            self._write(put_back_unit(parts, self._context.node))
        else:
            for part in parts:
                self._hand_over(part, ticket.pair)
        self._leave_pair(ticket.pair)

    # --- from the queue ---

    async def _run(self) -> None:
        while not self._stopping:
            try:
                if not self._seen:
                    await self._see()
                while self._dirty and not self._stopping and (room := self._room()) > 0:
                    await self._claim(room)
                await self._wait()
                self._record_again()
            except StoreUnavailableError:
                await asyncio.sleep(POLL_SECONDS)
            except Exception:  # a fault of ours must not stop the carrier for good
                log.exception("lane_fault", carrier=self.carrier.name)
                await asyncio.sleep(POLL_SECONDS)

    async def _wait(self) -> None:
        """Until there is something to look for, at the latest until the next look into the queue."""
        loop = asyncio.get_running_loop()
        seconds = self._looked_at + POLL_SECONDS - loop.time()
        if self._next_due is not None:
            seconds = min(seconds, (self._next_due - self._context.clock.now()) / SECOND)
        if seconds > 0:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._event.wait(), seconds)
        self._event.clear()
        due = self._next_due is not None and self._next_due <= self._context.clock.now()
        if due or self._looked_at + POLL_SECONDS <= loop.time():
            self._looked_at = loop.time()
            self._next_due = None if due else self._next_due
            self._dirty = True

    async def _see(self) -> None:
        """Learn once which pairs were being retried when we started."""
        held: list[tuple[str, Key, int]] = await self._context.writer.do(
            retrying_unit(self.carrier.name, HELD_MOST)
        )
        for pair, key, expires_at in held:
            self._pairs.hold(pair, key, expires_at)
        if len(held) == HELD_MOST:
            self._blind_until = self._context.clock.now() + UNKNOWN
        self._seen = True

    async def _claim(self, room: int) -> None:
        """Fill the window, as far as parts are known to wait; with unknown ones, all of it."""
        unknown = self._unknown
        most = min(room, CLAIM_MOST if unknown else max(self._pairs.queued, room // POLL_SHARE, 1))
        self._dirty = self._unknown = False
        self._searching = unknown
        self._pledged += most
        self._pairs.begin_claim()
        try:
            unit = claim_unit(self.carrier.name, most, self._context.clock.now(), self._context.node)
            claimed: Claimed = await self._context.writer.do(unit)
        except BaseException:
            self._dirty, self._unknown = True, self._unknown or unknown
            raise
        finally:
            self._searching = False
            self._pledged -= most
        self._take(claimed, full=len(claimed.parts) == most, unknown=unknown)

    def _take(self, claimed: Claimed, *, full: bool, unknown: bool) -> None:
        if self._stopping:
            self._write(put_back_unit(claimed.parts, self._context.node))
            return
        for part in claimed.parts:
            pair = pair_of(part.sender.value, part.to)
            unknown = not self._pairs.claimed(pair, (part.message_id, part.no)) or unknown
            self._hand_over(part, pair)
        if full:  # there may be more where these came from
            self._dirty, self._unknown = True, self._unknown or unknown
        elif claimed.more:
            self._pairs.some_wait()
        else:
            self._pairs.drained()

    # --- to the carrier and back ---

    def _room_again(self) -> None:
        """There may be room: of interest only to a queue that has something."""
        if self._dirty:
            self._event.set()

    def _room(self) -> int:
        return self.link.free() - self._pledged

    def _hand_over(self, part: OutboundPart, pair: str) -> None:
        self._open[part.message_id, part.no] = pair
        self._pairs.take(pair)
        self.link.submit(part, self._done)

    def _done(self, part: OutboundPart, outcome: Outcome) -> None:
        self._context.metrics.handed_over(self.carrier.name, outcome)
        self._record(HandOver(self.carrier.name, part, outcome))

    def _record(self, done: HandOver) -> None:
        context = self._context
        moment = Moment(context.directory(), context.clock.now(), context.new_id)
        try:
            self._begin(outcome_unit(moment, self._policy, done), partial(self._recorded, done))
        except StoreUnavailableError:
            self._unrecorded.append(done)

    def _recorded(self, done: HandOver, recorded: Recorded | None, error: Exception | None) -> None:
        self._ended()
        if isinstance(error, StoreUnavailableError):
            self._unrecorded.append(done)  # tried again at the next turn of the loop
            return
        key = (done.part.message_id, done.part.no)
        pair = self._open.pop(key, None)
        if error is not None:
            log.error("outcome_not_recorded", carrier=self.carrier.name, error=repr(error))
        elif pair is not None and recorded is not None:
            self._remember(pair, key, recorded)
        if pair is not None:
            self._leave_pair(pair)
        self._room_again()

    def _remember(self, pair: str, key: Key, recorded: Recorded) -> None:
        """A part that was put back holds its pair until it is claimed again."""
        if recorded.due_at is None:
            return
        self._pairs.hold(pair, key, recorded.expires_at)
        if self._next_due is None or recorded.due_at < self._next_due:
            self._next_due = recorded.due_at
            self._event.set()

    def _record_again(self) -> None:
        for _ in range(len(self._unrecorded)):
            self._record(self._unrecorded.popleft())

    def _leave_pair(self, pair: str) -> None:
        if self._pairs.leave(pair):
            self._dirty = True
            self._unknown = self._unknown or not self._pairs.is_queued(pair)

    def _write(self, unit: Unit) -> None:
        try:
            self._begin(unit, self._put_back)
        except StoreUnavailableError:
            return  # the claims lapse, and housekeeping puts the parts back

    def _put_back(self, _result: object, error: Exception | None) -> None:
        self._ended()
        if error is not None:
            log.warning("claims_not_put_back", carrier=self.carrier.name, error=repr(error))

    def _begin(self, unit: Unit, done: Done) -> None:
        self._context.writer.begin(unit, done)
        self._writes += 1
        self._written.clear()

    def _ended(self) -> None:
        self._writes -= 1
        if not self._writes:
            self._written.set()


class LaneTicket:
    """What a submission holds while its transaction is under way; see `submit.Ticket`."""

    __slots__ = ("_lane", "fast", "pair", "parts")
    local = True

    def __init__(self, lane: Lane, pair: str, parts: int, *, fast: bool) -> None:
        self._lane = lane
        self.pair = pair
        self.parts = parts
        self.fast = fast

    def committed(self, parts: Sequence[OutboundPart]) -> None:
        """The parts are stored."""
        self._lane.committed(self, parts)

    def withdrawn(self) -> None:
        """Nothing was stored."""
        self._lane.withdrawn(self)


def _nothing() -> None:
    """Nothing to undo yet."""
