"""Carriers: how each connection is, what it carried and refused, its settings, on and off."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web
from babel.dates import format_datetime

from voip_sms.core.clock import DAY, HOUR, to_datetime
from voip_sms.core.directory import Carrier
from voip_sms.core.failures import Refusal
from voip_sms.core.model import LinkState
from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.core.resources.problems import InvalidError
from voip_sms.doors.panel.charts import Chart, Data, bars
from voip_sms.doors.panel.frame.filters import zone_of
from voip_sms.doors.panel.frame.forms import Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, parsed, switch, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR
from voip_sms.engine.traffic import CarrierTraffic

SLICES: Final = 48
"""Groups of bars in one chart: on a phone still two pixels a bar."""
_DEFAULTS: Final[Mapping[str, str]] = {
    "port": "2775", "bind": "transceiver", "window": "10", "rate": "0", "long": "udh",
    "default_alphabet": "gsm7", "id_format": "auto", "receipts": "1",
}  # fmt: skip
_TEXTS: Final = ("host", "port", "system_id", "system_type", "window", "rate")
_CHOICES: Final = ("bind", "long", "default_alphabet", "id_format")
_BOXES: Final = ("tls", "receipts")


@dataclass(frozen=True, slots=True)
class Span:
    """How far a chart looks back. `pattern` writes the times along its floor (CLDR)."""

    key: str
    label: str
    length: int
    pattern: str


SPANS: Final = (
    Span("6h", marked("6 hours"), 6 * HOUR, "HH:mm"),
    Span("24h", marked("24 hours"), DAY, "HH:mm"),
    Span("7d", marked("7 days"), 7 * DAY, "d MMM"),
)


class Carriers:
    """See above. Settings that are changed connect the carrier anew, with what was on its way drained."""

    def __init__(self, rooms: Rooms) -> None:
        self._operating = rooms.operating
        self._metrics = rooms.metrics

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one, new = f"{OPERATOR}/carriers", f"{OPERATOR}/carriers/{{name}}", f"{OPERATOR}/new-carrier"
        return [
            Route("GET", here, "operator_carriers", self.listing, "network", menu=marked("Carriers")),
            Route("GET", new, "operator_new_carrier", self.blank, "network"),
            Route("POST", new, "operator_new_carrier", self.make, "network"),
            Route("GET", one, "operator_carrier", self.show, "network"),
            Route("POST", one, "operator_carrier", self.change, "network"),
            Route("POST", f"{one}/switch", "operator_carrier_switch", self.switch, "network"),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """All of them, as they are right now."""
        return page.render(
            "operator/carriers.html",
            links=self._operating.examination.links(),
            backlog=self._metrics.backlog.parts,
        )

    async def show(self, page: Page) -> web.StreamResponse:
        """One with its charts and its settings."""
        shown = await self._object(page)
        return await self._one(page, shown, Form(_values(shown)))

    async def change(self, page: Page) -> web.StreamResponse:
        """Other settings; an empty password field leaves it."""
        posted, name = await page.form(), page.named("name")
        try:
            wanted = parsed(page, SmppCarrier, {"name": name, **_given(posted)})
            await self._operating.network.put(wanted, page.by, seen=posted.get("seen", ""))
        except Refusal as error:
            errors = wrong(error, page)
            return await self._one(page, await self._object(page), Form.of(posted, errors), error.code.http)
        return page.to(page.link("operator_carrier", name=name), page.words("Saved; it is connected anew."))

    async def switch(self, page: Page) -> web.StreamResponse:
        """On or off: what it has in its hands is drained, what waits goes on waiting or takes another."""
        posted, name = await page.form(), page.named("name")
        enabled = switch(posted, "enabled")
        wanted = parsed(page, SmppCarrier, {"name": name, "enabled": enabled})
        errors = await attempt(
            page, self._operating.network.put(wanted, page.by, seen=posted.get("seen", ""))
        )
        back = page.link("operator_carrier", name=name)
        if errors:
            return page.to(back, " ".join(errors.values()), "bad")
        return page.to(
            back, page.words("It is switched on.") if enabled else page.words("It is switched off.")
        )

    async def blank(self, page: Page) -> web.StreamResponse:
        """The form of a new one."""
        return page.render("operator/new_carrier.html", form=Form(dict(_DEFAULTS)))

    async def make(self, page: Page) -> web.StreamResponse:
        """A new one; it is connected at once."""
        posted = await page.form()
        try:
            wanted = parsed(page, SmppCarrier, {"name": posted.get("name", ""), **_given(posted)})
            await self._operating.network.put(wanted, page.by, new=True)
        except Refusal as error:
            form = Form.of(posted, wrong(error, page))
            return page.render("operator/new_carrier.html", status=error.code.http, form=form)
        back = page.link("operator_carrier", name=wanted.name)
        return page.to(back, page.words("It is there, and is being connected."))

    # --- one carrier ----------------------------------------------------------------------------------------

    async def _object(self, page: Page) -> dict[str, Any]:
        name = page.named("name")
        return await self._operating.network.object("carriers", f"carriers[{name}]")

    async def _one(
        self, page: Page, shown: Mapping[str, Any], form: Form, status: int = 200
    ) -> web.StreamResponse:
        name = str(shown["name"])
        span = next((one for one in SPANS if one.key == page.arg("span")), SPANS[0])
        traffic = await self._operating.traffic.carrier(name, span.length, SLICES)
        carrier, link = _link(self._operating.examination.links(), name)
        return page.render(
            "operator/carrier.html",
            status=status,
            carrier=carrier,
            link_state=link,
            shown=shown,
            form=form,
            spans=[
                (page.link("operator_carrier", name=name, span=one.key), page.words(one.label), one is span)
                for one in SPANS
            ],
            traffic=traffic,
            chart=_chart(page, traffic, span),
            waiting=self._metrics.backlog.parts.get(name),
        )


def _link(links: Sequence[tuple[Carrier, LinkState]], name: str) -> tuple[Carrier, LinkState]:
    for carrier, link in links:
        if carrier.name == name:
            return carrier, link
    raise Refusal("not_found")


def _chart(page: Page, traffic: CarrierTraffic, span: Span) -> Chart:
    words, zone = page.words, zone_of(page)

    def label(at: int) -> str:
        return str(format_datetime(to_datetime(at).astimezone(zone), span.pattern, locale=words.language))

    points = [(label(one.at), (one.accepted, one.inbound, one.refused)) for one in traffic.slices]
    names = (words("Taken by the carrier"), words("Received"), words("Not taken"))
    return bars(
        Data("throughput", words("Messages in parts"), words("Beginning"), names, points, words.number)
    )


def _values(shown: Mapping[str, Any]) -> dict[str, Any]:
    """The settings as fields of the form."""
    return {**_DEFAULTS, "receipts": True, "tls": False, **shown["settings"], "seen": shown["seen"]}


def _given(posted: Posted) -> dict[str, Any]:
    """The fields that were filled in, as the resource names them."""
    given: dict[str, Any] = {name: posted.get(name, "").strip() for name in (*_TEXTS, *_CHOICES)}
    given |= {name: switch(posted, name) for name in _BOXES}
    for name in ("port", "window", "rate"):
        if not given[name]:
            del given[name]
    if posted.get("password"):
        given["password"] = posted["password"]
    if not given["host"]:
        raise InvalidError([Complaint(("host",), "missing; it is required")])
    return given
