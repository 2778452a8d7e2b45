"""Loads the Directory: one immutable picture of all configuration, from a dozen bulk reads.

A row that can't be read is left out and logged, so that what it grants is not granted. Where leaving it out
would allow more (a block rule), its tenant is closed instead. Everybody else goes on.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, Literal, TypeVar, get_args

import structlog
from sqlalchemy import Connection

from voip_sms.core.clock import SECOND
from voip_sms.core.directory import (
    NO_TENANT,
    OPERATOR,
    Account,
    AccountKind,
    BlockRule,
    CallLimits,
    Carrier,
    Directory,
    Fallback,
    ForwardKind,
    ForwardRule,
    Id,
    Identity,
    IdentityKind,
    IvrFlow,
    Keyword,
    MailSender,
    Number,
    NumberKind,
    Pool,
    PriceList,
    Quota,
    Rate,
    Route,
    SenderName,
    SipAccount,
    Tenant,
    Via,
)
from voip_sms.core.ids import OCTETS as ID_OCTETS
from voip_sms.core.resources.values import to_span
from voip_sms.store.config import Row, current_generation, read_all

T = TypeVar("T")

log = structlog.get_logger(__name__)


def load(connection: Connection) -> Directory:
    """All configuration at one moment of the database; call it in one (reading) transaction."""
    reading = _Reading(connection)
    keys = reading.each("api_key", _key)
    sip = reading.each("sip_account", _sip_account)
    mail = reading.each("mail_sender", _mail_sender)
    flows = reading.each("ivr_flow", _flow)
    people = reading.each("user_account", _person)
    rules = reading.each("forward", forward_rule)
    blocks = reading.each("blacklist", _block)
    keywords = reading.each("keyword", _keyword)
    tenants = reading.each("tenant", _tenant)
    pools = _pools(reading)
    return Directory(
        generation=current_generation(connection),
        tenants={tenant.id: _closed_if(tenant, reading.unreadable["blacklist"]) for tenant in tenants},
        accounts={
            account.id: account
            for account in (
                *(key for _, key in keys),
                *(entry.account for entry in sip),
                *(one.account for one in mail),
                *(one.account for one in flows),
                *(one for one in people if one.tenant_id != NO_TENANT),
            )
        },
        operators=dict(reading.each("operator_key", _operator)),
        keys=dict(keys),
        sip={entry.account.name: entry for entry in sip},
        mail={one.address: one for one in mail},
        flows={(one.account.tenant_id, one.account.name): one for one in flows},
        mailboxes=_mailboxes(mail, sip, rules, keywords),
        keywords={(one.number, one.folded): one for one in keywords},
        names={(name.tenant_id, name.name): name for name in reading.each("sender_name", _sender_name)},
        numbers={number.e164: number for number in reading.each("number", _number)},
        pools=pools,
        pool_of={number: pool.name for pool in pools.values() for number in pool.numbers},
        carriers={carrier.name: carrier for carrier in reading.each("carrier", _carrier)},
        routes=_routes(reading),
        prices=_prices(reading),
        forwards=_grouped((rule.number, rule) for rule in rules if rule.number is not None),
        subscriptions=_grouped((rule.tenant_id, rule) for rule in rules if rule.number is None),
        blocks=_grouped((rule.tenant_id, rule) for rule in blocks),
        groups=dict(reading.each("contact_group", _group)),
    )


class _Reading:
    """Reads tables row by row and notes what can't be read."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self.unreadable: dict[str, list[Row]] = defaultdict(list)

    def each(self, table: str, build: Callable[[Row], T]) -> list[T]:
        built = []
        for row in read_all(self._connection, table):
            try:
                built.append(build(row))
            except (ValueError, TypeError, KeyError, AttributeError) as error:
                self._note(table, row, error)
        return built

    def _note(self, table: str, row: Row, error: Exception) -> None:
        self.unreadable[table].append(row)
        log.error(
            "configuration_row_unreadable",
            table=table,
            row=row["id"].hex() if isinstance(row.get("id"), bytes) else row.get("name"),
            error=f"{type(error).__name__}: {error}",
        )


def _closed_if(tenant: Tenant, unreadable_blocks: list[Row]) -> Tenant:
    mine = any(row["tenant_id"] == tenant.id for row in unreadable_blocks)
    return replace(tenant, blocked_inbound=True) if mine else tenant


# --- one row each -------------------------------------------------------------------------------------------


def _tenant(row: Row) -> Tenant:
    return Tenant(
        id=row["id"],
        name=row["name"],
        price_list=row["price_list"],
        enabled=row["enabled"],
        blocked_inbound=row["blocked_inbound"],
        timezone=row["timezone"],
        language=row["language"],
        transliterate=_one_of(Literal["never", "ask", "auto"], row["transliterate"]),
        keep_sent_text=row["keep_sent_text"],
        mail_limits=_quota(row["mail_limits"]),
        self_service=row["self_service"],
        balance_low=_whole(row["balance_low"]),
    )


def _account(row: Row, kind: AccountKind, name: str) -> Account:
    return Account(
        id=row["id"],
        tenant_id=row["tenant_id"],
        kind=kind,
        name=name,
        identity=Identity(_one_of(IdentityKind, row["identity_kind"]), row["identity_value"]),
        scopes=frozenset(_words(row.get("scopes", []))) - {OPERATOR},
        enabled=row["enabled"],
        language=row.get("language", "en"),
        abroad=_one_of(Literal["2way", "random"], row["abroad"]),
    )


def _key(row: Row) -> tuple[bytes, Account]:
    return row["hash"], _account(row, "key", row["name"])


def _operator(row: Row) -> tuple[bytes, Account]:
    account = Account(
        id=row["hash"][:ID_OCTETS],
        tenant_id=NO_TENANT,
        kind="operator",
        name=row["name"],
        identity=Identity("default"),
        scopes=frozenset({OPERATOR}),
        enabled=row["enabled"],
    )
    return row["hash"], account


def _sip_account(row: Row) -> SipAccount:
    return SipAccount(
        _account(row, "sip", row["user"]),
        _mapping(row["ha1"]),
        _fallback(row["fallback"]),
        _one_of(Via, row["via"]),
    )


def _fallback(value: Any) -> Fallback | None:
    """`{after: seconds, kind, to, verified}`; a phone whose owner did not agree gets nothing."""
    if value is None:
        return None
    kind = _one_of(Literal["mail", "number"], value["kind"])
    if kind == "number" and value["verified"] is not True:
        raise ValueError("the number is not verified")
    return Fallback(_whole(value["after"]) * SECOND, kind, str(value["to"]))


def _mail_sender(row: Row) -> MailSender:
    options = _mapping(row["options"])
    return MailSender(
        account=_account(row, "mail", row["address"].lower()),
        secret_hash=row["secret_hash"] or "",
        token=row["token"] or "",
        subject=_one_of(Literal["auto", "prefix", "text"], options.get("subject", "auto")),
        mode=_one_of(Literal["normal", "premium"], options.get("mode", "normal")),
        over_limit=_one_of(Literal["refuse", "cut"], options.get("over_limit", "refuse")),
        limits=_quota(options.get("limits", {})),
        failure_to=str(options.get("failure_to", "")),
        notify_delivered=options.get("notify_delivered", False) is True,
        auto_generated=options.get("auto_generated", False) is True,
        replies=to_span(options.get("reply_window", "7d")),
    )


def _flow(row: Row) -> IvrFlow:
    return IvrFlow(_account(row, "ivr", row["name"]), CallLimits(**_limits(row["limits"], "caller", "flow")))


def _person(row: Row) -> Account:
    """Somebody of a tenant's sends from the panel; the operator's people send nothing."""
    return _account(row, "user", row["mail"])


def _quota(value: Any) -> Quota:
    return Quota(**_limits(value, "day", "month"))


def _limits(value: Any, *names: str) -> dict[str, int | None]:
    """What is there must be a number: a limit that can't be read must not become none."""
    limits = _mapping(value)
    return {name: None if limits.get(name) is None else _whole(limits[name]) for name in names}


def _keyword(row: Row) -> Keyword:
    return Keyword(row["id"], row["tenant_id"], row["number"], row["word"], row["folded"], row["mail"])


def _sender_name(row: Row) -> SenderName:
    status = _one_of(Literal["pending", "approved", "rejected"], row["status"])
    return SenderName(row["tenant_id"], row["name"], status)


def _number(row: Row) -> Number:
    return Number(
        id=row["id"],
        tenant_id=row["tenant_id"],
        e164=row["e164"],
        kind=_one_of(NumberKind, row["kind"]),
        carrier=row["carrier"],
        forwarding=row["forwarding"],
    )


def forward_rule(row: Row) -> ForwardRule:
    """A row of `forward`."""
    return ForwardRule(
        id=row["id"],
        tenant_id=row["tenant_id"],
        number=row["number"],
        kind=_one_of(ForwardKind, row["kind"]),
        targets=_words(row["targets"]),
        verified=row["verified"],
        secret=row["secret"],
        mode=_one_of(Literal["standard", "get"], row["mode"]),
        events=frozenset(_words(row["events"])),
        enabled=row["enabled"],
        secret_before=row["secret_before"] or "",
        secret_before_until=row["secret_before_until"] or 0,
    )


def _block(row: Row) -> BlockRule:
    match = _one_of(Literal["exact", "prefix", "name"], row["match"])
    return BlockRule(row["id"], row["tenant_id"], match, row["value"])


def _group(row: Row) -> tuple[tuple[Id, str], tuple[str, ...]]:
    return (row["tenant_id"], row["name"]), _words(row["numbers"])


def _carrier(row: Row) -> Carrier:
    return Carrier(row["name"], row["kind"], _mapping(row["settings"]), row["enabled"])


# --- what several rows make ---------------------------------------------------------------------------------


def _mailboxes(
    senders: list[MailSender], phones: list[SipAccount], rules: list[ForwardRule], keywords: list[Keyword]
) -> Mapping[Id, frozenset[str]]:
    """Every address that a tenant's configuration names."""
    named = [(one.account.tenant_id, one.address) for one in senders]
    named += [(one.account.tenant_id, one.failure_to) for one in senders if one.failure_to]
    named += [
        (one.account.tenant_id, one.fallback.to)
        for one in phones
        if one.fallback is not None and one.fallback.kind == "mail"
    ]
    named += [(rule.tenant_id, target) for rule in rules if rule.kind == "mail" for target in rule.targets]
    named += [(one.tenant_id, one.mail) for one in keywords]
    found = _grouped((tenant_id, address.lower()) for tenant_id, address in named)
    return {tenant_id: frozenset(addresses) for tenant_id, addresses in found.items()}


def _pools(reading: _Reading) -> dict[str, Pool]:
    numbers = _grouped(reading.each("pool_number", lambda row: (row["pool"], row["e164"])))
    pools = reading.each(
        "pool",
        lambda row: Pool(row["name"], row["carrier"], _whole(row["window_us"]), numbers.get(row["name"], ())),
    )
    return {pool.name: pool for pool in pools}


def _routes(reading: _Reading) -> tuple[Route, ...]:
    routes = reading.each("route", lambda row: Route(row["prefix"], row["carrier"], _whole(row["priority"])))
    return tuple(sorted(routes, key=lambda route: (-len(route.prefix), route.priority, route.carrier)))


def _prices(reading: _Reading) -> Mapping[str, tuple[PriceList, ...]]:
    rates = _grouped(reading.each("rate", _rate))

    def price_list(row: Row) -> PriceList:
        name, since = row["name"], _whole(row["valid_from"])
        return PriceList(name, row["currency"], since, rates.get((name, since), ()))

    lists = sorted(reading.each("price_list", price_list), key=lambda one: -one.valid_from)
    # Without one of its rows another price would apply: nobody is charged by half a list.
    broken = {row["price_list"] for row in reading.unreadable["rate"]}
    broken |= {row["name"] for row in reading.unreadable["price_list"]}
    return _grouped((one.name, one) for one in lists if one.name not in broken)


def _rate(row: Row) -> tuple[tuple[str, int], Rate]:
    return (row["price_list"], row["valid_from"]), Rate(row["prefix"], _whole(row["amount"]))


K = TypeVar("K")


def _grouped(pairs: Iterable[tuple[K, T]]) -> dict[K, tuple[T, ...]]:
    groups: dict[K, list[T]] = defaultdict(list)
    for key, value in pairs:
        groups[key].append(value)
    return {key: tuple(values) for key, values in groups.items()}


# --- what a column may hold ---------------------------------------------------------------------------------


def _one_of(words: Any, value: str) -> Any:
    if value not in get_args(words):
        raise ValueError(f"unknown word {value!r}")
    return value


def _whole(value: Any) -> int:
    if not isinstance(value, int):
        raise TypeError("not a whole number")
    return value


def _words(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(word, str) for word in value):
        raise TypeError("not a list of texts")
    return tuple(value)


def _mapping(value: Any) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        raise TypeError("not an object")
    return value
