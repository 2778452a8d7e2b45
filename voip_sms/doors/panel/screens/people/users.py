"""People: of a company for its administrators, of every company and of the service for operators."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.audit import TENANT
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal
from voip_sms.core.people import Role, User
from voip_sms.core.resources.people import NewUser, UserPatch
from voip_sms.doors.panel.frame.forms import WHOLE, Form, Posted, read, refused
from voip_sms.doors.panel.frame.page import Page
from voip_sms.doors.panel.frame.paging import PAGE, PageOf, page_of
from voip_sms.doors.panel.frame.routes import ROOT, Route
from voip_sms.doors.panel.frame.words import marked
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.doors.panel.screens.configuration import identities
from voip_sms.doors.panel.screens.configuration.objects import Once
from voip_sms.engine.people.users import sight

USER: Final = "usr"
"""What ids of people begin with, outside."""
_HERE: Final = f"{ROOT}/users"

Named = tuple[str, User]
"""Somebody by their id outside."""


class Users:
    """Whose people they are: an administrator's own; an operator says it (`?tenant=ten_…`), or means ours."""

    def __init__(self, rooms: Rooms) -> None:
        self._rooms = rooms
        self._once = Once()

    def routes(self) -> Sequence[Route]:
        """Its part of the table."""
        one = f"{_HERE}/{{id}}"
        return [
            Route("GET", _HERE, "users", self.overview, "people", menu=marked("Users")),
            Route("GET", f"{_HERE}/new", "user_new", self.new, "people"),
            Route("POST", f"{_HERE}/new", "user_new", self.create, "people"),
            Route("GET", one, "user", self.show, "people"),
            Route("POST", one, "user", self.change, "people"),
            Route("POST", f"{one}/link", "user_link", self.invite, "people"),
        ]

    async def overview(self, page: Page) -> web.StreamResponse:
        """All of them; a company whose operator looks after its people is told so."""
        whose = _Whose(page)
        if not whose.may:
            return page.render("people/users_not.html")
        people = await self._rooms.users.list(page.user, whose.tenant_id)
        listed = [(ids.to_text(USER, one.id), one) for one in people]
        return page.render("people/users.html", people=_page(page, listed), whose=whose)

    # --- new ---

    async def new(self, page: Page) -> web.StreamResponse:
        """The form."""
        whose = _Whose(page)
        if not whose.may:
            raise Refusal("forbidden")
        language = page.words.language
        form = Form({"role": whose.roles[-1], "language": language, "identity": "default:"})
        return self._form(page, whose, form)

    async def create(self, page: Page) -> web.StreamResponse:
        """Make somebody; a mail brings them the link that sets their password."""
        posted = await page.form()
        whose = _Whose(page, posted)
        fields = _fields(posted, "mail", "name", "role", "language", "identity")
        new, errors = read(NewUser, fields, page.words)
        if new is None:
            return self._form(page, whose, Form.of(posted, errors), status=422)
        try:
            await self._once.do(page, posted, lambda: self._made(page, whose, new))
        except Refusal as error:
            return self._form(page, whose, Form.of(posted, _refused(page, error, "mail")), status=422)
        said = page.words("%(name)s gets a mail with a link to set a password.", name=new.name)
        return page.to(whose.overview, said)

    # --- one ---

    async def show(self, page: Page) -> web.StreamResponse:
        """Somebody, and what may be changed of them."""
        whose = _Whose(page)
        person = await self._named(page, whose)
        return self._form(page, whose, _form_of(person), person)

    async def change(self, page: Page) -> web.StreamResponse:
        """Another name, role, language or sender; on or off."""
        posted = await page.form()
        whose = _Whose(page, posted)
        person = await self._named(page, whose)
        fields = _fields(posted, "name", "role", "language", "identity")
        patch, errors = read(UserPatch, {**fields, "enabled": posted.get("enabled") == "1"}, page.words)
        if patch is None:
            return self._form(page, whose, Form.of(posted, errors), person, 422)
        try:
            changed = await self._rooms.users.change(
                page.user, whose.tenant_id, person.id, _meant(patch, person), seen=posted.get("seen", "")
            )
        except Refusal as error:
            return self._form(page, whose, Form.of(posted, _refused(page, error, WHOLE)), person, 422)
        return page.to(whose.overview, page.words("%(name)s: saved.", name=changed.name))

    async def invite(self, page: Page) -> web.StreamResponse:
        """A link by mail once more."""
        posted = await page.form()
        whose = _Whose(page, posted)
        person = await self._named(page, whose)
        try:
            await self._once.do(page, posted, lambda: self._invited(page, whose, person))
        except Refusal as error:
            return self._form(page, whose, _form_of(person, _refused(page, error, WHOLE)), person, 422)
        said = page.words("A mail with a link is on its way to %(mail)s.", mail=person.mail)
        return page.to(whose.overview, said)

    async def _made(self, page: Page, whose: "_Whose", new: NewUser) -> Mapping[str, User]:
        return {"person": await self._rooms.users.create(page.user, whose.tenant_id, new)}

    async def _invited(self, page: Page, whose: "_Whose", person: User) -> Mapping[str, User]:
        return {"person": await self._rooms.users.invite(page.user, whose.tenant_id, person.id)}

    async def _named(self, page: Page, whose: "_Whose") -> User:
        user_id = page.id(USER)
        people = await self._rooms.users.list(page.user, whose.tenant_id)
        found = next((one for one in people if one.id == user_id), None)
        if found is None:
            raise Refusal("not_found")
        return found

    def _form(
        self, page: Page, whose: "_Whose", form: Form, person: User | None = None, status: int = 200
    ) -> web.Response:
        values: dict[str, Any] = {"form": form, "whose": whose, "person": person}
        if person is not None:
            values |= {"id": ids.to_text(USER, person.id), "seen": sight(person)}
            values["oneself"] = person.id == page.user.id
        if page.tenant is not None:
            current = None if person is None else _shown(person)
            values["senders"] = [one[:2] for one in identities.choices(page, current)]
        return page.render("people/users_one.html", status=status, **values)


def _page(page: Page, listed: Sequence[Named]) -> PageOf[Named]:
    """By address; a page begins after the person that the one before ended with."""
    after = page.arg("after")
    start = next((place for place, (text, _) in enumerate(listed, 1) if text == after), 0)
    shown = listed[start : start + PAGE]
    return page_of(page, shown, shown[-1][0] if start + PAGE < len(listed) else "")


class _Whose:
    """Of whom a page is; what an operator said travels in the query and in forms."""

    def __init__(self, page: Page, posted: Posted | None = None) -> None:
        self.tenant_id: Id = page.tenant_id
        self.tenant = page.arg("tenant") if posted is None else posted.get("tenant", "")
        self.roles: Sequence[Role] = ("admin", "user")
        self.company = "" if page.tenant is None else page.tenant.name
        self.may = page.tenant is None or page.tenant.self_service
        if page.user.is_operator and self.tenant:
            self.tenant_id = _tenant_id(self.tenant)
            tenant = page.rooms.directory().tenants.get(self.tenant_id)
            if tenant is None:
                raise Refusal("not_found")
            self.company = tenant.name
        elif page.user.is_operator:
            self.roles = ("operator",)
        else:
            self.tenant = ""
        self.query: Mapping[str, str] = {"tenant": self.tenant} if self.tenant else {}
        self.overview = page.link("users", **self.query)
        self.ours = self.tenant_id == NO_TENANT


def _tenant_id(text: str) -> Id:
    try:
        return ids.from_text(TENANT, text)
    except ids.IdInvalidError:
        raise Refusal("not_found") from None


def _fields(posted: Posted, *names: str) -> dict[str, Any]:
    """What was filled in, as a resource has it."""
    given: dict[str, Any] = {name: posted.get(name, "").strip() for name in names if name in posted}
    if "identity" in given:
        given["identity"] = identities.identity_of(given["identity"])
    return given


def _meant(patch: UserPatch, person: User) -> UserPatch:
    """Without what stays as it is: nobody may change their own role, and everybody their own name."""
    same = {"role": person.role, "enabled": person.enabled}
    kept = {name for name in patch.model_fields_set if getattr(patch, name) != same.get(name, object())}
    return UserPatch.model_validate(patch.model_dump(include=kept))


def _shown(person: User) -> dict[str, str]:
    return {"kind": person.identity.kind, "value": person.identity.value}


def _form_of(person: User, errors: Mapping[str, str] | None = None) -> Form:
    shown = {name: getattr(person, name) for name in ("mail", "name", "role", "language")}
    sender = identities.text_of(_shown(person))
    return Form({**shown, "identity": sender, "enabled": person.enabled}, errors or {})


def _refused(page: Page, error: Refusal, taken: str) -> Mapping[str, str]:
    """Why not, at its field. `taken`: the field of what is there already."""
    match error.code.name:
        case "not_found" | "unauthorized":
            raise error
        case "conflict" if taken != WHOLE:
            return {taken: page.words(_TAKEN)}
        case "conflict":
            return {WHOLE: page.words(_CONFLICTS.get(error.detail, _MEANWHILE))}
        case "forbidden":
            return {WHOLE: page.words(_OWN)}
        case "rate_limited":
            return {WHOLE: page.words(_ENOUGH)}
    return refused(error, page.words)


_TAKEN: Final = marked("Somebody signs in with this address already.")
_MEANWHILE: Final = marked("Somebody changed it meanwhile. Look it over, and save again if you mean it.")
_CONFLICTS: Final[Mapping[str, str]] = {
    "somebody must stay who administers this": marked("Somebody must stay who administers this."),
    "whoever is switched off gets no link": marked("Whoever is switched off gets no link."),
}
_OWN: Final = marked("Nobody changes their own role or switches themselves off.")
_ENOUGH: Final = marked("They were mailed enough links within the hour.")
