"""Customers who go on sending while the store is away, and hold the service to its word."""

import asyncio
import itertools
import time
from decimal import Decimal
from typing import Self

from ledger import Ledger

from support.service import everything, final
from support.sip_client import SipClient
from voip_sms.demo.clients import until
from voip_sms.demo.stage import Stage

PRICE = Decimal("0.29")
PAUSE = 0.3
ANSWER_SECONDS = 4.0
"""About three by the contract; the rest is for a machine that does other things too."""
RECOVERY_SECONDS = 30.0


class Customers:
    """One program and one phone. Whatever is refused must not be sent, whatever is accepted must be."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._numbers = itertools.count(1)
        self.ledger = Ledger(stage.simulator)
        self.refused: list[str] = []
        self.slowest = 0.0

    async def __aenter__(self) -> Self:
        self._phone = await SipClient("101", "pw101", "sms.test").open(self._stage.sip_port)
        await self._http()
        await self._sip()
        assert not self.refused
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._phone.close()

    async def send_for(self, seconds: float) -> None:
        """Both doors, again and again, nobody waiting for an earlier answer."""
        sent: list[asyncio.Task[bool]] = []
        until_ = time.monotonic() + seconds
        while time.monotonic() < until_:
            sent += [asyncio.create_task(self._http()), asyncio.create_task(self._sip())]
            await asyncio.sleep(PAUSE)
        await asyncio.gather(*sent)

    async def served_again(self) -> None:
        """Both doors accept again, without anybody's doing."""
        await until(self._http, "HTTP never recovered", RECOVERY_SECONDS, PAUSE)
        await until(self._sip, "SIP never recovered", RECOVERY_SECONDS, PAUSE)
        await until(self.ready, "it never said that it is ready again", RECOVERY_SECONDS, PAUSE)

    async def ready(self) -> bool:
        """What a balancer hears."""
        status, answer, _ = await self._stage.api.call("GET", "/health/ready")
        assert status == 200 or answer["missing"] == ["database"]
        return status == 200

    async def settle(self) -> None:
        """Everything accepted is delivered once and charged once; what was refused never left."""
        await final(self._stage, (), within=60)
        await self.ledger.follow()
        self.ledger.check(await everything(self._stage), await self._stage.api.get("/v1/balance"), PRICE)
        sent_all_the_same = [text for text in self.refused if self.ledger.taken[text]]
        assert not sent_all_the_same, f"refused and sent: {sent_all_the_same}"
        assert self.slowest < ANSWER_SECONDS

    def _next(self, door: str) -> tuple[str, str]:
        number = next(self._numbers)
        return f"+4860{1_000_000 + number}", f"{door} {number}"

    async def _http(self) -> bool:
        to, text = self._next("http")
        began = time.monotonic()
        status, answer, headers = await self._stage.api.call("POST", "/v1/messages", {"to": to, "text": text})
        self.slowest = max(self.slowest, time.monotonic() - began)
        if status == 202:
            self.ledger.acknowledge(text, answer["id"])
            return True
        assert (status, answer["code"]) == (503, "store_unavailable"), answer
        assert int(headers["Retry-After"]) > 0
        self.refused.append(text)
        return False

    async def _sip(self) -> bool:
        to, text = self._next("sip")
        began = time.monotonic()
        answer = await self._phone.send(to, text, within=10)
        self.slowest = max(self.slowest, time.monotonic() - began)
        if answer.status == 202:
            self.ledger.acknowledge(text)
            return True
        assert answer.status == 503, answer
        assert int(answer.header("Retry-After")) > 0
        self.refused.append(text)
        return False
