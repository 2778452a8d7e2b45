"""What carriers carried and how full pools are, over time: for the operator's charts."""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from voip_sms.core.clock import DAY
from voip_sms.core.directory import Pool
from voip_sms.core.failures import Refusal
from voip_sms.core.forecast import full_at
from voip_sms.engine.context import Context
from voip_sms.engine.tally import STEP, carrier, pool, pool_figures
from voip_sms.store.tally import Point, figures, leases_of, points, pool_use

LOOKED_BACK: Final = 30 * DAY
"""As far as a trend is drawn from: what is older is no longer how it is used."""
_ERROR: Final = "error:"
_REFUSED: Final = frozenset({"throttled", "temporary", "permanent", "uncertain"})
NUMBERS_MOST: Final = 10_000
"""As many as a pool has."""


@dataclass(frozen=True, slots=True)
class Slice:
    """One slice of time from `at` on: parts taken by the carrier, refused for whatever reason, come in."""

    at: int
    accepted: int
    refused: int
    inbound: int


@dataclass(frozen=True, slots=True)
class CarrierTraffic:
    """`slices` without gaps, oldest first, each `step` long; `errors` by cause and `receipts` by status, the
    most frequent first; `nodes`: whose counts these are.
    """

    step: int
    slices: Sequence[Slice]
    errors: Sequence[tuple[str, int]]
    receipts: Sequence[tuple[str, int]]
    nodes: Sequence[str]


@dataclass(frozen=True, slots=True)
class PoolUse:
    """As it was at `looked_at`. `leases`: pairs of number and recipient that are taken; `peers`
    recipients; `most`: numbers that its busiest recipient has taken, of `numbers`; `full`: recipients who
    have all of them taken, whom nobody else can text. `full_at`: when that happens first, at this rate.
    """

    looked_at: int
    numbers: int
    leases: int
    peers: int
    most: int
    full: int
    samples: Sequence[tuple[int, int]]
    full_at: int | None


class Traffic:
    """Counts of the last five minutes come with the next writing, within a minute."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def carrier(self, name: str, span: int, slices: int) -> CarrierTraffic:
        """The last `span` microseconds in about so many slices. Refusal `not_found`."""
        context = self._context
        if name not in context.directory().carriers:
            raise Refusal("not_found")
        step = max(1, -(-span // (slices * STEP))) * STEP
        now = context.clock.now()
        since = now - now % step - span // step * step
        found = await context.reader.run(points, carrier(name), since, step)
        return CarrierTraffic(
            step,
            _slices(found, since, now, step),
            _sums(found, lambda what: what.startswith(_ERROR)),
            _sums(found, lambda what: what in _RECEIPTS),
            sorted({point.node for point in found}),
        )

    async def pool(self, name: str) -> PoolUse:
        """How full a pool is, with the trend of its busiest recipient. Refusal `not_found`."""
        context = self._context
        there = context.directory().pools.get(name)
        if there is None:
            raise Refusal("not_found")
        now = context.clock.now()
        found = await context.reader.run(figures, pool(name), now - LOOKED_BACK)
        if not found:  # it is new: nobody has looked yet
            use = (await context.reader.run(pool_use, now)).get(name, {})
            found = [Point(now, what, "", n) for what, n in pool_figures(use, len(there.numbers)).items()]
        return _use(found, there, now)

    async def leases(self, name: str) -> Mapping[str, int]:
        """How many recipients each number of a pool is taken for, as it is now. Refusal `not_found`."""
        context = self._context
        there = context.directory().pools.get(name)
        if there is None:
            raise Refusal("not_found")
        numbers = there.numbers[:NUMBERS_MOST]
        found = await context.reader.run(leases_of, numbers, context.clock.now())
        return {number: found.get(number, 0) for number in numbers}


_RECEIPTS: Final = frozenset({"delivered", "undelivered", "expired", "failed"})


def _slices(found: Sequence[Point], since: int, now: int, step: int) -> Sequence[Slice]:
    counts: Counter[tuple[int, str]] = Counter()
    for point in found:
        what = "refused" if point.what in _REFUSED else point.what
        counts[(point.at - since) // step, what] += point.n
    return [
        Slice(since + place * step, *(counts[place, what] for what in ("accepted", "refused", "inbound")))
        for place in range((now - since) // step + 1)
    ]


def _sums(found: Sequence[Point], wanted: Callable[[str], bool]) -> Sequence[tuple[str, int]]:
    counts: Counter[str] = Counter()
    for point in found:
        if wanted(point.what):
            counts[point.what.removeprefix(_ERROR)] += point.n
    return counts.most_common()


def _use(found: Sequence[Point], there: Pool, now: int) -> PoolUse:
    noted = {(point.at, point.what): point.n for point in found}
    moments = sorted({at for at, _ in noted})
    last = moments[-1]

    def of(what: str) -> int:
        return noted.get((last, what), 0)

    trend = [(at, noted.get((at, "most"), 0)) for at in moments]
    numbers = len(there.numbers)
    return PoolUse(
        looked_at=last,
        numbers=numbers,
        leases=of("leases"),
        peers=of("peers"),
        most=of("most"),
        full=of("full"),
        samples=[(at, noted.get((at, "leases"), 0)) for at in moments],
        full_at=full_at(trend, numbers, now) if numbers else None,
    )
