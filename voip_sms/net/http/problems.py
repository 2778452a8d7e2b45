"""Answers as problem documents (RFC 9457), whatever went wrong."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

import orjson
import structlog
from aiohttp import web
from multidict import CIMultiDict

from voip_sms.core.failures import RETRY_AFTER_SECONDS, Nature, Refusal
from voip_sms.core.resources.problems import MEDIA_TYPE, problem

CHALLENGE: Final = 'Bearer realm="voip-sms"'
"""RFC 6750 section 3: what a 401 must carry."""
SERVER: Final = "voip-sms"
"""What every answer calls its server: no version, no library."""
_HEADERS: Final = {
    "Content-Type": MEDIA_TYPE,
    "Server": SERVER,
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}
# Statuses that the web server itself gives, and the code of ours that means the same.
_CODES: Final = {400: "malformed", 404: "not_found", 413: "too_large", 422: "invalid"}
_TRY_AGAIN: Final = frozenset({HTTPStatus.TOO_MANY_REQUESTS, HTTPStatus.SERVICE_UNAVAILABLE})


log = structlog.get_logger(__name__)


def answer_to(error: Exception, method: str, path: str) -> web.Response:
    """The answer to what a handler raised; `path` as registered: what was asked for is the customer's."""
    if isinstance(error, Refusal):
        return refused(error)
    if isinstance(error, TimeoutError):
        log.warning("http_handler_too_slow", method=method, path=path)
        return refused(Refusal("store_unavailable"))
    log.error("http_handler_failed", method=method, path=path, exc_info=error)
    return failed(500, detail="Something went wrong here, and was written down")


def refused(refusal: Refusal, headers: Mapping[str, str] | None = None) -> web.Response:
    """The answer to what was refused; `Retry-After` with what is temporary, a challenge with a 401."""
    status = refusal.code.http
    more: dict[str, str] = {}
    if status in _TRY_AGAIN and refusal.nature is Nature.TEMPORARY:
        more["Retry-After"] = str(refusal.data.get("retry_after", RETRY_AFTER_SECONDS))
    elif status == HTTPStatus.UNAUTHORIZED:
        more["WWW-Authenticate"] = CHALLENGE
    return _answer(status, problem(refusal), {**more, **(headers or {})})


def failed(status: int, headers: Mapping[str, str] | None = None, detail: str = "") -> web.Response:
    """The answer for a plain HTTP status: 404, 405, 413, 500 … `detail` is public."""
    if status in _CODES:
        return refused(Refusal(_CODES[status], detail), headers)
    known = HTTPStatus(status)
    body = {
        "type": "about:blank",  # RFC 9457 section 4.2.1: says no more than the status does
        "title": known.phrase,
        "status": status,
        "detail": detail or known.description or known.phrase,
        "code": known.phrase.lower().replace(" ", "_").replace("-", "_"),
    }
    return _answer(status, body, headers or {})


def _answer(status: int, body: Mapping[str, Any], headers: Mapping[str, str]) -> web.Response:
    return web.Response(body=orjson.dumps(body), status=status, headers=CIMultiDict({**_HEADERS, **headers}))
