"""Takes inbound messages from carriers: repeats out, parts joined, the rules applied, hand-overs queued.

Everything about one MO is one unit of work; `receive` returns after its commit, and only then may the carrier
be answered.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from sqlalchemy import select

from voip_sms.core.clock import DAY, MINUTE
from voip_sms.core.directory import Directory
from voip_sms.core.joining import (
    Fragment,
    clean,
    clean_address,
    is_part,
    join,
    pack,
    unpack,
)
from voip_sms.core.model import InboundPart
from voip_sms.engine import inbound as rules
from voip_sms.engine.context import Context
from voip_sms.engine.inbound import Inbound
from voip_sms.engine.inbound_rows import InboundRows, needs
from voip_sms.store.tables import inbound_part
from voip_sms.store.units import Again, Match, Read, Rows, Scan, State, Unit, by_key

REPEAT: Final = DAY
"""An MO that a carrier repeats octet for octet within this is the same one (`docs/contract.md`)."""
PARTIAL_AFTER: Final = 15 * MINUTE
"""Parts leave a handset within seconds; a network that tries a lost one again does so in minutes."""
FLUSH_PARTS: Final = 100
"""Overdue parts looked at in one unit, so that no batch is held up."""

_GROUP = ("carrier", "sender", "recipient", "reference", "total")

log = structlog.get_logger(__name__)


@dataclass(slots=True)
class _Found:
    """What a unit brings: bookkeeping rows, and the messages that are whole now (or will never be)."""

    rows: Rows = field(default_factory=Rows)
    messages: list[Inbound] = field(default_factory=list)
    answer: str | int | None = None


class Receiver:
    """The inbound half of `ports.CarrierEvents`."""

    def __init__(self, context: Context, country: str, partial_after: int = PARTIAL_AFTER) -> None:
        """`country` (ISO 3166) reads numbers that a carrier gives in national form."""
        self._context = context
        self._country = country
        self._partial_after = partial_after

    async def receive(self, carrier: str, part: InboundPart) -> None:
        """Store an MO; idempotent by its digest within a day. Refusal `store_unavailable`: ask again."""
        came_to = await self._context.writer.do(self._arrival(carrier, part))
        self._context.metrics.received(carrier, came_to)
        log.info("inbound", carrier=carrier, part=part.no, parts=part.total, came_to=came_to)

    def flush_partial(self, now: int) -> Unit:
        """Deliver, flagged `partial`, what has waited too long for its missing parts.

        `Rows.result` is how many messages that made; call again while it is not 0.
        """
        overdue = Scan(
            "inbound_part",
            select(inbound_part)
            .where(inbound_part.c.received_at < now - self._partial_after)
            .order_by(inbound_part.c.received_at)
            .limit(FLUSH_PARTS)
            .with_for_update(skip_locked=True),
        )
        directory = self._context.directory()

        def groups(state: State) -> dict[Match, None]:
            return dict.fromkeys(_group_of(row) for row in state.scanned(overdue))

        def find(state: State) -> _Found:
            found = _Found()
            for group in groups(state):
                _give_up(found, group, state.find(group))
            found.answer = len(found.messages)
            return found

        def first(state: State) -> Iterator[Read]:
            for group in groups(state):
                yield group
                yield by_key("lease", group.values[2], group.values[1])

        return self._unit(directory, now, [overdue], find, first)

    # --- one part -------------------------------------------------------------------------------------------

    def _arrival(self, carrier: str, part: InboundPart) -> Unit:
        directory, now = self._context.directory(), self._context.clock.now()
        sender = rules.sender_of(clean_address(part.sender), self._country)
        to = rules.number_of(directory, clean_address(part.to), self._country)
        seen = by_key("inbound_seen", part.digest)
        several = is_part(part.no, part.total)
        group = Match("inbound_part", _GROUP, (carrier, sender, to, part.reference or 0, part.total))

        def find(state: State) -> _Found:
            found = _Found()
            if not _first_time(found.rows, state, part.digest, now):
                found.answer = "repeat"
            elif several:
                _add_part(found, group, state.find(group), part, now)
            else:
                found.messages.append(Inbound(carrier, sender, to, clean(part.text), part.encoding))
            return found

        return self._unit(directory, now, [seen, group] if several else [seen], find)

    # --- any unit -------------------------------------------------------------------------------------------

    def _unit(
        self,
        directory: Directory,
        now: int,
        reads: list[Read],
        find: Callable[[State], _Found],
        first: Callable[[State], Iterator[Read]] | None = None,
    ) -> Unit:
        new_id = self._context.new_id

        def follow(state: State) -> Iterator[Read]:
            if first is not None:
                yield from first(state)
            for message in find(state).messages:
                yield from needs(directory, message, state, now)

        def decide(state: State) -> Rows:
            found = find(state)
            for message in found.messages:
                if not all(state.knows(need) for need in needs(directory, message, state, now)):
                    raise Again  # a predecessor in the batch brought the last part, or the lease
            storing = InboundRows(found.rows, directory, state, now=now, new_id=new_id)
            answers = [storing.store(message) for message in found.messages]
            found.rows.result = found.answer if found.answer is not None else ",".join(answers)
            return found.rows

        return Unit(decide, reads, follow)


# --- parts --------------------------------------------------------------------------------------------------


def _first_time(rows: Rows, state: State, digest: bytes, now: int) -> bool:
    seen = state.get("inbound_seen", digest)
    if seen is None:
        rows.insert("inbound_seen", digest=digest, seen_at=now)
    elif now - seen["seen_at"] < REPEAT:
        return False
    else:
        rows.update("inbound_seen", (digest,), seen_at=now)
    return True


def _add_part(found: _Found, group: Match, waiting: list[Any], part: InboundPart, now: int) -> None:
    """Join when this was the last one; else keep it. The same number again means a message of its own."""
    total = part.total
    if any(row["no"] == part.no for row in waiting):
        _give_up(found, group, waiting, but=part.no)
        _keep(found.rows, group, part, now, again=True)
        found.answer = "waiting"
        return
    if len(waiting) < total - 1:
        _keep(found.rows, group, part, now)
        found.answer = "waiting"
        return
    parts = _fragments(waiting) | {part.no: Fragment(part.text, part.encoding)}
    found.messages.append(_joined(group, parts))
    _forget(found.rows, waiting)


def _give_up(found: _Found, group: Match, waiting: list[Any], *, but: int | None = None) -> None:
    """Deliver what there is. The row of part `but` stays, to be overwritten."""
    if waiting:
        found.messages.append(_joined(group, _fragments(waiting)))
        _forget(found.rows, [row for row in waiting if row["no"] != but])


def _keep(rows: Rows, group: Match, part: InboundPart, now: int, *, again: bool = False) -> None:
    values = {"encoding": part.encoding, "body": pack(part.text), "received_at": now}
    if again:
        rows.update("inbound_part", (*group.values, part.no), **values)
    else:
        key = dict(zip(_GROUP, group.values, strict=True))
        rows.insert("inbound_part", **key, no=part.no, **values)


def _forget(rows: Rows, waiting: list[Any]) -> None:
    for row in waiting:
        rows.delete("inbound_part", (*_group_of(row).values, row["no"]))


def _group_of(row: Any) -> Match:
    return Match("inbound_part", _GROUP, tuple(row[column] for column in _GROUP))


def _fragments(waiting: list[Any]) -> dict[int, Fragment]:
    return {row["no"]: Fragment(unpack(row["body"]), row["encoding"]) for row in waiting}


def _joined(group: Match, parts: dict[int, Fragment]) -> Inbound:
    carrier, sender, to, _, total = group.values
    whole = join(parts, total)
    return Inbound(carrier, sender, to, whole.text, whole.encoding, total, whole.missing)
