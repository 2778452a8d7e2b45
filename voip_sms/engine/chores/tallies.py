"""Writes down what was counted for the operator's charts: carriers' traffic, and how full the pools are."""

from collections.abc import Mapping, Sequence

from voip_sms.engine.context import Context
from voip_sms.engine.tally import Key, pool, pool_figures, step_of
from voip_sms.store.tally import pool_use
from voip_sms.store.units import Rows, State, Unit, by_key


class Tallies:
    """This process's counts since the last time, added to the rows of these five minutes."""

    name = "tallies"

    async def run(self, context: Context) -> int:
        """See `chore.Chore`; there is never more to do at once."""
        taken = context.metrics.tally.take()
        if not taken:
            return 0
        try:
            await context.writer.do(adding_unit(taken, step_of(context.clock.now()), context.node))
        except BaseException:
            context.metrics.tally.put_back(taken)
            raise
        return len(taken)


class PoolUse:
    """How many pairs of each pool are taken, and how near its busiest recipient is to having all numbers.

    It reads all leases: of a million about a second on a thread of the reader's, while nobody waits for it.
    """

    name = "pool_use"

    async def run(self, context: Context) -> int:
        """See `chore.Chore`."""
        now = context.clock.now()
        pools = context.directory().pools
        found = await context.reader.run(pool_use, now) if pools else {}
        figures: dict[Key, int] = {}
        for name, each in pools.items():
            use = pool_figures(found.get(name, {}), len(each.numbers))
            figures |= {(pool(name), what): n for what, n in use.items()}
        if figures:
            await context.writer.do(noting_unit(figures, step_of(now), context.node))
        return len(figures)


def adding_unit(counts: Mapping[Key, int], at: int, node: str) -> Unit:
    """The unit that adds counts to the rows of their five minutes."""
    return _unit(counts, at, node, add=True)


def noting_unit(figures: Mapping[Key, int], at: int, node: str) -> Unit:
    """The unit that notes how things stand; within five minutes the last one counts."""
    return _unit(figures, at, node, add=False)


def _unit(counts: Mapping[Key, int], at: int, node: str, *, add: bool) -> Unit:
    keys: Sequence[tuple[int, str, str, str]] = [(at, *key, node) for key in sorted(counts)]

    def decide(state: State) -> Rows:
        rows = Rows()
        for key in keys:
            _, subject, what, _ = key
            n, row = counts[subject, what], state.get("tally", *key)
            if row is None:
                rows.insert("tally", at=at, subject=subject, what=what, node=node, n=n)
            else:
                rows.update("tally", key, n=row["n"] + n if add else n)
        return rows

    return Unit(decide, [by_key("tally", *key) for key in keys])
