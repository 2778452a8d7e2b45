"""What an inbound message writes once it is whole: the message, its hand-overs, and what they renew."""

from collections.abc import Callable, Iterator

import orjson

from voip_sms.core import leases, loops
from voip_sms.core.directory import Directory, Id
from voip_sms.core.planning import INTERACTIVE
from voip_sms.engine import inbound as rules
from voip_sms.engine.events import event_jobs, job_row
from voip_sms.engine.inbound import Inbound, Verdict
from voip_sms.store.units import Match, Row, Rows, State, by_key


def needs(directory: Directory, message: Inbound, state: State, now: int) -> Iterator[Match]:
    """The rows that the rules and their consequences are about, as far as what was read so far tells."""
    if message.to not in directory.numbers or message.to in directory.pool_of:
        yield by_key("lease", message.to, message.sender)
    if rules.pays(directory, message.to):
        for digest in (*rules.guards(message), _sent_digest(message)):
            yield by_key("loop_guard", digest)
    verdict = _judge(directory, message, state, now)
    for account in _accounts(verdict):
        yield by_key("conversation", verdict.owner, account, message.sender)


class InboundRows:
    """The decision about one whole message; everything that `needs` names was read."""

    def __init__(
        self,
        rows: Rows,
        directory: Directory,
        message: Inbound,
        state: State,
        *,
        now: int,
        new_id: Callable[[], Id],
    ) -> None:
        self._rows = rows
        self._directory = directory
        self._message = message
        self._state = state
        self._now = now
        self._new_id = new_id
        self._verdict = _judge(directory, message, state, now)

    def store(self) -> str:
        """Add the rows; what became of it: `stored`, `blocked` or `quarantined`."""
        verdict, message = self._verdict, self._message
        if verdict.owner is None:
            self._quarantine()
            return "quarantined"
        row = _message_row(message, verdict, self._new_id(), self._now)
        self._rows.inserts.append(("message", row))
        self._rows.insert("message_text", message_id=row["id"], tenant_id=verdict.owner, body=message.text)
        if verdict.blocked:
            return "blocked"
        self._hand_over(row)
        self._converse(self._renew())
        self._remember()
        return "stored"

    def _quarantine(self) -> None:
        self._rows.insert(
            "quarantine",
            id=self._new_id(),
            carrier=self._message.carrier,
            sender=self._message.sender,
            recipient=self._message.to,
            body=self._message.text,
            reason=self._verdict.reason,
            received_at=self._now,
        )

    def _hand_over(self, row: Row) -> None:
        jobs = [
            job_row(row, target.kind, target.target, self._now, self._new_id(), rule_id=target.rule_id)
            for target in self._verdict.targets
        ]
        jobs += event_jobs(self._directory, row, "message.received", self._now, self._new_id)
        self._rows.inserts += [("forward_job", job) for job in jobs]
        if jobs:
            self._rows.wakes.add("forwards")

    def _renew(self) -> int:
        """A 2way window runs on; until when the conversation that the message belongs to may go on."""
        key = (self._message.to, self._message.sender)
        row = self._state.get("lease", *key)
        if not self._verdict.account or row is None:
            return self._now + rules.CONVERSATION
        pool = self._directory.pools.get(self._verdict.pool)
        term = leases.after_mo(row, self._now, pool.window if pool is not None else 0)
        self._rows.update("lease", key, until=term.until, rest_until=term.rest_until)
        return term.until

    def _converse(self, until: int) -> None:
        """Whoever may answer by phone or mail answers from the number that was texted."""
        for account in _accounts(self._verdict):
            key = (self._verdict.owner, account, self._message.sender)
            values = {"number": self._message.to, "until": until}
            if self._state.get("conversation", *key) is None:
                names = ("tenant_id", "account", "peer")
                self._rows.insert("conversation", **dict(zip(names, key, strict=True)), **values)
            else:
                self._rows.update("conversation", key, **values)

    def _remember(self) -> None:
        """What paid forwards will send, so that it is known when it comes back."""
        if not self._verdict.paid:
            return
        message = self._message
        repeat = loops.repeat_digest(message.sender, message.to, message.text)
        self._guard(_sent_digest(message), self._now + loops.SENT_KEPT)
        self._guard(repeat, self._now + loops.REPEAT_KEPT)

    def _guard(self, digest: bytes, until: int) -> None:
        if self._state.get("loop_guard", digest) is None:
            self._rows.insert("loop_guard", digest=digest, until=until)
        else:
            self._rows.update("loop_guard", (digest,), until=until)


def _judge(directory: Directory, message: Inbound, state: State, now: int) -> Verdict:
    def remembered(digest: bytes) -> bool:
        row = state.get("loop_guard", digest)
        return row is not None and row["until"] > now

    holder = leases.holder(state.get("lease", message.to, message.sender), now)
    return rules.judge(directory, message, holder, remembered)


def _accounts(verdict: Verdict) -> tuple[str, ...]:
    if verdict.owner is None or verdict.blocked:
        return ()
    return tuple(target.account for target in verdict.targets if target.account is not None)


def _sent_digest(message: Inbound) -> bytes:
    return loops.digest(loops.forwarded(message.sender, message.text))


def _message_row(message: Inbound, verdict: Verdict, message_id: Id, now: int) -> Row:
    flags = {"partial": bool(message.missing), "blocked": verdict.blocked, "loop": verdict.looped}
    return {
        "id": message_id,
        "tenant_id": verdict.owner,
        "submission_id": message_id,
        "direction": "inbound",
        "status": "received",
        "account": verdict.account,
        "door": "carrier",
        "sender": message.sender,
        "sender_kind": "number" if message.sender.lstrip("+").isdecimal() else "name",
        "recipient": message.to,
        "encoding": message.encoding,
        "parts": message.parts,
        "price": None,
        "currency": "",
        "carrier": message.carrier,
        "pool": verdict.pool,
        "reference": 0,
        "client_ref": None,
        "priority": INTERACTIVE,
        "created_at": now,
        "send_at": None,
        "expires_at": now,
        "possible_duplicate": False,
        "error_code": "blocked" if verdict.blocked else None,
        "error_detail": verdict.reason if verdict.blocked else None,
        "flags": " ".join(flag for flag, on in flags.items() if on),
        "cause": None,
        "trace": orjson.dumps([(step.step, step.decision, step.reason) for step in verdict.trace]).decode(),
    }
