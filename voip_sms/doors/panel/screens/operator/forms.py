"""The operator's forms: how they are read, and what is said of those that are refused."""

from collections.abc import Awaitable, Mapping
from typing import Any, Final

from voip_sms.core.failures import Refusal
from voip_sms.core.resources.problems import InvalidError
from voip_sms.doors.panel.frame.forms import WHOLE, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.screens.configuration.faults import faults, parsed

__all__ = ["attempt", "parsed", "switch", "wrong"]


async def attempt(page: Page, work: Awaitable[Any], fallback: str = WHOLE) -> Mapping[str, str]:
    """Do it; what is wrong with what was asked, by field, or nothing when it is done.

    `fallback`: the field of errors that are of none. Raises what is a page of its own.
    """
    try:
        await work
    except Refusal as error:
        return wrong(error, page, fallback)
    return {}


def wrong(error: Refusal, page: Page, fallback: str = WHOLE) -> Mapping[str, str]:
    """A refusal as errors by field."""
    if "who" in error.data:
        who = str(error.data["who"]).partition(":")[2]
        return {WHOLE: page.words(_MEANWHILE, who=who)}
    known = _DETAILS.get(error.detail)
    if known is not None and not isinstance(error, InvalidError):
        return {fallback: page.words(known)}
    return faults(error, page, fallback=fallback)


def switch(posted: Posted, name: str) -> bool:
    """A box that is ticked or not."""
    return bool(posted.get(name))


_MEANWHILE: Final = marked(
    "%(who)s changed this meanwhile. What you typed is kept: look it over, and save again to overwrite it."
)
_TEXTS: Final = (
    marked("somebody changed it meanwhile"),
    marked("there is one of this name already"),
    marked("it exists already, here or with another customer"),
    marked("the credit would be below zero, or larger than any"),
    marked("that day has passed: what was sold since had other prices"),
    marked("these prices are in force: write new ones from another day on"),
    marked("say why: the customer reads it"),
    marked("it is approved already"),
    marked("it is rejected already"),
    marked("somebody else must look at what you applied for"),
    marked("it is not there any more"),
    marked("there is no such registration"),
    marked("it was approved already"),
    marked("it was refused already"),
    marked("somebody signs in with this address already"),
)
_DETAILS: Final[Mapping[str, str]] = {text: text for text in _TEXTS}
"""What the use cases say, in the catalogues too."""
