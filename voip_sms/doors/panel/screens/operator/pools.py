"""2way pools with their use and when they will be full; and all numbers by customer."""

from collections.abc import Sequence
from typing import Any, Final

from aiohttp import web
from babel.dates import format_datetime

from voip_sms.core.clock import DAY, to_datetime
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import Pool
from voip_sms.doors.panel.charts import Chart, Data, lines
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, parsed, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.traffic import PoolUse

POINTS: Final = 60
"""Dots of a line: a month at two a day."""


class Pools:
    """See above."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._network = rooms.operating.network
        self._traffic = rooms.operating.traffic

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one, new = f"{OPERATOR}/pools", f"{OPERATOR}/pools/{{name}}", f"{OPERATOR}/new-pool"
        return [
            Route("GET", here, "operator_pools", self.listing, "network", menu=marked("Numbers and pools")),
            Route("GET", new, "operator_new_pool", self.blank, "network"),
            Route("POST", new, "operator_new_pool", self.make, "network"),
            Route("GET", one, "operator_pool", self.show, "network"),
            Route("POST", one, "operator_pool", self.change, "network"),
            Route("POST", f"{one}/remove", "operator_pool_remove", self.remove, "network"),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """The pools with their use, and the numbers of customers."""
        directory = self._rooms.directory()
        wanted = page.arg("q").replace(" ", "").lower()
        numbers = [
            (one, directory.tenants[one.tenant_id].name)
            for one in sorted(directory.numbers.values(), key=lambda one: one.e164)
            if one.tenant_id in directory.tenants
        ]
        return page.render(
            "operator/pools.html",
            pools=[(one, await self._traffic.pool(name)) for name, one in sorted(directory.pools.items())],
            numbers=[(one, name) for one, name in numbers if wanted in one.e164 or wanted in name.lower()][
                :NUMBERS
            ],
            all=len(numbers),
            form=Form({"q": page.arg("q")}),
        )

    async def show(self, page: Page) -> web.StreamResponse:
        """One with its trend, its numbers and its settings."""
        shown = await self._object(page)
        return await self._one(page, shown, Form({**shown, "numbers": "\n".join(shown["numbers"])}))

    async def change(self, page: Page) -> web.StreamResponse:
        """Other numbers, another window or carrier."""
        posted, name = await page.form(), page.named("name")
        try:
            wanted = parsed(page, Pool, {"name": name, **_given(posted)})
            await self._network.put(wanted, page.by, seen=posted.get("seen", ""))
        except Refusal as error:
            form = Form.of(posted, wrong(error, page))
            return await self._one(page, await self._object(page), form, error.code.http)
        return page.to(page.link("operator_pool", name=name), page.words("Saved."))

    async def blank(self, page: Page) -> web.StreamResponse:
        """The form of a new one."""
        return self._new(page, Form({"window": "7d"}))

    async def make(self, page: Page) -> web.StreamResponse:
        """A new one."""
        posted = await page.form()
        try:
            wanted = parsed(page, Pool, {"name": posted.get("name", "").strip(), **_given(posted)})
            await self._network.put(wanted, page.by, new=True)
        except Refusal as error:
            return self._new(page, Form.of(posted, wrong(error, page)), error.code.http)
        return page.to(page.link("operator_pool", name=wanted.name), page.words("The pool is there."))

    async def remove(self, page: Page) -> web.StreamResponse:
        """Take one away that nobody shows as sender."""
        posted, name = await page.form(), page.named("name")
        work = self._network.remove("pools", f"pools[{name}]", page.by, seen=posted.get("seen", ""))
        errors = await attempt(page, work)
        if errors:
            return page.to(page.link("operator_pool", name=name), " ".join(errors.values()), "bad")
        return page.to(page.link("operator_pools"), page.words("The pool is gone."))

    # --- one pool -------------------------------------------------------------------------------------------

    async def _object(self, page: Page) -> dict[str, Any]:
        return await self._network.object("pools", f"pools[{page.named('name')}]")

    def _carriers(self) -> list[tuple[str, str]]:
        return [(name, name) for name in sorted(self._rooms.directory().carriers)]

    def _new(self, page: Page, form: Form, status: int = 200) -> web.Response:
        return page.render("operator/new_pool.html", status=status, form=form, carriers=self._carriers())

    async def _one(
        self, page: Page, shown: dict[str, Any], form: Form, status: int = 200
    ) -> web.StreamResponse:
        name = shown["name"]
        use, leases = await self._traffic.pool(name), await self._traffic.leases(name)
        return page.render(
            "operator/pool.html",
            status=status,
            shown=shown,
            form=form,
            use=use,
            leases=sorted(leases.items(), key=lambda one: (-one[1], one[0]))[:NUMBERS],
            chart=_chart(page, use) if len(use.samples) > 1 else None,
            carriers=self._carriers(),
            soon=use.full_at is not None and use.full_at - page.now < SOON,
        )


NUMBERS: Final = 500
"""Rows of a list on one page; of more there is a search."""
SOON: Final = 14 * DAY
"""To rent numbers takes about that long."""


def _chart(page: Page, use: PoolUse) -> Chart:
    every = max(1, -(-len(use.samples) // POINTS))
    zone, language = zone_of(page), page.words.language

    def label(at: int) -> str:
        return str(format_datetime(to_datetime(at).astimezone(zone), "d MMM HH:mm", locale=language))

    chosen = [one for place, one in enumerate(reversed(use.samples)) if place % every == 0][::-1]
    points = [(label(at), (leases,)) for at, leases in chosen]
    words = page.words
    return lines(
        Data(
            "leases",
            words("Pairs of number and recipient"),
            words("Beginning"),
            (words("Leased"),),
            points,
            words.number,
        )
    )


def _given(posted: Posted) -> dict[str, Any]:
    numbers = posted.get("numbers", "").replace(",", "\n").replace(";", "\n").splitlines()
    return {
        "carrier": posted.get("carrier", ""),
        "window": posted.get("window", "").strip(),
        "numbers": [one.strip() for one in numbers if one.strip()],
    }
