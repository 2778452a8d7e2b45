"""Decides what an inbound message comes to: whose it is, whether it is wanted, and who is told."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final, Literal

from voip_sms.core import addresses, loops
from voip_sms.core.blocking import blocked_by
from voip_sms.core.clock import DAY
from voip_sms.core.directory import Directory, ForwardKind, ForwardRule, Id, Keyword, Number
from voip_sms.core.failures import Refusal
from voip_sms.core.keywords import first_word
from voip_sms.core.leases import Holder
from voip_sms.core.model import Step

CONVERSATION: Final = 7 * DAY
"""How long a reply by phone or mail leaves from the own number that was texted; a pool has its window."""
PAID_TARGETS: Final = 3
"""Phone numbers that one inbound message is forwarded to at most: each costs an SMS."""


@dataclass(frozen=True, slots=True)
class Inbound:
    """A whole inbound message (or what came of it: `missing` parts never arrived).

    `steps`: what was decided about it before, the first lines of its trace.
    """

    carrier: str
    sender: str
    to: str
    text: str
    encoding: Literal["gsm7", "ucs2"]
    parts: int = 1
    missing: tuple[int, ...] = ()
    steps: tuple[Step, ...] = ()


@dataclass(frozen=True, slots=True)
class Target:
    """One hand-over; `rule_id` None: a 2way reply goes back to whoever texted."""

    kind: ForwardKind
    target: str
    rule_id: Id | None = None

    @property
    def account(self) -> str | None:
        """The `Account.ref` that may answer through this target, where there is one."""
        return f"{self.kind}:{self.target}" if self.kind in ("sip", "mail") else None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of it. Without `owner` it is quarantined; with `blocked` it is kept and told to nobody.

    `reason` explains either. `account` and `pool` are those of the 2way conversation that it answers.
    """

    owner: Id | None
    reason: str = ""
    account: str = ""
    pool: str = ""
    blocked: bool = False
    looped: bool = False
    targets: tuple[Target, ...] = ()
    trace: tuple[Step, ...] = ()

    @property
    def paid(self) -> tuple[Target, ...]:
        """The targets that cost money."""
        return tuple(target for target in self.targets if target.kind == "number")


def judge(
    directory: Directory,
    inbound: Inbound,
    holder: Holder | None,
    remembered: Callable[[bytes], bool],
    writer: str = "",
) -> Verdict:
    """Apply the rules in order: whose number or keyword, blocked altogether, blacklisted, forwards, loops.

    `holder` is the 2way conversation on (number, sender), if it is live; `remembered` tells whether a digest
    of `core/loops.py` is in force. `writer`: the mail address that last texted the sender from this number
    and still waits for an answer, "" if none does.
    """
    pool = directory.pool_of.get(inbound.to, "")
    number = directory.numbers.get(inbound.to)
    if holder is not None:
        steps = [Step("lease", holder.account, f"an answer within the window of pool {pool or 'removed'}")]
        return _owned(directory, inbound, _Owner(holder.tenant_id, holder.account, pool), steps, remembered)
    keyword = keyword_of(directory, inbound)
    if keyword is not None:
        steps = [Step("keyword", keyword.word, f"it is bound to a mailbox on {inbound.to}")]
        return _owned(directory, inbound, _Owner(keyword.tenant_id, keyword=keyword), steps, remembered)
    if number is not None:
        steps = [Step("number", number.kind, f"{number.e164} belongs to the tenant")]
        return _owned(
            directory, inbound, _Owner(number.tenant_id, number=number, writer=writer), steps, remembered
        )
    if pool:
        return _nobody("no_conversation", f"nobody's window with this sender is open in pool {pool}")
    return _nobody("unknown_number", "the number is neither a tenant's nor a pool's")


@dataclass(frozen=True, slots=True)
class _Owner:
    tenant_id: Id
    account: str = ""
    pool: str = ""
    number: Number | None = None
    keyword: Keyword | None = None
    writer: str = ""


def keyword_of(directory: Directory, inbound: Inbound) -> Keyword | None:
    """The keyword that the text begins with, where its number has such."""
    if not directory.keywords or inbound.to not in directory.numbers:
        return None
    return directory.keywords.get((inbound.to, first_word(inbound.text)))


def _nobody(reason: str, why: str) -> Verdict:
    return Verdict(None, reason, trace=(Step("quarantine", reason, why),))


def _owned(
    directory: Directory,
    inbound: Inbound,
    owner: _Owner,
    steps: list[Step],
    remembered: Callable[[bytes], bool],
) -> Verdict:
    unwanted = _unwanted(directory, owner.tenant_id, inbound.sender)
    if unwanted is not None:
        steps.append(unwanted)
        return Verdict(
            owner.tenant_id, unwanted.reason, owner.account, owner.pool, blocked=True, trace=tuple(steps)
        )
    looped = pays(directory, inbound.to) and any(remembered(digest) for digest in guards(inbound))
    if looped:
        steps.append(Step("loop", "no paid forwards", "this text was forwarded before and came back"))
    targets = tuple(_targets(directory, inbound, owner, steps, looped=looped))
    if inbound.missing:
        missing = ", ".join(map(str, inbound.missing))
        steps.append(Step("joining", "partial", f"parts {missing} of {inbound.parts} never came"))
    return Verdict(
        owner.tenant_id,
        account=owner.account,
        pool=owner.pool,
        looped=looped,
        targets=targets,
        trace=tuple(steps),
    )


def _unwanted(directory: Directory, tenant_id: Id, sender: str) -> Step | None:
    tenant = directory.tenants.get(tenant_id)
    if tenant is None or not tenant.enabled:
        return Step("tenant", "blocked", "the tenant is disabled")
    if tenant.blocked_inbound:
        return Step("tenant", "blocked", "the tenant has blocked all inbound messages")
    rule = blocked_by(directory.blocks.get(tenant_id, ()), sender)
    if rule is not None:
        return Step("blacklist", "blocked", f"the blacklist names the sender: {rule.match} {rule.value}")
    return None


# --- targets ------------------------------------------------------------------------------------------------


def _targets(
    directory: Directory, inbound: Inbound, owner: _Owner, steps: list[Step], *, looped: bool
) -> Iterator[Target]:
    wanted: Iterable[Target]
    if owner.keyword is not None:
        wanted = (Target("mail", owner.keyword.mail),)
    elif owner.number is not None:
        wanted = _by_rules(directory, owner.number, steps)
        if owner.writer and owner.number.forwarding:
            wanted = (*wanted, *_to_writer(directory, owner, steps))
    else:
        wanted = _back_to(directory, Holder(owner.tenant_id, owner.account), steps)
    done: set[tuple[str, str]] = set()
    paid = 0
    for target in wanted:
        if (target.kind, target.target) in done:
            continue
        done.add((target.kind, target.target))
        refused = _refused(target, inbound, paid, looped=looped)
        steps.append(Step("forward", f"{target.kind} {_shown(target)}", refused or "queued"))
        if not refused:
            paid += target.kind == "number"
            yield target


def _by_rules(directory: Directory, number: Number, steps: list[Step]) -> Iterator[Target]:
    if not number.forwarding:
        steps.append(Step("forward", "none", "forwarding is off for this number"))
        return
    for rule in directory.forwards.get(number.e164, ()):
        if rule.tenant_id == number.tenant_id and _active(rule):
            for target in rule.targets:
                yield Target(rule.kind, target, rule.id)


def _to_writer(directory: Directory, owner: _Owner, steps: list[Step]) -> Iterator[Target]:
    """Whoever texted by mail from this number gets the answer, whatever its rules say (E5)."""
    sender = directory.mail.get(owner.writer)
    if sender is not None and sender.account.tenant_id == owner.tenant_id and sender.account.enabled:
        steps.append(Step("thread", owner.writer, "an answer to what was sent by mail"))
        yield Target("mail", owner.writer)


def _active(rule: ForwardRule) -> bool:
    return rule.enabled and (rule.kind != "webhook" or "message.received" in rule.events)


def _back_to(directory: Directory, holder: Holder, steps: list[Step]) -> Iterator[Target]:
    """By default a reply goes to whoever texted; programs are told through the tenant's subscriptions."""
    kind, _, name = holder.account.partition(":")
    if kind == "sip":
        entry = directory.sip.get(name)
        if entry is not None and entry.account.tenant_id == holder.tenant_id:
            yield Target("sip", name)
        else:
            steps.append(Step("forward", "none", f"there is no {holder.account} any more"))
    elif kind == "mail":
        yield Target("mail", name)


def _refused(target: Target, inbound: Inbound, paid: int, *, looped: bool) -> str:
    """Why this hand-over would be wrong; '' if it is not."""
    if target.kind != "number":
        return ""
    if looped:
        return "not sent: a loop"
    if target.target == inbound.sender:
        return "not sent: it came from there"
    if target.target == inbound.to:
        return "not sent: it would come back here"
    if paid >= PAID_TARGETS:
        return f"not sent: {PAID_TARGETS} numbers at most"
    return ""


def _shown(target: Target) -> str:
    """A webhook's URL may hold a secret: the trace leaves it out."""
    return "" if target.kind == "webhook" else target.target


# --- what deciding needs to read ----------------------------------------------------------------------------


def guards(inbound: Inbound) -> tuple[bytes, ...]:
    """The digests that make this text a loop."""
    repeat = loops.repeat_digest(inbound.sender, inbound.to, inbound.text)
    return (*loops.suspects(inbound.text), repeat)


def pays(directory: Directory, to: str) -> bool:
    """Whether inbound of this number may be forwarded for money, so that loops matter."""
    return any(rule.kind == "number" and rule.enabled for rule in directory.forwards.get(to, ()))


def sender_of(text: str, country: str) -> str:
    """An originator as we compare it: E.164 where it is a number of some country, else as it came."""
    if text.startswith("+") or not text.isdecimal():
        return text
    try:
        return addresses.number(text, country).e164
    except Refusal:
        return text  # a short code


def number_of(directory: Directory, text: str, country: str) -> str:
    """The number that was texted, as the directory writes it, however the carrier writes it."""
    for spelling in (text, f"+{text}"):
        if spelling in directory.numbers or spelling in directory.pool_of:
            return spelling
    return sender_of(text, country)
