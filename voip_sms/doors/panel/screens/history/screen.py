"""The history and the bill of a customer: lists that may be narrowed, their sums, CSV, several at once."""

from collections.abc import AsyncIterator, Sequence
from contextlib import suppress
from typing import Final
from urllib.parse import parse_qsl

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.directory import Id, Micros
from voip_sms.core.failures import Refusal
from voip_sms.core.history import SUMMED_DAYS, HistoryFilter
from voip_sms.core.resources.messages import MESSAGE
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.history import spreadsheet
from voip_sms.doors.panel.screens.history.narrowing import (
    DIRECTION_WORDS,
    DOOR_WORDS,
    FIELDS,
    STATUS_WORDS,
    Asked,
    asked_of,
)

CSV_MOST: Final = 100_000
"""Rows of one file: what a spreadsheet opens with ease, and a few seconds of reading; a month at a time."""
_CSV_PAGE: Final = 1_000
_CSV_SECONDS: Final = 300.0
"""For somebody with a slow line; the rows are read only as fast as they are taken."""
_FILE: Final = {
    "Content-Type": "text/csv; charset=utf-8",
    "Content-Disposition": 'attachment; filename="history.csv"',
}
_ACCOUNTS_MOST: Final = 200
"""Suggestions for a field in which everything may be typed."""


class HistoryScreen:
    """Messages of the company, whoever sent them."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [
            Route("GET", f"{ROOT}/history", "history", self.show, "history", marked("History")),
            Route("GET", f"{ROOT}/history/chosen", "history_chosen", self.chosen, "history"),
            Route("GET", f"{ROOT}/history.csv", "history_csv", self.export, "history", seconds=_CSV_SECONDS),
            Route("POST", f"{ROOT}/history/cancel", "history_cancel", self.cancel, "send"),
        ]

    async def show(self, page: Page) -> web.StreamResponse:
        """A page of the list, with the sums of the whole on the first one."""
        asked = self._asked(page)
        after = _after(page)
        found = await self._rooms.history.list(page.tenant_id, asked.only, limit=PAGE, after=after)
        sums = await self._rooms.history.sums(page.tenant_id, asked.only) if after is None else None
        following = "" if found.after is None else ids.to_text(MESSAGE, found.after)
        return page.render(
            "history/list.html",
            asked=asked,
            form=asked.form,
            pages=page_of(page, found.messages, following),
            searched_to=found.searched_to,
            sums=sums,
            summed_from=_summed_from(asked.only, page.now),
            accounts=self._accounts(page),
            choices=_choices(page),
            name_of=_name,
        )

    async def chosen(self, page: Page) -> web.StreamResponse:
        """Those that were selected, as they are now."""
        wanted = _ids(page.request.query.getall("id", []))
        messages = await self._rooms.history.chosen(page.tenant_id, wanted) if wanted else ()
        return page.render("history/chosen.html", messages=messages, name_of=_name)

    async def cancel(self, page: Page) -> web.StreamResponse:
        """Call back those of the selected that have not left yet."""
        posted = await page.form()
        canceled = late = 0
        for message_id in _ids(posted.all("id")):
            try:
                await self._rooms.submitter.cancel(page.tenant_id, message_id)
                canceled += 1
            except Refusal as refusal:
                if refusal.code.name not in ("too_late", "not_found"):
                    raise
                late += 1
        back = page.link("history", **_query_of(posted.get("query", "")))
        said = [page.words.several("%(count)s message canceled.", "%(count)s messages canceled.", canceled)]
        if late:
            said.append(
                page.words.several(
                    "%(count)s had left already, or can't be called back.",
                    "%(count)s had left already, or can't be called back.",
                    late,
                )
            )
        return page.to(back, " ".join(said), "good" if canceled else "warn")

    async def export(self, page: Page) -> web.StreamResponse:
        """The same as CSV, written as it is read."""
        asked = self._asked(page)
        chosen = page.arg("separator", "semicolon" if page.words.language == "pl" else "comma")
        style = spreadsheet.Style(spreadsheet.SEPARATORS.get(chosen, ","), zone_of(page))
        response = web.StreamResponse(headers=_FILE)
        page.dress(response)
        await response.prepare(page.request)
        if page.request.method == "HEAD":
            return response
        async for text in self._lines(page, asked.only, style):
            await response.write(text.encode())
        await response.write_eof()
        return response

    async def _lines(self, page: Page, only: HistoryFilter, style: spreadsheet.Style) -> AsyncIterator[str]:
        """The whole file, some lines at a time; it says so where it is cut off."""
        yield spreadsheet.heading(style, page.words)
        written, after = 0, None
        while written < CSV_MOST:
            found = await self._rooms.history.list(page.tenant_id, only, limit=_CSV_PAGE, after=after)
            yield spreadsheet.rows(found.messages, style)
            written, after = written + len(found.messages), found.after
            if after is None:
                return
        yield spreadsheet.remark(style, page.words("There is more: narrow the list, a month at a time."))

    def _asked(self, page: Page) -> Asked:
        typed = {name: page.arg(name) for name in FIELDS}
        return asked_of(typed, page.words, zone_of(page), self._rooms.country)

    def _accounts(self, page: Page) -> Sequence[str]:
        """Names of who sends in this company, to choose from."""
        accounts = self._rooms.directory().accounts.values()
        found = sorted(account.ref for account in accounts if account.tenant_id == page.tenant_id)
        return found[:_ACCOUNTS_MOST]


def _choices(page: Page) -> dict[str, list[tuple[str, str]]]:
    """What the lists of the filter offer, by field."""
    lists = {"status": STATUS_WORDS, "direction": DIRECTION_WORDS, "door": DOOR_WORDS}
    return {
        field: [(value, page.words(text)) for value, text in options.items()]
        for field, options in lists.items()
    }


def _summed_from(only: HistoryFilter, now: Micros) -> Micros:
    """Where the sums begin: a month is summed up at most."""
    return max(only.since or 0, min(only.until or now, now) - SUMMED_DAYS)


def _after(page: Page) -> Id | None:
    """Where the page begins; a cursor that is none is the beginning."""
    with suppress(ids.IdInvalidError):
        return ids.from_text(MESSAGE, page.arg("after"))
    return None


def _ids(texts: Sequence[str]) -> list[Id]:
    """Those that are ids, of a page's at most."""
    found = []
    for text in texts[:PAGE]:
        with suppress(ids.IdInvalidError):
            found.append(ids.from_text(MESSAGE, text))
    return found


def _query_of(text: str) -> dict[str, str]:
    """The filter that a list was narrowed to when something was done with it."""
    try:
        pairs = parse_qsl(text, max_num_fields=len(FIELDS))
    except ValueError:
        return {}
    return {name: value for name, value in pairs if name in FIELDS}


def _name(message_id: Id) -> str:
    """A message's public id."""
    return ids.to_text(MESSAGE, message_id)
