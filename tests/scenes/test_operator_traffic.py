"""What carriers carried and how full pools are is counted over time, for every process's page."""

from collections.abc import AsyncIterator
from functools import partial

import pytest
from sqlalchemy import Connection, insert

from support.fakes import FakeClock
from support.operating import POOL, ROOT, Control
from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.failures import Accepted, Permanent, Refusal, StoreUnavailableError, Temporary
from voip_sms.core.resources import Pool
from voip_sms.engine.chores.purge import KEPT, Purge
from voip_sms.engine.chores.tallies import PoolUse, Tallies, adding_unit
from voip_sms.engine.context import Context
from voip_sms.engine.tally import ERRORS_MOST, STEP, Tally, carrier, pool
from voip_sms.store.tables import lease, tally
from voip_sms.store.tally import POINTS_MOST

PEERS = ("+48602000001", "+48602000002", "+48602000003")


@pytest.fixture
async def control(database_url: str, clock: FakeClock) -> AsyncIterator[Control]:
    made = await Control.open(database_url, clock)
    yield made
    await made.close()


def happened(context: Context) -> None:
    metrics = context.metrics
    for _ in range(3):
        metrics.handed_over("sim", Accepted("1", "1"))
    metrics.handed_over("sim", Temporary("RTHROTTLED", slow=True))
    metrics.handed_over("sim", Permanent("RINVDSTADR"))
    metrics.handed_over("sim", Permanent("RINVDSTADR"))
    metrics.receipt("sim", "delivered")
    metrics.received("sim", "stored")


async def test_what_was_counted_is_written_and_added_up(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    happened(context)
    await Tallies().run(context)
    happened(context)
    await Tallies().run(context)
    found = await control.traffic.carrier("sim", 6 * HOUR, 72)
    newest = found.slices[-1]
    assert (newest.accepted, newest.refused, newest.inbound) == (6, 6, 2)
    assert (found.errors, found.receipts) == ([("RINVDSTADR", 4), ("RTHROTTLED", 2)], [("delivered", 2)])
    assert (found.nodes, found.step) == (["main"], STEP)
    assert sum(one.accepted for one in found.slices) == 6
    clock.advance(10 * 60)
    later = await control.traffic.carrier("sim", 6 * HOUR, 72)
    assert [one.accepted for one in later.slices[-3:]] == [6, 0, 0]


async def test_counts_of_several_processes_are_one_chart(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    at = clock.now() - clock.now() % STEP
    for node in ("one", "two"):
        await context.writer.do(adding_unit({(carrier("sim"), "accepted"): 5}, at, node))
    found = await control.traffic.carrier("sim", DAY, 48)
    assert (found.slices[-1].accepted, found.nodes) == (10, ["one", "two"])
    with pytest.raises(Refusal, match="not_found"):
        await control.traffic.carrier("none", DAY, 48)


async def test_what_could_not_be_written_is_written_the_next_time(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = control.office.context
    happened(context)

    async def gone(_unit: object) -> None:
        raise StoreUnavailableError

    with monkeypatch.context() as patch:
        patch.setattr(context.writer, "do", gone)
        with pytest.raises(StoreUnavailableError):
            await Tallies().run(context)
    await Tallies().run(context)
    found = await control.traffic.carrier("sim", HOUR, 12)
    assert found.slices[-1].accepted == 3


def test_a_carrier_that_says_something_else_every_time_fills_nothing() -> None:
    tally = Tally()
    for number in range(1_000):
        tally.handed_over("sim", Permanent(f"E{number}" + "x" * 500))
    taken = tally.take()
    assert len(taken) <= ERRORS_MOST + 2
    assert taken[carrier("sim"), "error:other"] == 1_000 - ERRORS_MOST
    assert taken[carrier("sim"), "permanent"] == 1_000


async def test_charts_go_after_a_month(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    happened(context)
    await Tallies().run(context)
    (kept,) = [one for one in KEPT if one.table == "tally"]
    assert await Purge(kept).run(context) == 0
    clock.advance(33 * DAY / 1_000_000)
    assert await Purge(kept).run(context) > 0


async def test_a_busy_week_is_shown_up_to_now(control: Control, clock: FakeClock) -> None:
    """More rows than a page reads: it is not the newest hours that are missing."""
    at, week = clock.now() - clock.now() % STEP, 7 * DAY
    whats = ["accepted", *(f"error:E{no}" for no in range(10))]
    rows = [
        {"at": at - ago, "subject": carrier("sim"), "what": what, "node": "main", "n": 1}
        for ago in range(0, week, STEP)
        for what in whats
    ]
    assert len(rows) > POINTS_MOST
    await control.office.writer.run(lambda connection: connection.execute(insert(tally), rows))
    found = await control.traffic.carrier("sim", week, 72)
    assert found.slices[-1].accepted > 0
    assert sum(one.accepted for one in found.slices) == week // STEP
    assert dict(found.errors)["E9"] == week // STEP


# --- pools --------------------------------------------------------------------------------------------------


def leased(control: Control, clock: FakeClock, pairs: list[tuple[str, str]]) -> list[dict[str, object]]:
    until = clock.now() + 7 * DAY
    row = {
        "tenant_id": control.tenant(),
        "account": "key:app1",
        "pool": "pl",
        "until": until,
        "rest_until": until,
    }
    return [{**row, "number": number, "peer": peer} for number, peer in pairs]


def add(connection: Connection, rows: list[dict[str, object]]) -> None:
    connection.execute(insert(lease), rows)


async def test_a_pool_s_use_is_seen_at_once_and_by_number(control: Control, clock: FakeClock) -> None:
    await control.network.put(Pool.model_validate(POOL), ROOT, new=True)
    first, second = POOL["numbers"]
    rows = leased(control, clock, [(first, PEERS[0]), (second, PEERS[0]), (first, PEERS[1])])
    await control.office.writer.run(partial(add, rows=rows))
    use = await control.traffic.pool("pl")
    assert (use.leases, use.peers, use.most, use.full, use.numbers) == (3, 2, 2, 1, 2)
    assert use.full_at == clock.now()
    assert await control.traffic.leases("pl") == {first: 2, second: 1}
    with pytest.raises(Refusal, match="not_found"):
        await control.traffic.pool("none")


async def test_the_trend_of_the_busiest_recipient_says_when_it_is_full(
    control: Control, clock: FakeClock
) -> None:
    numbers = [f"+4879900{number:04d}" for number in range(10)]
    await control.network.put(Pool.model_validate({**POOL, "numbers": numbers}), ROOT, new=True)
    for number in numbers[:4]:  # one number more for the same recipient every day
        await control.office.writer.run(partial(add, rows=leased(control, clock, [(number, PEERS[0])])))
        await PoolUse().run(control.office.context)
        clock.advance(DAY / 1_000_000)
    use = await control.traffic.pool("pl")
    assert (use.most, use.full) == (4, 0)
    assert [leases for _, leases in use.samples] == [1, 2, 3, 4]
    assert use.full_at is not None
    assert abs(use.full_at - (clock.now() + 6 * DAY)) < 5 * MINUTE


async def test_two_processes_notes_of_a_month_are_read_up_to_now(control: Control, clock: FakeClock) -> None:
    """Each notes five figures every quarter of an hour: together more than a page reads."""
    await control.network.put(Pool.model_validate(POOL), ROOT, new=True)
    now = clock.now() - clock.now() % STEP
    rows = [
        {"at": now - ago, "subject": pool("pl"), "what": what, "node": node, "n": 7}
        for ago in range(0, 30 * DAY, 15 * MINUTE)
        for what in ("leases", "peers", "most", "full", "numbers")
        for node in ("one", "two")
    ]
    assert len(rows) > POINTS_MOST
    await control.office.writer.run(lambda connection: connection.execute(insert(tally), rows))
    use = await control.traffic.pool("pl")
    assert (use.looked_at, use.leases) == (now, 7)
