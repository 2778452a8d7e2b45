"""deliver_sm and data_sm in work: each is stored before it is answered, and so many at a time."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from voip_sms.wire import smpp
from voip_sms.wire.smpp import status as codes

log = structlog.get_logger(__name__)

Deliver = Callable[[smpp.DeliverSm, bytes], Awaitable[int]]
"""Gets each deliver_sm with its octets after the header; gives the command_status to answer with."""
Arrival = smpp.DeliverSm | smpp.DataSm

LIMIT: Final = 500
"""In work at one time; beyond it (and one read) reading pauses, and TCP holds the carrier back."""


class Intake:
    """`send` takes the answers; `full` is called with True when reading is to pause, with False to go on."""

    def __init__(
        self, deliver: Deliver, send: Callable[[smpp.Pdu], None], full: Callable[[bool], None]
    ) -> None:
        self._deliver = deliver
        self._send = send
        self._full = full
        self._tasks: set[asyncio.Task[None]] = set()
        self._paused = False

    def __len__(self) -> int:
        return len(self._tasks)

    def take(self, pdu: Arrival, frame: bytes) -> None:
        """Begin to store it; the answer follows the commit."""
        task = asyncio.get_running_loop().create_task(self._store(pdu, frame))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        if len(self._tasks) >= LIMIT and not self._paused:
            self._paused = True
            self._full(True)

    def refuse(self, pdu: Arrival, status: int) -> None:
        """Answer without storing."""
        self._send(_answer(pdu, status))

    async def cancel(self) -> None:
        """Give up what is in work, unanswered: the carrier brings it again."""
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _store(self, pdu: Arrival, frame: bytes) -> None:
        try:
            status = await self._deliver(_as_deliver(pdu), frame[smpp.HEADER_LENGTH :])
        except Exception:
            log.exception("deliver_fault")
            status = codes.RX_T_APPN  # temporary: it comes again
        self._send(_answer(pdu, status))

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if self._paused and len(self._tasks) < LIMIT // 2:
            self._paused = False
            self._full(False)


def _answer(pdu: Arrival, status: int) -> smpp.DeliverSmResp | smpp.DataSmResp:
    if isinstance(pdu, smpp.DataSm):
        return smpp.DataSmResp(pdu.sequence, status=status)
    return smpp.DeliverSmResp(pdu.sequence, status)


def _as_deliver(pdu: Arrival) -> smpp.DeliverSm:
    """data_sm (4.7.1) with the same content as deliver_sm: some carriers send receipts that way."""
    if isinstance(pdu, smpp.DeliverSm):
        return pdu
    return smpp.DeliverSm(
        pdu.sequence,
        pdu.source,
        pdu.dest,
        esm_class=pdu.esm_class,
        data_coding=pdu.data_coding,
        registered_delivery=pdu.registered_delivery,
        tlvs=pdu.tlvs,
        service_type=pdu.service_type,
    )
