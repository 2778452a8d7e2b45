"""Dispatch over a real database and a carrier that does what the scene says."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest

from support.fakes import FakeClock, fixed_random
from support.links import FakeLink, script, silent
from support.waiting import eventually
from support.world import ACME, CREDIT, KEY, OWN, PHONE, PRICE, TWO_WAY, World, to_send, world
from voip_sms.core.clock import HOUR, MINUTE
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import Accepted, Permanent, StoreUnavailableError, Temporary, Uncertain
from voip_sms.core.identity import Rules
from voip_sms.core.model import Message
from voip_sms.engine.dispatch import Dispatch
from voip_sms.engine.submit import Submit

PEER = "+48601123456"


class Stage:
    """The scene's engine: what links are made is in `links`."""

    def __init__(self, scene: World) -> None:
        self.scene = scene
        self.links: dict[str, FakeLink] = {}
        self.made: list[FakeLink] = []
        self.prepare: Callable[[FakeLink], None] = lambda _: None
        self.uncertain = "resend"

    def _link(self, carrier: Carrier) -> FakeLink:
        link = FakeLink(carrier.name)
        self.prepare(link)
        self.links[carrier.name] = link
        self.made.append(link)
        return link

    async def start(self) -> None:
        self.dispatch = Dispatch(self.scene.context, self.scene.signals, self._link, uncertain=self.uncertain)
        self.door = Submit(self.scene.context, self.dispatch, Rules())
        await self.dispatch.sync()

    @property
    def sim(self) -> FakeLink:
        return self.links["sim"]

    async def send(self, *to: str, **options) -> Message:
        submitted = await self.door.submit(to_send(*(to or (PEER,)), **options))
        message = submitted.items[0].message
        assert message is not None, submitted.items[0].refused
        return message

    async def status(self, message: Message, *wanted: str) -> None:
        async def there() -> bool:
            row = await self.scene.row("message", id=message.id)
            return row["status"] in wanted

        await eventually(there, f"{wanted}")

    async def part_is(self, state: str) -> None:
        async def there() -> bool:
            return {row["state"] for row in await self.scene.rows("part")} == {state}

        await eventually(there, state)

    async def money(self) -> tuple[int, int]:
        row = await self.scene.row("balance", tenant_id=ACME)
        assert row["credit"] == CREDIT
        return row["reserved"], row["settled"]

    def later(self, seconds: float) -> None:
        """Time passes; the lanes look at once rather than at their next poll."""
        self.scene.clock.advance(seconds)
        self.scene.signals.wake({f"parts:{name}" for name in self.links})

    async def idle(self) -> None:
        """Everything that is due has been taken, so that the next message may pass the queue."""
        lane = self.dispatch._lanes["sim"]
        await eventually(lambda: lane._seen and not lane._dirty and not lane._unknown and not lane._searching)


@pytest.fixture
async def stage(database_url: str, clock: FakeClock) -> AsyncIterator[Stage]:
    scene = world(database_url, clock)
    await scene.start()
    made = Stage(scene)
    yield made
    await made.dispatch.stop(0.1)
    await scene.stop()


async def test_a_message_reaches_the_carrier_and_is_paid(stage: Stage) -> None:
    await stage.start()
    message = await stage.send(text="Hello")

    await stage.status(message, "sent")
    (part,) = stage.sim.sent
    assert (part.text, part.to, part.sender.value, part.no, part.total) == ("Hello", PEER, "ACME", 1, 1)
    assert part.validity == 48 * 3600
    row = await stage.scene.row("part")
    assert (row["state"], row["carrier_ref"], row["sent_at"]) == ("sent", "c1", stage.scene.clock.now())
    assert await stage.money() == (0, PRICE)
    events = await stage.scene.rows("message_event")
    assert [event["status"] for event in events] == ["sent"]
    (job,) = await stage.scene.rows("forward_job")
    assert (job["event"], job["kind"]) == ("message.sent", "webhook")


async def test_a_new_message_goes_past_an_empty_queue(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    await stage.idle()
    await stage.send()

    await eventually(lambda: len(stage.sim.sent) == 1)
    row = await stage.scene.row("part")
    assert (row["state"], row["claimed_by"]) == ("sending", "node-1")
    assert "parts:sim" not in stage.scene.woken


async def test_a_person_s_message_goes_past_it_too(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    await stage.idle()
    await stage.send(account=PHONE, door="sip")

    await eventually(lambda: len(stage.sim.sent) == 1)
    row = await stage.scene.row("part")
    assert (row["state"], row["claimed_by"]) == ("sending", "node-1")
    (part,) = stage.sim.sent
    assert part.sender.value == OWN


async def test_an_answer_in_a_conversation_leaves_from_the_number_that_was_texted(stage: Stage) -> None:
    """What was expected to pass with another sender is queued, and found at once."""
    person = replace(PHONE, identity=KEY.identity)
    texted = {"tenant_id": ACME, "account": person.ref, "peer": PEER, "number": OWN}
    await stage.scene.insert("conversation", texted | {"until": stage.scene.clock.now() + HOUR})
    await stage.start()
    for _ in range(3):
        await stage.idle()
        message = await stage.send(account=person, door="sip")
        assert message.sender == OWN
        await stage.status(message, "sent")

    assert [part.sender.value for part in stage.sim.sent] == [OWN] * 3
    await stage.idle()
    other = await stage.send("+48602123456", account=person, door="sip")
    await stage.status(other, "sent")
    assert stage.sim.sent[3].sender.value == "ACME"
    assert stage.dispatch._lanes["sim"]._pledged == 0, "places of the window are lost"


async def test_many_messages_all_arrive_once_within_the_window(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "window", 7)
    await stage.start()
    sent = [stage.send(f"6011{n:05d}", text=f"t{n}") for n in range(150)]
    lists = [stage.send(*(f"6012{n}{k:04d}" for k in range(50))) for n in range(3)]
    await asyncio.gather(*sent, *lists)

    await stage.part_is("sent")
    assert len(stage.sim.sent) == 300
    assert len({part.to for part in stage.sim.sent}) == 300
    assert stage.sim.most_open <= 7
    assert await stage.money() == (0, 300 * PRICE)


async def test_long_texts_go_whole_and_in_order(stage: Stage) -> None:
    await stage.start()
    text = "".join(f"{n:04d}" for n in range(100))
    message = await stage.send(text=text)

    await stage.status(message, "sent")
    assert [part.no for part in stage.sim.sent] == [1, 2, 3]
    assert "".join(stage.sim.texts) == text
    assert len({part.reference for part in stage.sim.sent}) == 1
    assert await stage.money() == (0, 3 * PRICE)
    statuses = [(event["part"], event["status"]) for event in await stage.scene.rows("message_event")]
    assert sorted(statuses) == [(0, "sent"), (1, "sent"), (2, "sent"), (3, "sent")]


@pytest.mark.parametrize("waited", [False, True], ids=["past the queue", "from the queue"])
async def test_a_carrier_that_cuts_by_itself_gets_a_long_text_whole(stage: Stage, waited) -> None:
    carriers = {"sim": Carrier("sim", "smpp", {"long": "payload"})}
    stage.scene.directory = replace(stage.scene.directory, carriers=carriers)
    stage.prepare = lambda link: link.bind(not waited)
    await stage.start()
    if not waited:
        await stage.idle()
    text = "".join(f"{n:04d}" for n in range(100))
    message = await stage.send(text=text)
    stage.sim.bind()

    await stage.status(message, "sent")
    (part,) = stage.sim.sent
    assert (part.text, part.no, part.total, part.reference) == (text, 1, 1, 0)
    assert (message.parts, message.price) == (3, 3 * PRICE)
    assert await stage.money() == (0, 3 * PRICE)
    assert [event["status"] for event in await stage.scene.rows("message_event")] == ["sent"]


@pytest.mark.parametrize("long", ["ż" * 150, "x" * 400])
async def test_a_long_text_from_the_queue_is_cut_as_it_was_priced(stage: Stage, long: str) -> None:
    stage.prepare = lambda link: link.bind(False)
    await stage.start()
    message = await stage.send(text=long)
    assert stage.sim.sent == []
    stage.sim.bind()

    await stage.status(message, "sent")
    assert "".join(stage.sim.texts) == long
    assert len(stage.sim.sent) == 3


async def test_a_carrier_that_was_away_gets_everything_in_order(stage: Stage) -> None:
    stage.prepare = lambda link: link.bind(False)
    await stage.start()
    for n in range(20):
        await stage.send(text=f"t{n}")
    assert await stage.money() == (20 * PRICE, 0)
    stage.sim.bind()

    await stage.part_is("sent")
    assert stage.sim.texts == [f"t{n}" for n in range(20)]


async def test_order_holds_within_a_pair_while_one_is_in_flight(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    await stage.idle()
    for n in range(3):
        await stage.send(text=f"t{n}")
    other = await stage.send("601999999", text="other")

    await eventually(lambda: len(stage.sim.sent) == 2)
    assert set(stage.sim.texts) == {"t0", "other"}
    stage.sim.answer = script()
    for part in list(stage.sim.sent):
        stage.sim.end(part, Accepted("x" + part.text))
    await stage.part_is("sent")
    assert [text for text in stage.sim.texts if text != "other"] == ["t0", "t1", "t2"]
    assert other.id


async def test_order_holds_within_a_pair_while_one_is_retried(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", script(Temporary("busy")))
    await stage.start()
    await stage.idle()
    first = await stage.send(text="t0")
    await stage.status(first, "queued")
    await stage.idle()
    second = await stage.send(text="t1")
    await stage.send("601999999", text="other")
    await eventually(lambda: "other" in stage.sim.texts)
    assert stage.sim.texts == ["t0", "other"]

    stage.later(10)
    await stage.status(second, "sent")
    assert stage.sim.texts == ["t0", "other", "t0", "t1"]
    retried = await stage.scene.row("part", message_id=first.id)
    assert (retried["attempts"], retried["state"], retried["possible_duplicate"]) == (1, "sent", False)
    events = await stage.scene.rows("message_event", message_id=first.id)
    assert [(event["status"], event["cause"]) for event in events] == [("queued", "busy"), ("sent", "")]
    assert await stage.money() == (0, 3 * PRICE)


@pytest.mark.parametrize("window", [4, 50])
async def test_order_holds_within_pairs_through_any_trouble(stage: Stage, window: int) -> None:
    """Five pairs and a carrier that stumbles over a fifth of the parts.

    With the small window nearly everything goes through the queue, with the large one most goes past it.
    """
    chance = fixed_random()

    def answer(_part) -> object:
        trouble = (Temporary("busy"), Temporary("slow", slow=True), Uncertain("no_response"))
        return chance.choice(trouble) if chance.random() < 0.2 else Accepted(f"c{chance.random()}")

    stage.prepare = lambda link: (setattr(link, "answer", answer), setattr(link, "window", window))
    await stage.start()

    async def converse(n: int) -> None:
        for k in range(20):
            text = f"{k:03d}" if k % 4 else f"{k:03d}" + "x" * 200
            await stage.send(f"60100000{n}", text=text, priority=1)
            await asyncio.sleep(chance.choice((0, 0, 0.02, 0.1)))

    async def time_flies() -> None:
        # Five failures in a row of one part make it wait for minutes, and what follows in its pair with it.
        while True:
            await asyncio.sleep(0.005)
            stage.scene.clock.advance(10)
            stage.dispatch._lanes["sim"]._event.set()

    flying = asyncio.create_task(time_flies())
    await asyncio.gather(*(converse(n) for n in range(5)))
    await stage.part_is("sent")
    flying.cancel()
    for n in range(5):
        ids = [part.message_id for part in stage.sim.sent if part.to == f"+4860100000{n}"]
        assert ids == sorted(ids), "a message went out before an earlier one of its pair was through"
        assert len(set(ids)) == 20


async def test_after_a_jam_new_messages_go_past_the_queue_again(stage: Stage) -> None:
    stage.prepare = lambda link: (setattr(link, "answer", silent), setattr(link, "window", 2))
    await stage.start()
    await stage.idle()
    for n in range(6):
        await stage.send(f"60100000{n}")
    stage.sim.answer = script()
    for part in list(stage.sim.sent):
        stage.sim.end(part, Accepted(f"x{part.to}"))
    await stage.part_is("sent")
    await stage.idle()
    stage.sim.answer = silent
    message = await stage.send("601000099")

    assert (await stage.scene.row("part", message_id=message.id))["state"] == "sending"


async def test_the_poll_does_not_send_new_messages_through_the_queue(stage: Stage) -> None:
    await stage.start()
    await stage.idle()
    lane = stage.dispatch._lanes["sim"]
    lane._dirty = True
    lane._event.set()
    await asyncio.sleep(0)
    stage.sim.answer = silent
    message = await stage.send()

    assert (await stage.scene.row("part", message_id=message.id))["state"] == "sending"


async def test_what_is_scheduled_later_does_not_hold_up_its_pair(stage: Stage) -> None:
    await stage.start()
    later = await stage.send(text="later", send_at=stage.scene.clock.now() + HOUR)
    now = await stage.send(text="now")
    await stage.status(now, "sent")
    assert stage.sim.texts == ["now"]

    stage.later(3600)
    await stage.status(later, "sent")
    assert stage.sim.texts == ["now", "later"]


async def test_urgent_goes_before_bulk(stage: Stage) -> None:
    stage.prepare = lambda link: (link.bind(False), setattr(link, "window", 1))
    await stage.start()
    await stage.send("601000010", "601000011", text="bulk")
    await stage.send(text="one")
    await stage.send(text="code", priority=0)
    stage.sim.bind()

    await stage.part_is("sent")
    assert stage.sim.texts == ["code", "one", "bulk", "bulk"]


async def test_throttled_parts_come_again_soon_and_in_order(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", script(*[Temporary("throttled", slow=True)] * 5))
    await stage.start()
    message = await stage.send()
    for n in range(5):
        await eventually(lambda n=n: len(stage.sim.sent) == n + 1)
        await stage.status(message, "queued")
        stage.later(1)

    await stage.status(message, "sent")
    assert len(stage.sim.sent) == 6


async def test_a_permanent_refusal_ends_it_and_gives_the_money_back(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(
        link, "answer", script(Permanent("0x0000000B", "invalid destination"))
    )
    await stage.start()
    message = await stage.send()

    await stage.status(message, "failed")
    row = await stage.scene.row("message")
    assert (row["error_code"], row["error_detail"]) == ("rejected", "invalid destination")
    assert (await stage.scene.row("message_event"))["cause"] == "0x0000000B"
    assert await stage.money() == (0, 0)
    kinds = [row["kind"] for row in await stage.scene.rows("ledger")]
    assert sorted(kinds) == ["release", "reserve"]
    assert (await stage.scene.row("forward_job"))["event"] == "message.failed"


async def test_what_a_carrier_says_is_stored_harmlessly(stage: Stage) -> None:
    odd = "\ud800\0" * 999
    answers = (Permanent(odd, odd), Temporary(odd, odd), Uncertain(odd, odd), Accepted(odd, odd))
    stage.prepare = lambda link: setattr(link, "answer", script(*answers))
    await stage.start()
    for n in range(4):
        await stage.send(f"60100000{n}")

    async def all_ended() -> bool:
        return {row["state"] for row in await stage.scene.rows("part")} <= {"failed", "queued", "sent"}

    await eventually(all_ended)


async def test_a_refused_part_takes_the_rest_of_its_message_along(stage: Stage) -> None:
    stage.prepare = lambda link: (
        setattr(link, "window", 1),
        setattr(link, "answer", script(Permanent("no"))),
    )
    await stage.start()
    message = await stage.send(text="x" * 400)

    await stage.status(message, "failed")
    assert len(stage.sim.sent) == 1
    assert {row["state"] for row in await stage.scene.rows("part")} == {"failed"}
    assert await stage.money() == (0, 0)


async def test_an_unknown_end_is_resent_flagged_and_charged_once(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", script(Uncertain("no_response")))
    await stage.start()
    message = await stage.send()
    await stage.status(message, "queued")
    stage.later(10)

    await stage.status(message, "sent")
    first, second = stage.sim.sent
    assert (first.possible_duplicate, second.possible_duplicate) == (False, True)
    assert (await stage.scene.row("message"))["possible_duplicate"]
    assert await stage.money() == (0, PRICE)


async def test_an_unknown_end_is_not_repeated_for_ever(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", lambda _: Uncertain("no_response"))
    await stage.start()
    message = await stage.send()

    async def over() -> bool:
        stage.later(600)
        return (await stage.scene.row("message"))["status"] == "failed"

    await eventually(over)
    assert len(stage.sim.sent) == 7
    assert (await stage.scene.row("message"))["error_code"] == "uncertain"
    assert await stage.money() == (0, 0)
    assert message.id


async def test_an_unknown_end_may_be_held(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", script(Uncertain("no_response")))
    stage.uncertain = "hold"
    await stage.start()
    message = await stage.send()

    await stage.status(message, "failed")
    assert len(stage.sim.sent) == 1
    assert (await stage.scene.row("message_event"))["cause"] == "uncertain"
    assert await stage.money() == (0, 0)


async def test_retries_end_with_the_validity(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", lambda _: Temporary("busy"))
    await stage.start()
    message = await stage.send(validity=MINUTE)

    async def over() -> bool:
        stage.later(5)
        return (await stage.scene.row("message"))["status"] == "expired"

    await eventually(over)
    assert len(stage.sim.sent) < 10
    assert await stage.money() == (0, 0)
    assert message.id


async def test_2way_messages_reach_the_carrier_too(stage: Stage) -> None:
    await stage.start()
    message = await stage.send(account=TWO_WAY, door="sip")

    await stage.status(message, "sent")
    assert stage.sim.sent[0].sender.value == message.sender
    assert stage.sim.sent[0].sender.pool == "pl"


async def test_a_number_in_germany_goes_over_the_other_carrier(stage: Stage) -> None:
    await stage.start()
    message = await stage.send("+4915112345678", account=KEY)

    await stage.status(message, "sent")
    assert stage.sim.sent == []
    assert len(stage.links["alt"].sent) == 1


# --- coming, changing, going ---


async def test_carriers_come_change_and_go_with_the_configuration(stage: Stage) -> None:
    await stage.start()
    old = stage.sim
    carriers = dict(stage.scene.directory.carriers)
    untouched = stage.links["alt"]
    carriers["sim"] = Carrier("sim", "smpp", {"window": 3})
    carriers["new"] = Carrier("new", "smpp")
    stage.scene.directory = replace(stage.scene.directory, carriers=carriers)
    await stage.dispatch.sync()

    assert old.stopped
    assert stage.sim is not old
    assert stage.links["alt"] is untouched
    assert stage.dispatch.states().keys() == {"sim", "alt", "new"}
    message = await stage.send()
    await stage.status(message, "sent")
    assert len(stage.sim.sent) == 1

    carriers["new"] = replace(carriers["new"], enabled=False)
    stage.scene.directory = replace(stage.scene.directory, carriers=dict(carriers))
    await stage.dispatch.sync()
    assert stage.links["new"].stopped
    assert stage.dispatch.states().keys() == {"sim", "alt"}


async def test_a_carrier_that_cannot_be_made_does_not_stop_the_others(stage: Stage) -> None:
    def prepare(link: FakeLink) -> None:
        if link.name == "alt":
            raise ValueError("settings")

    stage.prepare = prepare
    await stage.start()
    await stage.status(await stage.send(), "sent")
    assert stage.dispatch.states().keys() == {"sim"}


async def test_a_stop_leaves_unsent_parts_in_the_queue(stage: Stage) -> None:
    stage.prepare = lambda link: link.bind(False)
    await stage.start()
    message = await stage.send()
    await stage.dispatch.stop(0.1)

    assert stage.sim.stopped
    assert (await stage.scene.row("part"))["state"] == "queued"
    await stage.start()
    stage.sim.bind()
    await stage.status(message, "sent")


async def test_a_stop_records_what_was_in_flight(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    await stage.send()
    await eventually(lambda: len(stage.sim.sent) == 1)
    await stage.dispatch.stop(0.1)

    row = await stage.scene.row("part")
    assert (row["state"], row["possible_duplicate"]) == ("queued", True)


async def test_an_outcome_waits_for_a_database_that_is_away(stage: Stage, monkeypatch) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    message = await stage.send()
    await eventually(lambda: len(stage.sim.sent) == 1)

    def full(_unit, _done):
        raise StoreUnavailableError

    with monkeypatch.context() as away:
        away.setattr(stage.scene.writer, "begin", full)
        stage.sim.end(stage.sim.sent[0], Accepted("c77"))
        assert stage.dispatch.holds(message.id, 1)

    await stage.status(message, "sent")
    assert (await stage.scene.row("part"))["carrier_ref"] == "c77"
    assert not stage.dispatch.holds(message.id, 1)
    assert len(stage.sim.sent) == 1


async def test_a_late_acceptance_of_a_part_put_back_meanwhile_counts(stage: Stage) -> None:
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    message = await stage.send()
    await eventually(lambda: len(stage.sim.sent) == 1)
    stage.sim.bind(False)
    await stage.scene.writer.run(lambda c: c.exec_driver_sql("UPDATE part SET state = 'queued'"))
    stage.sim.end(stage.sim.sent[0], Accepted("c1"))

    await stage.status(message, "sent")
    assert await stage.money() == (0, PRICE)


async def test_two_messages_of_one_carrier_id_change_nothing_twice(stage: Stage) -> None:
    """A carrier that answers one submit twice, with other ids: the first counts."""
    stage.prepare = lambda link: setattr(link, "answer", silent)
    await stage.start()
    message = await stage.send()
    await eventually(lambda: len(stage.sim.sent) == 1)
    part, done = stage.sim.open[message.id, 1]
    done(part, Accepted("c1"))
    done(part, Accepted("c2"))

    await stage.status(message, "sent")
    assert (await stage.scene.row("part"))["carrier_ref"] == "c1"
    assert await stage.money() == (0, PRICE)
