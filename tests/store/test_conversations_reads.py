"""Conversations and history are read a page at a time, by index, and a tenant's own alone."""

import re
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Connection, event, insert

from support import traffic
from support.fakes import START, fixed_random
from voip_sms.core.clock import DAY, HOUR, SECOND
from voip_sms.core.conversations import Only
from voip_sms.core.history import HistoryFilter
from voip_sms.core.ids import Ids
from voip_sms.store import conversations, history, live
from voip_sms.store.conversations import Asked
from voip_sms.store.database import Database
from voip_sms.store.tables import peer_claim

ACME, OTHER, ANN = b"a" * 16, b"o" * 16, b"u" * 16
PEERS = [f"+4860{n:07}" for n in range(120)]


class Moments:
    """A clock that a story moves."""

    def __init__(self) -> None:
        self.moment = START - DAY

    def now(self) -> int:
        return self.moment


class Story:
    """Writes messages one after the other, a second apart."""

    def __init__(self, database: Database) -> None:
        self.clock = Moments()
        self.ids = Ids(self.clock, fixed_random().randbytes)
        self.database = database
        self.rows: list[dict[str, object]] = []

    def sent(self, peer: str, tenant: bytes = ACME, **more: object) -> bytes:
        return self._add(traffic.row(self._id(), tenant, self.clock.moment, recipient=peer, **more))

    def came(self, peer: str, tenant: bytes = ACME, **more: object) -> bytes:
        return self._add(traffic.inbound(self._id(), tenant, self.clock.moment, peer, **more))

    def _id(self) -> bytes:
        self.clock.moment += SECOND
        return self.ids.new()

    def _add(self, row: dict[str, object]) -> bytes:
        self.rows.append(row)
        return row["id"]  # type: ignore[return-value]

    def stored(self) -> None:
        with self.database.writer.begin() as connection:
            traffic.store(connection, self.rows)
        self.rows = []

    def asked(self, only: Only = "all", user: bytes = ANN) -> Asked:
        return Asked(user, self.clock.moment, only)


@pytest.fixture
def story(database: Database) -> Story:
    return Story(database)


@pytest.fixture
def reader(database: Database) -> Iterator[Connection]:
    with database.reader.connect() as connection:
        yield connection


def every_page(connection: Connection, asked: Asked, limit: int, tenant: bytes = ACME) -> list[str]:
    peers, after = [], None
    for _ in range(100):
        found = conversations.page(connection, tenant, asked, limit=limit, after=after)
        peers += [one.peer for one in found.conversations]
        if found.after is None:
            return peers
        after = found.after
    raise AssertionError("the pages never end")


def test_each_number_is_one_line_with_its_newest_word(story: Story, reader: Connection) -> None:
    story.came("+48600000001")
    story.sent("+48600000002")
    story.sent("+48600000001", status="failed")
    story.came("+48600000003", OTHER)
    story.stored()
    found = conversations.page(reader, ACME, story.asked(), limit=10).conversations
    assert [(one.peer, one.direction, one.status, one.text, one.own) for one in found] == [
        ("+48600000001", "outbound", "failed", "Hello", traffic.OWN),
        ("+48600000002", "outbound", "delivered", "Hello", traffic.OWN),
    ]
    assert [one.unanswered for one in found] == [0, 0]
    assert [one.unread for one in found] == [1, 0]


@pytest.mark.parametrize("only", ["all", "unclaimed", "unanswered", "unread"])
def test_pages_show_everybody_once(story: Story, reader: Connection, only: Only) -> None:
    chance = fixed_random()
    for peer in PEERS:
        story.sent(peer)
        story.came(peer)
    for peer in chance.choices(PEERS, k=500):
        story.came(peer)
    story.stored()
    found = every_page(reader, story.asked(only), limit=7)
    assert sorted(found) == sorted(PEERS)


def test_one_that_was_texted_thousands_of_times_hides_nobody(story: Story, reader: Connection) -> None:
    story.came("+48600000002")
    for _ in range(conversations.WALKED + 10):
        story.sent("+48600000001")
    story.stored()
    assert every_page(reader, story.asked(), limit=50) == ["+48600000001", "+48600000002"]


def test_copies_for_colleagues_begin_no_conversation(story: Story, reader: Connection) -> None:
    story.sent("+48600000001")
    for n in range(5):
        story.came("+48600000002")
        story.sent("+48602000001", door="forward")
        story.sent(f"+4860000001{n}")
    story.sent("+48600000001", door="forward")  # once a customer, then a colleague
    story.stored()
    wanted = {"+48600000001", "+48600000002", *(f"+4860000001{n}" for n in range(5))}
    for limit in (2, 10):
        found = every_page(reader, story.asked(), limit=limit)
        assert set(found) == wanted
        assert len(found) == len(wanted)


def test_somebody_may_look_after_very_many(story: Story, reader: Connection, database: Database) -> None:
    peers = [f"+4861{n:07}" for n in range(conversations.MINE_MOST + 20)]
    for peer in peers:
        story.came(peer)
    story.stored()
    rows = [{"tenant_id": ACME, "peer": peer, "user_id": ANN, "at": n} for n, peer in enumerate(peers)]
    with database.writer.begin() as connection:
        connection.execute(insert(peer_claim), rows)
    found = every_page(reader, story.asked("mine"), limit=conversations.PAGE_MOST)
    assert found == peers[: -conversations.MINE_MOST - 1 : -1]


def test_what_waits_is_counted(story: Story, reader: Connection) -> None:
    for _ in range(3):
        story.came("+48600000001")
    story.sent("+48600000001")
    for _ in range(2):
        story.came("+48600000001")
    story.came("+48600000002")
    story.sent("+48600000002")
    story.came("+48600000003", error_code="blocked")
    story.stored()
    (waits,) = conversations.page(reader, ACME, story.asked("unanswered"), limit=10).conversations
    assert (waits.peer, waits.unanswered, waits.unread) == ("+48600000001", 2, 5)
    unread = conversations.page(reader, ACME, story.asked("unread"), limit=10).conversations
    assert [one.peer for one in unread] == ["+48600000002", "+48600000001"]
    assert conversations.how_many(reader, ACME, story.asked("unread"), 100) == 2


def test_what_lies_long_back_counts_as_seen(story: Story, reader: Connection) -> None:
    story.came("+48600000001")
    story.clock.moment += 31 * DAY
    story.stored()
    assert conversations.page(reader, ACME, story.asked("unread"), limit=10).conversations == ()
    (line,) = conversations.page(reader, ACME, story.asked(), limit=10).conversations
    assert (line.unread, line.unanswered) == (0, 1)


def test_a_thread_is_read_backwards_page_by_page(story: Story, reader: Connection) -> None:
    ids = [story.came("+48600000001") if n % 2 else story.sent("+48600000001") for n in range(25)]
    story.came("+48600000002")
    story.stored()
    first = conversations.thread(reader, ACME, story.asked(), "+48600000001", before=None, limit=10)
    assert first is not None
    assert [one.id for one in first.messages] == ids[-10:]
    assert (first.own, first.unread) == (traffic.OWN, 12)
    second = conversations.thread(reader, ACME, story.asked(), "+48600000001", before=first.before, limit=10)
    assert second is not None
    third = conversations.thread(reader, ACME, story.asked(), "+48600000001", before=second.before, limit=10)
    assert third is not None
    assert [one.id for one in (*third.messages, *second.messages, *first.messages)] == ids
    assert third.before is None


def test_another_tenants_thread_is_none(story: Story, reader: Connection) -> None:
    story.came("+48600000001")
    story.stored()
    for tenant, peer in ((OTHER, "+48600000001"), (ACME, "+48600000009")):
        assert conversations.thread(reader, tenant, story.asked(), peer, before=None, limit=10) is None
        assert conversations.newest(reader, tenant, peer) is None
    assert every_page(reader, story.asked(), 10, OTHER) == []
    assert live.newest(reader, OTHER) == []


# --- history ------------------------------------------------------------------------------------------------


def test_a_history_is_narrowed(story: Story, reader: Connection) -> None:
    came = story.came("+48600000001")
    failed = story.sent("+48600000001", status="failed", door="sip", account="sip:101")
    story.sent("+48600000002")
    late = story.sent("+48600000002", sender="ACME")
    story.sent("+48600000001", OTHER)
    story.stored()
    begin = story.clock.moment - SECOND  # of the last but one

    def found(**wish: object) -> list[bytes]:
        return [one.id for one in history.page(reader, ACME, HistoryFilter(**wish), limit=9).messages]  # type: ignore[arg-type]

    assert len(found()) == 4
    assert found(direction="inbound") == [came]
    assert found(peer="+48600000001") == [failed, came]
    assert found(direction="outbound", recipient="+48600000001") == [failed]
    assert found(direction="inbound", sender="+48600000001") == [came]
    assert found(statuses=("failed",)) == found(statuses=("failed", "expired", "undelivered")) == [failed]
    assert found(door="sip") == found(account="sip:101") == [failed]
    assert found(sender="ACME") == found(since=begin) == [late]
    assert found(until=begin - SECOND)[0] == failed
    assert found(direction="inbound", statuses=("failed",)) == []


def test_a_rare_wish_is_looked_for_bit_by_bit(
    story: Story, reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(history, "SEARCHED", 20)
    wanted = [
        story.sent("+48600000001", door="mail") if n in (3, 30, 55) else story.sent("+48600000002")
        for n in range(60)
    ]
    rare = [wanted[n] for n in (55, 30, 3)]
    story.stored()
    found, after, looks = [], None, 0
    while True:
        page = history.page(reader, ACME, HistoryFilter(door="mail"), limit=9, after=after)
        found += [one.id for one in page.messages]
        looks += 1
        assert (page.after is None) == (page.searched_to is None)
        if page.after is None:
            break
        after = page.after
    assert (found, looks) == (rare, 3)


def test_sums_of_a_month_by_currency(
    story: Story, reader: Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    story.sent("+48600000001", parts=3, price=900_000)
    story.clock.moment += 32 * DAY
    story.sent("+48600000001", parts=2, price=580_000)
    story.sent("+49170000001", price=70_000, currency="EUR")
    story.came("+48600000001")
    story.stored()
    sums = history.sums(reader, ACME, HistoryFilter(), story.clock.moment + SECOND)
    assert (sums.messages, sums.parts, sums.whole) == (3, 4, True)
    assert sums.prices == {"PLN": 580_000, "EUR": 70_000}
    monkeypatch.setattr(history, "SUMMED", 2)
    some = history.sums(reader, ACME, HistoryFilter(), story.clock.moment + SECOND)
    assert (some.messages, some.whole) == (2, False)


def test_todays_hours_are_those_of_the_zone(story: Story, reader: Connection) -> None:
    midnight = START - START % DAY - HOUR  # in Warsaw
    story.clock.moment = midnight - 2 * SECOND
    story.sent("+48600000001")  # yesterday's
    story.clock.moment = midnight + 9 * HOUR
    story.sent("+48600000001", status="failed")
    story.sent("+48600000001")
    story.came("+48600000001")
    story.stored()
    hours = history.today(reader, ACME, "Europe/Warsaw", START)
    assert len(hours) == 24
    assert hours[0].start == midnight
    assert [(n, one.sent, one.received, one.failed) for n, one in enumerate(hours) if one.sent] == [
        (9, 2, 1, 1)
    ]
    assert history.undelivered(reader, ACME, "Europe/Warsaw", START) == 1
    assert sum(one.sent for one in history.today(reader, OTHER, "Europe/Warsaw", START)) == 0


# --- by index -----------------------------------------------------------------------------------------------

SCANS = {
    "sqlite": re.compile(r"SCAN message\b(?!.*INDEX)"),
    "postgresql": re.compile(r"Seq Scan on message\b"),
}


def test_no_list_reads_through_the_table(story: Story, database: Database) -> None:
    """What each statement is answered by, as the database itself explains it."""
    for peer in PEERS:
        story.came(peer)
        story.sent(peer)
    story.stored()
    said: list[tuple[str, Any]] = []
    with database.reader.connect() as connection:
        event.listen(connection, "before_cursor_execute", lambda *call: said.append((call[2], call[3])))
        for only in ("all", "unclaimed", "unanswered", "unread", "mine"):
            page = conversations.page(connection, ACME, story.asked(only), limit=10)
            conversations.page(
                connection, ACME, story.asked(only), limit=10, after=page.after or b"\xff" * 16
            )
        conversations.thread(connection, ACME, story.asked(), PEERS[0], before=b"\xff" * 16, limit=10)
        for wish in (
            {},
            {"direction": "inbound"},
            {"peer": PEERS[0]},
            {"statuses": ("failed",)},
            {"door": "sip"},
        ):
            history.page(connection, ACME, HistoryFilter(**wish), limit=10)
            history.sums(connection, ACME, HistoryFilter(**wish), START)
        history.today(connection, ACME, "UTC", START)
        history.undelivered(connection, ACME, "UTC", START)
        live.newest(connection, ACME)
    explain = "EXPLAIN QUERY PLAN " if database.is_sqlite else "EXPLAIN "
    used = set[str]()
    with database.reader.connect() as connection:
        for statement, values in said:
            rows = connection.exec_driver_sql(explain + statement, values)
            plan = "\n".join(str(row) for row in rows)
            assert not SCANS[database.url.get_backend_name()].search(plan), f"{statement}\n{plan}"
            used |= set(re.findall(r"ix_message_\w+", plan))
    assert used >= {"ix_message_peer", "ix_message_received", "ix_message_bad", "ix_message_tenant_id_id"}
