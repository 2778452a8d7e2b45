"""One request of a person: who asks, in what language, with what form; and the answers a screen may give."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Final, Literal
from urllib.parse import parse_qsl

from aiohttp import web

from voip_sms.core import ids
from voip_sms.core.audit import By
from voip_sms.core.directory import Id, Micros, Tenant
from voip_sms.core.failures import Refusal
from voip_sms.core.people import Right, User
from voip_sms.doors.panel.frame.cookies import Cookies
from voip_sms.doors.panel.frame.forms import Posted
from voip_sms.doors.panel.frame.headers import dress
from voip_sms.doors.panel.frame.render import Templates
from voip_sms.doors.panel.frame.routes import Table, read_segment
from voip_sms.doors.panel.frame.seal import FIELD, Seal
from voip_sms.doors.panel.frame.words import Catalogues, Words
from voip_sms.doors.panel.rooms import Rooms
from voip_sms.engine.people.rows import SignedIn, Visit
from voip_sms.engine.people.sessions import Present
from voip_sms.net.http.server import body_of
from voip_sms.net.http.source import Proxies, source_of

Tone = Literal["good", "warn", "bad"]
ARGUMENT_LONGEST: Final = 512
_FIELDS_MOST: Final = 4_000
"""Of a form: a list of a thousand boxes, and no more work for who sends a megabyte of `&`."""
_NOTICE_LONGEST: Final = 600
"""Characters: with its mark it fits a cookie, also in Polish."""
_ONCE_LONGEST: Final = 64
_TOKEN_OCTETS: Final = 16


@dataclass(frozen=True, slots=True)
class Frame:
    """What all pages share. `random(n)`: n random octets; `proxies`: who says whence one asks."""

    templates: Templates
    table: Table
    catalogues: Catalogues
    seal: Seal
    random: Callable[[int], bytes]
    proxies: Proxies


@dataclass(frozen=True, slots=True)
class Told:
    """A notice of the page before."""

    text: str
    tone: Tone


@dataclass(slots=True)
class Page:
    """Made for one request. `present`: who is signed in, or None; `token`: their session's."""

    request: web.Request
    rooms: Rooms
    frame: Frame
    cookies: Cookies
    words: Words
    now: Micros
    present: Present | None = None
    token: str = field(default="", repr=False)
    _posted: Posted | None = field(default=None, repr=False)

    # --- who ---

    @property
    def user(self) -> User:
        """Whoever is signed in. Refusal `unauthorized` where nobody is."""
        if self.present is None:
            raise Refusal("unauthorized", "sign in again")
        return self.present.user

    @property
    def tenant_id(self) -> Id:
        """Whose person it is; of operators NO_TENANT."""
        return self.user.tenant_id

    @property
    def tenant(self) -> Tenant | None:
        """The company of whoever is signed in; None for operators and strangers."""
        if self.present is None:
            return None
        return self.rooms.directory().tenants.get(self.present.user.tenant_id)

    @property
    def by(self) -> By:
        """Whose act it is, for the audit log."""
        return By(f"user:{self.user.mail}", "panel")

    @property
    def visit(self) -> Visit:
        """Where they come from."""
        source = source_of(self.request, self.frame.proxies)
        return Visit(source, self.request.headers.get("User-Agent", ""))

    def may(self, right: Right) -> bool:
        """Whether whoever looks has it."""
        return self.present is not None and self.present.user.may(right)

    def enter(self, signed: SignedIn) -> None:
        """From this answer on the browser has this session: after a sign-in, or where another was opened."""
        self.present, self.token = Present(signed.user, signed.session), signed.token
        self.words = self.frame.catalogues.of(signed.user.language)
        self.cookies.set("sms", signed.token)
        self.cookies.set("sms-language", signed.user.language)  # also after signing out
        self.cookies.drop("sms-guest")

    def leave(self) -> None:
        """From this answer on the browser has none."""
        self.present, self.token = None, ""
        self.cookies.drop("sms")

    # --- what was asked ---

    def arg(self, name: str, default: str = "") -> str:
        """Of the query, stripped, at most 512 characters."""
        return _storable(self.request.query.get(name, default))[:ARGUMENT_LONGEST].strip()

    def named(self, name: str) -> str:
        """What a name in the path says."""
        return read_segment(self.request.match_info[name])

    def id(self, prefix: str, name: str = "id") -> Id:
        """Of the path: `fwd_…`. Refusal `not_found` for what is none."""
        try:
            return ids.from_text(prefix, self.request.match_info[name])
        except ids.IdInvalidError:
            raise Refusal("not_found") from None

    async def form(self) -> Posted:
        """The posted fields. The door has checked already that the form was ours."""
        if self._posted is None:
            if self.request.content_type != "application/x-www-form-urlencoded":
                raise Refusal("malformed", "send the form as the page does")
            body = await body_of(self.request)
            try:
                pairs = parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=_FIELDS_MOST)
            except ValueError:
                raise Refusal("malformed", "the form can't be read") from None
            fields = [(name, _storable(text.replace("\r\n", "\n"))) for name, text in pairs]
            self._posted = Posted(fields, _once_of(fields) or self.once())
        return self._posted

    @property
    def here(self) -> str:
        """Where this page is found again; of one that answered a form without a page there, the form's."""
        found = self.frame.table.page_at(self.request.rel_url.raw_path)
        return self.request.path_qs if found == self.request.rel_url.raw_path else found

    # --- what is answered ---

    def render(self, template: str, *, status: int = 200, **values: Any) -> web.Response:
        """A page."""
        text = self.frame.templates.render(template, self, {"status": status, **values})
        return web.Response(text=text, status=status, content_type="text/html", charset="utf-8")

    def to(self, path: str, notice: str = "", tone: Tone = "good") -> web.Response:
        """Go on there (303), with a notice shown once; `path` is ours, never what somebody typed."""
        if notice:
            told = [notice[:_NOTICE_LONGEST], tone]
            self.cookies.set("sms-notice", self.frame.seal.written(told, self.bound_to))
        return web.Response(status=303, headers={"Location": path})

    async def stream(self, content_type: str) -> web.StreamResponse:
        """An answer that is written bit by bit, begun with all headers that others have."""
        response = web.StreamResponse(headers={"Content-Type": content_type})
        self.dress(response)
        await response.prepare(self.request)
        return response

    def link(self, route: str, /, **values: object) -> str:
        """The path of a named route; what its path doesn't name goes into the query."""
        return self.frame.table.link(route, **values)

    def dress(self, response: web.StreamResponse) -> None:
        """Put headers and cookies on it, unless it is on its way already."""
        if not response.prepared:
            dress(response)
            self.cookies.write(response)

    # --- what a template asks ---

    @property
    def bound_to(self) -> str:
        """What this browser's forms are bound to: its session, or a visit that begins here."""
        if self.present is not None:
            return self.token
        guest = self.cookies.get("sms-guest")
        if not guest:
            guest = self.once()
            self.cookies.set("sms-guest", guest)
        return guest

    @property
    def csrf(self) -> str:
        """The token of this browser's forms."""
        return self.frame.seal.form(self.bound_to)

    def is_ours(self, posted: Posted) -> bool:
        """Whether a form was made for this browser."""
        return self.frame.seal.is_ours(posted.get(FIELD, ""), self.bound_to)

    def once(self) -> str:
        """A fresh token: what a form does with it, it does once."""
        return self.frame.random(_TOKEN_OCTETS).hex()

    def notice(self) -> Told | None:
        """What the page before has to say; it is said once."""
        written = self.cookies.get("sms-notice")
        if not written:
            return None
        self.cookies.drop("sms-notice")
        match self.frame.seal.read(written, self.bound_to):
            case [str(text), ("good" | "warn" | "bad") as tone]:
                return Told(text, tone)
        return None


def _storable(text: str) -> str:
    """Without what PostgreSQL takes in no text; people don't type it."""
    return text.replace("\0", "")


def _once_of(fields: list[tuple[str, str]]) -> str:
    """The form's token, if it looks like one of ours."""
    said = next((text for name, text in fields if name == "once"), "")
    return said if len(said) <= _ONCE_LONGEST and said.isascii() and said.isalnum() else ""
