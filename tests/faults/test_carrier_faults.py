"""The carrier misbehaving in every way that its simulator knows: the backlog drains in order, money is right."""

import asyncio
from decimal import Decimal

import pytest
import pytest_asyncio
from ledger import Ledger

from support.service import DATABASES, everything, opened, phone_of, service_on
from voip_sms.demo.clients import until

pytestmark = pytest.mark.asyncio(loop_scope="module")

PRICE = Decimal("0.29")
IN_ORDER = ["one", "two", "three"]
OWN = "+48601000001"

# Of three messages to one handset the fault meets the first.
# fault, its status in the end, what the handset shows, what else to know
SINGLE = {
    "refused for good": ({"fault": "reject", "command_status": "RINVDSTADR"}, "failed", ["two", "three"]),
    "refused for now": ({"fault": "reject", "command_status": "RSYSERR"}, "delivered", IN_ORDER),
    "throttled": ({"fault": "reject", "command_status": "RTHROTTLED"}, "delivered", IN_ORDER),
    "queue full": ({"fault": "reject", "command_status": "RMSGQFUL"}, "delivered", IN_ORDER),
    "late": ({"fault": "latency", "ms": 700}, "delivered", IN_ORDER),
    "no response": ({"fault": "no_response"}, "delivered", ["one", *IN_ORDER]),
    "no receipt": ({"fault": "no_receipt"}, "sent", IN_ORDER),
    "receipt first": ({"fault": "receipt_before_response"}, "delivered", IN_ORDER),
    "receipt twice": ({"fault": "duplicate_receipt"}, "delivered", IN_ORDER),
    "UNDELIV": ({"fault": "receipt", "stat": "UNDELIV", "err": "045"}, "undelivered", ["two", "three"]),
    "DELETED": ({"fault": "receipt", "stat": "DELETED"}, "undelivered", ["two", "three"]),
    "UNKNOWN": ({"fault": "receipt", "stat": "UNKNOWN"}, "undelivered", ["two", "three"]),
    "EXPIRED": ({"fault": "receipt", "stat": "EXPIRED"}, "expired", ["two", "three"]),
    "REJECTD": ({"fault": "receipt", "stat": "REJECTD"}, "failed", ["two", "three"]),
    "ACCEPTD": ({"fault": "receipt", "stat": "ACCEPTD"}, "sent", ["two", "three"]),
}
FREE = {"refused for good"}
"""What the carrier did not take costs nothing; all else does, whatever became of it."""


def alphanumeric(number: int) -> str:
    return f"+4860700{number:04d}"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request):
    async with service_on(request) as stage:
        yield stage


async def test_faults_that_meet_one_message(stage):
    """All at once, each at a handset of its own; nobody else notices."""
    before = await spent(stage)
    done = await asyncio.gather(
        *(_single(stage, case, alphanumeric(number)) for number, case in enumerate(SINGLE)),
        return_exceptions=True,
    )
    wrong = [error for error in done if isinstance(error, BaseException)]
    if wrong:
        raise ExceptionGroup("cases", [error for error in wrong if isinstance(error, Exception)])
    charged = 3 * len(SINGLE) - len(FREE)
    assert await spent(stage) - before == PRICE * charged
    balance = await stage.api.get("/v1/balance")
    assert Decimal(balance["reserved"]["amount"]) == 0


async def _single(stage, case, to):
    fault, status, seen = SINGLE[case]
    await stage.handsets.fault(to=to, count=1, **fault)
    sent = [await stage.api.post("/v1/messages", {"to": to, "text": text}) for text in IN_ORDER]
    first, *others = [
        await ended(stage, one["id"], status if one is sent[0] else "delivered", f"{case}: {one['text']}")
        for one in sent
    ]
    assert [one["text"] for one in await stage.handsets.messages(to)] == seen, case
    assert [one["possible_duplicate"] for one in (first, *others)] == [seen.count("one") > 1, False, False], (
        case
    )
    statuses = [event["status"] for event in first["events"]]
    assert len(statuses) == len(set(statuses)), (case, statuses)
    assert (first["error"] is not None) == (status in {"failed", "undelivered", "expired"}), case


async def ended(stage, message_id, status, what):
    found = {}

    async def look():
        found.update(await stage.api.get(f"/v1/messages/{message_id}"))
        return found["status"] == status

    try:
        await until(look, "", 30)
    except TimeoutError:
        raise AssertionError(f"{what} is {found['status']} instead of {status}: {found['events']}") from None
    return found


async def spent(stage) -> Decimal:
    balance = await stage.api.get("/v1/balance")
    return Decimal(balance["credit"]["amount"]) - Decimal(balance["available"]["amount"])


async def test_a_handset_that_is_off(stage):
    """What it missed comes in order when it is on again; until then the messages are on their way."""
    to = "+48607000100"
    await stage.handsets.fault("offline", to=to)
    sent = [await stage.api.post("/v1/messages", {"to": to, "text": text}) for text in IN_ORDER]
    for one in sent:
        await ended(stage, one["id"], "sent", "off")
    await stage.handsets.heal()
    for one in sent:
        await ended(stage, one["id"], "delivered", "on again")
    assert [one["text"] for one in await stage.handsets.messages(to)] == IN_ORDER


async def test_an_answer_that_comes_twice(stage):
    await stage.handsets.fault("duplicate_mo", count=1, to=OWN)
    await stage.handsets.send("+48607000101", OWN, "Only one of me")
    await stage.handsets.send("+48607000101", OWN, "The next")

    async def both():
        listed = [one["text"] for one in await everything(stage, "inbound")]
        return listed if "The next" in listed and "Only one of me" in listed else None

    listed = await until(both, "the answers never came")
    assert listed.count("Only one of me") == 1


# --- the connection -----------------------------------------------------------------------------------------

CONNECTION = {
    "cut before it answered": ({"fault": "drop", "when": "before_response", "count": 2}, True),
    "cut after it answered": ({"fault": "drop", "when": "after_response", "count": 2}, None),
    "garbage": ({"fault": "garbage", "count": 1}, True),
    "gone": ({"fault": "offline"}, False),
}


@pytest.mark.parametrize("case", CONNECTION)
async def test_a_backlog_drains_in_order(case):
    """Phone and program go on while the carrier is broken; nothing is lost, doubled in silence or overtaken."""
    fault, uncertain = CONNECTION[case]
    async with opened() as stage, phone_of(stage, "101") as phone:
        ledger = Ledger(stage.simulator)
        await stage.handsets.fault(**fault)
        for number in range(1, 11):
            for to in ("+48608000001", "+48608000002"):
                text = f"{to[-1]} program {number}"
                message = await stage.api.post("/v1/messages", {"to": to, "text": text})
                ledger.acknowledge(text, message["id"])
            text = f"3 phone {number}"
            assert (await phone.send("+48608000003", text)).status == 202
            ledger.acknowledge(text)
        if case == "gone":
            (carrier,) = (await stage.api.get("/v1/carriers"))["data"]
            assert carrier["state"] == "connecting"
            await stage.handsets.heal()
        stored = await everything(stage)
        for message in stored:
            await ended(stage, message["id"], "delivered", case)
        await ledger.follow()
        ledger.check(await everything(stage), await stage.api.get("/v1/balance"), PRICE)
        assert uncertain is None or (ledger.copies > 0) == uncertain
        for pair in "123":
            first_seen = list(dict.fromkeys(text for text in ledger.order if text.startswith(pair)))
            assert first_seen == [text for text in ledger.acknowledged if text.startswith(pair)], case


async def test_a_bind_that_is_refused():
    """Shown as refused, with the reason; once the carrier relents the backlog goes out."""
    async with opened() as stage:
        await stage.handsets.fault("refuse_bind", command_status="RINVPASWD", count=1)
        await stage.handsets.fault("drop", when="after_response", count=1)
        sent = [
            await stage.api.post("/v1/messages", {"to": "+48608000009", "text": text}) for text in IN_ORDER
        ]

        async def refused():
            (carrier,) = (await stage.api.get("/v1/carriers"))["data"]
            return carrier if carrier["state"] == "refused" else None

        carrier = await until(refused, "it was never refused")
        assert "RINVPASWD" in str(carrier)
        for one in sent:
            await ended(stage, one["id"], "delivered", "after the refusal")
        assert [one["text"] for one in await stage.handsets.messages("+48608000009")] == IN_ORDER
