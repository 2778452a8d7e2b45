"""What a company's people should look at: what did not arrive, who waits, what is not set up as it should."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voip_sms.core.clock import from_rfc3339, to_datetime
from voip_sms.core.directory import Directory, Id, Tenant
from voip_sms.core.history import ATTENTION_MOST, Attention
from voip_sms.core.quotas import day
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.messages import Balance
from voip_sms.engine.webhooks import HandoverFilter

GIVEN_UP: Final = HandoverFilter(state="failed")


@dataclass(frozen=True, slots=True)
class Todo:
    """One thing to look at. `href`: where, if anywhere; `tone`: bad, warn or info."""

    icon: str
    text: str
    href: str
    tone: str = "warn"


@dataclass(frozen=True, slots=True)
class Facts:
    """What is known of a company. `hooks_failed`: whether a webhook was given up today."""

    tenant: Tenant
    balance: Balance
    attention: Attention
    hooks_failed: bool


def todos(page: Page, facts: Facts, directory: Directory) -> Iterator[Todo]:
    """All of it, the most urgent first; of what this person may do."""
    if is_low(facts.tenant, facts.balance):
        yield Todo("coins", page.words("The balance is low"), "", "bad")
    yield from _messages(page, facts.attention)
    if facts.hooks_failed:
        yield Todo("hook", page.words("A program did not take its webhook today"), f"{ROOT}/hooks", "bad")
    if page.may("names"):
        yield from _names(page, directory)
    if page.may("numbers"):
        yield from _numbers(page, directory)


def is_low(tenant: Tenant, balance: Balance) -> bool:
    """Whether no more is left than the company wants to be told of; nobody pays without a price list."""
    return bool(balance.currency and tenant.price_list) and balance.available <= tenant.balance_low


async def hooks_failed(page: Page, rooms: Rooms, tenant: Tenant) -> bool:
    """Whether a program was given up on since midnight: the newest such hand-over tells."""
    if not page.may("hooks"):
        return False
    newest, _ = await rooms.webhooks.list(tenant.id, GIVEN_UP, limit=1, starting_after=None)
    midnight, _ = day(page.now, tenant.timezone)
    return any(from_rfc3339(one["created_at"]) >= midnight for one in newest)


def _messages(page: Page, attention: Attention) -> Iterator[Todo]:
    words = page.words
    if attention.undelivered:
        text = words.several(
            "%(shown)s message of today was not delivered",
            "%(shown)s messages of today were not delivered",
            attention.undelivered,
            shown=_up_to(attention.undelivered),
        )
        today = to_datetime(page.now).astimezone(zone_of(page)).date().isoformat()
        yield Todo("alert", text, page.link("history", status="bad", since=today), "bad")
    if attention.unanswered:
        text = words.several(
            "%(shown)s conversation waits for an answer",
            "%(shown)s conversations wait for an answer",
            attention.unanswered,
            shown=_up_to(attention.unanswered),
        )
        yield Todo("chat", text, f"{ROOT}/conversations?only=unanswered")
    if attention.unread:
        text = words.several(
            "%(shown)s conversation has something new",
            "%(shown)s conversations have something new",
            attention.unread,
            shown=_up_to(attention.unread),
        )
        yield Todo("inbox", text, f"{ROOT}/conversations?only=unread", "info")


def _names(page: Page, directory: Directory) -> Iterator[Todo]:
    waiting = sum(
        name.status == "pending" for (owner, _), name in directory.names.items() if owner == page.tenant_id
    )
    if waiting:
        text = page.words.several(
            "%(count)s sender name waits for approval", "%(count)s sender names wait for approval", waiting
        )
        yield Todo("tag", text, f"{ROOT}/names", "info")


def _numbers(page: Page, directory: Directory) -> Iterator[Todo]:
    silent = _silent(directory, page.tenant_id)
    if silent:
        text = page.words.several(
            "%(count)s number hands its messages to nobody",
            "%(count)s numbers hand their messages to nobody",
            silent,
        )
        yield Todo("forward", text, f"{ROOT}/numbers", "info")


def _silent(directory: Directory, tenant_id: Id) -> int:
    """Numbers of the company that nothing is handed on from."""
    return sum(
        number.tenant_id == tenant_id
        and not (number.forwarding and any(rule.enabled for rule in directory.forwards.get(number.e164, ())))
        for number in directory.numbers.values()
    )


def _up_to(count: int) -> str:
    """A count that was stopped at its bound says so."""
    return f"{count}+" if count >= ATTENTION_MOST else str(count)
