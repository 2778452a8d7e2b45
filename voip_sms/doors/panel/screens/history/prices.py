"""What a part costs a customer where, now and soon; and the way to the bill of each month."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from aiohttp import web
from babel import Locale
from babel.dates import format_skeleton
from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from voip_sms.core.clock import to_datetime
from voip_sms.core.directory import Micros, PriceList, Tenant
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import Words, marked
from voip_sms.doors.panel.rooms import Rooms

MONTHS: Final = 6
"""Bills that are offered: half a year back; an older one is found in the history."""
_CODE: Final = 3
"""Digits of the longest country code (ITU-T E.164, section 6.1)."""


@dataclass(frozen=True, slots=True)
class PriceRow:
    """A price for numbers that begin with `prefix`; `place`: the country, "" for none and several."""

    prefix: str
    place: str
    amount: Micros


class PricesScreen:
    """A company's own price list."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        return [Route("GET", f"{ROOT}/prices", "own_prices", self.show, "bills", marked("Prices and bills"))]

    async def show(self, page: Page) -> web.StreamResponse:
        """The list in force, the next one, the months."""
        now, soon = _in_force(self._dated(page.tenant), page.now)
        today = to_datetime(page.now).astimezone(zone_of(page)).date()
        return page.render(
            "history/prices.html",
            now=now,
            soon=soon,
            rows=_rows(now, page.words) if now is not None else [],
            changes=_rows(soon, page.words) if soon is not None else [],
            months=[(f"{one:%Y-%m}", _named(one, page.words)) for one in _months(today)],
        )

    def _dated(self, tenant: Tenant | None) -> Sequence[PriceList]:
        if tenant is None or not tenant.price_list:
            return ()
        return self._rooms.directory().prices.get(tenant.price_list, ())


def _in_force(dated: Sequence[PriceList], now: Micros) -> tuple[PriceList | None, PriceList | None]:
    """The list that counts, and the one that follows it."""
    current = next((one for one in dated if one.valid_from <= now), None)
    later = [one for one in dated if one.valid_from > now]
    return current, later[-1] if later else None


def _rows(prices: PriceList, words: Words) -> list[PriceRow]:
    """In the order of the countries' names; what is for everywhere comes last."""
    locale = Locale.parse(words.language)
    rows = [PriceRow(rate.prefix, _place(rate.prefix, locale), rate.amount) for rate in prices.rates]
    return sorted(rows, key=lambda row: (not row.prefix, row.place.casefold(), row.prefix))


def _place(prefix: str, locale: Locale) -> str:
    """The country whose code a prefix begins with; of several that share one, the one it is named after."""
    digits = prefix.lstrip("+")
    for length in range(1, min(_CODE, len(digits)) + 1):
        regions = COUNTRY_CODE_TO_REGION_CODE.get(int(digits[:length]))
        if regions is not None:
            return str(locale.territories.get(regions[0], ""))
    return ""


def _named(month: date, words: Words) -> str:
    """`November 2026`, `listopad 2026`."""
    return str(format_skeleton("yMMMM", month, locale=words.language))


def _months(today: date) -> Iterator[date]:
    """The first days of this month and of those before, the newest first."""
    first = today.replace(day=1)
    for _ in range(MONTHS):
        yield first
        first = (first - timedelta(days=1)).replace(day=1)
