"""Hands an inbound SMS to a user's phones as SIP MESSAGE, from the number it came from (RFC 3428).

So does the notice of an SMS of the user's own that failed: it comes from the number that was written to.
"""

import asyncio
import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from email.utils import format_datetime
from typing import Final

import structlog

from voip_sms.core.clock import to_datetime
from voip_sms.core.directory import Id
from voip_sms.core.dispositions import JOB_PREFIX
from voip_sms.core.failures import Accepted, ContactResult, Outcome, Permanent, Refusal, Temporary
from voip_sms.core.ids import to_text
from voip_sms.core.model import Binding, ForwardJob
from voip_sms.core.ports import Credentials, Registrations
from voip_sms.forwards.sip_answers import Answer, Rank, answer_of, outcome_of
from voip_sms.forwards.sip_body import (
    Letter,
    content_of,
    in_time,
    may_cut,
    may_read,
    settled,
    wants_plainer,
)
from voip_sms.forwards.sip_proxy import at_proxy
from voip_sms.forwards.sip_texts import first_piece, moment_of, peer_of, text_of
from voip_sms.net.sip.contacts import dial
from voip_sms.net.sip.endpoint import Endpoint
from voip_sms.net.sip.traffic import Ending, Outgoing, Result, Target
from voip_sms.wire.sip.grammar import GrammarError
from voip_sms.wire.sip.timers import T1
from voip_sms.wire.sip.uri import parse_host_port, sip_uri

log = structlog.get_logger(__name__)

CHUNKS: Final = (400, 200, 100, 50)
"""Octets of text in one piece when it must go over UDP: with our headers and a phone's Contact the request
usually stays below 1300; where Contact is very long, smaller ones are tried."""
DEADLINE: Final = 120.0
"""Seconds for one try at all contacts: a connection attempt, or a few pieces of 32 s each."""
PATIENCE: Final = 4.0
"""Seconds that the others still get when one contact has taken it: enough for three copies over UDP. Then the
next text has its turn; who has not answered yet is still tried, and not waited for."""
MOVING: Final = T1
"""Seconds that the places which a try knows get when a phone registers from another: it may be another phone,
and those that are there answer within a round trip."""
LATE_MOST: Final = 2_000
"""Texts known to have been taken after their try was over: as many as the endpoint listens for."""
_DEFAULT_PORT: Final = 5060
_TOO_LARGE: Final = 513
"""What a proxy says of a request that it would have to send over UDP (RFC 3261 21.5.7)."""


class SipForwarder:
    """Delivers to every live contact of a SIP user at once; one that takes it is enough.

    `domain` is the host of From and To, but for phones that call us by another. A contact on a lost
    connection is unreachable at once. `proxy`: where the phones are of accounts with `via: proxy`.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        domain: str,
        credentials: Credentials,
        registrations: Registrations,
        proxy: Target | None = None,
    ) -> None:
        self._endpoint = endpoint
        self._domain = domain
        self._credentials = credentials
        self._registrations = registrations
        self._proxy = proxy
        self._late: OrderedDict[Id, dict[str, int]] = OrderedDict()
        self._left: set[asyncio.Task[Answer]] = set()
        self._trying: dict[str, _Try] = {}

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Try all contacts once. Accepted's reference is the contact that took it."""
        text = text_of(job)
        if text is None:
            return Permanent("text_gone")
        bindings = self._bindings(job)
        if not bindings:
            return Temporary("not_registered" if job.via == "direct" else "no_proxy")
        taken = self._taken(job)
        done = next((contact for contact, until in taken.items() if until >= len(text)), None)
        if done is not None:  # it said so after the last try was over
            return Accepted(done, contacts=(ContactResult(done, "late"),))
        readers = [one for one in phones(bindings) if may_read(job, one)]
        if not readers:
            return Permanent("no_reader")
        offers = [_Offer(job, one, text, taken.get(one.contact, 0)) for one in readers]
        with self._noticing(job) as moved:
            answers = await self._answers(offers, moved)
        await self._drop_gone(job, answers)
        return settled(job, outcome_of(answers))

    def _bindings(self, job: ForwardJob) -> Sequence[Binding]:
        if job.via == "direct":
            return job.bindings
        return () if self._proxy is None else (at_proxy(job, self._domain, self._proxy),)

    def registered(self, user: str, bindings: Sequence[Binding]) -> None:
        """A phone of the user registered; from elsewhere, it is not waited for where it was.

        At the proxy any place may be a new one: it doesn't say (`registrations.announced`).
        """
        trying = self._trying.get(user)
        if trying is None:
            return
        if trying.at_proxy or any(_place(one) not in trying.places for one in bindings):
            trying.moved.set()

    @contextmanager
    def _noticing(self, job: ForwardJob) -> Iterator[asyncio.Event]:
        """Set when a phone of the user registers from a place that this try doesn't know."""
        trying = _Try(frozenset(map(_place, job.bindings)), asyncio.Event(), job.via != "direct")
        self._trying[job.target] = trying
        try:
            yield trying.moved
        finally:
            if self._trying.get(job.target) is trying:
                del self._trying[job.target]

    # --- all contacts ---------------------------------------------------------------------------------------

    async def _answers(self, offers: "Sequence[_Offer]", moved: asyncio.Event) -> list[Answer]:
        """Each contact's answer; those that stay silent are waited for as long as that helps somebody."""
        tasks = {asyncio.create_task(self._offer(offer)): offer for offer in offers}
        try:
            waiting = await _wait(set(tasks), moved)
        except BaseException:
            _cancel(tasks)
            raise
        answered = [task.result() for task in tasks if task not in waiting]
        if any(answer.rank is Rank.TAKEN for answer in answered):
            silent = "no_answer"
            self._left |= waiting
            for task in waiting:
                task.add_done_callback(self._left.discard)
        else:
            silent = "moved" if moved.is_set() else "timeout"
            _cancel(waiting)
        return answered + [
            Answer(offer.binding, Rank.LATER, silent, taken=offer.taken)
            for task, offer in tasks.items()
            if task in waiting
        ]

    async def _drop_gone(self, job: ForwardJob, answers: Sequence[Answer]) -> None:
        """A contact that says it isn't there loses its binding; should that fail, the next try repeats it."""
        account = self._credentials.sip_account(job.target)
        for answer in answers:
            if answer.rank is not Rank.GONE or account is None or job.via != "direct":
                continue
            try:
                await self._registrations.drop(account.account, answer.binding.contact, answer.binding)
            except Refusal as refusal:
                log.warning("sip_binding_drop_failed", code=refusal.code.name)

    # --- what came after its try was over -------------------------------------------------------------------

    def _taken(self, job: ForwardJob) -> dict[str, int]:
        """How much of the text each contact has, by earlier tries and by answers that came too late."""
        taken = dict(job.taken)
        for contact, until in self._late.pop(job.id, {}).items():
            taken[contact] = max(until, taken.get(contact, 0))
        return taken

    def _listener(self, offer: "_Offer", until: int) -> Callable[[Result], None]:
        def heard(result: Result) -> None:
            if answer_of(offer.binding, result).rank is not Rank.TAKEN:
                return
            log.info("sip_taken_late", job=offer.job.id.hex())
            self._late.setdefault(offer.job.id, {})[offer.binding.contact] = until
            if len(self._late) > LATE_MOST:
                self._late.popitem(last=False)

        return heard

    # --- one contact ----------------------------------------------------------------------------------------

    async def _offer(self, offer: "_Offer") -> Answer:
        """One contact: whole if it can be, else over TCP, else in pieces (RFC 3428 8)."""
        target = self._proxy if offer.job.via == "proxy" else self._target(offer.binding)
        if target is None:
            return Answer(offer.binding, Rank.LATER, "unreachable", taken=offer.taken)
        whole = in_time(offer.job, self._request(offer, target, offer.rest))
        result = await self._endpoint.send(whole)
        if result.ending is Ending.TOO_LARGE:
            over_tcp = replace(whole, target=Target("tcp", target.host, target.port))
            result = await self._endpoint.send(over_tcp)
            must_cut = result.ending is Ending.UNREACHABLE
        else:
            must_cut = result.status == _TOO_LARGE
        if must_cut and may_cut(offer.job):
            result = await self._in_pieces(offer, target)
        if wants_plainer(offer.job, whole, result):
            result = await self._endpoint.send(self._request(offer, target, offer.rest, plain=True))
        answer = answer_of(offer.binding, result)
        return answer if answer.rank is Rank.TAKEN else replace(answer, taken=offer.taken)

    async def _in_pieces(self, offer: "_Offer", target: Target) -> Result:
        """One after the other, so that they are read in order; the next try begins with the one not taken."""
        sizes = iter(CHUNKS)
        size = next(sizes)
        while True:
            piece = first_piece(offer.rest, size)
            result = await self._endpoint.send(self._request(offer, target, piece))
            if result.ending is Ending.TOO_LARGE or result.status == _TOO_LARGE:
                smaller = next(sizes, None)
                if smaller is None:
                    return result
                size = smaller
                continue
            if answer_of(offer.binding, result).rank is not Rank.TAKEN:
                return result
            offer.taken += len(piece)
            if not offer.rest:
                return result

    def _target(self, binding: Binding) -> Target | None:
        """Where REGISTER came from, never what Contact says: that may be a private address.

        Only when the connection is gone and the phone isn't behind a NAT, Contact's port and transport count.
        """
        if binding.transport != "udp" and not self._endpoint.flow_alive(binding.flow):
            return dial(binding.contact, binding.source, binding.transport)
        try:
            host, port = parse_host_port(binding.source)
        except GrammarError:
            return None
        return Target(binding.transport, host.strip("[]"), port or _DEFAULT_PORT, binding.flow)

    def _request(self, offer: "_Offer", target: Target, text: str, *, plain: bool = False) -> Outgoing:
        """Call-ID and tag are the job's (and piece's) for every contact and try: phones know it again."""
        job = offer.job
        in_part = text != offer.text
        name = to_text(JOB_PREFIX, job.id) + (f"-{offer.taken}" if in_part else "-plain" if plain else "")
        tag = hashlib.sha256(name.encode()).hexdigest()[:16]
        host = offer.binding.host or self._domain  # so that Reply finds its way to us
        sender = job.imdn_peer or sip_uri(peer_of(job), host)
        letter = Letter(sender, sip_uri(job.target, host), moment_of(job), text)
        content_type, body = content_of(job, offer.binding, letter, whole=not (in_part or plain))
        return Outgoing(
            method="MESSAGE",
            uri=offer.binding.contact,
            sender=f"<{letter.sender}>;tag={tag}",
            recipient=f"<{letter.recipient}>",
            call_id=f"{name}@{self._domain}",
            cseq=job.attempt + 1,
            target=target,
            headers=(
                ("date", format_datetime(to_datetime(moment_of(job)), usegmt=True)),
                ("content-type", content_type),
            ),
            body=body,
            late=self._listener(offer, offer.taken + len(text)),
        )


class _Offer:
    """A text on its way to one contact: `taken` characters of it have arrived."""

    __slots__ = ("binding", "job", "taken", "text")

    def __init__(self, job: ForwardJob, binding: Binding, text: str, taken: int) -> None:
        self.job = job
        self.binding = binding
        self.text = text
        self.taken = taken

    @property
    def rest(self) -> str:
        """What has not arrived yet."""
        return self.text[self.taken :]


@dataclass(frozen=True, slots=True)
class _Try:
    """The hand-over to one user's phones that is under way: the places it goes to."""

    places: frozenset[tuple[str, str, str]]
    moved: asyncio.Event
    at_proxy: bool


def _place(binding: Binding) -> tuple[str, str, str]:
    return binding.contact, binding.source, binding.flow


async def _wait(tasks: set[asyncio.Task[Answer]], moved: asyncio.Event) -> set[asyncio.Task[Answer]]:
    """Until all have ended, or PATIENCE after one contact took it, or DEADLINE; those that have not ended.

    Or until shortly after a phone has `moved`, when nobody took it yet: the next try knows where to.
    """
    loop = asyncio.get_running_loop()
    end, waiting = loop.time() + DEADLINE, tasks
    taken = hurried = False
    news = asyncio.create_task(moved.wait())
    try:
        while waiting and loop.time() < end:
            watched = waiting if taken or hurried else {*waiting, news}
            done, _ = await asyncio.wait(
                watched, timeout=end - loop.time(), return_when=asyncio.FIRST_COMPLETED
            )
            waiting = waiting - done
            if not taken and any(task.result().rank is Rank.TAKEN for task in tasks & done):
                taken, end = True, loop.time() + PATIENCE
            elif news in done:
                hurried, end = True, loop.time() + MOVING
    finally:
        news.cancel()
    return waiting


def _cancel(tasks: Iterable[asyncio.Task[Answer]]) -> None:
    for task in tasks:
        task.cancel()


def phones(bindings: Sequence[Binding]) -> list[Binding]:
    """The contacts to try: of one phone's only the last that it gave, should it have left others behind.

    A phone is known by its registrations' Call-ID (RFC 3261 10.2.4) together with where they came from.
    """
    newest: dict[tuple[str, str, str], int] = {}
    for one in bindings:
        key = (one.call_id, one.transport, one.source)
        newest[key] = max(one.cseq, newest.get(key, 0))
    return [one for one in bindings if one.cseq == newest[one.call_id, one.transport, one.source]]
