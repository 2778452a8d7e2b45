"""Twenty times killed with -9 under load from SIP and HTTP: what was acknowledged ends once, and is charged once.

The witness is not the service: the simulator's own log of PDUs (its process is never killed) against the
acknowledgements that the clients got.
"""

import asyncio
import os
from collections import Counter
from dataclasses import dataclass, field
from decimal import Decimal

import aiohttp

from support.sip_client import SipClient
from voip_sms.demo.clients import Answered, Http, until
from voip_sms.demo.stage import TOKEN, Stage

KILLS = int(os.environ.get("VOIP_SMS_KILLS", "20"))
"""More before a release: VOIP_SMS_KILLS=1000."""
PRICE = Decimal("0.29")


@dataclass
class Clients:
    """What the customers know: the texts that were acknowledged, with the id where the door gives one."""

    stage: Stage
    round: int = 0
    acknowledged: dict[str, str] = field(default_factory=dict)
    sent: int = 0

    def recipient(self, number: int) -> str:
        return f"+4860{number % 9_000_000 + 1_000_000}"

    def text(self, door: str) -> tuple[str, str]:
        self.sent += 1
        return self.recipient(self.sent), f"{door} {self.round} {self.sent}"

    async def over_http(self) -> None:
        api = Http(self.stage.http_address, TOKEN)
        try:
            while True:
                to, text = self.text("http")
                message = await api.post("/v1/messages", {"to": to, "text": text})
                self.acknowledged[text] = message["id"]
        except (aiohttp.ClientError, OSError, Answered, TimeoutError):
            return  # killed: whatever was not answered was not acknowledged
        finally:
            await api.close()

    async def over_sip(self, client: SipClient) -> None:
        while True:
            to, text = self.text("sip")
            if await client.message(to, text, within=3.0) == 202:
                self.acknowledged[text] = ""
            else:
                return


async def test_killed_again_and_again_nothing_is_lost_or_charged_twice() -> None:
    async with Stage() as stage:
        await stage.rich()
        clients = Clients(stage)
        for clients.round in range(KILLS):
            await _one_round(stage, clients)
        await _all_done(stage)
        await _check(stage, clients)
        stage.forget()


async def _one_round(stage: Stage, clients: Clients) -> None:
    before = len(clients.acknowledged)
    phones = [await SipClient("101", "pw101", "sms.test").open(stage.sip_port) for _ in range(3)]
    load = [asyncio.create_task(clients.over_http()) for _ in range(4)]
    load += [asyncio.create_task(clients.over_sip(phone)) for phone in phones]
    wanted = before + 10 + 7 * (clients.round % 5)  # another moment of the work each time
    async with asyncio.timeout(30):
        while len(clients.acknowledged) < wanted:
            await asyncio.sleep(0.003)
    await stage.serve.kill()
    await asyncio.gather(*load)
    for phone in phones:
        phone.close()
    await stage.serve.start()


async def _all_done(stage: Stage) -> None:
    final = {"delivered", "undelivered", "failed", "expired"}

    async def look() -> bool:
        messages = await _everything(stage)
        return bool(messages) and all(message["status"] in final for message in messages)

    await until(look, "something never reached a final state", within=90, step=1.0)


async def _everything(stage: Stage) -> list[dict]:
    """All outbound messages, page by page."""
    messages: list[dict] = []
    path = "/v1/messages?direction=outbound&limit=100"
    while True:
        page = await stage.api.get(path + (f"&starting_after={messages[-1]['id']}" if messages else ""))
        messages += page["data"]
        if not page["has_more"]:
            return messages


async def _check(stage: Stage, clients: Clients) -> None:
    stored = {message["text"]: message for message in await _everything(stage)}
    arrived: Counter[str] = Counter()
    for number in {message["to"] for message in stored.values()}:
        arrived.update(message["text"] for message in await stage.handsets.messages(number))
    assert len(clients.acknowledged) > KILLS * 10

    lost = [text for text in clients.acknowledged if not arrived[text]]
    assert not lost, f"{len(lost)} acknowledged and lost: {lost[:5]}"
    for text, message_id in clients.acknowledged.items():
        assert stored[text]["status"] == "delivered", stored[text]
        assert message_id in ("", stored[text]["id"])
    unflagged = [text for text, n in arrived.items() if n > 1 and not stored[text]["possible_duplicate"]]
    assert not unflagged, f"came more than once unflagged: {unflagged[:5]}"
    assert len(stored) == len(await _everything(stage)), "one text was stored as two messages"

    balance = await stage.api.get("/v1/balance")
    assert Decimal(balance["reserved"]["amount"]) == 0
    spent = Decimal(balance["credit"]["amount"]) - Decimal(balance["available"]["amount"])
    assert spent == PRICE * len(stored)
    copies = sum(n - 1 for n in arrived.values() if n > 1)
    print(
        f"{KILLS} kills, {len(clients.acknowledged)} acknowledged, {len(stored)} stored, {copies} flagged copies"
    )
