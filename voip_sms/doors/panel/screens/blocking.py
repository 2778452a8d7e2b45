"""Blocks a sender from wherever somebody meets what it wrote."""

from contextlib import suppress
from typing import Final

from pydantic import ValidationError

from voip_sms.core.blocking import blocked_by
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import BlockRule, InvalidError, complaints
from voip_sms.doors.panel.frame.page import Page, Tone

_BLOCKS: Final = "blk"
"""The collection of a company's blacklist."""


async def block_sender(page: Page, sender: str) -> tuple[str, Tone]:
    """Put it on the blacklist; what to tell. Refusal, where it can't stand there."""
    try:
        rule = _rule(sender, page.rooms.country)
        await page.rooms.accounts.create(page.tenant_id, _BLOCKS, rule, page.by)
    except Refusal as refusal:
        if refusal.code.name != "conflict":
            raise
        return page.words("This sender is on the blacklist already."), "warn"
    return page.words("Blocked: nothing of this sender is handed on any more."), "good"


def _rule(sender: str, country: str) -> BlockRule:
    """By its number; what is none of any country, as networks make them up, by what it calls itself."""
    context = {"country": country}
    if sender.lstrip("+").isdecimal():
        with suppress(ValidationError):
            return BlockRule.model_validate({"match": "exact", "value": sender}, context=context)
    try:
        return BlockRule.model_validate({"match": "name", "value": sender}, context=context)
    except ValidationError as error:
        raise InvalidError(complaints(error, BlockRule)) from None


def is_blocked(page: Page, sender: str) -> bool:
    """Whether some rule of the company's names it."""
    return blocked_by(page.rooms.directory().blocks.get(page.tenant_id, ()), sender) is not None
