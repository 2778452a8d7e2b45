"""Price lists: what is in force, what comes; new rates count from a day on, so that the past stays."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core.clock import DAY
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import PriceList
from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.problems import InvalidError
from voip_sms.core.resources.values import to_micros
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, parsed, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.accounts.seen import seen_of
from voip_sms.engine.network_objects import day_of

_LINE: Final = re.compile(r"(\+?[0-9]+|\+)\s*[\s;:=,]\s*([0-9]+(?:[.,][0-9]+)?)", re.ASCII)
"""A prefix and an amount, as spreadsheets and people part them."""

Shown = dict[str, Any]


class Prices:
    """See above. Prices in force are never changed here: `engine.network` refuses that."""

    def __init__(self, rooms: Rooms) -> None:
        self._network = rooms.operating.network
        self._rooms = rooms

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one, new = f"{OPERATOR}/prices", f"{OPERATOR}/prices/{{name}}", f"{OPERATOR}/new-prices"
        return [
            Route("GET", here, "operator_prices", self.listing, "prices", menu=marked("Prices")),
            Route("GET", new, "operator_new_prices", self.blank, "prices"),
            Route("POST", new, "operator_new_prices", self.make, "prices"),
            Route("GET", one, "operator_price_list", self.show, "prices"),
            Route("POST", one, "operator_price_list", self.write, "prices"),
            Route("POST", f"{one}/withdraw", "operator_withdraw_prices", self.withdraw, "prices"),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """By name, with what is in force today and who has it."""
        lists: dict[str, list[Shown]] = {}
        for one in await self._network.objects("price_lists"):
            lists.setdefault(one["name"], []).append(one)
        today = day_of(page.now)
        customers = self._rooms.directory().tenants.values()
        return page.render(
            "operator/prices.html",
            lists=[
                {
                    "name": name,
                    "currency": dated[0]["currency"],
                    "force": _in_force(dated, today),
                    "coming": [one for one in dated if one["valid_from"] > today],
                    "customers": sum(one.price_list == name for one in customers),
                }
                for name, dated in sorted(lists.items())
            ],
        )

    async def show(self, page: Page) -> web.StreamResponse:
        """One list, all its days, and the form of the next."""
        dated = await self._dated(page)
        chosen = next((one for one in dated if one["valid_from"] == page.arg("from")), None)
        today = day_of(page.now)
        chosen = chosen or _in_force(dated, today) or dated[0]
        return self._one(page, dated, chosen, _next(chosen, page))

    async def write(self, page: Page) -> web.StreamResponse:
        """New rates from a day on, or others for a day that is to come."""
        posted, name = await page.form(), page.named("name")
        dated = await self._dated(page)
        try:
            wanted = _prices(page, posted, name, dated[0]["currency"])
            made = await self._network.put_prices(wanted, page.by, seen=posted.get("seen", ""))
        except Refusal as error:
            form = Form.of(posted, wrong(error, page, "valid_from"))
            return self._one(page, dated, dated[0], form, error.code.http)
        back = page.link("operator_price_list", name=name, **{"from": made["valid_from"]})
        return page.to(
            back, page.words("The rates are kept; they count from %(day)s on.", day=made["valid_from"])
        )

    async def withdraw(self, page: Page) -> web.StreamResponse:
        """Rates that are to come do not."""
        posted, name = await page.form(), page.named("name")
        work = self._network.withdraw_prices(posted.get("id", ""), page.by, seen=posted.get("seen", ""))
        errors = await attempt(page, work)
        if errors:
            return page.to(page.link("operator_price_list", name=name), " ".join(errors.values()), "bad")
        return page.to(page.link("operator_prices"), page.words("Those rates will not come."))

    async def blank(self, page: Page) -> web.StreamResponse:
        """The form of a new list."""
        usual = {"currency": "PLN", "valid_from": day_of(page.now), "rates": "+48 0.29\n"}
        return page.render("operator/new_prices.html", form=Form(usual))

    async def make(self, page: Page) -> web.StreamResponse:
        """A new list; customers are given it on their pages."""
        posted = await page.form()
        name = posted.get("name", "").strip()
        try:
            if any(one["name"] == name for one in await self._network.objects("price_lists")):
                raise InvalidError([Complaint(("name",), page.words("There is a list of this name already"))])
            wanted = _prices(page, posted, name, posted.get("currency", "").strip().upper())
            await self._network.put_prices(wanted, page.by)
        except Refusal as error:
            form = Form.of(posted, wrong(error, page, "valid_from"))
            return page.render("operator/new_prices.html", status=error.code.http, form=form)
        return page.to(page.link("operator_price_list", name=name), page.words("The price list is there."))

    async def _dated(self, page: Page) -> list[Shown]:
        """One list's days, the newest first."""
        name = page.named("name")
        found = [one for one in await self._network.objects("price_lists") if one["name"] == name]
        if not found:
            raise Refusal("not_found")
        return sorted(found, key=lambda one: str(one["valid_from"]), reverse=True)

    def _one(
        self, page: Page, dated: Sequence[Shown], chosen: Shown, form: Form, status: int = 200
    ) -> web.Response:
        today = day_of(page.now)
        force = _in_force(dated, today)
        return page.render(
            "operator/price_list.html",
            status=status,
            dated=dated,
            chosen={**chosen, "seen": seen_of(chosen), "rates": _counted(chosen)},
            force=None if force is None else force["valid_from"],
            today=today,
            form=form,
        )


def _counted(chosen: Shown) -> list[Shown]:
    """The rates with their amounts as numbers, for the reader's way to write them."""
    return [{**rate, "micros": to_micros(rate["amount"])} for rate in chosen["rates"]]


def _in_force(dated: Sequence[Shown], today: str) -> Shown | None:
    """The newest that has begun."""
    return max((one for one in dated if one["valid_from"] <= today), key=_begins, default=None)


def _begins(one: Shown) -> str:
    return str(one["valid_from"])


def _next(chosen: Shown, page: Page) -> Form:
    """The form, filled with what is there: of a list to come that one, else new rates from tomorrow on."""
    comes = chosen["valid_from"] > day_of(page.now)
    return Form(
        {
            "valid_from": chosen["valid_from"] if comes else day_of(page.now + DAY),
            "rates": "".join(f"{one['prefix']} {one['amount']}\n" for one in chosen["rates"]),
            "seen": seen_of(chosen) if comes else "",
        }
    )


def _prices(page: Page, posted: Posted, name: str, currency: str) -> PriceList:
    rates = _rates(posted.get("rates", ""), page)
    given: Mapping[str, Any] = {
        "name": name,
        "currency": currency,
        "valid_from": posted.get("valid_from", "").strip(),
        "rates": rates,
    }
    return parsed(page, PriceList, given)


def _rates(text: str, page: Page) -> list[dict[str, str]]:
    """`+48 0.29` on every line; InvalidError names the first line that is none."""
    found = []
    for place, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        match = _LINE.fullmatch(line.strip())
        if match is None:
            text = page.words("Line %(line)s: write a prefix and an amount, such as +48 0.29", line=place)
            raise InvalidError([Complaint(("rates",), text)])
        prefix = match[1]
        found.append(
            {
                "prefix": prefix if prefix.startswith("+") else f"+{prefix}",
                "amount": match[2].replace(",", "."),
            }
        )
    if not found:
        raise InvalidError([Complaint(("rates",), page.words("A list without rates sells nothing"))])
    return found
