"""Whom a message shows as its sender: what the account or the request asks for, and what it may use.

The answer is a `Choice`: a sender that is certain, or a claim on a pool number that only the writer, who
sees the leases, can settle.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

from voip_sms.core import addresses
from voip_sms.core.addresses import Address
from voip_sms.core.directory import Account, Directory, Id, Number, NumberKind, Pool
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Sender

TWO_WAY: Final = "2way"
"""What a request writes as its sender for a pool number with replies."""
DEFAULT_NAME: Final = "Bramka SMS"

# Numbers that may offer 2way or random abroad; every other Polish number leaves as random (S6).
_CHOOSES_ABROAD: Final[frozenset[NumberKind]] = frozenset({"own_mobile", "ndi", "ndi_mms"})


class Certain(NamedTuple):
    """This sender; `carrier` is the only one that may carry it ('' any)."""

    sender: Sender
    reason: str
    carrier: str = ""


@dataclass(frozen=True, slots=True)
class Pooled:
    """A number of the first of these pools that reaches the recipient; `kind` says if replies come back."""

    pools: tuple[Pool, ...]
    kind: Literal["2way", "random"]
    reason: str


@dataclass(frozen=True, slots=True)
class Held:
    """This pool number, if the account holds its lease for the recipient."""

    number: str
    pool: Pool
    reason: str


Choice = Certain | Pooled | Held


@dataclass(frozen=True, slots=True)
class Rules:
    """What the operator set for everybody: `country` reads national numbers and is home."""

    country: str = "PL"
    default_name: str = DEFAULT_NAME


def choose(directory: Directory, rules: Rules, account: Account, wanted: str | None, to: Address) -> Choice:
    """What the message leaves from: `wanted` by the request, else the account's identity.

    Refusal `sender_not_allowed` for a name that is not approved and for somebody else's number.
    """
    if wanted:
        return _wanted(directory, rules, account, wanted, to)
    kind, value = account.identity.kind, account.identity.value
    reason = f"identity of {account.ref}"
    if kind == "name":
        return _name(directory, account.tenant_id, value, reason)
    if kind == "number":
        return _number(directory, rules, account, value, to, reason=reason)
    if kind == "default":
        return Certain(Sender("default", rules.default_name), reason)
    return Pooled(_pools(directory, value), "random" if kind == "random" else "2way", reason)


def own_number(directory: Directory, rules: Rules, account: Account, number: str, to: Address) -> Choice:
    """The number that the recipient last texted, for an answer in a conversation. As `choose`."""
    return _number(
        directory, rules, account, number, to, reason="answers leave from the number that was texted"
    )


def _wanted(directory: Directory, rules: Rules, account: Account, wanted: str, to: Address) -> Choice:
    reason = "asked for"
    if wanted == TWO_WAY:
        own = account.identity.value if account.identity.kind == TWO_WAY else ""
        return Pooled(_pools(directory, own), "2way", reason)
    if (account.tenant_id, wanted) in directory.names or (None, wanted) in directory.names:
        return _name(directory, account.tenant_id, wanted, reason)
    if wanted in directory.pools:
        return Pooled((directory.pools[wanted],), "2way", reason)
    if wanted == rules.default_name:
        return Certain(Sender("default", wanted), reason)
    return _number(directory, rules, account, _e164(wanted, rules.country), to, reason=reason)


def _name(directory: Directory, tenant_id: Id, name: str, reason: str) -> Certain:
    own = directory.names.get((tenant_id, name))
    shared = directory.names.get((None, name))
    if (own is not None and own.status == "approved") or (shared is not None and shared.status == "approved"):
        return Certain(Sender("name", name), reason)
    status = own.status if own is not None else "unknown"
    raise Refusal("sender_not_allowed", f"the sender name {name} is not approved", {"status": status})


def _number(
    directory: Directory, rules: Rules, account: Account, number: str, to: Address, *, reason: str
) -> Choice:
    found = directory.numbers.get(number)
    if found is not None and found.tenant_id == account.tenant_id:
        return _home_or_abroad(directory, rules, account, found, to, reason=reason)
    pool = directory.pools.get(directory.pool_of.get(number, ""))
    if pool is not None:
        return Held(number, pool, reason)
    raise Refusal("sender_not_allowed", f"{number} is neither a number nor a sender name of this account")


def _home_or_abroad(
    directory: Directory, rules: Rules, account: Account, number: Number, to: Address, *, reason: str
) -> Choice:
    if number.kind == "foreign" or to.country == _country(number.e164, rules.country):
        return Certain(Sender("number", number.e164), reason, number.carrier)
    kind: Literal["2way", "random"] = account.abroad if number.kind in _CHOOSES_ABROAD else "random"
    why = f"{reason}; {number.e164} can't send abroad: {kind} instead"
    return Pooled(_pools(directory, ""), kind, why)


def _pools(directory: Directory, name: str) -> tuple[Pool, ...]:
    if not name:
        return _in_order(directory.pools)
    pool = directory.pools.get(name)
    if pool is None:
        raise Refusal("sender_not_allowed", f"there is no pool {name}")
    return (pool,)


def _in_order(pools: Mapping[str, Pool]) -> tuple[Pool, ...]:
    return tuple(pools[name] for name in sorted(pools))


def _e164(written: str, country: str) -> str:
    """A number as it is stored, where `written` is one; short codes and everything else stay as written."""
    if any(char.isalpha() for char in written):
        return written
    try:
        return addresses.number(written, country).e164
    except Refusal:
        return written


def _country(number: str, home: str) -> str:
    """The country of a stored number; short codes and access codes are at home."""
    try:
        return addresses.number(number, home).country
    except Refusal:
        return home


def pools_of(choice: Choice) -> Iterable[Pool]:
    """The pools whose leases must be read before the choice can be settled."""
    if isinstance(choice, Pooled):
        return choice.pools
    return (choice.pool,) if isinstance(choice, Held) else ()
