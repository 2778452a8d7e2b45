"""Receipts on a running service: a phone that writes message/cpim hears what becomes of its SMS, and tells what it read."""

import re
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
import pytest_asyncio

from support.raw_phone import RawPhone
from support.service import DATABASES, service_on
from voip_sms.demo.clients import Json, until
from voip_sms.demo.phone import Incoming, PhoneAccount, Sent
from voip_sms.demo.stage import OWN, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

HANDSET = "+48601123456"


class ChatPhone(RawPhone):
    """A phone that writes as Linphone does; the octets are put together here, not by the product."""

    async def chat(
        self, to: str, text: str, wants: str = "positive-delivery, negative-delivery, display"
    ) -> str:
        """Write; its Message-ID."""
        name = secrets.token_hex(6)
        head = f"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: {name}\r\nimdn.Disposition-Notification: {wants}\r\n"
        answer = await self.wrapped(to, head, "text/plain; charset=UTF-8", text)
        assert answer.status == 202, answer
        return name

    async def tell(self, to: str, name: str, kind: str, status: str) -> Sent:
        """Send a receipt."""
        body = (
            f"<imdn xmlns='urn:ietf:params:xml:ns:imdn'><message-id>{name}</message-id>"
            f"<datetime>2026-11-22T10:00:00Z</datetime><{kind}-notification><status><{status}/></status>"
            f"</{kind}-notification></imdn>"
        )
        head = f"NS: imdn <urn:ietf:params:imdn>\r\nimdn.Message-ID: {secrets.token_hex(6)}\r\n"
        return await self.wrapped(to, head, "message/imdn+xml", body)

    async def wrapped(self, to: str, head: str, kind: str, body: str) -> Sent:
        uri = f"sip:{to}@{self.account.domain}"
        own = f"sip:{self.account.user}@{self.account.domain}"
        octets = body.encode()
        lines = f"From: <{own}>\r\nTo: <{uri}>\r\nDateTime: 2026-11-22T10:00:00Z\r\n{head}\r\n"
        lines += f"Content-Type: {kind}\r\nContent-Length: {len(octets)}\r\n\r\n"
        return await self._ask("MESSAGE", uri, uri, ["Content-Type: message/cpim"], lines.encode() + octets)


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with service_on(request) as stage:
        yield stage


@asynccontextmanager
async def registered(stage: Stage, user: str) -> AsyncIterator[ChatPhone]:
    host, port = stage.serve.address("sip_tcp")
    async with ChatPhone(PhoneAccount(user, f"pw{user}", "sms.test", host, port, "tcp")) as phone:
        assert (await phone.register()).status == 200
        yield phone
        await phone.unregister()


async def displayed(stage: Stage, text: str) -> Json:
    """The message with this text, once its history says that it was read."""
    found: list[Json] = []

    async def there() -> bool:
        messages = (await stage.api.get("/v1/messages?limit=100"))["data"]
        found[:] = [
            one
            for one in messages
            if one["text"] == text and any(event["status"] == "displayed" for event in one["events"])
        ]
        return bool(found)

    await until(there, f"{text!r} was never shown")
    return found[0]


def name_of(message: Incoming) -> str:
    """The Message-ID under which we gave it to the phone."""
    found = re.search(r"^imdn\.Message-ID: (\S+)\r$", message.body, re.MULTILINE)
    assert found is not None, message.body
    return found[1]


async def test_the_phone_hears_of_delivery(stage: Stage) -> None:
    async with registered(stage, "101") as phone:
        name = await phone.chat("601123456", "Dotarło? 📦")
        await stage.handsets.received(HANDSET, "Dotarło? 📦")
        receipt = await phone.message_with(name)
        assert receipt.content_type == "message/cpim"
        assert "Content-Type: message/imdn+xml\r\n" in receipt.body
        assert f"<message-id>{name}</message-id>" in receipt.body
        assert "<delivery-notification><status><delivered/></status></delivery-notification>" in receipt.body
        assert "<sip:601123456@sms.test>" in receipt.sender, "from what was typed: there it finds the message"
        assert "Disposition-Notification" not in receipt.body


async def test_the_phone_hears_of_failure_by_receipt_and_in_words(stage: Stage) -> None:
    await stage.handsets.fault("receipt", stat="UNDELIV", err="069", count=1)
    async with registered(stage, "101") as phone:
        name = await phone.chat("601123456", "Nie dojdzie")
        receipt = await phone.message_with(name)
        assert "<delivery-notification><status><failed/></status></delivery-notification>" in receipt.body
        words = await phone.message_with("Nie dojdzie")
        assert words.content_type == "text/plain;charset=UTF-8"
    await stage.handsets.heal()


async def test_the_phone_tells_that_it_was_read(stage: Stage) -> None:
    async with registered(stage, "101") as phone:
        await phone.chat("601123456", "Napisz coś")  # now it is known to read message/cpim
        await stage.handsets.received(HANDSET, "Napisz coś")
        await stage.handsets.send(HANDSET, OWN, "Odpowiedź")
        answer = await phone.message_with("Odpowiedź")
        assert answer.content_type == "message/cpim"
        assert "imdn.Disposition-Notification: positive-delivery, display\r\n" in answer.body
        name = name_of(answer)
        for kind, status in (("delivery", "delivered"), ("display", "displayed"), ("display", "displayed")):
            assert (await phone.tell("+48601123456", name, kind, status)).status == 200
    message = await displayed(stage, "Odpowiedź")
    assert [(event["status"], event["cause"]) for event in message["events"]] == [
        ("received", ""),
        ("displayed", "sip:101"),
    ]


async def test_one_extension_sees_that_the_other_has_read(stage: Stage) -> None:
    async with registered(stage, "101") as one, registered(stage, "102") as two:
        await two.chat("101", "Jestem")
        await one.message_with("Jestem")
        name = await one.chat("102", "Przeczytasz?")
        got = await two.message_with("Przeczytasz?")
        assert name not in got.body, "the name is ours on the way on"
        delivered = await one.message_with(name)
        assert "<delivered/>" in delivered.body
        assert (await two.tell("101", name_of(got), "display", "displayed")).status == 200
        shown = await one.messages.first(
            lambda message: name in message.body and "<displayed/>" in message.body, 10.0
        )
        assert "<sip:102@sms.test>" in shown.sender
    await displayed(stage, "Przeczytasz?")


async def test_typing_and_strange_receipts_are_taken_and_nobody_gets_an_sms(stage: Stage) -> None:
    before = len(await stage.handsets.messages(HANDSET))
    async with registered(stage, "101") as phone:
        composing = (
            "<isComposing xmlns='urn:ietf:params:xml:ns:im-iscomposing'><state>active</state></isComposing>"
        )
        assert (
            await phone.wrapped("601123456", "", "application/im-iscomposing+xml", composing)
        ).status == 200
        for name in ("unknown", "fwd_00000000000000000000000000"):
            assert (await phone.tell("601123456", name, "display", "displayed")).status == 200
        await phone.chat("601123456", "to jest")
        await stage.handsets.received(HANDSET, "to jest")
    assert len(await stage.handsets.messages(HANDSET)) == before + 1


async def test_nobody_pays_for_receipts(stage: Stage) -> None:
    async with registered(stage, "101") as phone:
        before = (await stage.api.get("/v1/balance"))["available"]["amount"]
        name = await phone.chat("601123456", "raz")
        await phone.message_with(name)
        after = (await stage.api.get("/v1/balance"))["available"]["amount"]
        assert round(float(before) - float(after), 2) == 0.29
