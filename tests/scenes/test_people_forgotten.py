"""A forgotten password: who asks learns nothing, who is asked about gets a link, and never too many."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from support.fakes import FakeClock
from support.office import BY
from support.people import ANN, AWAY, BEN, CAT, HOME, PANEL, PASSWORD, ROOT, Desk
from voip_sms.core.clock import HOUR, SECOND
from voip_sms.core.failures import Refusal
from voip_sms.core.guessing import BURST
from voip_sms.engine.people.rows import MAILS_AN_HOUR, Visit
from voip_sms.engine.people.sign_in import ANSWERED, AT_ONCE

ANOTHER = "another horse battery"


@pytest.fixture
async def desk(database_url: str, clock: FakeClock) -> AsyncIterator[Desk]:
    made = await Desk.open(database_url, clock)
    yield made
    await made.close()


async def link_of(desk: Desk) -> str:
    mails = await desk.mails("people.forgotten")
    return str(mails[-1]["payload"]["link"]).removeprefix(f"{PANEL}/link/")


async def test_the_mail_brings_a_link_that_sets_a_password(desk: Desk) -> None:
    signed = await desk.signed_in()
    await desk.links.forgotten(f" {ANN.title()} ", AWAY)
    (mail,) = await desk.mails("people.forgotten")
    assert (mail["target"], mail["payload"]["name"], mail["payload"]["language"]) == (ANN, "Ann", "pl")
    assert mail["payload"]["address"] == AWAY.address
    assert mail["expires_at"] == desk.clock.now() + HOUR
    assert await desk.is_in(signed.token), "to ask ends nothing"
    assert await desk.sign_in.by_password(ANN, PASSWORD, HOME)
    await desk.links.set_password(await link_of(desk), ANOTHER, HOME)
    assert not await desk.is_in(signed.token)
    assert await desk.sign_in.by_password(ANN, ANOTHER, HOME)


@pytest.mark.parametrize("mail", [ANN, ROOT, BEN, "nobody@acme.test", "", "x" * 5000, "a@b\r\nBcc: c@d"])
async def test_everybody_hears_the_same_after_the_same_time(desk: Desk, mail: str) -> None:
    assert await desk.links.forgotten(mail, HOME) is None  # type: ignore[func-returns-value]
    assert desk.slept == [0.0, ANSWERED]
    known = {one["target"] for one in await desk.mails("people.forgotten")}
    assert known == ({mail} if mail in (ANN, ROOT, BEN) else set())


async def test_nobody_is_mailed_who_is_switched_off(desk: Desk) -> None:
    off = {"name": "acme", "users": [{"mail": CAT, "enabled": False}]}
    assert not await desk.office.apply({"version": 1, "tenants": [off]})
    await desk.links.forgotten(CAT, HOME)
    assert not await desk.mails("people.forgotten")


async def test_a_mailbox_gets_a_few_an_hour_wherever_they_are_asked_for(desk: Desk) -> None:
    for number in range(MAILS_AN_HOUR + 3):
        await desk.links.forgotten(ANN, Visit(f"203.0.113.{number}"))
    assert len(await desk.mails("people.forgotten")) == MAILS_AN_HOUR
    await asyncio.gather(*(desk.links.forgotten(CAT, Visit(f"198.51.100.{n}")) for n in range(8)))
    assert len(await desk.mails("people.forgotten")) == 2 * MAILS_AN_HOUR, "also of many at once"
    desk.clock.advance(HOUR / SECOND)
    await desk.links.forgotten(ANN, HOME)
    assert len(await desk.mails("people.forgotten")) == 2 * MAILS_AN_HOUR + 1


async def test_to_ask_is_as_slow_as_to_guess_and_nobody_asks_side_by_side(desk: Desk) -> None:
    for number in range(BURST):
        await desk.links.forgotten(f"x{number}@acme.test", AWAY)
    assert set(desk.slept) == {0.0, ANSWERED}
    await desk.links.forgotten(ANN, AWAY)
    assert desk.slept[-2] == pytest.approx(6.0)
    await desk.sign_in.by_password(ANN, PASSWORD, HOME)
    assert desk.slept[-1] == 0.0, "whose address strangers write waits for nothing"
    tries = [desk.links.forgotten(ANN, Visit("203.0.113.7")) for _ in range(AT_ONCE + 3)]
    came = await asyncio.gather(*tries, return_exceptions=True)
    assert [isinstance(one, Refusal) for one in came].count(True) == 3


async def test_a_stranger_who_asks_takes_no_link_away_and_using_one_ends_all(desk: Desk) -> None:
    invited = (await desk.links.make(BEN, "password", BY)).rpartition("/")[2]
    await desk.links.forgotten(BEN, AWAY)
    later = await link_of(desk)
    assert (await desk.links.look(invited)).user.mail == BEN
    await desk.links.set_password(invited, ANOTHER, HOME)
    with pytest.raises(Refusal):
        await desk.links.set_password(later, PASSWORD, AWAY)


async def test_the_link_is_over_after_an_hour(desk: Desk) -> None:
    await desk.links.forgotten(ANN, HOME)
    desk.clock.advance(HOUR / SECOND)
    with pytest.raises(Refusal):
        await desk.links.set_password(await link_of(desk), ANOTHER, HOME)
