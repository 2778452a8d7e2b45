"""The simulator's HTTP API: handsets to read and write from, faults to arm, the log to witness."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final, NoReturn

import orjson
from aiohttp import web
from pydantic import TypeAdapter, ValidationError

from voip_sms.core.failures import Refusal
from voip_sms.net.http.origin import is_foreign
from voip_sms.simulator.centre import MessageCentre
from voip_sms.simulator.deliveries import QueueFullError
from voip_sms.simulator.faults import Fault, TooManyFaultsError
from voip_sms.simulator.handsets import Outgoing, PartsOrderError
from voip_sms.simulator.log import shown
from voip_sms.simulator.page.routes import Page
from voip_sms.simulator.requests import SendRequest
from voip_sms.wire.smpp import EncodeError

# A text of 255 parts takes under 100 kB as JSON.
MAX_BODY: Final = 256 * 1024
# Entries of the log written in one go: some milliseconds of the loop.
_CHUNK: Final = 500
_PROBLEM: Final = "application/problem+json"

_FAULT: Final[TypeAdapter[Fault]] = TypeAdapter(Fault)
_CENTRE: Final = web.AppKey("centre", MessageCentre)


def application(centre: MessageCentre) -> web.Application:
    """The web application over one message centre: the API, and the page beside it."""
    app = web.Application(client_max_size=MAX_BODY, middlewares=[_problems])
    app[_CENTRE] = centre
    app.add_routes(Page(centre).routes())
    app.add_routes(
        [
            web.get("/handsets", _handsets),
            web.get("/handsets/{n}/messages", _messages),
            web.post("/handsets/{n}/send", _send),
            web.get("/faults", _armed),
            web.post("/faults", _arm),
            web.delete("/faults", _clear),
            web.delete("/faults/{id}", _clear),
            web.get("/log", _log),
        ]
    )
    return app


async def _handsets(request: web.Request) -> web.Response:
    numbers = request.app[_CENTRE].handsets.numbers()
    return _json({"data": [{"number": _shown_number(number)} for number in numbers]})


async def _messages(request: web.Request) -> web.Response:
    return _json({"data": request.app[_CENTRE].handsets.messages(_number(request))})


async def _send(request: web.Request) -> web.Response:
    asked = SendRequest.model_validate_json(await request.read())
    order = tuple(asked.parts_order) if asked.parts_order else None
    outgoing = Outgoing(asked.to, asked.text, order)
    return _json({"id": request.app[_CENTRE].send(_number(request), outgoing)}, status=202)


async def _armed(request: web.Request) -> web.Response:
    return _json({"data": request.app[_CENTRE].armed()})


async def _arm(request: web.Request) -> web.Response:
    fault = _FAULT.validate_json(await request.read())
    return _json({"id": request.app[_CENTRE].arm(fault)})


async def _clear(request: web.Request) -> web.Response:
    identifier = request.match_info.get("id")
    removed = request.app[_CENTRE].clear_faults(identifier)
    if identifier and not removed:
        return _problem(404, "not_found", "There is no such fault")
    return _json({"removed": removed})


async def _log(request: web.Request) -> web.StreamResponse:
    """All entries after N, in pieces: the loop goes on between them."""
    entries = request.app[_CENTRE].log.after(_whole(request, "after"))
    response = web.StreamResponse(headers={"Content-Type": "application/json"})
    await response.prepare(request)
    opening = b'{"data":['
    chunk: list[bytes] = []
    for entry in entries:
        chunk.append(orjson.dumps(shown(entry)))
        if len(chunk) == _CHUNK:
            await response.write(opening + b",".join(chunk))
            opening = b","
            chunk.clear()
            # A write that fits the socket's buffer doesn't give way: without this the loop would stand still.
            await asyncio.sleep(0)
    if chunk:
        await response.write(opening + b",".join(chunk))
    elif opening != b",":
        await response.write(opening)
    await response.write_eof(b"]}")
    return response


@web.middleware
async def _problems(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    try:
        _check_origin(request)
        return await handler(request)
    except ValidationError as error:
        return _invalid(error)
    except Refusal as error:
        return _problem(422, error.code.name, error.detail)
    except (PartsOrderError, EncodeError) as error:
        return _problem(422, "invalid", str(error))
    except (QueueFullError, TooManyFaultsError):
        return _problem(503, "full", "Too much is waiting here already", {"Retry-After": "1"})
    except web.HTTPException as error:
        return _problem(error.status, _CODES.get(error.status, "error"), error.reason)


def _check_origin(request: web.Request) -> None:
    """Any page on the web could have a reader's browser send something to loopback."""
    if request.method not in _SAFE and is_foreign(request):
        raise web.HTTPForbidden(reason="Not for a page of another site")


_SAFE: Final = frozenset({"GET", "HEAD"})
_CODES: Final = {403: "forbidden", 404: "not_found", 405: "method_not_allowed", 413: "too_large"}


def _invalid(error: ValidationError) -> web.Response:
    found = error.errors(include_url=False, include_context=False, include_input=False)
    if any(one["type"] == "json_invalid" for one in found):
        return _problem(400, "malformed", "The body is no JSON")
    listed = [
        {
            "pointer": "".join(f"/{step}" for step in one["loc"]),
            "code": one["type"],
            "detail": one["msg"],
        }
        for one in found
    ]
    return _problem(422, "invalid", "The request has the wrong shape", errors=listed)


def _problem(
    status: int,
    code: str,
    detail: str,
    headers: dict[str, str] | None = None,
    errors: list[dict[str, str]] | None = None,
) -> web.Response:
    """RFC 9457."""
    body: dict[str, object] = {
        "type": "about:blank",
        "title": detail,
        "status": status,
        "detail": detail,
        "code": code,
    }
    if errors:
        body["errors"] = errors
    return web.Response(body=orjson.dumps(body), status=status, content_type=_PROBLEM, headers=headers)


def _json(value: object, status: int = 200) -> web.Response:
    return web.Response(body=orjson.dumps(value), status=status, content_type="application/json")


def _number(request: web.Request) -> str:
    """The handset in the path: digits, `+` optional; a name, for what no person sends."""
    return request.match_info["n"].strip().removeprefix("+")


def _shown_number(number: str) -> str:
    return f"+{number}" if number.isdigit() else number


def _whole(request: web.Request, name: str) -> int:
    text = request.query.get(name, "0")
    if not (text.isascii() and text.isdigit() and len(text) <= 18):  # noqa: PLR2004 - fits 64 bits
        _bad_query(name)
    return int(text)


def _bad_query(name: str) -> NoReturn:
    raise web.HTTPUnprocessableEntity(reason=f"{name} is a whole number, 0 or more")
