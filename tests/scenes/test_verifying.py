"""A phone that texts shall be forwarded to says the code it was sent: ten minutes, three tries, no pestering."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace

import pytest
from pydantic import TypeAdapter
from sqlalchemy import select

from support.fakes import FakeClock, fixed_random
from support.office import Office
from voip_sms.core.audit import By
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Submission, Submitted
from voip_sms.core.resources import InvalidError, NewForward
from voip_sms.engine.accounts.sealing import Random
from voip_sms.engine.history import History
from voip_sms.engine.messages import Messages
from voip_sms.engine.proving import Proving
from voip_sms.engine.submit import Submit
from voip_sms.engine.verifying import Verifying
from voip_sms.store import conversations
from voip_sms.store.conversations import Asked
from voip_sms.store.tables import audit_entry, number_proof
from voip_sms.store.writer import Writer

ANN = By("user:ann@acme.test", "panel")
PHONE = "+48603000001"


@dataclass
class Listening:
    """Submits for real and remembers the texts, which nobody else is shown."""

    submit_: Submit
    texts: list[str] = field(default_factory=list)

    async def submit(self, submission: Submission) -> Submitted:
        self.texts.append(submission.text)
        return await self.submit_.submit(submission)

    async def explain(self, submission: Submission):
        raise NotImplementedError

    async def cancel(self, tenant_id: bytes, message_id: bytes):
        raise NotImplementedError

    @property
    def code(self) -> str:
        (found,) = re.findall(r"\d{6}", self.texts[-1])
        return found


class Hashing(Proving):
    """Counts what it hashes; with `together`, several begin at the same moment."""

    def __init__(self, chance: Random, together: asyncio.Barrier | None = None) -> None:
        super().__init__(chance)
        self.sealed = 0
        self._together = together

    async def seal(self, secret: str) -> str:
        self.sealed += 1
        if self._together is None:
            return await super().seal(secret)
        await self._together.wait()
        return f"hash of {secret}"


@dataclass
class House:
    office: Office
    clock: FakeClock
    heard: Listening
    verifying: Verifying

    @property
    def acme(self) -> bytes:
        return next(one.id for one in self.office.holder.current().tenants.values() if one.name == "acme")

    async def rows(self) -> list[object]:
        return await self.office.reader.run(lambda connection: connection.execute(select(number_proof)).all())


@pytest.fixture
async def house(database_url: str, clock: FakeClock) -> AsyncIterator[House]:
    office = await Office.open(database_url, clock)
    heard = Listening(office.submit)
    chance = fixed_random(3).randbytes
    yield House(office, clock, heard, Verifying(office.context, Proving(chance), heard, chance, "PL"))
    await office.close()


async def test_a_phone_that_said_its_code_is_forwarded_to(house: House) -> None:
    sent = await house.verifying.send(house.acme, "603 000 001", ANN)
    assert (sent["number"], sent["verified"]) == (PHONE, False)
    code = house.heard.code
    assert code not in repr(await house.rows())  # kept as a salted hash
    accounts = house.office.rooms().accounts
    forward = TypeAdapter(NewForward).validate_python(
        {"kind": "number", "number": "+48601000001", "to": [PHONE]}, context={"country": "PL"}
    )
    with pytest.raises(InvalidError, match=r"not verified"):
        await accounts.create(house.acme, "fwd", forward, ANN)
    proven = await house.verifying.prove(house.acme, PHONE, f"{code[:3]} {code[3:]}", ANN)
    assert proven["verified"] is True
    made = await accounts.create(house.acme, "fwd", forward, ANN)
    assert (made["to"], made["verified"]) == ([PHONE], True)
    # From now on it is in use, so that it counts; the code itself works once.
    house.clock.advance(2 * 3600)
    assert (await house.verifying.send(house.acme, PHONE, ANN))["verified"] is True
    with pytest.raises(Refusal, match="too_late"):
        await house.verifying.prove(house.acme, PHONE, code, ANN)


async def test_it_is_in_the_audit_log_and_its_text_is_nobodys_to_read(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    found, _ = await Messages(house.office.reader).list(house.acme)
    assert (found[0].to, found[0].text, found[0].door) == (PHONE, None, "code")
    assert found[0].price == 290_000
    await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    told = await house.office.reader.run(
        lambda connection: connection.execute(
            select(audit_entry.c.who, audit_entry.c.label).where(audit_entry.c.kind == "verified_numbers")
        ).all()
    )
    assert [tuple(one) for one in told] == [(ANN.who, f"tenants[acme].verified_numbers[{PHONE}]")]


async def test_no_list_shows_the_code_either(house: House) -> None:
    """Whoever asks for a code could else read it in the panel, and say that somebody's phone agreed."""
    await house.verifying.send(house.acme, PHONE, ANN)
    asked = Asked(b"u" * 16, house.clock.now())
    page = await house.office.reader.run(conversations.page, house.acme, asked, limit=10)
    assert [(one.peer, one.text) for one in page.conversations] == [(PHONE, None)]
    thread = await house.office.reader.run(
        conversations.thread, house.acme, asked, PHONE, before=None, limit=10
    )
    assert [entry.text for entry in thread.entries] == [None]
    listed = await History(house.office.context).list(house.acme)
    assert [message.text for message in listed.messages] == [None]


async def test_three_wrong_codes_end_it(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    right = house.heard.code
    wrong = f"{(int(right) + 1) % 1_000_000:06}"
    for left in (2, 1, 0):
        with pytest.raises(Refusal, match="invalid") as refused:
            await house.verifying.prove(house.acme, PHONE, wrong, ANN)
        assert refused.value.data == {"tries_left": left}
    with pytest.raises(Refusal, match="too_late"):
        await house.verifying.prove(house.acme, PHONE, right, ANN)


async def test_a_typing_error_that_can_be_no_code_costs_no_try(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    for _ in range(4):
        with pytest.raises(Refusal, match="6 digits"):
            await house.verifying.prove(house.acme, PHONE, "12345", ANN)
    assert (await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN))["verified"]


async def test_a_code_is_good_for_ten_minutes_and_its_proof_for_an_hour(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    house.clock.advance(600)
    with pytest.raises(Refusal, match="too_late"):
        await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    await house.verifying.send(house.acme, PHONE, ANN)
    await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    assert await house.verifying.is_proven(house.acme, PHONE)
    house.clock.advance(3600)
    assert not await house.verifying.is_proven(house.acme, PHONE)


async def test_another_code_leaves_the_proof_and_lives_no_longer_than_any(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    house.clock.advance(61)
    await house.verifying.send_code(house.acme, PHONE, ANN)
    house.clock.advance(600)
    with pytest.raises(Refusal, match="too_late"):
        await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    assert await house.verifying.is_proven(house.acme, PHONE)
    house.clock.advance(3600 - 661)
    assert not await house.verifying.is_proven(house.acme, PHONE)


async def test_nobody_is_pestered(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    with pytest.raises(Refusal, match="rate_limited"):
        await house.verifying.send(house.acme, PHONE, ANN)
    for _ in range(4):
        house.clock.advance(61)
        await house.verifying.send(house.acme, PHONE, ANN)
    house.clock.advance(61)
    with pytest.raises(Refusal, match=r"rate_limited.*today"):
        await house.verifying.send(house.acme, PHONE, ANN)
    assert len(house.heard.texts) == 5
    house.clock.advance(24 * 3600)
    await house.verifying.send(house.acme, PHONE, ANN)


async def test_who_is_impatient_costs_no_hash(house: House) -> None:
    chance = fixed_random(4).randbytes
    hashing = Hashing(chance)
    verifying = Verifying(house.office.context, hashing, house.heard, chance, "PL")
    await verifying.send(house.acme, PHONE, ANN)
    for _ in range(5):
        with pytest.raises(Refusal, match="rate_limited"):
            await verifying.send(house.acme, PHONE, ANN)
    assert hashing.sealed == 1


async def test_of_two_nodes_that_begin_with_one_phone_at_once_one_sends(house: House) -> None:
    """Neither sees the other's new row before its commit."""
    writer = Writer(house.office.database.writer, lambda _topics: None)
    writer.start()
    chance, context = fixed_random(4).randbytes, house.office.context
    hashing = Hashing(chance, asyncio.Barrier(2))
    nodes = [
        Verifying(one, hashing, house.heard, chance, "PL")
        for one in (context, replace(context, writer=writer))
    ]
    try:
        for number in range(10):
            tries = [node.send(house.acme, f"+4860300001{number}", ANN) for node in nodes]
            came = await asyncio.gather(*tries, return_exceptions=True)
            refused = [one for one in came if isinstance(one, Exception)]
            assert [str(one) for one in refused] == ["rate_limited: a code was sent there a moment ago"]
            assert len(house.heard.texts) == number + 1
    finally:
        await writer.stop()


@pytest.mark.parametrize("typed", ["12", "+48221234567", "+48700123456", "+48601000001"])
async def test_what_can_get_no_forwarded_texts_is_told_at_its_field(house: House, typed: str) -> None:
    with pytest.raises(InvalidError) as caught:
        await house.verifying.send(house.acme, typed, ANN)
    assert [one.pointer for one in caught.value.complaints] == ["/number"]
    assert house.heard.texts == []


async def test_another_tenants_proof_is_none_of_ours(house: House) -> None:
    await house.verifying.send(house.acme, PHONE, ANN)
    await house.verifying.prove(house.acme, PHONE, house.heard.code, ANN)
    other = next(one.id for one in house.office.holder.current().tenants.values() if one.name == "other")
    assert not await house.verifying.is_proven(other, PHONE)
