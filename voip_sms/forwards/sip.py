"""Hands an inbound SMS to a user's phones as SIP MESSAGE, from the number it came from (RFC 3428).

So does the notice of an SMS of the user's own that failed: it comes from the number that was written to.
"""

import asyncio
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from email.utils import format_datetime
from enum import IntEnum
from typing import Final

import structlog

from voip_sms.core.clock import to_datetime
from voip_sms.core.dispositions import JOB_PREFIX
from voip_sms.core.failures import Accepted, Outcome, Permanent, Refusal, Temporary
from voip_sms.core.ids import to_text
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.core.notices import failure
from voip_sms.core.ports import Credentials, Registrations
from voip_sms.forwards.sip_body import Letter, content_of, may_cut, may_read, settled
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.net.sip.traffic import Ending, Outgoing, Result, Target
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.uri import parse_host_port, sip_uri

log = structlog.get_logger(__name__)

CHUNK: Final = 400
"""Octets of text in one piece when it must go over UDP: with our headers, a phone's long Contact and Via the
request stays below 1300."""
DEADLINE: Final = 120.0
"""Seconds for one try at all contacts: a connection attempt, or a few pieces of 32 s each."""
_DEFAULT_PORT: Final = 5060


class Rank(IntEnum):
    """What a contact's answer means for the message, best last (facts of RFC 3261 21 as phones use them)."""

    REFUSED = 0
    GONE = 1
    LATER = 2
    TAKEN = 3


_SUCCESS: Final = 2
_SERVER_FAILURE: Final = 5
"""Classes of final statuses (RFC 3261 7.2)."""
_LATER: Final = frozenset({408, 429, 430, 477, 480, 482, 486, 491, 600})
"""Final statuses below 500 (and 600) after which the same contact may take it. 482: another binding of the
same phone has it already, or will."""
_RETRY_AFTER: Final = re.compile(r"\d{1,6}(?=\s*(?:$|[;(]))", re.ASCII)
"""Seconds of a Retry-After value, up to eleven days (RFC 3261 20.33)."""
_GONE: Final = frozenset({404, 410})


@dataclass(frozen=True, slots=True)
class _Answer:
    """One contact's answer; `cause` is its status or why there is none."""

    binding: Binding
    rank: Rank
    cause: str
    retry_after: int | None = None


class SipForwarder:
    """Delivers to every live contact of a SIP user at once; one that takes it is enough.

    `domain` is the host of From and To, but for phones that call us by another. A contact on a lost
    connection is unreachable at once.
    """

    def __init__(
        self, endpoint: Endpoint, domain: str, credentials: Credentials, registrations: Registrations
    ) -> None:
        self._endpoint = endpoint
        self._domain = domain
        self._credentials = credentials
        self._registrations = registrations

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Try all contacts once. Accepted's reference is the contact that took it."""
        if _text(job) is None:
            return Permanent("text_gone")
        if not job.bindings:
            return Temporary("not_registered")
        readers = [binding for binding in job.bindings if may_read(job, binding)]
        if not readers:
            return Permanent("no_reader")
        try:
            async with asyncio.timeout(DEADLINE):
                answers = await asyncio.gather(*(self._offer(job, binding) for binding in readers))
        except TimeoutError:
            return Temporary("timeout")
        await self._drop_gone(job, answers)
        return settled(job, _outcome(answers))

    async def _offer(self, job: ForwardJob, binding: Binding) -> _Answer:
        """One contact: whole if it can be, else over TCP, else in pieces (RFC 3428 8)."""
        text = _text(job) or ""
        target = self._target(binding)
        if target is None:
            return _Answer(binding, Rank.LATER, "unreachable")
        whole = self._request(job, binding, target, text)
        result = await self._endpoint.send(whole)
        if result.ending is Ending.TOO_LARGE:
            result = await self._endpoint.send(replace(whole, target=Target("tcp", target.host, target.port)))
            if result.ending is Ending.UNREACHABLE and may_cut(job):
                result = await self._in_pieces(job, binding, target, text)
        return _answer(binding, result)

    async def _in_pieces(self, job: ForwardJob, binding: Binding, target: Target, text: str) -> Result:
        """One after the other, so that they are read in order; the first that isn't taken ends it."""
        result = Result(Ending.UNREACHABLE)
        for number, piece in enumerate(pieces(text, CHUNK), 1):
            result = await self._endpoint.send(self._request(job, binding, target, piece, number))
            if _answer(binding, result).rank is not Rank.TAKEN:
                break
        return result

    def _target(self, binding: Binding) -> Target | None:
        """Where REGISTER came from, never what Contact says: that may be a private address."""
        if binding.transport != "udp" and not self._endpoint.flow_alive(binding.flow):
            return None
        try:
            host, port = parse_host_port(binding.source)
        except GrammarError:
            return None
        return Target(binding.transport, host.strip("[]"), port or _DEFAULT_PORT, binding.flow)

    def _request(
        self, job: ForwardJob, binding: Binding, target: Target, text: str, piece: int = 0
    ) -> Outgoing:
        """Call-ID and tag are those of the job for every contact and try: a phone knows it again."""
        name = to_text(JOB_PREFIX, job.id) + (f"-{piece}" if piece else "")
        tag = hashlib.sha256(name.encode()).hexdigest()[:16]
        host = binding.host or self._domain  # so that Reply finds its way to us
        sender, recipient = sip_uri(_peer(job), host), sip_uri(job.target, host)
        letter = Letter(sender, recipient, _moment(job), text)
        content_type, body = content_of(job, binding, letter, whole=not piece)
        return Outgoing(
            method="MESSAGE",
            uri=binding.contact,
            sender=f"<{sender}>;tag={tag}",
            recipient=f"<{recipient}>",
            call_id=f"{name}@{self._domain}",
            cseq=job.attempt + 1,
            target=target,
            headers=(
                ("date", format_datetime(to_datetime(_moment(job)), usegmt=True)),
                ("content-type", content_type),
            ),
            body=body,
        )

    async def _drop_gone(self, job: ForwardJob, answers: Sequence[_Answer]) -> None:
        """A contact that says it isn't there loses its binding; should that fail, the next try repeats it."""
        account = self._credentials.sip_account(job.target)
        for answer in answers:
            if answer.rank is not Rank.GONE or account is None:
                continue
            try:
                await self._registrations.drop(account.account, answer.binding.contact)
            except Refusal as refusal:
                log.warning("sip_binding_drop_failed", code=refusal.code.name)


def _is_notice(job: ForwardJob) -> bool:
    """Whether it tells of a message that the user sent."""
    return job.message.direction == "outbound"


def _text(job: ForwardJob) -> str | None:
    return failure(job.message, job.language) if _is_notice(job) else job.message.text


def _peer(job: ForwardJob) -> str:
    """Who the phone shows: the other side of the conversation."""
    return job.message.to if _is_notice(job) else job.message.sender


def _moment(job: ForwardJob) -> int:
    return job.created_at if _is_notice(job) else job.message.created_at


def _answer(binding: Binding, result: Result) -> _Answer:
    if result.ending is not Ending.ANSWERED:
        return _Answer(binding, Rank.LATER, str(result.ending))
    status = result.status
    wait = _RETRY_AFTER.match(result.headers.get("retry-after"))
    return _Answer(binding, rank(status), str(status), int(wait[0]) if wait else None)


def rank(status: int) -> Rank:
    """What a final status of a contact means."""
    if status in _GONE:
        return Rank.GONE
    if status in _LATER or (status // 100 == _SERVER_FAILURE):
        return Rank.LATER
    return Rank.TAKEN if status // 100 == _SUCCESS else Rank.REFUSED


def _outcome(answers: Sequence[_Answer]) -> Outcome:
    """The best answer decides; a phone that was dropped may register again, so that is only temporary."""
    best = max(answers, key=lambda answer: answer.rank)
    if best.rank is Rank.TAKEN:
        return Accepted(best.binding.contact)
    if best.rank is Rank.REFUSED:
        return Permanent(f"sip_{best.cause}")
    return Temporary(f"sip_{best.cause}", retry_after=best.retry_after)


def pieces(text: str, octets: int) -> list[str]:
    """`text` in order, each piece at most `octets` of UTF-8, cut at a space or line end if possible."""
    found: list[str] = []
    rest = text
    while len(rest.encode("utf-8", "replace")) > octets:
        room = rest.encode("utf-8", "replace")[:octets].decode("utf-8", "ignore")
        cut = max(room.rfind(" "), room.rfind("\n")) + 1 or len(room)
        found.append(room[:cut])
        rest = rest[cut:]
    return [*found, rest] if rest or not found else found
