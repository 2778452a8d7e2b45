"""What stands on either side of a carrier link in a test: an engine that records, and parts to send."""

import asyncio
from collections.abc import Callable
from typing import Any

from support.fakes import FakeClock
from voip_sms.carriers.smpp.keeper import Pauses
from voip_sms.carriers.smpp.link import STORE_TIME, LinkContext, SmppLink
from voip_sms.core.failures import Outcome, StoreUnavailableError
from voip_sms.core.model import CarrierReceipt, InboundPart, OutboundPart, Sender
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.net.reconnect import BackOff

PATIENCE = 10.0
HURRIED = Pauses(BackOff(0.02, 0.1), BackOff(0.04, 0.2), random=lambda: 0.0)


async def until(look: Callable[[], Any], within: float = PATIENCE) -> Any:
    """Bounded polling: what `look` gives once it is true. TimeoutError."""
    async with asyncio.timeout(within):
        while not (seen := look()):
            await asyncio.sleep(0.005)
    return seen


class RecordingEvents:
    """ports.CarrierEvents. `down` refuses as a store does that is locked; `gate`, when closed, delays the commit."""

    def __init__(self) -> None:
        self.received: list[InboundPart] = []
        self.receipts: list[CarrierReceipt] = []
        self.carriers: set[str] = set()
        self.down = False
        self.fault: Exception | None = None
        self.gate = asyncio.Event()
        self.gate.set()
        self.waiting = 0

    async def receive(self, carrier: str, part: InboundPart) -> None:
        await self._commit(carrier)
        self.received.append(part)

    async def receipt(self, carrier: str, receipt: CarrierReceipt) -> None:
        await self._commit(carrier)
        self.receipts.append(receipt)

    async def _commit(self, carrier: str) -> None:
        self.carriers.add(carrier)
        self.waiting += 1
        try:
            await self.gate.wait()
        finally:
            self.waiting -= 1
        if self.fault is not None:
            raise self.fault
        if self.down:
            raise StoreUnavailableError


class Outcomes:
    """Collects what became of parts, in order; `done` is what a link calls."""

    def __init__(self) -> None:
        self.all: list[tuple[OutboundPart, Outcome]] = []

    def done(self, part: OutboundPart, outcome: Outcome) -> None:
        self.all.append((part, outcome))

    async def count(self, number: int, within: float = PATIENCE) -> list[Outcome]:
        await until(lambda: len(self.all) >= number, within)
        return [outcome for _, outcome in self.all]


def settings(port: int, **changes: Any) -> SmppCarrier:
    """Quick: what takes 10 s or 30 s in life takes a moment here, where a test waits for it."""
    return SmppCarrier.model_validate(
        {"name": "sim", "host": "127.0.0.1", "port": port, "system_id": "sim", "password": "sim", **changes}
    )


def link(
    port: int,
    events: RecordingEvents | None = None,
    pauses: Pauses = HURRIED,
    store_time: float = STORE_TIME,
    **changes: Any,
) -> SmppLink:
    """What waits seconds between connections waits a moment here."""
    heard = events or RecordingEvents()
    context = LinkContext(heard, FakeClock(), "PL", pauses=pauses, store_time=store_time)
    return SmppLink(settings(port, **changes), context)


def part(number: int = 1, text: str = "Hej", **changes: Any) -> OutboundPart:
    fields: dict[str, Any] = {
        "tenant_id": bytes(16),
        "message_id": number.to_bytes(16, "big"),
        "no": 1,
        "total": 1,
        "reference": 0,
        "sender": Sender("name", "ACME"),
        "to": "+48601123456",
        "text": text,
        "encoding": "gsm7",
        "priority": 0,
        "validity": 3600,
    }
    return OutboundPart(**(fields | changes))


async def bound(carrier: SmppLink, within: float = PATIENCE) -> SmppLink:
    """The link, once it may submit."""
    await until(lambda: carrier.state().state == "bound", within)
    return carrier
