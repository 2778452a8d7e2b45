"""A model of server transactions, and a player that holds the real ones against it (RFC 3261 17.2.2)."""

import asyncio
from collections import Counter
from functools import cache
from typing import Final

from voip_sms.net.sip.server import ServerTransactions
from voip_sms.net.sip.traffic import Reply
from voip_sms.wire.sip.headers import Via
from voip_sms.wire.sip.messages import Request, parse_datagram
from voip_sms.wire.sip.rules import top_via
from voip_sms.wire.sip.timers import TIMER_J

DEADLINE: Final = 3.4
REQUESTS: Final = 4
_TURNS: Final = 4
"""Turns of the loop that a finished handler's answer may take."""


class Path:
    """Records what is sent back."""

    transport = "udp"
    source = ("192.0.2.1", 5060)
    flow = "udp0"

    def __init__(self) -> None:
        self.sent: list[bytes] = []

    def reply(self, octets: bytes, via: Via) -> None:
        self.sent.append(octets)


def _request(number: int) -> Request:
    cookie = "z9hG4bK" if number % 2 else ""
    message = parse_datagram(
        f"MESSAGE sip:{number}@sms.test SIP/2.0\r\nVia: SIP/2.0/UDP 192.0.2.1;branch={cookie}b{number // 2}\r\n"
        f"From: <sip:101@sms.test>;tag=a\r\nTo: <sip:102@sms.test>\r\nCall-ID: {number}\r\n"
        "CSeq: 1 MESSAGE\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert isinstance(message, Request)
    return message


class Player:
    """Turns octets into events, two each: what happens, and to which request or for how long."""

    def __init__(self) -> None:
        self.now = 0.0
        self.path = Path()
        self.table = ServerTransactions(
            clock=lambda: self.now, tag=lambda _: "t", stats=Counter(), server="x", deadline=DEADLINE
        )
        self.requests = [_request(number) for number in range(REQUESTS)]
        self.pending: dict[int, tuple[float, asyncio.Future[Reply | None]]] = {}
        self.kept: dict[int, tuple[float, bytes]] = {}

    async def play(self, data: bytes) -> None:
        for what, which in zip(data[::2], data[1::2], strict=False):
            match what % 8:
                case 0 | 1 | 2 | 3:
                    self.arrive(which % REQUESTS, which // REQUESTS % 3)
                case 4:
                    await self.finish(Reply(202))
                case 5:
                    await self.finish(None)
                case 6:
                    self.now += which / 8
                case _:
                    self.sweep()
        for _, future in self.pending.values():
            future.cancel()
        for _ in range(_TURNS):
            await asyncio.sleep(0)

    def sent(self) -> list[bytes]:
        sent, self.path.sent = self.path.sent, []
        return sent

    def arrive(self, number: int, mode: int) -> None:
        request = self.requests[number]
        transaction = self.table.open(request, top_via(request.headers), self.path)
        if number in self.pending:
            assert transaction is None, "handled twice at once"
            assert not self.sent(), "an early answer"
        elif number in self.kept:
            assert transaction is None, "handled again though it was answered"
            assert self.sent() == [self.kept[number][1]], "another answer than before"
        else:
            assert transaction is not None, "a new request was swallowed"
            if mode == 0:
                future: asyncio.Future[Reply | None] = asyncio.get_running_loop().create_future()
                self.table.run(transaction, future)
                self.pending[number] = self.now, future
                return
            self.table.answer(transaction, Reply(202, keep=mode == 1))
            self.answered(number, keep=mode == 1)

    def answered(self, number: int, *, keep: bool = True) -> None:
        (octets,) = self.sent()
        if keep:
            self.kept[number] = self.now + TIMER_J, octets

    async def finish(self, reply: Reply | None) -> None:
        """The handler that has run longest comes to its end; None is silence."""
        if not self.pending:
            return
        number = next(iter(self.pending))
        _, future = self.pending.pop(number)
        future.set_result(reply)
        for _ in range(_TURNS):
            await asyncio.sleep(0)
        if reply is None:
            assert not self.sent(), "silence was broken"
        else:
            self.answered(number)

    def sweep(self) -> None:
        self.table.sweep()
        late = [number for number, (began, _) in self.pending.items() if self.now - began >= DEADLINE]
        sent = self.sent()
        assert len(sent) == len(late), "not every late request was refused once"
        for number, octets in zip(late, sent, strict=True):
            assert b" 503 " in octets.partition(b"\r\n")[0]
            del self.pending[number]
            self.kept[number] = self.now + TIMER_J, octets
        self.kept = {number: kept for number, kept in self.kept.items() if kept[0] > self.now}
        assert len(self.table._pending) == len(self.pending)
        assert len(self.table._kept) == len(self.kept)


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def play_transactions(data: bytes) -> None:
    """Play one sequence; the loop is the same for all of them."""
    _loop().run_until_complete(Player().play(data[:512]))
