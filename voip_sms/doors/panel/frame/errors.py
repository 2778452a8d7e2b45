"""What went wrong as a page: in words that say what to do, with the status that programs understand."""

from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

import structlog
from aiohttp import web

from voip_sms.core.failures import Refusal
from voip_sms.doors.panel.frame.forms import told
from voip_sms.doors.panel.frame.words import Words, marked

TEMPLATE: Final = "frame/error.html"
log = structlog.get_logger(__name__)


class ForeignFormError(Exception):
    """A form that was not sent from a page of ours."""


@dataclass(frozen=True, slots=True)
class Wrong:
    """What a page of an error says. `again`: whether asking once more may help."""

    status: int
    heading: str
    text: str
    again: bool = False


def wrong(error: Exception, words: Words) -> Wrong:
    """Of what a handler raised, or the server said."""
    if isinstance(error, ForeignFormError):
        return Wrong(403, words("This form was not sent from here"), words(_FOREIGN))
    if isinstance(error, web.HTTPException):
        return _of_status(error.status, words)
    if isinstance(error, TimeoutError):
        return _of_status(503, words)
    if isinstance(error, Refusal):
        if error.code.http in _TEXTS:
            return _of_status(error.code.http, words)
        return Wrong(error.code.http, words("This could not be done"), told(error, words))
    return _of_status(500, words)


def note(error: Exception, method: str, name: str) -> None:
    """Write down what nobody foresaw; `name` is the route's: what was asked for is the customer's."""
    if isinstance(error, TimeoutError):
        log.warning("panel_too_slow", method=method, route=name)
    elif isinstance(error, ForeignFormError):
        log.warning("panel_form_from_elsewhere", route=name, hint="is panel.url what people type?")
    elif not isinstance(error, Refusal | web.HTTPException):
        log.error("panel_failed", method=method, route=name, exc_info=error)


def _of_status(status: int, words: Words) -> Wrong:
    known = _TEXTS.get(status)
    if known is None:
        return Wrong(status, words(HTTPStatus(status).phrase), words("This could not be done"))
    return Wrong(status, words(known[0]), words(known[1]), again=status in _TEMPORARY)


_TEMPORARY: Final = frozenset({408, 429, 500, 503})
_FOREIGN: Final = marked(
    "Nothing was done. Open the page again and send the form from there. If this stays so, whoever runs the"
    " service should check the panel's address in the settings."
)
_TEXTS: Final = {
    400: (
        marked("This request can't be read"),
        marked("Nothing was done. Go back, reload the page and try again."),
    ),
    403: (
        marked("This is not for you"),
        marked("Your role doesn't have this right. An administrator of your company can change that."),
    ),
    404: (
        marked("There is nothing here"),
        marked("The page was removed, or its address is not quite right."),
    ),
    405: (marked("This can't be opened like that"), marked("Go back and use the buttons of the page.")),
    408: (marked("That took too long"), marked("The form did not arrive whole. Please send it again.")),
    413: (
        marked("This is too much at once"),
        marked("A form takes 1 MB at most. Send it in several parts, or use the API."),
    ),
    429: (marked("Too many at once"), marked("Please wait a moment and try again.")),
    500: (
        marked("Something went wrong here"),
        marked("It was written down, and nothing was done by halves. Please try again."),
    ),
    503: (
        marked("The service can't answer right now"),
        marked("Its database is busy or being restarted. Nothing was lost; please try again in a moment."),
    ),
}
