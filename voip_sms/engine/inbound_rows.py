"""What an inbound message writes once it is whole: the message, its hand-overs, and what they renew."""

from collections.abc import Callable, Iterator
from typing import Any

import orjson

from voip_sms.core import leases, loops
from voip_sms.core.directory import Directory, Id
from voip_sms.core.ids import to_text
from voip_sms.core.model import MailThread
from voip_sms.core.planning import INTERACTIVE
from voip_sms.engine import inbound as rules
from voip_sms.engine.events import event_jobs, job_row
from voip_sms.engine.inbound import Inbound, Target, Verdict
from voip_sms.engine.mail_rows import thread_columns, thread_of, thread_payload
from voip_sms.engine.signals import changes_of
from voip_sms.store.units import Match, PrimaryKey, Row, Rows, State, by_key, primary_key


def needs(directory: Directory, message: Inbound, state: State, now: int) -> Iterator[Match]:
    """The rows that the rules and their consequences are about, as far as what was read so far tells."""
    if message.to not in directory.numbers or message.to in directory.pool_of:
        yield by_key("lease", message.to, message.sender)
    if rules.pays(directory, message.to):
        for digest in (*rules.guards(message), _sent_digest(message)):
            yield by_key("loop_guard", digest)
    writers = _writers(directory, message)
    if writers is not None:
        yield writers
    verdict = _judge(directory, message, state, now)
    for account in _accounts(verdict):
        yield by_key("conversation", verdict.owner, account, message.sender)
        if account.startswith("mail:"):
            yield by_key("mail_thread", verdict.owner, account, message.sender)


class InboundRows:
    """The decision about the whole messages of one unit; everything that `needs` names was read."""

    def __init__(
        self, rows: Rows, directory: Directory, state: State, *, now: int, new_id: Callable[[], Id]
    ) -> None:
        self._rows = rows
        self._directory = directory
        self._state = state
        self._now = now
        self._new_id = new_id
        self._added: set[tuple[str, PrimaryKey]] = set()

    def store(self, message: Inbound) -> str:
        """Add the rows of one message; what became of it: `stored`, `blocked` or `quarantined`."""
        verdict = _judge(self._directory, message, self._state, self._now)
        if verdict.owner is None:
            self._quarantine(message, verdict)
            return "quarantined"
        row = _message_row(message, verdict, self._new_id(), self._now)
        self._rows.inserts.append(("message", row))
        self._rows.insert("message_text", message_id=row["id"], tenant_id=verdict.owner, body=message.text)
        self._rows.wakes.add(changes_of(verdict.owner))
        if verdict.blocked:
            return "blocked"
        self._hand_over(row, verdict)
        self._converse(message, verdict, self._renew(message, verdict))
        self._remember(message, verdict)
        return "stored"

    def _quarantine(self, message: Inbound, verdict: Verdict) -> None:
        self._rows.insert(
            "quarantine",
            id=self._new_id(),
            carrier=message.carrier,
            sender=message.sender,
            recipient=message.to,
            body=message.text,
            reason=verdict.reason,
            received_at=self._now,
        )

    def _hand_over(self, row: Row, verdict: Verdict) -> None:
        jobs = [self._job(row, target) for target in verdict.targets]
        jobs += event_jobs(self._directory, row, "message.received", self._now, self._new_id)
        self._rows.inserts += [("forward_job", job) for job in jobs]
        if jobs:
            self._rows.wakes.add("forwards")

    def _job(self, row: Row, target: Target) -> Row:
        job = job_row(row, target.kind, target.target, self._now, self._new_id(), rule_id=target.rule_id)
        return job | {"payload": self._in_thread(row, target, job["id"])} if target.kind == "mail" else job

    def _in_thread(self, row: Row, target: Target, job_id: Id) -> Row | None:
        """The mail that this one answers; without one, it begins a thread that later ones go on with."""
        key = (row["tenant_id"], target.account, row["sender"])
        thread = thread_of(self._state.get("mail_thread", *key), self._now)
        if thread is not None:
            return {"thread": thread_payload(thread)}
        first = MailThread(to_text("fwd", job_id))
        until = self._now + rules.CONVERSATION
        self._put("mail_thread", key, number=row["recipient"], **thread_columns(first), until=until)
        return None

    def _renew(self, message: Inbound, verdict: Verdict) -> int:
        """A 2way window runs on; until when the conversation that the message belongs to may go on."""
        key = (message.to, message.sender)
        row = self._state.get("lease", *key)
        if not verdict.account or row is None:
            return self._now + rules.CONVERSATION
        pool = self._directory.pools.get(verdict.pool)
        term = leases.after_mo(row, self._now, pool.window if pool is not None else 0)
        self._rows.update("lease", key, until=term.until, rest_until=term.rest_until)
        return term.until

    def _converse(self, message: Inbound, verdict: Verdict, until: int) -> None:
        """Whoever may answer by phone or mail answers from the number that was texted."""
        for account in _accounts(verdict):
            key = (verdict.owner, account, message.sender)
            self._put("conversation", key, number=message.to, until=until)

    def _remember(self, message: Inbound, verdict: Verdict) -> None:
        """What paid forwards will send, so that it is known when it comes back."""
        if verdict.paid:
            repeat = loops.repeat_digest(message.sender, message.to, message.text)
            self._put("loop_guard", (_sent_digest(message),), until=self._now + loops.SENT_KEPT)
            self._put("loop_guard", (repeat,), until=self._now + loops.REPEAT_KEPT)

    def _put(self, table: str, key: PrimaryKey, **values: Any) -> None:
        """Insert or update; another message of this unit may have inserted it."""
        if self._state.get(table, *key) is not None or (table, key) in self._added:
            self._rows.update(table, key, **values)
        else:
            self._added.add((table, key))
            self._rows.insert(table, **dict(zip(primary_key(table), key, strict=True)), **values)


def _judge(directory: Directory, message: Inbound, state: State, now: int) -> Verdict:
    def remembered(digest: bytes) -> bool:
        row = state.get("loop_guard", digest)
        return row is not None and row["until"] > now

    holder = leases.holder(state.get("lease", message.to, message.sender), now)
    return rules.judge(directory, message, holder, remembered, _writer(directory, message, state, now))


def _writers(directory: Directory, message: Inbound) -> Match | None:
    """The threads of the number's owner with the sender, where its owner sends by mail at all."""
    number = directory.numbers.get(message.to)
    if number is None or number.tenant_id not in directory.mailboxes or not directory.mail:
        return None
    return Match("mail_thread", ("tenant_id", "peer"), (number.tenant_id, message.sender), lock=False)


def _writer(directory: Directory, message: Inbound, state: State, now: int) -> str:
    """The address whose mail was the last to be sent to the sender from this number."""
    wanted = _writers(directory, message)
    waiting = [
        row
        for row in (state.find(wanted) if wanted is not None else ())
        if row["number"] == message.to and row["until"] >= now and not row["message_id"].startswith("fwd_")
    ]
    last = max(waiting, key=lambda row: int(row["until"]), default=None)
    return "" if last is None else str(last["account"]).removeprefix("mail:")


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
        "trace": orjson.dumps([tuple(step) for step in (*message.steps, *verdict.trace)]).decode(),
    }
