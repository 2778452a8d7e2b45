"""What phones tell about messages they were given (IMDN, RFC 5438), and which of them can read it."""

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import structlog

from voip_sms.core.directory import Account, Id
from voip_sms.core.dispositions import JOB_PREFIX
from voip_sms.core.ids import IdInvalidError, from_text
from voip_sms.core.model import INTERNAL, PhoneSource
from voip_sms.core.status import Status
from voip_sms.engine.chores.chore import moment_of
from voip_sms.engine.context import Context
from voip_sms.engine.events import phone_key
from voip_sms.engine.forward_outcomes import next_in_order, wake_next
from voip_sms.engine.internal import move, reads_to_move
from voip_sms.engine.progress import Work
from voip_sms.engine.receipt_jobs import shown_jobs, wishes
from voip_sms.engine.submit import DOOR_SECONDS
from voip_sms.store.units import Match, Read, Rows, State, Unit, by_key
from voip_sms.wire.sip.imdn import Receipt

SHOWN: Final = "displayed"
"""The word of a message's history for a phone that showed it."""

log = structlog.get_logger(__name__)


class StoredDispositions:
    """`ports.Dispositions`."""

    def __init__(self, context: Context, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._context = context
        self._monotonic = monotonic

    async def take(self, account: Account, receipts: Sequence[Receipt]) -> None:
        """Apply them: what isn't about a message that this account was given is ignored.

        StoreUnavailableError, also when the database has more to do than a phone waits for.
        """
        told = [_Told(job_id, one) for one in receipts for job_id in _job_ids(one)]
        for one in told:
            known = await self._context.writer.do(self._unit(account, one))
            log.info("sip_receipt", user=account.name, state=one.receipt.state, known=known)

    async def wrote_cpim(self, account: Account, writer: PhoneSource) -> bool:
        """Remember which of the account's contacts that was; whether there is one. StoreUnavailableError."""
        mine = Match("binding", ("account_id",), (account.id,))

        def decide(state: State) -> Rows:
            found = [row for row in state.find(mine) if _same_phone(row, writer)]
            rows = Rows(bool(found))
            for row in found:
                if not row["cpim"]:
                    rows.update("binding", (account.id, row["contact"]), cpim=True)
            return rows

        return bool(await self._context.writer.do(Unit(decide, [mine], deadline=self._deadline())))

    def _unit(self, account: Account, told: "_Told") -> Unit:
        """The unit of one receipt; its result: whether it was about one of the account's messages."""
        job_read = by_key("forward_job", told.job_id)
        behind = next_in_order(phone_key(account.name), told.job_id)

        def follow(state: State) -> Iterable[Read]:
            job = state.get("forward_job", told.job_id)
            if job is None or not _theirs(job, account):
                return
            yield by_key("message", job["message_id"], lock=False)
            message = state.get("message", job["message_id"])
            if message is not None:
                yield from wishes(message)
            if job["state"] == "queued":
                yield behind
                if message is not None and _is_internal(message):
                    yield from reads_to_move(message["id"], message["tenant_id"])

        def decide(state: State) -> Rows:
            job = state.get("forward_job", told.job_id)
            if job is None or not _theirs(job, account):
                return Rows(False)
            rows = Rows(True)
            message = state.get("message", job["message_id"])
            has_it = told.receipt.state != "failed" and told.whole
            if has_it and job["state"] == "queued" and message is not None:
                self._handed_over(rows, state, job, message)
                wake_next(rows, state.scanned(behind), self._context.clock.now())
            if told.receipt.state == SHOWN and message is not None and job["displayed_at"] is None:
                self._shown(rows, state, account, job, message)
            return rows

        return Unit(decide, [job_read], follow, self._deadline())

    def _deadline(self) -> float:
        return self._monotonic() + DOOR_SECONDS

    def _handed_over(
        self, rows: Rows, state: State, job: Mapping[str, Any], message: Mapping[str, Any]
    ) -> None:
        """The phone has it, though its answer got lost: no try any more, and nothing goes elsewhere."""
        rows.update("forward_job", (job["id"],), state="done", cause="")
        if _is_internal(message):
            move(rows, Work(moment_of(self._context), state), message, Status.DELIVERED)

    def _shown(
        self, rows: Rows, state: State, account: Account, job: Mapping[str, Any], message: Mapping[str, Any]
    ) -> None:
        now, new_id = self._context.clock.now(), self._context.new_id
        rows.update("forward_job", (job["id"],), displayed_at=now)
        rows.insert(
            "message_event",
            message_id=message["id"],
            id=new_id(),
            tenant_id=message["tenant_id"],
            at=now,
            status=SHOWN,
            cause=account.ref,
            part=0,
        )
        for receipt in shown_jobs(state, message, now, new_id):
            rows.inserts.append(("forward_job", receipt))
            rows.wakes.add("forwards")


@dataclass(frozen=True, slots=True)
class _Told:
    """A receipt for one of our hand-overs."""

    job_id: Id
    receipt: Receipt

    @property
    def whole(self) -> bool:
        """Whether it is about all of the text: a phone that has one piece is still owed the others."""
        return not self.receipt.message_id.partition("@")[0].partition("-")[2].isdecimal()


def _job_ids(receipt: Receipt) -> Iterable[Id]:
    """The hand-over that it names, if it can be one of ours and says something that we keep."""
    if receipt.state is None:
        return
    # COMPAT: Linphone answers a plain text too, by its Call-ID: fwd_…@domain, for a piece fwd_…-200@domain.
    name = receipt.message_id.partition("@")[0].partition("-")[0]
    try:
        yield from_text(JOB_PREFIX, name)
    except IdInvalidError:
        return


def _theirs(job: Mapping[str, Any], account: Account) -> bool:
    """Only who was given a message tells of it."""
    mine = (account.tenant_id, "sip", account.name, "message.received")
    return (job["tenant_id"], job["kind"], job["target"], job["event"]) == mine


def _same_phone(row: Mapping[str, Any], writer: PhoneSource) -> bool:
    """Whether a contact is the phone that writes: by its connection, its address, or its host and maker."""
    if row["source"] == writer.source or (row["transport"] != "udp" and row["flow"] == writer.flow):
        return True
    host = row["source"].rpartition(":")[0]
    return writer.agent != "" and (host, row["agent"]) == (writer.source.rpartition(":")[0], writer.agent)


def _is_internal(message: Mapping[str, Any]) -> bool:
    return INTERNAL in message["flags"].split()
