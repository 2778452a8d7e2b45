"""The audit log: a company's administrators read their own, operators everybody's, and have it verified."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

from voip_sms.core import clock, ids
from voip_sms.core.audit import AUDIT, TENANT
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources.audit import ACTIONS
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.forms import Form
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.places import after
from voip_sms.engine.audit import AuditFilter

SECONDS: Final = 20.0
"""Twice what the log may be looked through for (`engine.audit.VERIFYING`)."""
WORDS: Final[Mapping[str, str]] = {
    "added": marked("added"),
    "changed": marked("changed"),
    "removed": marked("removed"),
    "rotated": marked("given another secret"),
    "replayed": marked("sent again"),
}
DOORS: Final[Mapping[str, str]] = {
    "api": marked("by API"),
    "apply": marked("by apply"),
    "cli": marked("by command"),
    "panel": marked("in the panel"),
}
_TEXTS: Final = ("who", "object", "tenant")


@dataclass(frozen=True, slots=True)
class Field:
    """One line of a difference: what a field was and is; "" where it was not, or is no more."""

    name: str
    before: str
    after: str


class Audit:
    """See above. Another company's entries are not found, by whatever filter."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._log = rooms.audit

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here = f"{ROOT}/audit"
        return [
            Route("GET", here, "audit", self.show, "audit", menu=marked("Audit log")),
            Route("POST", f"{here}/verify", "audit_verify", self.verify, "audit", seconds=SECONDS),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """A page of entries, newest first."""
        errors: dict[str, str] = {}
        since, until = self._day(page, "since", errors), self._day(page, "until", errors)
        action = page.arg("action")
        only = AuditFilter(
            who=page.arg("who") or None,
            object=page.arg("object") or None,
            action=action if action in ACTIONS else None,
            since=since,
            until=None if until is None else until + clock.DAY,
        )
        where: dict[str, Any] = {"limit": PAGE, "starting_after": after(page, AUDIT)}
        chain = self._chain(page)
        if chain is None:
            found, more = await self._log.everybodys(only, **where)
        else:
            found, more = await self._log.list(chain, only, **where)
        return page.render(
            "operator/audit.html",
            pages=page_of(page, [self._entry(one) for one in found], found[-1]["id"] if more else ""),
            form=Form({name: page.arg(name) for name in (*_TEXTS, "action", "since", "until")}, errors),
            actions=[("", "–"), *((one, page.words(text)) for one, text in WORDS.items())],
            doors=DOORS,
            words=WORDS,
            operator=page.user.is_operator,
            tenants=sorted(one.name for one in self._rooms.directory().tenants.values()),
            verified=self._log.verified if page.user.is_operator else None,
        )

    async def verify(self, page: Page) -> web.StreamResponse:
        """Look through the log from its beginning, as far as a few seconds go."""
        own = None if page.user.is_operator else page.tenant_id
        verified = await self._log.verify(self._rooms.clock.now, own)
        words = page.words
        count = words.several(
            "%(count)s entry looked through", "%(count)s entries looked through", verified.entries
        )
        if verified.faults:
            wrong = words.several("%(count)s thing is wrong", "%(count)s things are wrong", verified.faults)
            return page.to(page.link("audit"), f"{count}: {wrong}.", "bad")
        if not verified.whole:
            rest = words("the log is long; `voip-sms audit verify` looks through all of it")
            return page.to(page.link("audit"), f"{count}: {rest}.", "warn")
        return page.to(page.link("audit"), f"{count}: {words('nothing was changed, moved or removed')}.")

    def _chain(self, page: Page) -> Id | None:
        """Whose entries; None is everybody's, for operators only."""
        if not page.user.is_operator:
            return page.tenant_id
        named = page.arg("tenant")
        if not named:
            return None
        if named == _OPERATOR:
            return NO_TENANT
        for one in self._rooms.directory().tenants.values():
            if named in (one.name, ids.to_text(TENANT, one.id)):
                return one.id
        try:
            return ids.from_text(TENANT, named)  # one that is gone
        except ids.IdInvalidError:
            raise Refusal("not_found") from None

    def _day(self, page: Page, name: str, errors: dict[str, str]) -> int | None:
        text = page.arg(name)
        if not text:
            return None
        try:
            day = dt.date.fromisoformat(text)
            return clock.from_datetime(dt.datetime(day.year, day.month, day.day, tzinfo=zone_of(page)))
        except (ValueError, OverflowError):
            errors[name] = page.words("Write the date as 2026-01-31")
            return None

    def _entry(self, shown: Mapping[str, Any]) -> dict[str, Any]:
        """An entry as the page wants it."""
        directory, whose = self._rooms.directory(), shown["tenant"]
        owner = None if whose is None else directory.tenants.get(ids.from_text(TENANT, whose))
        return {
            **shown,
            "moment": clock.from_rfc3339(shown["at"]),
            "owner": owner.name if owner is not None else whose,
            "fields": fields_of(shown["before"], shown["after"]),
        }


_OPERATOR: Final = "operator"


def fields_of(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[Field]:
    """The difference, a line a field."""
    return [
        Field(name, _written(before.get(name)), _written(after.get(name))) for name in {**before, **after}
    ]


def _written(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "✓" if value else "✗"
        case list() | tuple():
            return ", ".join(map(_written, value))
        case Mapping():
            return ", ".join(f"{name}: {_written(inner)}" for name, inner in value.items())
    return str(value)
