"""What people wish to be told of (W5): by mail or SMS, in their language, once for each thing that happens."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any

import orjson
import pytest
from sqlalchemy import update

from support.fakes import FakeClock, FakeIds, fixed_random
from support.people import ANN, BEN, CAT, OTTO, ROOT, Desk
from voip_sms.core.audit import By
from voip_sms.core.clock import DAY, SECOND, to_rfc3339
from voip_sms.core.failures import Accepted, Permanent
from voip_sms.core.model import Submission
from voip_sms.core.people import Wishes
from voip_sms.core.quotas import Gauge, Period
from voip_sms.core.rating import UNIT
from voip_sms.engine.chores.notices import Notices
from voip_sms.engine.context import Context
from voip_sms.engine.forward_claims import Room, claim_unit
from voip_sms.engine.forward_outcomes import Ended, record_unit
from voip_sms.engine.people.phones import Phones
from voip_sms.engine.verifying import Verifying
from voip_sms.forwards.number import NumberForwarder
from voip_sms.forwards.webhook import event_body
from voip_sms.store.database import open_database
from voip_sms.store.reader import Reader
from voip_sms.store.tables import balance, message, message_text
from voip_sms.store.writer import Writer

PHONE = "+48602000077"
ALL: Wishes = {"balance_low": ("mail",), "limit_reached": ("mail",), "name_approved": ("mail",)}


@pytest.fixture
async def desk(database_url: str, clock: FakeClock) -> AsyncIterator[Desk]:
    made = await Desk.open(database_url, clock)
    yield made
    await made.close()


@pytest.fixture
async def neighbour(desk: Desk, database_url: str) -> AsyncIterator[Context]:
    """A second process on the same database."""
    database = open_database(database_url)
    writer, reader = Writer(database.writer, lambda _topics: None), Reader(database.reader)
    writer.start()
    yield replace(desk.office.context, writer=writer, reader=reader, new_id=FakeIds(10_000).new)
    await writer.stop()
    reader.close()
    database.close()


async def wish(desk: Desk, mail: str, wishes: Wishes, phone: str | None = None) -> None:
    await desk.own.change(await desk.user(mail), wishes=wishes, phone=phone)


async def look(desk: Desk) -> None:
    await Notices().run(desk.office.context)


async def spend(desk: Desk, amount: int) -> None:
    """Of acme's 100.00, in all."""
    wanted = update(balance).where(balance.c.tenant_id == desk.tenant("acme")).values(settled=amount * UNIT)
    await desk.office.writer.run(lambda connection: connection.execute(wanted))


async def low(desk: Desk, amount: str = "10.00") -> None:
    assert not await desk.office.apply({"version": 1, "tenants": [{"name": "acme", "balance_low": amount}]})


async def told(desk: Desk, event: str) -> list[tuple[str, str]]:
    return [(one["kind"], one["target"]) for one in await desk.mails(event)]


# --- balance --------------------------------------------------------------------------------------------------


async def test_a_low_balance_is_told_once_until_it_has_recovered(desk: Desk) -> None:
    await low(desk)
    await wish(desk, ANN, ALL)
    await spend(desk, 90)
    await look(desk)
    assert await told(desk, "notice.balance_low") == []
    for settled in (91, 95, 90):  # what hovers around the line is no news
        await spend(desk, settled)
        await look(desk)
        await look(desk)
        assert await told(desk, "notice.balance_low") == [("mail", ANN)]
    await spend(desk, 89)
    await look(desk)
    await spend(desk, 92)
    await look(desk)
    assert await told(desk, "notice.balance_low") == [("mail", ANN)] * 2
    (first, _) = await desk.mails("notice.balance_low")
    assert (first["payload"]["available"], first["payload"]["low"]) == ("9.00 PLN", "10.00 PLN")
    assert first["payload"]["language"] == "pl"


async def test_without_a_threshold_nobody_is_told(desk: Desk) -> None:
    await wish(desk, ANN, ALL)
    await spend(desk, 100)
    await look(desk)
    assert await told(desk, "notice.balance_low") == []
    await low(desk)
    await look(desk)
    assert await told(desk, "notice.balance_low") == [("mail", ANN)]
    await low(desk, "0")
    await look(desk)
    await low(desk)
    await look(desk)
    assert len(await told(desk, "notice.balance_low")) == 2, "whoever sets it anew is told anew"


async def test_two_nodes_that_look_at_once_tell_once(desk: Desk, neighbour: Context) -> None:
    await low(desk)
    await wish(desk, ANN, ALL)
    for settled in (95, 50, 95):
        await spend(desk, settled)
        contexts = [desk.office.context, neighbour] * 3
        await asyncio.gather(*(Notices().run(context) for context in contexts), return_exceptions=True)
        await look(desk)
    await approve(desk)
    await asyncio.gather(*(Notices().run(one) for one in (desk.office.context, neighbour)))
    assert await told(desk, "notice.balance_low") == [("mail", ANN)] * 2
    assert await told(desk, "notice.name_approved") == [("mail", ANN)]


# --- names and limits ------------------------------------------------------------------------------------------


async def approve(desk: Desk) -> None:
    for status in ("pending", "approved", "approved"):
        names = [{"name": "FIRMA", "status": status}]
        assert not await desk.office.apply(
            {"version": 1, "tenants": [{"name": "acme", "sender_names": names}]}
        )


async def test_an_approved_name_is_told_to_those_of_the_company_who_wish_it(desk: Desk) -> None:
    for mail in (ANN, CAT, OTTO):
        await wish(desk, mail, ALL)
    await wish(desk, BEN, {"limit_reached": ("mail",)})
    off = [{"mail": CAT, "enabled": False}]
    assert not await desk.office.apply({"version": 1, "tenants": [{"name": "acme", "users": off}]})
    await approve(desk)
    await look(desk)
    await look(desk)
    assert await told(desk, "notice.name_approved") == [("mail", ANN)]
    (job,) = await desk.mails("notice.name_approved")
    assert job["payload"]["sender"] == "FIRMA"
    await desk.user(ROOT)


async def test_a_name_that_was_approved_from_the_start_is_no_news(desk: Desk) -> None:
    await wish(desk, ANN, ALL)
    names = [{"name": "FIRMA", "status": "approved"}]
    assert not await desk.office.apply({"version": 1, "tenants": [{"name": "acme", "sender_names": names}]})
    await look(desk)
    assert await told(desk, "notice.name_approved") == []


def counted(desk: Desk, whose: Any, scope: str, number: int) -> Submission:
    """A submission that is counted against a limit of two a day."""
    (key,) = [one for one in desk.office.holder.current().keys.values() if one.name == "app1"]
    period = Period("day", "2026-11-22", desk.clock.now() + DAY)
    gauge = Gauge(whose, scope, period, 2)
    to = f"+4860200010{number}"
    return Submission(account=key, door="ivr", recipients=(to,), text="x", counts=(gauge,))


async def test_a_limit_that_is_used_up_is_told_once_and_one_callers_never(desk: Desk) -> None:
    await wish(desk, ANN, ALL)
    for number in range(3):
        for whose, scope in (("flow", "ivr:sklep"), ("caller", "ivr:sklep:+48601")):
            await desk.office.submit.submit(counted(desk, whose, scope, number))
        await look(desk)
    assert await told(desk, "notice.limit_reached") == [("mail", ANN)]
    (job,) = await desk.mails("notice.limit_reached")
    assert {name: job["payload"][name] for name in ("whose", "of", "period", "limit")} == {
        "whose": "flow",
        "of": "sklep",
        "period": "day",
        "limit": 2,
    }


HOOK: dict[str, Any] = {
    "url": "https://hooks.test/limits",
    "secret": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=",
}


async def test_programs_that_subscribed_are_told_of_a_limit_by_webhook(desk: Desk) -> None:
    hooks = [
        {**HOOK, "events": ["limit.reached"]},
        {**HOOK, "url": "https://hooks.test/x", "events": ["message.sent"]},
    ]
    for name in ("acme", "other"):
        hooked = {"name": name, "webhooks": hooks}
        assert not await desk.office.apply({"version": 1, "tenants": [hooked]})
    for number in range(2):
        await desk.office.submit.submit(counted(desk, "flow", "ivr:sklep", number))
    await look(desk)
    (job,) = await desk.mails("limit.reached")
    assert (job["kind"], job["target"], job["tenant_id"]) == ("webhook", HOOK["url"], desk.tenant("acme"))
    context, room = desk.office.context, Room({"webhook": 5}, {}, 4, frozenset())
    taken = await context.writer.do(claim_unit(context.directory(), room, "main", desk.clock.now()))
    (claim,) = [one for one in taken.claims if one.job.event == "limit.reached"]
    assert claim.outcome is None
    assert orjson.loads(event_body(claim.job)) == {
        "type": "limit.reached",
        "timestamp": to_rfc3339(job["created_at"]),
        "data": {
            "scope": "flow",
            "of": "sklep",
            "period": "day",
            "limit": 2,
            "until": to_rfc3339(job["payload"]["until"]),
        },
    }


# --- by SMS ----------------------------------------------------------------------------------------------------


async def hand_over(desk: Desk, kind: Any) -> list[object]:
    """All due jobs of a kind, as the service does; their outcomes."""
    context = desk.office.context
    room = Room({kind: 5}, {}, 4, frozenset())
    taken = await context.writer.do(claim_unit(context.directory(), room, "main", desk.clock.now()))
    outcomes = []
    for claim in taken.claims:
        outcome = claim.outcome or await NumberForwarder(desk.office.submit).deliver(claim.job)
        ended = Ended(outcome, "main", desk.clock.now(), 0.5, context.new_id)
        await context.writer.do(record_unit(claim, ended))
        outcomes.append(outcome)
    return outcomes


async def sent(desk: Desk) -> list[tuple[str, str, str]]:
    joined = message.join(message_text, message_text.c.message_id == message.c.id)
    wanted = joined.select().with_only_columns(message.c.recipient, message.c.account, message_text.c.body)
    return await desk.office.reader.run(lambda connection: [tuple(row) for row in connection.execute(wanted)])


async def test_who_wishes_it_by_sms_gets_one_at_the_companys_cost(desk: Desk) -> None:
    await low(desk)
    await wish(desk, ANN, {"balance_low": ("sms", "mail")}, PHONE)
    await wish(desk, CAT, {"balance_low": ("sms",)}, "")
    await spend(desk, 95)
    await look(desk)
    assert sorted(await told(desk, "notice.balance_low")) == [
        ("mail", ANN),
        ("mail", CAT),  # has no telephone any more
        ("number", PHONE),
    ]
    (outcome,) = await hand_over(desk, "number")
    assert isinstance(outcome, Accepted)
    assert await sent(desk) == [
        (PHONE, "forward:notice", "Saldo SMS: 5,00 PLN, ponizej progu 10,00 PLN."),
    ]


async def test_an_sms_that_is_refused_comes_as_a_mail(desk: Desk) -> None:
    await low(desk)
    await wish(desk, ANN, {"balance_low": ("sms",)}, PHONE)
    await spend(desk, 100)
    await look(desk)
    assert await told(desk, "notice.balance_low") == [("number", PHONE)]
    (outcome,) = await hand_over(desk, "number")
    assert isinstance(outcome, Permanent)
    assert await told(desk, "notice.balance_low") == [("number", PHONE), ("mail", ANN)]
    mail = (await desk.mails("notice.balance_low"))[-1]
    assert (mail["state"], mail["payload"]["available"]) == ("queued", "0.00 PLN")


def verifying_of(desk: Desk) -> Verifying:
    office = desk.office
    return Verifying(office.context, desk.proving, office.submit, fixed_random(3).randbytes, "PL")


async def code_sent(desk: Desk) -> str:
    """The last one that came to the phone."""
    texts = [body for to, _, body in await sent(desk) if to == PHONE]
    return next(word for word in texts[-1].replace(".", " ").split() if word.isdigit())


async def test_a_telephone_that_the_company_proved_is_no_colleagues_own(desk: Desk) -> None:
    """Else anybody could have the company's notices sent to a phone that agreed to something else."""
    verifying, by = verifying_of(desk), By(f"user:{ANN}", "panel")
    phones, cat, ann = Phones(desk.own, verifying), await desk.user(CAT), await desk.user(ANN)
    await verifying.send(ann.tenant_id, PHONE, by)
    await verifying.prove(ann.tenant_id, PHONE, await code_sent(desk), by)
    desk.clock.advance(120)
    assert await phones.ask(cat, PHONE) is None
    assert (await desk.user(CAT)).phone == ""
    assert len(await sent(desk)) == 2
    there = await phones.ask(ann, PHONE)
    assert there is not None, "who may forward texts there needs no further code"
    assert there.phone == PHONE
    assert await verifying.is_proven(ann.tenant_id, PHONE), "asking for another code takes no proof away"
    assert (await phones.prove(cat, PHONE, await code_sent(desk))).phone == PHONE
    again = await phones.ask(await desk.user(CAT), PHONE)
    assert again is not None, "it is hers already"
    assert len(await sent(desk)) == 2


async def test_a_telephone_is_somebodys_once_a_code_came_there(desk: Desk) -> None:
    verifying = verifying_of(desk)
    phones, cat = Phones(desk.own, verifying), await desk.user(CAT)
    assert await phones.ask(cat, "602 000 077") is None
    code = await code_sent(desk)
    with pytest.raises(Exception, match="not the code"):
        await phones.prove(cat, PHONE, f"{(int(code) + 1) % 1_000_000:06}")
    assert (await desk.user(CAT)).phone == ""
    assert (await phones.prove(cat, "602000077", f"{code[:3]} {code[3:]}")).phone == PHONE
    assert (await phones.forget(cat)).phone == ""
    desk.clock.advance(DAY / SECOND)
