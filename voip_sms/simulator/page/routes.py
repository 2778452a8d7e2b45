"""Serves the page: whole for everybody, by pieces for its script; forms change things and lead back."""

from collections.abc import Awaitable, Callable, Mapping
from importlib import resources
from typing import Any, Final

from aiohttp import web
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from pydantic import TypeAdapter, ValidationError

from voip_sms.core.failures import Refusal
from voip_sms.net.http.origin import from_our_page
from voip_sms.simulator.centre import MessageCentre
from voip_sms.simulator.deliveries import QueueFullError
from voip_sms.simulator.faults import Fault, TooManyFaultsError
from voip_sms.simulator.handsets import Outgoing
from voip_sms.simulator.page.switches import asked
from voip_sms.simulator.page.view import view
from voip_sms.simulator.requests import NewHandset, SendRequest
from voip_sms.wire.smpp import EncodeError

PUT_THERE_MOST: Final = 12
"""Handsets that somebody added: as many as the page shows; the first gives way."""

_FAULT: Final[TypeAdapter[Fault]] = TypeAdapter(Fault)
_HEADERS: Final = {
    # No inline script or style, nothing from elsewhere, in nobody's frame.
    "Content-Security-Policy": "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self';"
    " connect-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
    "X-Frame-Options": "DENY",
    "X-Content-Type-Options": "nosniff",
    # Our own forms still say where they come from: with no-referrer browsers send Origin: null.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_FILES: Final = {
    "simulator.css": "text/css",
    "simulator.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
_FULL: Final = "Too much is waiting already: try again when some of it is gone."
_FOREIGN: Final = "This form was not sent from this page, so nothing was done."

Form = Mapping[str, str]


class Page:
    """The page of one message centre. `put_there` are the handsets that somebody added by number."""

    def __init__(self, centre: MessageCentre) -> None:
        self._centre = centre
        self._put_there: list[str] = []
        loader = PackageLoader("voip_sms.simulator", "page")
        self._templates = Environment(
            loader=loader,
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self) -> list[web.RouteDef]:
        """All of it; the API's paths stay as they are."""
        return [
            web.get("/", self._page),
            web.get("/page/live", self._live),
            *(web.get(f"/page/{name}", _file(name, kind)) for name, kind in _FILES.items()),
            web.post("/page/send", self._form(self._send)),
            web.post("/page/handsets", self._form(self._add)),
            web.post("/page/handsets/remove", self._form(self._remove)),
            web.post("/page/faults", self._form(self._switch)),
            web.post("/page/faults/remove", self._form(self._disarm)),
        ]

    async def _page(self, _request: web.Request) -> web.Response:
        return self._shown()

    async def _live(self, request: web.Request) -> web.Response:
        """The page for its script; 204 while it would look as in revision `after`."""
        if request.query.get("after") == self._centre.revision:
            return web.Response(status=204, headers=_HEADERS)
        return self._shown()

    def _shown(self, error: str = "", typed: Form | None = None, status: int = 200) -> web.Response:
        shown = view(self._centre, self._put_there)
        text = self._templates.get_template("page.html").render(view=shown, error=error, typed=typed or {})
        return web.Response(text=text, status=status, content_type="text/html", headers=_HEADERS)

    # --- forms ----------------------------------------------------------------------------------------------

    def _form(self, act: Callable[[Form], str]) -> Callable[[web.Request], Awaitable[web.Response]]:
        """Handle a form: lead back to what it was about, or show the page with what is wrong."""

        async def handle(request: web.Request) -> web.Response:
            if not from_our_page(request):
                return self._shown(_FOREIGN, status=403)
            posted = await request.post()
            form = {name: value for name, value in posted.items() if isinstance(value, str)}
            try:
                where = act(form)
            except (ValidationError, Refusal, EncodeError) as error:
                return self._shown(_wrong(error), form, 422)
            except (QueueFullError, TooManyFaultsError):
                return self._shown(_FULL, form, 503)
            return web.Response(status=303, headers={**_HEADERS, "Location": f"/#{where}"})

        return handle

    def _send(self, form: Form) -> str:
        number = NewHandset.model_validate({"number": form.get("from", "")}).number
        to, text = _compact(form.get("to", "")), form.get("text", "")
        request = SendRequest.model_validate({"to": to, "text": text})
        self._centre.send(number, Outgoing(request.to, request.text.replace("\r\n", "\n")))
        return f"handset-{number}"

    def _add(self, form: Form) -> str:
        number = NewHandset.model_validate({"number": _compact(form.get("number", ""))}).number
        self._put_there = [*(one for one in self._put_there if one != number), number][-PUT_THERE_MOST:]
        return f"handset-{number}"

    def _remove(self, form: Form) -> str:
        self._put_there = [one for one in self._put_there if one != form.get("number")]
        return "handsets"

    def _switch(self, form: Form) -> str:
        kind = form.get("fault", "")
        if form.get("do") == "off":
            for one in self._centre.armed():
                if one["fault"] == kind:
                    self._centre.clear_faults(str(one["id"]))
        else:
            self._centre.arm(_FAULT.validate_python(asked(form)))
        return f"fault-{kind}"

    def _disarm(self, form: Form) -> str:
        self._centre.clear_faults(form.get("id") or "none")
        return "faults"


def _file(name: str, kind: str) -> Callable[[web.Request], Awaitable[web.Response]]:
    body = resources.files(__package__).joinpath(name).read_bytes()
    # An hour would show yesterday's script after an upgrade: it is small, and asked for once a visit.
    headers = {**_HEADERS, "Cache-Control": "no-cache"}

    async def serve(_request: web.Request) -> web.Response:
        return web.Response(body=body, content_type=kind, charset="utf-8", headers=headers)

    return serve


def _compact(number: str) -> str:
    """As people write numbers: spaces, dashes and brackets mean nothing."""
    return "".join(char for char in number if char not in " -()\u00a0")


def _wrong(error: ValidationError | Refusal | EncodeError) -> str:
    if isinstance(error, Refusal):
        return f"{error.detail}."
    if isinstance(error, EncodeError):
        return f"{error}."
    first: Any = error.errors(include_url=False, include_context=False, include_input=False)[0]
    name = str(first["loc"][-1]) if first["loc"] else "form"
    return f"{_NAMES.get(name, name)}: {_WORDS.get(first['type'], first['msg'])}."


_NAMES: Final = {"to": "Number", "number": "Number", "text": "Text", "count": "How many times", "ms": "Time"}
_WORDS: Final = {
    "string_pattern_mismatch": "2 to 20 digits, with or without +",
    "int_parsing": "a whole number",
    "greater_than_equal": "1 or more",
    "union_tag_invalid": "there is no such fault",
    "union_tag_not_found": "there is no such fault",
}
