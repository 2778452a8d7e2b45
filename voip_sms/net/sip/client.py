"""Non-INVITE client transactions: send, repeat over UDP, match the reply, give up (RFC 3261 17.1.2)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Callable
from typing import Final

from voip_sms.net.sip.traffic import Ending, Outgoing, Result
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.headers import BRANCH_COOKIE, Headers, parse_cseq
from voip_sms.wire.sip.messages import Request, Response
from voip_sms.wire.sip.rules import top_via
from voip_sms.wire.sip.statuses import FINAL
from voip_sms.wire.sip.timers import T2, TIMER_E_FIRST

UDP_LIMIT: Final = 1300
"""Octets above which a request must not go out over UDP (RFC 3428 8)."""
MAX_OPEN: Final = 10_000
"""Client transactions at once: at 32 s each that is 300 unanswered texts a second."""

LATE_MOST: Final = 2_000
"""Requests given up whose reply is still listened for, the newest: a minute of those that time out."""

Send = Callable[[bytes], None]


class _Open:
    """One request that waits for its final reply."""

    __slots__ = ("done", "gap", "proceeding", "repeat")

    def __init__(self, done: asyncio.Future[Result]) -> None:
        self.done = done
        self.gap = TIMER_E_FIRST
        self.proceeding = False
        self.repeat: asyncio.TimerHandle | None = None


class ClientTransactions:
    """The table of open requests. `new_id` gives unguessable tokens: they are the branches."""

    def __init__(self, *, new_id: Callable[[], str], stats: Counter[str], agent: str) -> None:
        self._new_id = new_id
        self._stats = stats
        self._agent = agent
        self._open: dict[tuple[str, str], _Open] = {}
        self._on_flow: dict[str, set[_Open]] = {}
        self._late: OrderedDict[tuple[str, str], Callable[[Result], None]] = OrderedDict()

    async def run(self, outgoing: Outgoing, via: str, flow: str, send: Send, *, reliable: bool) -> Result:
        """Send over `send` and wait for the end. `via` is the sent-by with its transport: `UDP host:port`."""
        branch = BRANCH_COOKIE + self._new_id()
        octets = self._encode(outgoing, f"SIP/2.0/{via};rport;branch={branch}")
        if not reliable and len(octets) > UDP_LIMIT:
            return Result(Ending.TOO_LARGE)
        if len(self._open) >= MAX_OPEN:
            self._stats["client_overload"] += 1
            return Result(Ending.UNREACHABLE)
        entry = _Open(asyncio.get_running_loop().create_future())
        key = branch, outgoing.method
        self._open[key] = entry
        try:
            send(octets)
            if reliable:
                self._on_flow.setdefault(flow, set()).add(entry)
            else:
                self._schedule(entry, octets, send)
            async with asyncio.timeout(outgoing.timeout):
                result = await entry.done
        except TimeoutError:
            result = Result(Ending.TIMEOUT)
            self._listen_on(key, outgoing)
        except asyncio.CancelledError:
            self._listen_on(key, outgoing)
            raise
        finally:
            del self._open[key]
            self._forget(entry, flow)
        self._stats[f"client_{result.status or result.ending}"] += 1
        return result

    def _listen_on(self, key: tuple[str, str], outgoing: Outgoing) -> None:
        if outgoing.late is not None:
            self._late[key] = outgoing.late
            if len(self._late) > LATE_MOST:
                self._late.popitem(last=False)

    def _forget(self, entry: _Open, flow: str) -> None:
        if entry.repeat is not None:
            entry.repeat.cancel()
        waiting = self._on_flow.get(flow, set())
        waiting.discard(entry)
        if not waiting:
            self._on_flow.pop(flow, None)

    def _schedule(self, entry: _Open, octets: bytes, send: Send) -> None:
        """Timer E: 0.5 s, doubling up to 4 s; 4 s once the peer said that it works on it."""

        def again() -> None:
            self._stats["client_repeated"] += 1
            send(octets)
            entry.gap = T2 if entry.proceeding else min(entry.gap * 2, T2)
            self._schedule(entry, octets, send)

        entry.repeat = asyncio.get_running_loop().call_later(entry.gap, again)

    def receive(self, response: Response) -> bool:
        """A response came in. False: it belongs to nothing (repeated, forged); it is dropped (RFC 4320)."""
        try:
            via = top_via(response.headers)
            method = parse_cseq(response.headers.get("cseq")).method
        except GrammarError:
            return False
        key = via.branch, method
        entry = self._open.get(key)
        if len(response.headers.all("via")) != 1 or (entry is None and key not in self._late):
            self._stats["client_stray"] += 1
            return False
        if response.status < FINAL:
            if entry is not None:
                entry.proceeding = True
            return True
        result = Result(Ending.ANSWERED, response.status, response.reason, response.headers)
        if entry is None:
            self._stats["client_late"] += 1
            self._late.pop(key)(result)
        elif not entry.done.done():
            entry.done.set_result(result)
        return True

    def lost(self, flow: str) -> None:
        """A connection is gone: whatever waits on it ends at once."""
        for entry in self._on_flow.pop(flow, ()):
            if not entry.done.done():
                entry.done.set_result(Result(Ending.UNREACHABLE))

    def _encode(self, outgoing: Outgoing, via: str) -> bytes:
        headers = [
            ("via", via),
            ("max-forwards", "70"),
            ("from", outgoing.sender),
            ("to", outgoing.recipient),
            ("call-id", outgoing.call_id),
            ("cseq", f"{outgoing.cseq} {outgoing.method}"),
            ("user-agent", self._agent),
            *outgoing.headers,
        ]
        return Request(outgoing.method, outgoing.uri, Headers(headers), outgoing.body).encode()
