"""What people do with conversations, two nodes at a time, and what open pages are told of it all."""

import asyncio
import os
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import insert
from structlog.testing import capture_logs

from support import traffic
from support.fakes import FakeClock
from support.people import ANN, BEN, CAT, OTTO, ROOT, Desk
from voip_sms.core.conversations import NOTE_LONGEST, Note
from voip_sms.core.failures import Refusal
from voip_sms.core.ids import Ids
from voip_sms.core.people import User
from voip_sms.core.resources.people import UserPatch
from voip_sms.engine import live as engine_live
from voip_sms.engine.conversations import Conversations
from voip_sms.engine.history import History
from voip_sms.engine.live import Changes, Listener, Live
from voip_sms.engine.signals import Signals, changes_of
from voip_sms.store.database import open_database
from voip_sms.store.reader import Reader
from voip_sms.store.tables import message, peer_note
from voip_sms.store.writer import Writer

PEER = "+48603000001"


class Company:
    """A desk with traffic."""

    def __init__(self, desk: Desk, clock: FakeClock) -> None:
        self.desk, self.clock = desk, clock
        self.ids = Ids(clock, os.urandom)
        self.context = replace(desk.office.context, new_id=self.ids.new)
        self.conversations = Conversations(self.context)

    def tenant(self, user: User) -> bytes:
        return user.tenant_id

    async def came(self, user: User, peer: str = PEER) -> bytes:
        self.clock.advance(1)
        row = traffic.inbound(self.ids.new(), user.tenant_id, self.clock.now(), peer)
        await self.stored(row)
        return row["id"]  # type: ignore[no-any-return]

    async def sent(self, user: User, peer: str = PEER, **more: Any) -> bytes:
        self.clock.advance(1)
        row = traffic.row(self.ids.new(), user.tenant_id, self.clock.now(), recipient=peer, **more)
        await self.stored(row)
        return row["id"]  # type: ignore[no-any-return]

    async def stored(self, *rows: dict[str, Any]) -> None:
        await self.desk.office.writer.run(lambda connection: traffic.store(connection, rows))


@pytest.fixture
async def company(database_url: str, clock: FakeClock) -> AsyncIterator[Company]:
    desk = await Desk.open(database_url, clock)
    yield Company(desk, clock)
    await desk.close()


async def refused(coroutine: Any, code: str) -> Refusal:
    with pytest.raises(Refusal) as error:
        await coroutine
    assert error.value.code.name == code
    return error.value


# --- claims, notes, what was read ---------------------------------------------------------------------------


async def test_of_two_who_claim_at_once_one_gets_it(company: Company, database_url: str) -> None:
    """On two nodes: each has a writer of its own."""
    ann, ben = await company.desk.user(ANN), await company.desk.user(BEN)
    await company.came(ann)
    async with other_node(company, database_url) as there:
        for _ in range(5):
            tries = (company.conversations.claim(ann, PEER), there.claim(ben, PEER))
            told = await asyncio.gather(*tries, return_exceptions=True)
            (late,) = [one for one in told if one is not None]
            assert isinstance(late, Refusal)
            assert (late.code.name, late.data["name"]) in (("conflict", "Ann"), ("conflict", "Ben"))
            thread = await company.conversations.thread(ann, PEER)
            assert thread.claim is not None
            assert thread.claim.name == late.data["name"]
            holder = ann if thread.claim.user_id == ann.id else ben
            await company.conversations.release(holder, PEER)


@asynccontextmanager
async def other_node(company: Company, database_url: str) -> AsyncIterator[Conversations]:
    """The same company's, as another process writes them."""
    database = open_database(database_url)
    elsewhere = Writer(database.writer, lambda _: None)
    elsewhere.start()
    try:
        yield Conversations(replace(company.context, writer=elsewhere))
    finally:
        await elsewhere.stop()
        database.close()


async def test_who_may_end_a_claim(company: Company) -> None:
    ann, cat = await company.desk.user(ANN), await company.desk.user(CAT)
    await company.came(ann)
    await company.conversations.claim(ann, PEER)
    await company.conversations.claim(ann, PEER)  # she has it already
    await refused(company.conversations.release(cat, PEER), "forbidden")
    await company.conversations.release(ann, PEER)
    await company.conversations.release(ann, PEER)  # nobody has it: as she wanted
    await company.conversations.claim(cat, PEER)
    await company.conversations.release(ann, PEER)
    assert (await company.conversations.thread(cat, PEER)).claim is None


async def test_what_somebody_had_who_is_gone_can_be_taken_over(company: Company) -> None:
    ann, cat = await company.desk.user(ANN), await company.desk.user(CAT)
    await company.came(ann)
    await company.conversations.claim(cat, PEER)
    await company.desk.users.change(ann, company.tenant(ann), cat.id, UserPatch(enabled=False))
    (line,) = (await company.conversations.list(ann)).conversations
    assert line.claim is not None
    assert line.claim.name == ""
    assert (await company.conversations.list(ann, "unclaimed")).conversations == (line,)
    await company.conversations.claim(ann, PEER)
    (line,) = (await company.conversations.list(ann, "mine")).conversations
    assert line.claim is not None
    assert line.claim.name == "Ann"
    assert (await company.conversations.list(ann, "unclaimed")).conversations == ()


async def test_notes_stand_where_they_were_written(company: Company) -> None:
    ann = await company.desk.user(ANN)
    await company.came(ann)
    company.clock.advance(1)
    await company.conversations.note(ann, PEER, "  rings back ")
    await company.came(ann)
    thread = await company.conversations.thread(ann, PEER)
    assert [isinstance(one, Note) for one in thread.entries] == [False, True, False]
    (note,) = [one for one in thread.entries if isinstance(one, Note)]
    assert (note.text, note.author) == ("rings back", "Ann")
    for wrong in ("", " \n", "x" * (NOTE_LONGEST + 1)):
        await refused(company.conversations.note(ann, PEER, wrong), "invalid")
    await company.conversations.note(ann, PEER, "nothing \x00 else \ud800")
    assert len((await company.conversations.thread(ann, PEER)).entries) == 4


async def test_the_same_note_again_within_a_minute_is_a_second_click(
    company: Company, database_url: str
) -> None:
    """Also where two nodes get the two clicks at once."""
    ann, ben = await company.desk.user(ANN), await company.desk.user(BEN)
    await company.came(ann)
    async with other_node(company, database_url) as there:
        here = company.conversations
        await asyncio.gather(*(one.note(ann, PEER, "rings back") for one in (here, there) * 4))
    assert await noted(company, ann) == ["rings back"]
    await here.note(ann, PEER, "rings back today")
    await here.note(ben, PEER, "rings back")
    company.clock.advance(61)
    await here.note(ann, PEER, "rings back")
    await here.note(ann, PEER, "rings back")
    assert sorted(await noted(company, ann)) == ["rings back"] * 3 + ["rings back today"]


async def test_a_note_costs_the_same_however_many_there_are(company: Company) -> None:
    ann = await company.desk.user(ANN)
    await company.came(ann)
    mine = {"tenant_id": ann.tenant_id, "peer": PEER, "user_id": ann.id, "author": "Ann", "body": "x" * 100}
    rows = [{**mine, "id": company.ids.new(), "at": company.clock.now()} for _ in range(20_000)]
    await company.desk.office.writer.run(lambda connection: connection.execute(insert(peer_note), rows))
    await company.conversations.note(ann, PEER, "to begin with")
    began = time.process_time()
    for number in range(5):
        await company.conversations.note(ann, PEER, f"note {number}")
    assert time.process_time() - began < 0.1, "a millisecond or two each; all notes are read in fifty"


async def noted(company: Company, user: User) -> list[str]:
    thread = await company.conversations.thread(user, PEER)
    return [one.text for one in thread.entries if isinstance(one, Note)]


async def test_what_was_read_is_each_persons_own_and_stays_read(company: Company) -> None:
    ann, cat = await company.desk.user(ANN), await company.desk.user(CAT)
    first, second = await company.came(ann), await company.came(ann)
    read = company.conversations.read
    assert (await company.conversations.thread(ann, PEER)).unread == 2
    await read(ann, PEER, second)
    await read(ann, PEER, first)
    assert (await company.conversations.thread(ann, PEER)).unread == 0
    assert (await company.conversations.thread(cat, PEER)).unread == 2
    await read(cat, PEER, b"\xff" * 16)
    await company.came(ann)
    assert (await company.conversations.thread(cat, PEER)).unread == 1, "what comes later is not read by that"


async def test_conversations_are_a_companys_own(company: Company) -> None:
    ann, otto, root = [await company.desk.user(one) for one in (ANN, OTTO, ROOT)]
    await company.came(ann)
    use = company.conversations
    for attempt in (
        use.thread(otto, PEER), use.claim(otto, PEER), use.note(otto, PEER, "x"), use.read(otto, PEER, b"x" * 16),
    ):  # fmt: skip
        await refused(attempt, "not_found")
    assert (await use.list(otto)).conversations == ()
    forbidden: tuple[Any, ...] = (
        use.list(root), use.thread(root, PEER), use.claim(root, PEER), use.release(root, PEER),
        use.note(root, PEER, "x"), use.read(root, PEER, b"x" * 16),
    )  # fmt: skip
    for attempt in forbidden:
        await refused(attempt, "forbidden")
    for strange in ("\x00", "a" * 1000, "\ud800", ""):
        await refused(use.thread(ann, strange), "not_found")


async def test_attention_tells_what_waits(company: Company) -> None:
    ann = await company.desk.user(ANN)
    await company.sent(ann, status="failed")
    await company.came(ann)
    await company.came(ann, "+48603000002")
    await company.conversations.read(ann, PEER, b"\xff" * 16)
    found = await History(company.context).attention(ann.tenant_id, ann.id, "Europe/Warsaw")
    assert (found.undelivered, found.unanswered, found.unread) == (1, 2, 1)


# --- what open pages are told -------------------------------------------------------------------------------


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for a look in a test."""
    monkeypatch.setattr(engine_live, "LOOK_SECONDS", 0.05)
    monkeypatch.setattr(engine_live, "REST_SECONDS", 0.0)


async def heard(listener: Listener) -> Changes:
    found = await listener.wait(20)
    assert found is not None
    return found


@pytest.mark.usefixtures("quick")
async def test_a_page_is_told_of_messages_and_statuses_of_any_node(company: Company) -> None:
    ann, otto = await company.desk.user(ANN), await company.desk.user(OTTO)
    live = Live(company.context, Signals())  # which hears nothing: as if another node wrote
    listener, others = live.listen(ann.tenant_id), live.listen(otto.tenant_id)
    assert (await heard(listener)).much, "whatever happened before"
    await heard(others)
    sent = await company.sent(ann, status="accepted")
    found = await heard(listener)
    assert [(one.id, one.status) for one in found.messages] == [(sent, "accepted")]
    assert found == Changes(found.messages, frozenset({PEER}), much=False, upto=sent)
    changed = message.update().where(message.c.id == sent).values(status="delivered")
    await company.desk.office.writer.run(lambda connection: connection.execute(changed).rowcount)
    found = await heard(listener)
    assert [(one.id, one.status) for one in found.messages] == [(sent, "delivered")]
    live.touched(ann.tenant_id, "+48603000009")
    assert (await heard(listener)).peers == {"+48603000009"}
    assert await others.wait(0.2) is None
    listener.close()
    others.close()


@pytest.mark.usefixtures("quick")
async def test_what_is_committed_late_with_an_older_id_is_told(company: Company) -> None:
    ann = await company.desk.user(ANN)
    live = Live(company.context, Signals())
    listener = live.listen(ann.tenant_id)
    await heard(listener)
    older = traffic.row(company.ids.new(), ann.tenant_id, company.clock.now(), recipient="+48603000007")
    newer = await company.sent(ann)
    assert [one.id for one in (await heard(listener)).messages] == [newer]
    await company.stored(older)
    assert [one.id for one in (await heard(listener)).messages] == [older["id"]]
    listener.close()


async def test_a_wake_is_enough(company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_live, "LOOK_SECONDS", 3_600.0)
    ann, signals = await company.desk.user(ANN), Signals()
    live = Live(company.context, signals)
    listener = live.listen(ann.tenant_id)
    await heard(listener)
    await company.sent(ann)
    signals.wake({changes_of(ann.tenant_id)})
    assert (await heard(listener)).peers == {PEER}
    listener.close()


@pytest.mark.usefixtures("quick")
async def test_a_look_that_breaks_is_written_down_and_not_the_last_one(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is wrong: what came meanwhile is told as soon as it is over."""
    ann, broken = await company.desk.user(ANN), asyncio.Event()
    run = Reader.run

    async def breaks(self: Reader, function: Any, *arguments: Any, **more: Any) -> Any:
        if broken.is_set():
            broken.clear()
            raise ValueError("nobody foresaw this")
        return await run(self, function, *arguments, **more)

    monkeypatch.setattr(Reader, "run", breaks)
    listener = Live(company.context, Signals()).listen(ann.tenant_id)
    await heard(listener)
    with capture_logs() as logs:
        broken.set()
        assert (await heard(listener)).much, "what it did not see may be anything"
    assert [one["event"] for one in logs if one["log_level"] == "error"] == ["live_look_broken"]
    sent = await company.sent(ann)
    assert [one.id for one in (await heard(listener)).messages] == [sent]
    listener.close()


@pytest.mark.usefixtures("quick")
async def test_who_can_not_keep_up_is_told_that_much_has_changed(company: Company) -> None:
    ann = await company.desk.user(ANN)
    live = Live(company.context, Signals())
    slow = live.listen(ann.tenant_id)
    await heard(slow)
    for n in range(engine_live.PENDING_MOST + 1):
        live.touched(ann.tenant_id, f"+48603{n:06}")
    found = await heard(slow)
    assert found.much
    assert len(found.peers) <= 1
    slow.close()


@pytest.mark.usefixtures("quick")
async def test_listeners_are_counted_and_nothing_is_read_for_nobody(
    company: Company, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_live, "OF_TENANT_MOST", 2)
    monkeypatch.setattr(engine_live, "LISTENERS_MOST", 3)
    ann, otto, reads = await company.desk.user(ANN), await company.desk.user(OTTO), []
    run = Reader.run

    async def counted(self: Reader, function: Any, *arguments: Any, **more: Any) -> Any:
        reads.append(function)
        return await run(self, function, *arguments, **more)

    monkeypatch.setattr(Reader, "run", counted)
    live = Live(company.context, Signals())
    open_ones = [live.listen(ann.tenant_id) for _ in range(2)]
    with pytest.raises(Refusal, match="rate_limited"):
        live.listen(ann.tenant_id)
    open_ones.append(live.listen(otto.tenant_id))
    with pytest.raises(Refusal, match="rate_limited"):
        live.listen(otto.tenant_id)
    for one in open_ones:
        await heard(one)
        one.close()
        one.close()
    await asyncio.sleep(0)
    before = len(reads)
    await asyncio.sleep(0.2)
    assert len(reads) == before
    live.listen(ann.tenant_id).close()
