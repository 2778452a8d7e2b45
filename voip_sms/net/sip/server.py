"""Non-INVITE server transactions: one handling, one reply for all copies (RFC 3261 17.2.2)."""

import asyncio
from collections import Counter, OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final

import structlog

from voip_sms.net.sip.traffic import Path, Reply
from voip_sms.wire.sip.headers import BRANCH_COOKIE, Headers, Via
from voip_sms.wire.sip.messages import Request, Response
from voip_sms.wire.sip.rules import reply_headers, stamp_via
from voip_sms.wire.sip.statuses import reason
from voip_sms.wire.sip.timers import TIMER_J

log = structlog.get_logger(__name__)

HANDLER_DEADLINE: Final = 3.4
"""Seconds a handler has: the sender hears of an outage within about 3 s. More than the store takes to fail,
so that what is refused here is not stored afterwards."""
MAX_PENDING: Final = 4096
"""Requests being handled at once; a store that commits 4,000 a second clears them in a second."""
MAX_KEPT: Final = 65_536
"""Replies kept for retransmissions, about 1 kB each; at 2,000 a second they last the whole 32 s. Beyond that
the oldest go first, and the idempotency of the store answers their late copies."""
RETRY_AFTER: Final = 5
"""Seconds a sender is asked to wait when we are full or late."""

Key = tuple[str, ...]


class Transaction:
    """One request on its way: being handled while `octets` is empty, kept for its copies afterwards."""

    __slots__ = ("key", "octets", "path", "request", "started", "task", "via")

    def __init__(self, key: Key, request: Request, via: Via, path: Path, started: float) -> None:
        self.key = key
        self.request = request
        self.via = via
        self.path = path
        self.started = started
        self.octets = b""
        self.task: asyncio.Task[None] | None = None


class ServerTransactions:
    """The table. Time is the loop's; `tag` makes To-tags that are the same for every copy of a request."""

    def __init__(
        self,
        *,
        clock: Callable[[], float],
        tag: Callable[[str], str],
        stats: Counter[str],
        server: str,
        deadline: float = HANDLER_DEADLINE,
    ) -> None:
        self._clock = clock
        self._tag = tag
        self._stats = stats
        self._server = server
        self._deadline = deadline
        self._pending: OrderedDict[Key, Transaction] = OrderedDict()
        self._kept: OrderedDict[Key, tuple[float, Transaction]] = OrderedDict()

    def open(self, request: Request, via: Via, path: Path) -> Transaction | None:
        """A transaction for a new request; None for a copy (dealt with) or without room (refused)."""
        key = _key(request, via, path)
        if key in self._pending:
            self._stats["absorbed"] += 1
            return None
        kept = self._kept.get(key)
        if kept is not None:
            self._stats["replayed"] += 1
            path.reply(kept[1].octets, via)
            return None
        transaction = Transaction(key, request, via, path, self._clock())
        if len(self._pending) >= MAX_PENDING:
            self._stats["overload"] += 1
            self.answer(transaction, unavailable())
            return None
        return transaction

    def run(self, transaction: Transaction, work: Awaitable[Reply | None]) -> None:
        """Handle in the background; copies that come meanwhile are absorbed."""
        self._pending[transaction.key] = transaction
        transaction.task = asyncio.ensure_future(self._finish(transaction, work))

    async def _finish(self, transaction: Transaction, work: Awaitable[Reply | None]) -> None:
        try:
            reply = await work
        except asyncio.CancelledError:
            return
        except Exception:
            log.exception("sip_handler_failed", method=transaction.request.method)
            reply = Reply(500, headers=(("retry-after", str(RETRY_AFTER)),))
        if self._pending.pop(transaction.key, None) is not None and reply is not None:
            self.answer(transaction, reply)

    def answer(self, transaction: Transaction, reply: Reply) -> None:
        """Send the reply, and keep it for copies of the request if it says so."""
        octets = self._encode(transaction, reply)
        self._stats[f"reply_{reply.status}"] += 1
        transaction.path.reply(octets, transaction.via)
        if not reply.keep:
            return
        transaction.octets = octets
        transaction.task = None
        self._kept[transaction.key] = (self._clock() + TIMER_J, transaction)
        if len(self._kept) > MAX_KEPT:
            self._kept.popitem(last=False)

    def refuse(self, request: Request, path: Path, via: Via, reply: Reply) -> None:
        """Answer a request that never became a transaction; nothing is remembered."""
        self._stats[f"reply_{reply.status}"] += 1
        path.reply(self._encode(Transaction((), request, via, path, 0.0), reply), via)

    def sweep(self) -> None:
        """Answer 503 for what is overdue and forget what is old; to be called several times a second."""
        now = self._clock()
        while self._pending:
            transaction = next(iter(self._pending.values()))
            if now - transaction.started < self._deadline:
                break
            self._withdraw(transaction)
        while self._kept:
            key, (until, _) = next(iter(self._kept.items()))
            if until > now:
                break
            del self._kept[key]

    def _withdraw(self, transaction: Transaction) -> None:
        """Late: the sender may try again; the handler is told to stop."""
        self._pending.pop(transaction.key, None)
        self._stats["late"] += 1
        if transaction.task is not None:
            transaction.task.cancel()
        self.answer(transaction, unavailable())

    async def drain(self, seconds: float) -> None:
        """Wait until every handler has answered, at most `seconds`; then answer the rest with 503."""
        tasks = [t.task for t in self._pending.values() if t.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=seconds)
        for transaction in list(self._pending.values()):
            self._withdraw(transaction)

    def _encode(self, transaction: Transaction, reply: Reply) -> bytes:
        request, path = transaction.request, transaction.path
        first = request.headers.get("via")
        headers = reply_headers(request, self._tag(_identity(request, first)))
        stamped = stamp_via(first, transaction.via, *path.source)
        if stamped is not first:
            at = next(i for i, (name, _) in enumerate(headers) if name == "via")
            headers[at] = ("via", stamped)
        headers += reply.headers
        headers.append(("server", self._server))
        phrase = reply.reason or reason(reply.status)
        return Response(reply.status, phrase, Headers(headers), reply.body).encode()


def unavailable() -> Reply:
    """503 that asks to come back soon."""
    return Reply(503, headers=(("retry-after", str(RETRY_AFTER)),))


def _identity(request: Request, via: str) -> str:
    headers = request.headers
    return f"{via}|{headers.get('call-id')}|{headers.get('cseq')}|{headers.get('from')}"


def _key(request: Request, via: Via, path: Path) -> Key:
    """What two copies of a request share (RFC 3261 17.2.3).

    The source host keeps phones apart that share a private address behind different NATs; Call-ID and CSeq
    those that reuse a branch. Without the magic cookie the older rule's fields stand in (RFC 2543).
    """
    headers = request.headers
    branch = via.branch
    if not branch.startswith(BRANCH_COOKIE) or branch == BRANCH_COOKIE:
        branch = "|".join((request.uri, headers.get("from"), headers.get("to"), headers.get("via")))
    sent_by = f"{via.host.lower()}:{via.port}"
    return path.source[0], sent_by, branch, request.method, headers.get("call-id"), headers.get("cseq")
