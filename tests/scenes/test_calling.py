"""What a flow of calls sends: in its own name, once for each step of a call, and no more than it may in a day."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from support.fakes import FakeClock, NoDispatcher
from support.world import ACME, DIRECTORY, OTHER, OWN, PRICE, World, world
from voip_sms.core.calls import CallOrder
from voip_sms.core.clock import DAY
from voip_sms.core.directory import Account, CallLimits, Identity, IvrFlow
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import Rules
from voip_sms.core.model import Item, Message, Step
from voip_sms.engine.calls import Calling
from voip_sms.engine.messages import Messages
from voip_sms.engine.submit import Submit

CALLER, OTHER_CALLER = "+48601123456", "+48602123456"
NAME, NUMBER = Identity("name", "ACME"), Identity("number", OWN)
FLOW = IvrFlow(Account(b"account-ivr-0001", ACME, "ivr", "address", NAME))


@dataclass
class Hall:
    """The world, what the IVR door asks, and calls of one flow."""

    scene: World

    def __post_init__(self) -> None:
        self.calling = Calling(self.scene.context, Submit(self.scene.context, NoDispatcher(), Rules()), "PL")

    def set(self, flow: IvrFlow) -> None:
        key = (flow.account.tenant_id, flow.account.name)
        self.scene.directory = replace(self.scene.directory, flows={key: flow})

    def order(self, call_id: str = "1.1", **changes: Any) -> CallOrder:
        account = self.calling.account("acme", "address", NAME)
        assert account is not None
        order = CallOrder(account, CALLER, call_id, "send", CALLER, "Polna 3, Warszawa")
        return replace(order, **changes)

    async def send(self, call_id: str = "1.1", **changes: Any) -> Item:
        return await self.calling.send(self.order(call_id, **changes))

    async def sent(self, call_id: str = "1.1", **changes: Any) -> Message:
        item = await self.send(call_id, **changes)
        assert item.message is not None, item.refused
        return item.message

    async def refused(self, call_id: str = "1.1", **changes: Any) -> Refusal:
        item = await self.send(call_id, **changes)
        assert item.refused is not None
        return item.refused

    async def counts(self) -> dict[str, int]:
        return {row["scope"]: row["n"] for row in await self.scene.rows("usage")}


@pytest.fixture
async def hall(database_url: str, clock: FakeClock) -> AsyncIterator[Hall]:
    scene = world(database_url, clock)
    scene.directory = DIRECTORY
    await scene.start()
    yield Hall(scene)
    await scene.stop()


# --- in whose name ------------------------------------------------------------------------------------------


def test_a_flow_that_is_configured_sends_as_that_says(hall: Hall) -> None:
    configured = replace(FLOW, account=replace(FLOW.account, identity=NUMBER))
    hall.set(configured)
    assert hall.calling.account("acme", "address", NAME) is configured.account


def test_else_it_sends_as_its_file_says(hall: Hall) -> None:
    account = hall.calling.account("acme", "hours", NAME)
    assert account is not None
    assert (account.tenant_id, account.ref, account.identity) == (ACME, "ivr:hours", NAME)
    assert hall.calling.account("acme", "hours", NAME) == account, "the same at each call"
    theirs = hall.calling.account("other", "hours", NAME)
    assert theirs is not None
    assert theirs.id != account.id


def test_whoever_is_nobody_sends_nothing(hall: Hall) -> None:
    assert hall.calling.account("nobody", "address", NAME) is None
    assert hall.calling.account("acme", "address", None) is None, "nobody says what recipients see"
    hall.set(replace(FLOW, account=replace(FLOW.account, enabled=False)))
    assert hall.calling.account("acme", "address", NAME) is None, "switched off"
    off = {**DIRECTORY.tenants, OTHER: replace(DIRECTORY.tenants[OTHER], enabled=False)}
    hall.scene.directory = replace(hall.scene.directory, tenants=off)
    assert hall.calling.account("other", "address", NAME) is None


async def test_what_is_switched_off_during_a_call_sends_nothing(hall: Hall) -> None:
    hall.set(FLOW)
    order = hall.order()
    hall.set(replace(FLOW, account=replace(FLOW.account, enabled=False)))
    item = await hall.calling.send(order)
    assert item.refused is not None
    assert item.refused.code.name == "forbidden"


# --- what is stored -----------------------------------------------------------------------------------------


async def test_an_sms_from_a_call(hall: Hall) -> None:
    steps = (Step("ivr", "address", "step send"),)
    message = await hall.sent(trace=steps)
    assert (message.door, message.account, message.sender) == ("ivr", "ivr:address", "ACME")
    assert (message.to, message.price, message.client_ref) == (CALLER, PRICE, "1.1")
    trace = await Messages(hall.scene.reader).trace(ACME, message.id)
    assert trace[0] == steps[0]
    assert await hall.counts() == {"ivr:address": 1, f"ivr:address:{CALLER}": 1}


@pytest.mark.parametrize(
    ("to", "code"),
    [("abc", "recipient_invalid"), ("222000001", "recipient_forbidden"), ("+33612345678", "no_route")],
)
async def test_what_is_refused_is_said_and_not_counted(hall: Hall, to: str, code: str) -> None:
    assert (await hall.refused(to=to)).code.name == code
    assert await hall.counts() == {}
    assert await hall.scene.count("message") == 0


async def test_no_credit(hall: Hall) -> None:
    await hall.scene.update("balance", (ACME,), credit=PRICE - 1)
    assert (await hall.refused()).code.name == "credit_exhausted"
    assert await hall.counts() == {}


async def test_a_name_that_is_not_approved(hall: Hall) -> None:
    account = hall.calling.account("acme", "address", Identity("name", "Wait"))
    assert (await hall.refused(account=account)).code.name == "sender_not_allowed"


# --- once for each step of a call ---------------------------------------------------------------------------


async def test_a_step_that_is_repeated_sends_nothing_new(hall: Hall) -> None:
    first = await hall.sent()
    await hall.scene.update("message", (first.id,), status="sent")
    again = await hall.sent(text="Polna 3, 10:01")
    assert (again.id, again.status) == (first.id, "sent"), "as it stands now"
    assert await hall.scene.count("message") == 1
    assert (await hall.counts())["ivr:address"] == 1


async def test_both_at_once_send_one(hall: Hall) -> None:
    items = await asyncio.gather(*(hall.send() for _ in range(8)))
    assert len({item.message.id for item in items if item.message}) == 1
    assert await hall.scene.count("message") == 1


async def test_the_same_step_to_somebody_else_is_no_repeat(hall: Hall) -> None:
    await hall.sent()
    assert (await hall.refused(to=OTHER_CALLER)).code.name == "idempotency_mismatch"


async def test_other_calls_and_other_steps_are_other_messages(hall: Hall) -> None:
    ids = {
        (await hall.sent(call_id, step=step)).id for call_id in ("1.1", "1.2") for step in ("send", "staff")
    }
    assert len(ids) == 4


async def test_what_was_refused_may_be_tried_again(hall: Hall) -> None:
    await hall.scene.update("balance", (ACME,), credit=0)
    await hall.refused()
    await hall.scene.update("balance", (ACME,), credit=10 * PRICE)
    await hall.sent()


# --- limits -------------------------------------------------------------------------------------------------


async def test_a_caller_may_have_so_many_a_day(hall: Hall) -> None:
    limits = CallLimits(caller=2)
    for number in range(2):
        await hall.sent(f"1.{number}", limits=limits)
    refusal = await hall.refused("1.9", limits=limits)
    assert refusal.code.name == "limit_reached"
    assert refusal.data == {"scope": "caller", "period": "day", "limit": 2}
    await hall.sent("1.10", limits=limits, caller=OTHER_CALLER, to=OTHER_CALLER)
    hall.scene.clock.moment += DAY
    await hall.sent("1.11", limits=limits)


async def test_keyed_numbers_count_for_whoever_keys_them(hall: Hall) -> None:
    limits = CallLimits(caller=1)
    await hall.sent("1.1", limits=limits, to="+48603000001")
    assert (await hall.refused("1.2", limits=limits, to="+48603000002")).code.name == "limit_reached"


async def test_a_flow_may_send_so_many_a_day(hall: Hall) -> None:
    limits = CallLimits(caller=9, flow=3)
    for number in range(3):
        await hall.sent(f"1.{number}", limits=limits, caller=f"+4860300000{number}")
    refusal = await hall.refused("1.9", limits=limits)
    assert refusal.data["scope"] == "flow"
    account = hall.calling.account("acme", "hours", NAME)
    await hall.sent("1.9", limits=limits, account=account)


async def test_hidden_callers_do_not_use_up_each_others(hall: Hall) -> None:
    limits = CallLimits(caller=1)
    await hall.sent("1.1", limits=limits, caller="", to="+48603000001")
    await hall.sent("1.2", limits=limits, caller="", to="+48603000002")
    assert (await hall.refused("1.3", limits=limits, caller="", to="+48603000001")).code.name == (
        "limit_reached"
    )


async def test_what_is_configured_comes_before_the_file(hall: Hall) -> None:
    hall.set(replace(FLOW, limits=CallLimits(caller=1)))
    await hall.sent("1.1", limits=CallLimits(9, 9))
    assert (await hall.refused("1.2", limits=CallLimits(9, 9))).data["limit"] == 1


async def test_where_nobody_says_there_is_a_limit_all_the_same(hall: Hall) -> None:
    for number in range(5):
        await hall.sent(f"1.{number}")
    assert (await hall.refused("1.9")).code.name == "limit_reached"


async def test_a_crowd_at_the_limit_gets_what_is_left_and_no_more(hall: Hall) -> None:
    limits = CallLimits(caller=3)
    items = await asyncio.gather(*(hall.send(f"1.{number}", limits=limits) for number in range(20)))
    assert sum(item.message is not None for item in items) == 3
    assert {item.refused.code.name for item in items if item.refused} == {"limit_reached"}
    assert (await hall.counts())["ivr:address"] == 3


async def test_a_repeat_at_the_limit_is_a_repeat(hall: Hall) -> None:
    limits = CallLimits(caller=1)
    first = await hall.sent(limits=limits)
    assert (await hall.sent(limits=limits)).id == first.id


# --- the database is away -----------------------------------------------------------------------------------


async def test_an_outage_is_for_the_caller_to_hear_and_nothing_was_stored(hall: Hall) -> None:
    await hall.scene.writer.stop()
    with pytest.raises(Refusal) as refused:
        await hall.send()
    assert refused.value.code.name == "store_unavailable"
