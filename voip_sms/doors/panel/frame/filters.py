"""How values look on a page: moments in the reader's zone, money, phone numbers."""

from datetime import UTC, datetime, tzinfo
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from babel.dates import format_date, format_datetime, format_time, format_timedelta
from babel.numbers import format_decimal
from jinja2 import pass_context
from jinja2.runtime import Context
from markupsafe import Markup

from voip_sms.core.addresses import readable
from voip_sms.core.clock import from_rfc3339, to_datetime, to_rfc3339
from voip_sms.core.directory import Micros
from voip_sms.core.rating import amount_text
from voip_sms.doors.panel.frame.routes import segment

if TYPE_CHECKING:
    from voip_sms.doors.panel.frame.page import Page

_PATTERNS: Final = {"minute": "d MMM y, HH:mm", "second": "d MMM y, HH:mm:ss"}
_MONEY: Final = "#,##0.00####"
_TIME: Final = Markup('<time datetime="{}" title="{}">{}</time>')
_AGE: Final = Markup('<time datetime="{}" title="{}" data-ago>{}</time>')
"""An age, which panel.js keeps true while the page is open."""

Moment = Micros | str | None
"""Epoch microseconds, or as the API shows it (RFC 3339)."""


def at(moment: Moment) -> Micros | None:
    """The moment in microseconds."""
    return from_rfc3339(moment) if isinstance(moment, str) else moment


@pass_context
def when(context: Context, moment: Moment, exact: str = "minute") -> Markup | str:
    """`22 Nov 2026, 20:44`; `exact` is minute, second, day (`22 Nov 2026`) or time (`20:44`). None is "–"."""
    moment = at(moment)
    if moment is None:
        return "–"
    page = _page(context)
    local = to_datetime(moment).astimezone(zone_of(page))
    locale = page.words.language
    if exact == "day":
        shown = format_date(local, "d MMM y", locale=locale)
    elif exact == "time":
        shown = format_time(local, "HH:mm", locale=locale)
    else:
        shown = format_datetime(local, _PATTERNS[exact], locale=locale)
    return _time(moment, local, shown)


@pass_context
def ago(context: Context, moment: Moment) -> Markup | str:
    """`3 minutes ago`, `in 2 hours`; the moment itself is its title."""
    moment = at(moment)
    if moment is None:
        return "–"
    page = _page(context)
    local = to_datetime(moment).astimezone(zone_of(page))
    distance = to_datetime(moment) - to_datetime(page.now)
    shown = format_timedelta(distance, add_direction=True, locale=page.words.language)
    return _time(moment, local, shown, _AGE)


@pass_context
def money(context: Context, amount: Micros | None, currency: str = "") -> str:
    """`1,234.50 PLN`, in Polish `1 234,50 PLN`; an amount is in millionths. None is "–"."""
    if amount is None:
        return "–"
    value = Decimal(amount_text(amount))
    shown = format_decimal(value, _MONEY, locale=_page(context).words.language)
    return f"{shown}\N{NO-BREAK SPACE}{currency}" if currency else shown


@pass_context
def number(context: Context, value: float, decimals: int = 0) -> str:
    """`12,345`, in Polish `12 345`."""
    return _page(context).words.number(value, decimals)


def phone(number: str | None) -> str:
    """`+48 600 100 200`; what is no number of the world's stays as it is."""
    return readable(number).replace(" ", "\N{NO-BREAK SPACE}") if number else ""


def zone_of(page: "Page") -> tzinfo:
    """The zone of whoever reads: their company's; an operator's is UTC."""
    try:
        return ZoneInfo(page.tenant.timezone) if page.tenant is not None else UTC
    except (ZoneInfoNotFoundError, ValueError):
        return UTC


def _time(moment: Micros, local: datetime, shown: str, element: Markup = _TIME) -> Markup:
    return element.format(to_rfc3339(moment), local.strftime("%Y-%m-%d %H:%M:%S %Z"), shown)


def _page(context: Context) -> "Page":
    page: Any = context["page"]
    return page  # type: ignore[no-any-return]


FILTERS: Final = {
    "when": when,
    "moment": at,
    "ago": ago,
    "money": money,
    "number": number,
    "phone": phone,
    "segment": segment,
}
