"""What would happen to a submission: who sends, in which parts, by which carrier, for how much, and why.

`Planner.request` looks at what all recipients share, `draft` at one recipient as far as the Directory tells,
and `finish` completes it with facts that only the writer sees (leases, conversations). All pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, NamedTuple

from voip_sms.core import identity, internal, leases, rating, screening, segments
from voip_sms.core.addresses import Address
from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import Account, Directory, Pool, Tenant
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import Certain, Choice, Held, Rules
from voip_sms.core.model import Options, Plan, Sender, Step, Submission
from voip_sms.core.routing import Routes
from voip_sms.core.segments import Segmented

VALIDITY: Final = 48 * HOUR
VALIDITY_LEAST: Final = MINUTE
VALIDITY_MOST: Final = 7 * DAY
"""Networks keep a message for days at most; a pool number stays leased for as long."""
SEND_AT_MOST: Final = 365 * DAY
"""How far ahead a message may be scheduled."""
PARTS_MOST: Final = 255
"""A part's number is one octet: 3GPP TS 23.040 section 9.2.3.24.1."""
TEXT_MOST: Final = PARTS_MOST * segments.GSM7_PART
"""Characters beyond which no cut is tried: even the densest alphabet can't hold them."""

OTP, INTERACTIVE, BULK = 0, 1, 2
"""Priorities (S15); lower goes first."""
CONVERSES: Final = frozenset({"sip", "mail", "panel"})
"""Doors where a person answers what came in, without saying from which number."""
OF_PHONES: Final = frozenset({"sip", "api"})
"""Doors that a phone's text comes by: its own, and that of the PBX which brings it in the account's name."""


class Request(NamedTuple):
    """What all recipients of a submission share. `refused` concerns them all (no text, no account)."""

    submission: Submission
    tenant: Tenant | None
    now: int
    send_at: int | None
    expires_at: int
    priority: int
    segmented: Segmented | None
    refused: Refusal | None
    text_step: Step


class Draft(NamedTuple):
    """One recipient before the facts. `plan` is there when none are needed; else with `pools` the leases
    of `to` are read, and `converses` says that the conversation with `to` counts. `guess` is the plan if
    there is no such conversation, as with most; its message is then made before the writer's turn.
    """

    to: str
    plan: Plan | None = None
    address: Address | None = None
    choice: Choice | None = None
    pools: tuple[Pool, ...] = ()
    converses: bool = False
    steps: tuple[Step, ...] = ()
    guess: Plan | None = None

    @property
    def expected(self) -> Plan | None:
        """The plan, as far as it can be known before the facts."""
        return self.plan or self.guess


@dataclass(frozen=True, slots=True)
class Facts:
    """What the writer knows about (account, recipient). `leases`: rows of table `lease` with this peer, by
    number. `conversation`: the number the recipient last texted, while it is live.
    """

    leases: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    conversation: str | None = None


NO_FACTS: Final = Facts()


class Planner:
    """Plans over one Directory; make a new one when the Directory is replaced."""

    def __init__(self, directory: Directory, rules: Rules, screens: tuple[screening.Rule, ...] = ()) -> None:
        """`screens`: reasons of the operator or the tenant not to send, in order."""
        self.directory = directory
        self._rules = rules
        self._screens = screens
        self._routes = Routes(directory.routes, directory.carriers)
        self._tariffs = rating.Tariffs(directory.prices)

    def request(self, submission: Submission, now: int) -> Request:
        """Look at the account, the text and the options."""
        options = submission.options
        tenant = self.directory.tenants.get(submission.tenant_id)
        send_at = _send_at(options, now)
        begins = now if send_at is None else send_at
        validity = VALIDITY if options.validity is None else options.validity
        segmented: Segmented | None = None
        refused: Refusal | None = None
        try:
            screening.check_account(tenant, submission.account)
            segmented = _segmented(submission, tenant)
        except Refusal as refusal:
            refused = refusal
        return Request(
            submission,
            tenant,
            now,
            send_at,
            begins + min(max(validity, VALIDITY_LEAST), VALIDITY_MOST),
            _priority(submission),
            segmented,
            refused,
            _text_step(segmented),
        )

    def draft(self, request: Request, typed: str) -> Draft:
        """Look at one recipient as it was typed."""
        account = request.submission.account
        steps: tuple[Step, ...] = ()
        to = storable(typed)
        try:
            if request.tenant is None:
                raise request.refused or Refusal("forbidden")
            colleague = internal.account_of(self.directory, account.tenant_id, typed)
            if colleague is not None:
                to = colleague.ref
                return Draft(to, self._internal(request, colleague))
            address = screening.recipient(typed, self._rules.country)
            to = address.e164
            recipient = Step("recipient", to, f"{address.kind} in {address.country}")
            steps = (*request.submission.steps, recipient)
            if request.refused is not None:
                raise request.refused
            screening.check_rules(self._screens, account, address, request.submission.text)
            steps += (Step("screening", "allowed"), request.text_step)
            choice = identity.choose(
                self.directory, self._rules, account, request.submission.options.sender, address
            )
            converses = request.submission.options.sender is None and (
                request.submission.door in CONVERSES
                or (account.kind == "sip" and request.submission.door in OF_PHONES)
            )
            guess: Plan | None = None
            if isinstance(choice, Certain):
                plan = self._priced(request, to, choice.sender, choice.carrier, (*steps, _identity(choice)))
                if not converses:
                    return Draft(to, plan)
                guess = plan
            pools = tuple(pool for pool in identity.pools_of(choice) if self._routes.find(to, pool.carrier))
            return Draft(to, None, address, choice, pools, converses, steps, guess)
        except Refusal as refusal:
            if not steps:  # nothing was made of the address
                refusal = internal.unknown(typed, refusal, self._rules.country)
            return Draft(to, _refused(to, refusal, steps))

    def _internal(self, request: Request, to: Account) -> Plan:
        """To an account of the same customer: what is too long for an SMS may pass, nothing else does."""
        if request.refused is not None and request.refused.code.name != "text_too_long":
            raise request.refused
        send_at = request.submission.options.send_at
        if send_at is not None and send_at > request.now:
            raise Refusal("invalid", "a message to an extension can't be scheduled")
        return internal.plan(self.directory, request.submission, to, storable(request.submission.text))

    def finish(self, request: Request, draft: Draft, facts: Facts) -> Plan:
        """The plan, once the facts are known. Where the draft has a plan, that is it."""
        if draft.plan is not None:
            return draft.plan
        if draft.guess is not None and facts.conversation is None:
            return draft.guess
        if draft.address is None or draft.choice is None:
            raise ValueError("a draft without a plan has an address and a choice")
        try:
            return self._finish(request, draft, draft.address, draft.choice, facts)
        except Refusal as refusal:
            return _refused(draft.to, refusal, draft.steps)

    def _finish(self, request: Request, draft: Draft, address: Address, choice: Choice, facts: Facts) -> Plan:
        pools = draft.pools
        if draft.converses and facts.conversation is not None:
            answer = self._answer(request, address, facts)
            if answer is not None:
                choice = answer
                pools = tuple(identity.pools_of(choice))
        sender, carrier = self._settled(request, draft.to, choice, pools, facts)
        step = Step("identity", sender.value, choice.reason)
        return self._priced(request, draft.to, sender, carrier, (*draft.steps, step))

    def _answer(self, request: Request, address: Address, facts: Facts) -> Choice | None:
        """The number the recipient last texted, if it can still be used; None falls back to the identity."""
        account = request.submission.account
        try:
            choice = identity.own_number(
                self.directory, self._rules, account, facts.conversation or "", address
            )
        except Refusal:
            return None  # the number was given back meanwhile
        if isinstance(choice, Held) and not _holds(choice, account, facts, request.now):
            return None
        return choice if isinstance(choice, Certain | Held) else None

    def _settled(
        self, request: Request, to: str, choice: Choice, pools: tuple[Pool, ...], facts: Facts
    ) -> tuple[Sender, str]:
        if isinstance(choice, Certain):
            return choice.sender, choice.carrier
        account = request.submission.account
        if isinstance(choice, Held):
            if not _holds(choice, account, facts, request.now):
                raise Refusal(
                    "sender_not_allowed", f"{choice.number} does not talk with {to} for this account"
                )
            return Sender("2way", choice.number, choice.pool.name), choice.pool.carrier
        if not pools:
            raise Refusal("no_route", f"no pool of numbers reaches {to}")
        holder = holder_of(account, choice.kind)
        for pool in pools:
            number = leases.pick(pool, facts.leases.values(), to, holder, request.now)
            if number is not None:
                return Sender(choice.kind, number, pool.name), pool.carrier
        raise Refusal("pool_exhausted")

    def _priced(
        self, request: Request, to: str, sender: Sender, carrier: str, steps: tuple[Step, ...]
    ) -> Plan:
        tenant, segmented = request.tenant, request.segmented
        if tenant is None or segmented is None:
            raise ValueError("only a request that was not refused is priced")
        route = self._routes.find(to, carrier)
        if route is None:
            refusal = Refusal("no_route", _no_route(to, carrier))
            return _refused(to, refusal, steps)._replace(sender=sender)
        whole = len(segmented.parts) > 1 and self.directory.carriers[route.carrier].takes_whole
        reason = f"prefix {route.prefix or 'any'}{', in one piece' if whole else ''}"
        steps = (*steps, Step("route", route.carrier, reason))
        try:
            price = self._tariffs.price(tenant.price_list, to, request.now)
        except Refusal as refusal:
            return _refused(to, refusal, steps)._replace(sender=sender)
        total = price.amount * len(segmented.parts)
        cost = f"{rating.amount_text(total)} {price.currency}" if price.currency else "free"
        return Plan(
            to,
            sender,
            segmented.encoding,
            segmented.parts,
            total,
            price.currency,
            route.carrier,
            None,
            (*steps, Step("price", cost, price.source)),
            whole,
        )


def holder_of(account: Account, kind: str) -> leases.Holder:
    """Who holds a pool number: the account, or for `random`, whose replies are nobody's, just the tenant."""
    return leases.Holder(account.tenant_id, "" if kind == "random" else account.ref)


def term_of(
    kind: str, row: Mapping[str, Any] | None, holder: leases.Holder, pool: Pool, until: int
) -> leases.Term:
    """How long a pool number is taken by a message that may be delivered `until`; `row` is its lease now."""
    term = leases.after_mt(row, holder, until, pool.window)
    return leases.Term(0, term.rest_until) if kind == "random" else term


def refused_for(plan: Plan, refusal: Refusal) -> Plan:
    """The plan, stopped by what was found later (no credit)."""
    step = Step("refused", refusal.code.name, refusal.detail)
    return plan._replace(refused=refusal, trace=(*plan.trace, step))


def goes_on(account: Account, holder: leases.Holder | None) -> bool:
    """Whether a live 2way conversation is the account's to go on with: its own, or a person's company's.

    What came in is before all people of a company: any of them answers, from the number that was texted.
    """
    if holder is None or holder.tenant_id != account.tenant_id:
        return False
    return holder.account == account.ref or account.kind == "user"


def _holds(choice: Held, account: Account, facts: Facts, now: int) -> bool:
    return goes_on(account, leases.holder(facts.leases.get(choice.number), now))


def _refused(to: str, refusal: Refusal, steps: tuple[Step, ...]) -> Plan:
    step = Step("refused", refusal.code.name, refusal.detail)
    return Plan(to, refused=refusal, trace=(*steps, step))


def _identity(choice: Certain) -> Step:
    return Step("identity", choice.sender.value, choice.reason)


def _no_route(to: str, carrier: str) -> str:
    return f"no route to {to}" + (f" over {carrier}, which the sender needs" if carrier else "")


def storable(text: str) -> str:
    """The text without what no database keeps: NULs go, halves of surrogate pairs become `?`."""
    if text.isascii() and "\0" not in text:
        return text
    return text.replace("\0", "").encode("utf-8", "replace").decode()


def _segmented(submission: Submission, tenant: Tenant | None) -> Segmented:
    options = submission.options
    most = min(max(options.max_parts, 1), PARTS_MOST)
    text = submission.text.replace("\0", "")
    if len(text) > TEXT_MOST:
        raise segments.TextTooLongError(-(-len(text) // segments.GSM7_PART), most)
    transliterate = options.transliterate
    if transliterate is None:
        transliterate = tenant is not None and tenant.transliterate == "auto"
    return segments.segment(text, most, transliterate=transliterate)


def _text_step(segmented: Segmented | None) -> Step:
    if segmented is None:
        return Step("text", "refused")
    count = len(segmented.parts)
    reason = ""
    if segmented.foreign is not None:
        reason = f"{segmented.foreign.character!r} is not in the GSM alphabet"
    elif segmented.transliterated:
        reason = "accents were given up to save parts"
    return Step("text", f"{segmented.encoding}, {count} {'part' if count == 1 else 'parts'}", reason)


def _send_at(options: Options, now: int) -> int | None:
    """When it leaves, where that isn't at once."""
    later = now + options.hold
    if options.send_at is not None and options.send_at > later:
        later = min(options.send_at, now + SEND_AT_MOST)
    return later if later > now else None


def _priority(submission: Submission) -> int:
    options = submission.options
    if options.priority is not None:
        return min(max(options.priority, OTP), BULK)
    single = len(submission.recipients) == 1
    return INTERACTIVE if single and options.message_class != "eco" else BULK
