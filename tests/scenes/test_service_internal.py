"""Extension to extension with real phones on a real service: one of them is off, and Reply just works."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
import pytest_asyncio

from support.raw_phone import RawPhone
from support.service import DATABASES, phone_of, service_on, submits
from voip_sms.core.clock import from_rfc3339, to_datetime
from voip_sms.demo.clients import Json, until
from voip_sms.demo.phone import Incoming, PhoneAccount
from voip_sms.demo.stage import OWN, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")


def change(document: dict[str, Any]) -> None:
    (acme,) = document["tenants"]
    acme["sip_accounts"] += [
        {"user": "113", "password": "pw113", "identity": {"kind": "number", "value": OWN}, "language": "pl"},
        {"user": "601123456", "password": "pw601123456", "identity": {"kind": "number", "value": OWN}},
        {"user": "109", "password": "pw109", "identity": {"kind": "number", "value": OWN}, "enabled": False},
    ]
    document["tenants"].append(
        {
            "name": "other",
            "price_list": "std",
            "credit": "1.00",
            "keys": [{"name": "app", "token": "other-key-0123456789abcdef01", "scopes": ["messages"]}],
            "sip_accounts": [{"user": "201", "password": "pw201"}],
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with service_on(request, change) as stage:
        yield stage


@asynccontextmanager
async def registered(stage: Stage, user: str) -> AsyncIterator[RawPhone]:
    host, port = stage.serve.address("sip_tcp")
    account = PhoneAccount(user, f"pw{user}", "sms.test", host, port, "tcp")
    async with RawPhone(account) as phone:
        assert (await phone.register()).status == 200
        yield phone
        await phone.unregister()


async def message_with(stage: Stage, text: str, status: str) -> Json:
    """The message with this text, once it has this status."""
    found: list[Json] = []

    async def there() -> bool:
        messages = (await stage.api.get(f"/v1/messages?status={status}&limit=100"))["data"]
        found[:] = [one for one in messages if one["text"] == text]
        return bool(found)

    await until(there, f"no {status} message {text!r}")
    (message,) = found
    return message


def user_of(sender: str) -> str:
    """Whom the phone answers: the user part of From."""
    found = re.search(r"<?sips?:([^@>]+)@sms\.test", sender)
    assert found is not None, sender
    return found[1]


async def test_one_is_off_and_gets_it_with_its_hour_when_it_comes_back(stage: Stage) -> None:
    before = len(await submits(stage))
    async with phone_of(stage, "101") as phone:
        for body in ("Zadzwoń do mnie 📞", "Już nieaktualne"):
            answer = await phone.send("102", body)
            assert (answer.status, answer.reason) == (202, "Accepted")
    waiting = await message_with(stage, "Zadzwoń do mnie 📞", "accepted")
    assert (waiting["from"], waiting["to"], waiting["price"]) == ("sip:101", "sip:102", None)
    assert (waiting["encoding"], waiting["flags"]) == ("utf8", ["internal"])
    await asyncio.sleep(1.1)  # Date has whole seconds: that it is the hour of writing must be seen
    async with registered(stage, "102") as phone:
        first, second = await phone.next_message(), await phone.next_message()
        assert [first.body, second.body] == ["Zadzwoń do mnie 📞", "Już nieaktualne"]
        written = to_datetime(from_rfc3339(waiting["created_at"])).replace(microsecond=0)
        assert parsedate_to_datetime(first.header("Date")) == written
        assert user_of(first.sender) == "101"
    delivered = await message_with(stage, "Zadzwoń do mnie 📞", "delivered")
    assert [event["status"] for event in delivered["events"]] == ["accepted", "delivered"]
    assert len(await submits(stage)) == before
    assert (await stage.api.get("/v1/balance"))["reserved"]["amount"] == "0.00"


async def test_reply_goes_back_and_forth(stage: Stage) -> None:
    async with registered(stage, "101") as one, registered(stage, "102") as two:
        answer: Incoming | None = None
        for turn, (writer, reader) in enumerate([(one, two), (two, one), (one, two)]):
            to = "102" if answer is None else user_of(answer.sender)
            assert (await writer.send(to, f"turn {turn}")).status == 202
            answer = await reader.message_with(f"turn {turn}")
            assert user_of(answer.sender) == writer.account.user


async def test_a_name_like_a_number_is_the_colleague_and_with_a_plus_the_number(stage: Stage) -> None:
    async with registered(stage, "601123456") as colleague, phone_of(stage, "101") as phone:
        assert (await phone.send("601123456", "to the colleague")).status == 202
        await colleague.message_with("to the colleague")
        assert (await phone.send("+48601123456", "to the number")).status == 202
        await stage.handsets.received("+48601123456", "to the number")
    for to, wanted in {"sip:601123456": "to the colleague", "601123456": "to the number"}.items():
        (found,) = (await stage.api.get(f"/v1/messages?to={to}"))["data"]
        assert found["text"] == wanted


@pytest.mark.parametrize("to", ["199", "201", "109", "nobody"])
async def test_an_extension_that_is_not_there(stage: Stage, to: str) -> None:
    async with phone_of(stage, "101") as phone, phone_of(stage, "113") as polish:
        answer = await phone.send(to, "Hej")
        assert (answer.status, answer.reason) == (404, "No such extension")
        assert (await polish.send(to, "Hej")).reason == "Nie ma takiego wewnetrznego"


async def test_emergency_is_not_an_extension(stage: Stage) -> None:
    async with phone_of(stage, "101") as phone:
        assert (await phone.send("112", "Help")).status == 403


async def test_a_program_writes_for_an_extension(stage: Stage) -> None:
    async with registered(stage, "102") as phone:
        sent = await stage.api.post(
            "/v1/messages", {"to": "sip:102", "from": "sip:101", "text": "Taksówka czeka"}
        )
        assert (sent["to"], sent["from"], sent["price"]) == ("sip:102", "sip:101", None)
        incoming = await phone.message_with("Taksówka czeka")
        assert user_of(incoming.sender) == "101"
    await message_with(stage, "Taksówka czeka", "delivered")
    asked = {"to": "sip:102", "from": "sip:101", "text": "x" * 5000}
    status, plan, _ = await stage.api.call("POST", "/v1/messages/explain", asked)
    assert (status, plan["refused"], plan["parts"], plan["carrier"]) == (200, None, 1, "")
    assert plan["trace"][0]["decision"] == "sip:102"
