"""Customers: who they are, what they may spend, what they have in counts; never what they write."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from zoneinfo import available_timezones

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.audit import TENANT
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import OwnNumber, Tenant
from voip_sms.core.resources.answers import NUMBER
from voip_sms.core.resources.people import NewUser
from voip_sms.core.resources.values import to_micros
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, page_of
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.operator.forms import attempt, parsed, switch, wrong
from voip_sms.doors.panel.screens.operator.places import OPERATOR, after

_TEXTS: Final = ("timezone", "language", "transliterate")
_BOXES: Final = ("enabled", "self_service", "blocked_inbound", "keep_sent_text")
_USUAL: Final[Mapping[str, Any]] = {
    "timezone": "Europe/Warsaw",
    "language": "pl",
    "transliterate": "never",
    "enabled": True,
    "keep_sent_text": True,
    "self_service": True,
}
_NUMBERS: Final = ("own_mobile", "ndi", "sci", "nd", "sc", "foreign", "premium", "ndi_mms")
_KINDS: Final[Mapping[str, str]] = {
    "own_mobile": marked("own mobile"),
    "ndi": marked("access number of its own (NDI)"),
    "sci": marked("short code of its own (SCI)"),
    "nd": marked("shared access number (ND)"),
    "sc": marked("shared short code (SC)"),
    "foreign": marked("foreign number"),
    "premium": marked("premium number"),
    "ndi_mms": marked("access number with MMS"),
}
COUNTED: Final[Mapping[str, str]] = {
    "users": marked("People"),
    "numbers": marked("Numbers"),
    "sip_accounts": marked("SIP accounts"),
    "mail_senders": marked("Mail senders"),
    "sender_names": marked("Sender names"),
    "forwards": marked("Forwards"),
    "keys": marked("API keys"),
    "ivr_flows": marked("Flows of calls"),
}


class Tenants:
    """See above. Whoever of the operator's makes a link sees it once; the audit log tells of it."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._network = rooms.operating.network

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        here, one, new = f"{OPERATOR}/tenants", f"{OPERATOR}/tenants/{{id}}", f"{OPERATOR}/new-tenant"
        return [
            Route("GET", here, "operator_tenants", self.listing, "tenants", menu=marked("Customers")),
            Route("GET", new, "operator_new_tenant", self.blank, "tenants"),
            Route("POST", new, "operator_new_tenant", self.make, "tenants"),
            Route("GET", one, "operator_tenant", self.show, "tenants"),
            Route("POST", one, "operator_tenant", self.change, "tenants"),
            Route("POST", f"{one}/credit", "operator_credit", self.credit, "tenants"),
            Route("POST", f"{one}/numbers", "operator_tenant_number", self.add_number, "tenants"),
            Route(
                "POST",
                f"{one}/numbers/{{number}}/remove",
                "operator_tenant_number_remove",
                self.remove_number,
                "tenants",
            ),
            Route("POST", f"{one}/people", "operator_tenant_people", self.add_person, "tenants"),
            Route("POST", f"{one}/link", "operator_tenant_link", self.make_link, "tenants"),
        ]

    async def listing(self, page: Page) -> web.StreamResponse:
        """Newest first, with what each may spend and sent today."""
        found, more = await self._rooms.oversight.customers(
            page.now, limit=PAGE, starting_after=after(page, TENANT)
        )
        following = ids.to_text(TENANT, found[-1].id) if more else ""
        shown = [(ids.to_text(TENANT, one.id), one) for one in found]
        return page.render("operator/tenants.html", pages=page_of(page, shown, following))

    async def blank(self, page: Page) -> web.StreamResponse:
        """The form of a new one."""
        return self._new(page, Form(dict(_USUAL)))

    async def make(self, page: Page) -> web.StreamResponse:
        """A new one; its first administrator is made on its page."""
        posted = await page.form()
        try:
            given = {"name": posted.get("name", "").strip(), **_given(posted)}
            made = await self._network.put(parsed(page, Tenant, given), page.by, new=True)
        except Refusal as error:
            return self._new(page, Form.of(posted, wrong(error, page)), error.code.http)
        text = page.words("The customer is there. Now give them credit and an administrator.")
        return page.to(page.link("operator_tenant", id=made["id"]), text)

    async def show(self, page: Page) -> web.StreamResponse:
        """One with its settings, money, numbers and people."""
        return await self._one(page, {})

    async def change(self, page: Page) -> web.StreamResponse:
        """Other settings."""
        posted = await page.form()
        before = await self._object(page)
        try:
            given = {"name": before["name"], **_given(posted)}
            await self._network.put(parsed(page, Tenant, given), page.by, seen=posted.get("seen", ""))
        except Refusal as error:
            forms = {"settings": Form.of(posted, wrong(error, page))}
            return await self._one(page, forms, error.code.http)
        return self._back(page, page.words("Saved."))

    async def credit(self, page: Page) -> web.StreamResponse:
        """More credit, or less; pressed twice it is given once."""
        posted = await page.form()
        try:
            amount = _amount(posted)
        except ValueError:
            errors: Mapping[str, str] = {"amount": page.words("Write an amount such as 100.00 or -5.50")}
        else:
            work = self._network.add_credit(page.id(TENANT), amount, page.by, seen=posted.get("seen", ""))
            errors = await attempt(page, work, "amount")
        if errors:
            return await self._one(page, {"credit": Form.of(posted, errors)}, 422)
        return self._back(page, page.words("The credit is changed."))

    async def add_number(self, page: Page) -> web.StreamResponse:
        """Give them a number."""
        posted, tenant_id = await page.form(), page.id(TENANT)
        try:
            given = {name: posted.get(name, "") for name in ("number", "kind", "carrier")}
            wanted = parsed(page, OwnNumber, given)
            await self._rooms.accounts.create(tenant_id, NUMBER, wanted, page.by)
        except Refusal as error:
            return await self._one(page, {"number": Form.of(posted, wrong(error, page, "number"))}, 422)
        return self._back(page, page.words("The number is theirs."))

    async def remove_number(self, page: Page) -> web.StreamResponse:
        """Take a number back; its forwards must be gone first."""
        tenant_id, number_id = page.id(TENANT), page.id(NUMBER, "number")
        errors = await attempt(page, self._rooms.accounts.remove(tenant_id, NUMBER, number_id, page.by))
        if errors:
            back = page.link("operator_tenant", id=page.request.match_info["id"])
            return page.to(back, " ".join(errors.values()), "bad")
        return self._back(page, page.words("The number is nobody's now."))

    async def add_person(self, page: Page) -> web.StreamResponse:
        """Make somebody; a mail brings them the link that sets their password."""
        posted, tenant_id = await page.form(), page.id(TENANT)
        try:
            given = {name: posted.get(name, "").strip() for name in ("mail", "name", "role", "language")}
            wanted = parsed(page, NewUser, given)
            await self._rooms.users.create(page.user, tenant_id, wanted)
        except Refusal as error:
            return await self._one(page, {"person": Form.of(posted, wrong(error, page, "mail"))}, 422)
        return self._back(page, page.words("They are there; a mail brings them the way in."))

    async def make_link(self, page: Page) -> web.StreamResponse:
        """A link that sets somebody's password, for whom no mail reaches; shown this once."""
        posted, tenant_id = await page.form(), page.id(TENANT)
        mail = posted.get("mail", "")
        if mail not in {one.mail for one in await self._rooms.users.list(page.user, tenant_id)}:
            raise Refusal("not_found")
        back = page.link("operator_tenant", id=page.request.match_info["id"])
        try:
            url = await self._rooms.links.make(mail, "password", page.by)
        except Refusal as error:
            return page.to(back, wrong(error, page)[WHOLE], "bad")
        return page.render("operator/made_link.html", url=url, mail=mail, back=back)

    # --- one customer ---------------------------------------------------------------------------------------

    def _back(self, page: Page, notice: str) -> web.Response:
        return page.to(page.link("operator_tenant", id=page.request.match_info["id"]), notice)

    def _new(self, page: Page, form: Form, status: int = 200) -> web.Response:
        return page.render("operator/new_tenant.html", status=status, form=form, **self._choices())

    def _choices(self) -> dict[str, Any]:
        directory = self._rooms.directory()
        return {
            "price_lists": [("", "–"), *((name, name) for name in sorted(directory.prices))],
            "zones": sorted(available_timezones()),
        }

    async def _object(self, page: Page) -> dict[str, Any]:
        return await self._network.object("tenants", page.request.match_info["id"])

    async def _one(self, page: Page, forms: Mapping[str, Form], status: int = 200) -> web.StreamResponse:
        tenant_id = page.id(TENANT)
        shown = await self._object(page)
        directory = self._rooms.directory()
        own = (one for one in directory.numbers.values() if one.tenant_id == tenant_id)
        numbers = [(ids.to_text(NUMBER, one.id), one) for one in sorted(own, key=lambda one: one.e164)]
        empty = Form({"kind": "own_mobile", "language": shown["language"], "role": "admin"})
        return page.render(
            "operator/tenant.html",
            status=status,
            full=await self._rooms.oversight.customer(tenant_id, page.now),
            shown=shown,
            people=await self._rooms.users.list(page.user, tenant_id),
            numbers=numbers,
            settings=forms.get("settings", Form(shown)),
            credit=forms.get("credit", empty),
            number_form=forms.get("number", empty),
            person=forms.get("person", empty),
            kinds=[(kind, page.words(_KINDS[kind])) for kind in _NUMBERS],
            kind_of=_KINDS,
            carriers=[(name, name) for name in sorted(directory.carriers)],
            counted=COUNTED,
            **self._choices(),
        )


def _given(posted: Posted) -> dict[str, Any]:
    given: dict[str, Any] = {name: posted.get(name, "").strip() for name in _TEXTS}
    given |= {name: switch(posted, name) for name in _BOXES}
    if posted.get("price_list"):
        given["price_list"] = posted["price_list"]
    return given


def _amount(posted: Posted) -> int:
    """10^-6 units of `100`, `100.00`, `100,00` or `-5.50`; ValueError."""
    text = posted.get("amount", "").replace(" ", "").replace("\N{NO-BREAK SPACE}", "").replace(",", ".")
    amount = to_micros(text.removeprefix("-").removeprefix("+"))
    if not amount:
        raise ValueError("nothing")
    return -amount if text.startswith("-") else amount
