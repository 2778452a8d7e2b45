"""What is wrong with a form of the configuration, by field and in the reader's words."""

import re
from collections.abc import Mapping
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError

from voip_sms.core.failures import Nature, Refusal
from voip_sms.core.resources.complaints import complaints
from voip_sms.core.resources.problems import InvalidError
from voip_sms.doors.panel.frame.forms import WHOLE
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.reasons import refusal_words, why_not

Model = TypeVar("Model", bound=BaseModel)
NOT_OF_FORMS: Final = frozenset({"not_found", "unauthorized", "store_unavailable"})
"""Refusals that are pages of their own: nothing that was typed has anything to do with them."""


def parsed(page: Page, model: type[Model], fields: Mapping[str, Any]) -> Model:
    """The fields as a resource, numbers read as in the service's country; InvalidError."""
    try:
        return model.model_validate(dict(fields), context={"country": page.rooms.country})
    except ValidationError as error:
        raise InvalidError(complaints(error, model)) from None


def faults(
    error: Refusal, page: Page, renamed: Mapping[str, str] | None = None, fallback: str = WHOLE
) -> dict[str, str]:
    """A refusal as errors by field. `renamed`: what the form calls a field of the resource.

    `fallback`: where errors go that are of no field. Raises `error` where it is none of the form's.
    """
    if error.code.name in NOT_OF_FORMS:
        raise error
    if isinstance(error, InvalidError) and error.complaints:
        found: dict[str, str] = {}
        for one in error.complaints:
            name = str(one.path[0]) if one.path else fallback
            found.setdefault((renamed or {}).get(name, name), said(one.what, page))
        return found
    if "who" in error.data:
        return {WHOLE: meanwhile(error, page)}
    return {fallback: _refused(error, page)}


def meanwhile(error: Refusal, page: Page) -> str:
    """Somebody was faster."""
    who = str(error.data["who"]).partition(":")[2]
    return page.words(
        "%(who)s changed this while you were at it. What is there now stands below the form; your own input"
        " is kept: look it over and save again.",
        who=who,
    )


def said(what: str, page: Page) -> str:
    """A complaint of the resources in the reader's words; what no pattern knows is said in general."""
    for pattern, text in _PATTERNS:
        found = pattern.search(what)
        if found is not None:
            return page.words(text, **found.groupdict())
    detail = why_not("", page.words, what.partition(": ")[2])
    general = why_not("", page.words)
    if detail != general:
        return detail
    return what[:1].upper() + what[1:] if page.words.language == "en" else general


def _refused(error: Refusal, page: Page) -> str:
    used = _USED.search(error.detail)
    if used is not None:
        return page.words("It is still in use: %(what)s. Change that first.", what=used["what"])
    if "exists already" in error.detail or "there is such a forward already" in error.detail:
        return page.words("There is one already")
    if error.code.name == "forbidden" and "addresses" in error.detail:
        return page.words("The operator looks after the addresses of your company")
    if error.code.name == "rate_limited" and "today" in error.detail:
        return page.words("Enough codes were sent for today")
    if error.nature is Nature.TEMPORARY and error.code.name != "rate_limited":
        raise error
    return refusal_words(error, page.words)


_USED: Final = re.compile(r"(?:tenants\[[^]]*\]\.)?(?P<what>\S.*?) still uses ")
_PATTERNS: Final = tuple(
    (re.compile(pattern), text)
    for pattern, text in (
        (r"^missing|must have at least 1 ", marked("This is needed")),
        (
            r"not a phone number",
            marked("This is not a phone number: nine digits, or a + and the country code first"),
        ),
        (r"not a prefix", marked("Write a prefix with its country, such as +48600")),
        (r"must be 1 to (?P<most>\d+) visible", marked("1 to %(most)s visible characters")),
        (r"not a mail address", marked("This is not an e-mail address")),
        (r"not a URL", marked("Write an address such as https://host/path")),
        (
            r"user and password do not belong",
            marked("A name and a password don't belong in an address: check the signature instead"),
        ),
        (r"not a webhook secret", marked("A secret is whsec_ and the base64 of 24 to 64 random octets")),
        (r"not a SIP user", marked("Letters, digits and . _ + - only, at most 64")),
        (r"not a span of time", marked("Write a span such as 30m, 36h or 7d")),
        (r"at most 3d", marked("At most 3 days: no text waits longer for a phone")),
        (r"a fallback goes to one of", marked("Fill in one of the two: mail or phone")),
        (r"not verified: (?P<numbers>[+\d, ]+)", marked("Not verified yet: %(numbers)s")),
        (r"is a number of this", marked("This is a number of ours: the text would come back here")),
        (r"forwards in a circle", marked("Texts would go round in a circle")),
        (r"kind name needs", marked("Choose a name")),
        (r"kind number needs", marked("Choose a number")),
        (r"^'[^']*': (character|too_short|too_long|spaces|no_letter)$", marked(
            "3 to 11 letters, digits or spaces without accents, with a letter among them"
        )),
        (r"must have at most (?P<most>\d+) item", marked("At most %(most)s")),
        (r"must have at most (?P<most>\d+) character", marked("At most %(most)s characters")),
        (r"whole number|valid integer", marked("A whole number is needed here")),
        (r"greater than or equal to (?P<least>\d+)", marked("At least %(least)s")),
        (r"less than or equal to (?P<most>\d+)", marked("At most %(most)s")),
        (r"does not look right|must match", marked("This can't be used as it is")),
        (r"^must be '", marked("Choose one of the list")),
        (r"no (number|sip account|sender name|pool) \"", marked("Choose one of the list")),
        (r"no time zone", marked("There is no such time zone: write it as Europe/Warsaw")),
        (r"a code has", marked("A code has six digits")),
        (r"needed: its phones register", marked("This is needed")),
        (r"letters, digits, dots, dashes", marked("Letters, digits, dots, dashes and underscores only")),
        (r"keyword is one word", marked("A keyword is one word of letters and digits")),
        (r"means the same everywhere", marked("This word means the same everywhere: choose another one")),
        (r"needed to sign", marked("Make a secret first: what is posted is signed with it")),
        (r"belongs to somebody already", marked("It belongs to somebody already")),
    )
)  # fmt: skip
