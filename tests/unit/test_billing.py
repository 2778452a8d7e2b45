"""Money: however outcomes, receipts, cancels and expiry interleave, the sums hold and nothing is paid twice."""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, create_engine, delete, select
from sqlalchemy.pool import StaticPool

from support.fakes import FakeClock, FakeIds
from support.world import ACME, DIRECTORY, KEY, PRICE, to_send
from voip_sms.core.clock import DAY
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import Accepted, Permanent, Refusal, Temporary, Uncertain
from voip_sms.core.identity import Rules
from voip_sms.core.model import CarrierReceipt
from voip_sms.core.planning import Planner
from voip_sms.core.status import TERMINAL, Status, advance
from voip_sms.engine import billing
from voip_sms.engine.acceptance import Acceptance, Job, reads_of
from voip_sms.engine.cancel import cancel_unit
from voip_sms.engine.chores import expiry, lapsed
from voip_sms.engine.claims import claim_unit
from voip_sms.engine.outcomes import HandOver, Policy, outcome_unit
from voip_sms.engine.progress import Moment
from voip_sms.engine.receipts import receipt_unit
from voip_sms.engine.rows import claimed_part
from voip_sms.store.batch import Batch
from voip_sms.store.memory import TABLES, Memory
from voip_sms.store.tables import metadata
from voip_sms.store.units import Again, Rows, Scan, Unit, key_of, primary_key, table_of

CREDIT = 10 * PRICE
TEXTS = ("short", "x" * 200, "x" * 400)


@pytest.fixture(scope="module")
def connection() -> Iterator[Connection]:
    engine = create_engine("sqlite://", poolclass=StaticPool)
    metadata.create_all(engine)
    with engine.connect() as opened:
        yield opened
    engine.dispose()


@dataclass
class Office:
    """The rows of one customer, and units carried out over them as the writer does."""

    connection: Connection
    policy: str = "resend"
    whole: bool = False  # the carrier takes long texts in one piece
    clock: FakeClock = field(default_factory=FakeClock)
    ids: FakeIds = field(default_factory=FakeIds)
    statuses: dict[bytes, str] = field(default_factory=dict)
    memory: Memory = field(default_factory=Memory)
    references: int = 0

    def __post_init__(self) -> None:
        sim = Carrier("sim", "smpp", {"long": "payload" if self.whole else "udh"})
        self.directory = replace(DIRECTORY, subscriptions={}, carriers={"sim": sim})
        for table in metadata.tables.values():
            self.connection.execute(delete(table))
        row = {"tenant_id": ACME, "currency": "PLN", "credit": CREDIT, "reserved": 0, "settled": 0}
        self.connection.execute(table_of("balance").insert(), row)
        self.connection.commit()

    @property
    def moment(self) -> Moment:
        return Moment(self.directory, self.clock.now(), self.ids.new)

    def rows(self, table: str) -> list[dict]:
        found = self.connection.execute(select(table_of(table)))
        rows = [dict(row._mapping) for row in found]
        self.connection.rollback()
        return rows

    def carry_out(self, *units: Unit) -> None:
        with self.connection.begin():
            self.memory.check(self.connection)
            batch = Batch(self.connection, self.memory)
            for result in batch.run(units):
                if isinstance(result, Exception) and not isinstance(result, Refusal | Again):
                    raise result
            batch.write()
        batch.keep()
        self.check()
        self.check_memory()

    def check_memory(self) -> None:
        """What the writer would not read again is what it would read."""
        for table in TABLES:
            columns = primary_key(table)
            for row in self.rows(table):
                assert self.memory.row(table, columns, key_of(table, row)) in (None, row)

    # --- what can happen ---

    def submit(self, text: str, *, later: bool = False) -> Unit:
        now = self.clock.now()
        planner = Planner(self.directory, Rules())
        asked = to_send("601123456", text=text, account=KEY, send_at=now + DAY if later else None)
        request = planner.request(asked, now)
        job = Job(planner, request, [planner.draft(request, "601123456")], self.ids.new(), [None])
        return Unit(lambda state: Acceptance(job, state, self.ids.new).store(), reads_of(job))

    def schedule(self, text: str) -> Unit:
        return self.submit(text, later=True)

    def claim(self) -> Unit:
        return claim_unit("sim", 3, self.clock.now(), "node-1")

    def outcome(self, which: int, kind: int) -> Unit | None:
        parts = self.rows("part")
        if not parts:
            return None
        part = parts[which % len(parts)]
        self.references += 1
        ends = (
            Accepted(f"c{self.references}"),
            Accepted(f"c{self.references % 3}"),
            Temporary("busy"),
            Temporary("slow", slow=True),
            Permanent("no"),
            Uncertain("no_response"),
        )
        message = next(row for row in self.rows("message") if row["id"] == part["message_id"])
        outbound = claimed_part(message, part, TEXTS[message["parts"] - 1], self.clock.now())
        done = HandOver("sim", outbound, ends[kind % len(ends)])
        return outcome_unit(self.moment, Policy(self.policy, lambda: 0.0), done)

    def receipt(self, which: int, kind: int) -> Unit:
        status = ("delivered", "undelivered", "failed", "expired")[kind % 4]
        receipt = CarrierReceipt(
            (f"c{which % max(self.references + 2, 1)}", "cx"), status, status, None, status
        )
        return receipt_unit(self.moment, "sim", receipt)

    def cancel(self, which: int) -> Unit | None:
        messages = self.rows("message")
        if not messages:
            return None
        return cancel_unit(self.moment, ACME, messages[which % len(messages)]["id"])

    def expire(self) -> Unit:
        values = {"since": 0, "after": b"", "now": self.clock.now()}
        return expiry.past_unit(self.moment, Scan("message", expiry._WAITING, values), expiry._expire)

    def no_receipt(self) -> Unit:
        values = {"since": 0, "after": b"", "now": self.clock.now() - DAY}
        return expiry.past_unit(self.moment, Scan("message", expiry._SENT, values), expiry._no_receipt)

    def crash(self) -> Unit:
        scan = Scan("part", lapsed._OWN, {"node": "node-1"})
        return lapsed.lapsed_unit(self.moment, Policy(self.policy, lambda: 0.0), scan, lambda *_: False)

    # --- what must hold ---

    def check(self) -> None:
        (balance,) = self.rows("balance")
        ledger = self.rows("ledger")
        of = {
            kind: sum(row["amount"] for row in ledger if row["kind"] == kind)
            for kind in ("reserve", "settle", "release")
        }
        assert balance["reserved"] == of["reserve"] - of["settle"] - of["release"]
        assert balance["settled"] == of["settle"]
        assert balance["credit"] - balance["reserved"] - balance["settled"] >= 0
        assert balance["reserved"] >= 0
        ended = {(row["message_id"], row["part"]) for row in ledger if row["phase"] == "final"}
        live = [part for part in self.rows("part") if part["state"] in billing.LIVE]
        messages = {message["id"]: message for message in self.rows("message")}
        shares = [messages[part["message_id"]]["price"] if self.whole else PRICE for part in live]
        assert balance["reserved"] == sum(shares)
        for part in live:
            assert (part["message_id"], part["no"]) not in ended
        for message in messages.values():
            before = self.statuses.get(message["id"], message["status"])
            assert before == message["status"] or advance(Status(before), Status(message["status"]))
            self.statuses[message["id"]] = message["status"]

    def settle_everything(self) -> None:
        """Time goes by until everything has ended by itself."""
        for _ in range(3):
            self.clock.advance(10 * 86_400)
            self.carry_out(self.crash())
            self.carry_out(self.expire())
            self.carry_out(self.no_receipt())
        assert {message["status"] for message in self.rows("message")} <= TERMINAL
        (balance,) = self.rows("balance")
        assert balance["reserved"] == 0


number = st.integers(0, 7)
ops = st.one_of(
    st.tuples(st.sampled_from(("submit", "schedule")), st.sampled_from(TEXTS)),
    st.tuples(st.just("claim")),
    st.tuples(st.just("outcome"), number, number),
    st.tuples(st.just("receipt"), number, number),
    st.tuples(st.just("cancel"), number),
    st.tuples(st.just("expire")),
    st.tuples(st.just("no_receipt")),
    st.tuples(st.just("crash")),
    st.tuples(st.just("pass"), st.sampled_from((5, 60, 86_400, 3 * 86_400))),
)


def units_of(office: Office, group: list[tuple]) -> list[Unit]:
    found = []
    for name, *arguments in group:
        if name == "pass":
            office.clock.advance(arguments[0])
        elif (unit := getattr(office, name)(*arguments)) is not None:
            found.append(unit)
    return found


@given(
    groups=st.lists(st.lists(ops, min_size=1, max_size=4), min_size=1, max_size=12),
    policy=st.sampled_from(("resend", "hold")),
    whole=st.booleans(),
)
@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_money_adds_up_whatever_happens_in_whatever_order(
    connection: Connection, groups, policy, whole
) -> None:
    """Each inner list is one batch of the writer: its units see each other's decisions."""
    office = Office(connection, policy, whole)
    office.carry_out(office.submit("short"))
    for group in groups:
        units = units_of(office, group)
        if units:
            office.carry_out(*units)
    office.settle_everything()


def test_a_part_taken_and_lost_and_taken_is_paid_once(connection: Connection) -> None:
    office = Office(connection)
    office.carry_out(office.submit("x" * 200))
    office.carry_out(office.claim())
    for kind in (5, 0, 4, 1, 5, 2):
        office.carry_out(*(office.outcome(which, kind) for which in range(2)))

    (balance,) = office.rows("balance")
    assert (balance["reserved"], balance["settled"]) == (0, 2 * PRICE)


def test_a_text_that_goes_whole_is_paid_at_once_for_all_its_parts(connection: Connection) -> None:
    office = Office(connection, whole=True)
    office.carry_out(office.submit("x" * 400))
    (message,) = office.rows("message")
    assert (message["parts"], message["price"]) == (3, 3 * PRICE)
    office.carry_out(office.claim())
    office.carry_out(office.outcome(0, 0))

    (balance,) = office.rows("balance")
    assert (balance["reserved"], balance["settled"]) == (0, 3 * PRICE)
    assert [(row["part"], row["kind"], row["amount"]) for row in office.rows("ledger")] == [
        (0, "reserve", 3 * PRICE),
        (1, "settle", 3 * PRICE),
    ]


@pytest.mark.parametrize(
    ("before", "after", "kind"),
    [
        ("queued", "sending", None),
        ("sending", "queued", None),
        ("sending", "sent", "settle"),
        ("queued", "sent", "settle"),
        ("queued", "expired", "release"),
        ("queued", "canceled", "release"),
        ("sending", "failed", "release"),
        ("sent", "delivered", None),
        ("sent", "undelivered", None),
        ("sent", "expired", None),
        ("failed", "sent", None),
    ],
)
def test_only_leaving_the_queue_moves_money(before: str, after: str, kind: str | None) -> None:
    assert billing.ending(before, after) == kind


def purse(credit: int = 100, reserved: int = 0, settled: int = 0) -> billing.Purse:
    row = {"currency": "PLN", "credit": credit, "reserved": reserved, "settled": settled}
    return billing.Purse(ACME, row)


def test_a_purse_never_promises_more_than_it_has() -> None:
    mine = purse(100, 30, 20)
    mine.reserve(50, "PLN")
    with pytest.raises(Refusal):
        mine.reserve(1, "PLN")
    mine.reserve(0, "")
    mine.settle(30)
    mine.release(50)
    assert (mine.available, mine.reserved, mine.settled) == (50, 0, 50)


def test_a_price_in_another_currency_is_not_paid_from_this_purse() -> None:
    with pytest.raises(Refusal) as caught:
        purse().reserve(1, "EUR")
    assert caught.value.code.name == "credit_exhausted"


def test_without_a_balance_only_free_messages_go() -> None:
    empty = billing.Purse(ACME, None)
    empty.reserve(0, "")
    with pytest.raises(Refusal):
        empty.reserve(1, "PLN")
    with pytest.raises(LookupError):
        empty.settle(1)
    rows = Rows()
    empty.flush(rows)
    assert rows.updates == []
