"""What a submission by mail writes beside its messages: counts against limits, threads, notices."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, Final

from voip_sms.core.directory import Directory, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.mail import notices
from voip_sms.core.mail.quotas import gauges
from voip_sms.core.model import MailThread, Message
from voip_sms.core.planning import Request
from voip_sms.core.quotas import Gauge
from voip_sms.engine.counting import Counting, count_reads, put
from voip_sms.engine.events import job_row
from voip_sms.store.units import PrimaryKey, Read, Row, Rows, State, by_key

REFERENCES_MOST: Final = 20
"""Message-IDs of a thread that are kept: RFC 5322 3.6.4 lets a program leave out those in the middle."""
REFERENCE_LONGEST: Final = 250
"""Characters of one: RFC 5322 2.1.1 keeps a line below 998, and no program needs a third of that."""
SUBJECT_MOST: Final = 250
"""Characters of a subject that come back with the answer."""


def by_mail(request: Request) -> bool:
    """Whether what is here concerns a submission; nothing is read for any other."""
    return request.submission.account.kind == "mail"


def mail_reads(directory: Directory, request: Request, to: Sequence[str]) -> Iterator[Read]:
    """The counts, and the threads with the recipients."""
    submission = request.submission
    yield from count_reads(submission.tenant_id, _gauges(directory, request))
    if submission.thread is not None:
        for peer in dict.fromkeys(to):
            yield by_key("mail_thread", submission.tenant_id, submission.account.ref, peer)


def _gauges(directory: Directory, request: Request) -> tuple[Gauge, ...]:
    sender = directory.mail.get(request.submission.account.name)
    if sender is None or request.tenant is None:
        return ()
    return gauges(sender, request.tenant, request.now)


class MailShare:
    """The mail side of one decision: `check` and `take` for each message, `flush` at the end."""

    def __init__(
        self, directory: Directory, request: Request, state: State, new_id: Callable[[], Id]
    ) -> None:
        self._request = request
        self._submission = request.submission
        self._state = state
        self._new_id = new_id
        found = _gauges(directory, request)
        self._known = bool(found)
        self._counting = Counting(self._submission.tenant_id, found, state)
        self._threads: dict[PrimaryKey, Row] = {}

    def check(self) -> None:
        """Whether one more may be sent: LimitReachedError. Refusal `forbidden`: the sender is gone."""
        if not self._known:
            raise Refusal("forbidden", "there is no such mail sender any more")
        self._counting.check()

    def take(self) -> None:
        """One message more."""
        self._counting.take()

    def thread(self, message: Message) -> None:
        """Answers to this message belong to the mail that it came as."""
        thread = self._submission.thread
        if thread is None:
            return
        key = (self._submission.tenant_id, self._submission.account.ref, message.to)
        until = self._request.now + self._submission.replies
        self._threads[key] = {"number": message.sender, **thread_columns(thread), "until": until}

    def flush(self, rows: Rows) -> Sequence[tuple[Gauge, int]]:
        """Write what was counted, and tell the address of limits that are used up now; which ones."""
        up = self._counting.flush(rows)
        for key, columns in self._threads.items():
            put(rows, self._state.get("mail_thread", *key), "mail_thread", key, columns)
        for gauge, count in up:
            self._tell(rows, gauge, count)
        return up

    def _tell(self, rows: Rows, gauge: Gauge, count: int) -> None:
        address = self._submission.account.name
        payload: notices.LimitPayload = {"address": address, "use": use_of(gauge, count)}
        if self._submission.thread is not None:
            payload["thread"] = thread_payload(self._submission.thread)
        job = notice_row(
            self._submission.tenant_id,
            (address, notices.LIMIT),
            payload,
            self._request.now,
            self._new_id(),
        )
        rows.inserts.append(("forward_job", job))
        rows.wakes.add("forwards")


def use_of(gauge: Gauge, count: int) -> notices.UsePayload:
    """One limit and how much of it is used."""
    return {
        "scope": "address" if gauge.whose == "address" else "account",
        "period": gauge.period.name,
        "limit": gauge.limit,
        "used": count,
        "until": gauge.period.until,
    }


# --- threads ------------------------------------------------------------------------------------------------


def thread_columns(thread: MailThread) -> Row:
    """A thread as `mail_thread` keeps it."""
    references = [one for one in thread.references if len(one) <= REFERENCE_LONGEST][-REFERENCES_MOST:]
    return {
        "message_id": thread.message_id[:REFERENCE_LONGEST],
        "refs": " ".join(references),
        "subject": thread.subject[:SUBJECT_MOST],
    }


def thread_of(row: Mapping[str, Any] | None, now: int) -> MailThread | None:
    """The thread of a row of `mail_thread`, while it lasts."""
    if row is None or row["until"] < now:
        return None
    return MailThread(row["message_id"], tuple(row["refs"].split()), row["subject"])


def thread_payload(thread: MailThread) -> notices.ThreadPayload:
    """As a job carries it."""
    return {
        "message_id": thread.message_id,
        "references": list(thread.references)[-REFERENCES_MOST:],
        "subject": thread.subject[:SUBJECT_MOST],
    }


def thread_in(payload: Mapping[str, Any] | None) -> MailThread | None:
    """The thread that a job carries."""
    found = None if payload is None else payload.get("thread")
    if found is None:
        return None
    return MailThread(found["message_id"], tuple(found["references"]), found["subject"])


# --- mails about no message ---------------------------------------------------------------------------------


def notice_row(tenant_id: Id, to: tuple[str, str], payload: Mapping[str, Any], now: int, job_id: Id) -> Row:
    """A job for a mail about no message: `to` is (address, event of `core/mail/notices.py`)."""
    address, event = to
    about = {"tenant_id": tenant_id, "id": job_id}  # no message has the id of a job
    return job_row(about, "mail", address, now, job_id, event=event) | {"payload": dict(payload)}
