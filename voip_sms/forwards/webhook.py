"""Tells a customer's program of a message: a signed POST (Standard Webhooks), or a plain GET of a template.

Standard Webhooks 1.0: `webhook-id` is the same for every try of one event, `webhook-timestamp` is that of the
try, `webhook-signature` is `v1,` and the base64 of HMAC-SHA256 over `id.timestamp.body`.
"""

import base64
import binascii
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import Final, cast
from urllib.parse import quote

import orjson
from yarl import URL

from voip_sms.core.clock import SECOND, Clock, to_rfc3339
from voip_sms.core.failures import Accepted, Outcome, Permanent, Temporary, Uncertain
from voip_sms.core.ids import to_text
from voip_sms.core.mail import notices
from voip_sms.core.model import ForwardJob
from voip_sms.core.resources import message_resource
from voip_sms.core.resources.webhooks import SECRET_PREFIX
from voip_sms.net.http.guarded import (
    Answer,
    AnswerLostError,
    GuardedClient,
    UnreachableError,
    UrlForbiddenError,
)

AGENT: Final = "voip-sms"
RETRY_AFTER_LIMIT: Final = 86_400
"""Seconds: a server that asks for more than a day is asked again after a day."""
_PLACE: Final = re.compile(r"(?:\{|%7B)(from|to|text)(?:\}|%7D)")
_GONE: Final = 410
_OK: Final = range(200, 300)
_REDIRECT: Final = range(300, 400)


class SecretInvalidError(Exception):
    """The rule's secret is not `whsec_` and base64: nothing can be signed."""


class WebhookForwarder:
    """`ports.Forwarder` for webhooks. 2xx took it; 410 switches the rule off; all else is tried again."""

    def __init__(self, client: GuardedClient, clock: Clock) -> None:
        self._client = client
        self._clock = clock

    async def deliver(self, job: ForwardJob) -> Outcome:
        """One request. A URL that is not for us to call is tried again too: its DNS may be mended."""
        now = self._clock.now()
        try:
            if job.mode == "get":
                url = get_url(job.target, job)
                answer = await self._client.send("GET", url, _headers(job, now, b""))
            else:
                url = str(URL(job.target))
                body = event_body(job)
                headers = {**_headers(job, now, body), "Content-Type": "application/json"}
                answer = await self._client.send("POST", url, headers, body)
        except SecretInvalidError:
            return Permanent("secret_invalid")
        except (UrlForbiddenError, ValueError) as error:
            return Temporary("url_forbidden", str(error))
        except UnreachableError as error:
            return Temporary("unreachable", str(error))
        except AnswerLostError as error:
            return Uncertain("no_answer", str(error))
        return _outcome(answer)


def _outcome(answer: Answer) -> Outcome:
    if answer.status in _OK:
        return Accepted(str(answer.status))
    if answer.status == _GONE:
        return Permanent("410", disable=True)
    if answer.status in _REDIRECT:
        return Temporary(f"redirect {answer.status}", "redirects are not followed")
    asked = None if answer.retry_after is None else min(answer.retry_after, RETRY_AFTER_LIMIT)
    return Temporary(str(answer.status), retry_after=asked)


# --- Standard Webhooks --------------------------------------------------------------------------------------


def event_body(job: ForwardJob) -> bytes:
    """`{type, timestamp, data}`: what happened, when, and the message as the API shows it, or the limit."""
    data = _limit(job) if job.event == notices.LIMIT_HOOK else message_resource(job.message)
    return orjson.dumps({"type": job.event, "timestamp": to_rfc3339(job.created_at), "data": data})


def _limit(job: ForwardJob) -> Mapping[str, object]:
    """`{scope, of, period, limit, until}`: whose limit is used up, and when it starts anew."""
    limit = cast(notices.LimitHookPayload, job.payload)
    return {
        "scope": limit["whose"],
        "of": limit["of"],
        "period": limit["period"],
        "limit": limit["limit"],
        "until": to_rfc3339(limit["until"]),
    }


def _headers(job: ForwardJob, now: int, body: bytes) -> Mapping[str, str]:
    """Id, time and signature; a GET of a rule without a secret goes unsigned, as it carries no body."""
    identifier, timestamp = to_text("evt", job.id), str(now // SECOND)
    headers = {"User-Agent": AGENT, "webhook-id": identifier, "webhook-timestamp": timestamp}
    if job.secret or job.mode != "get":
        # Several signatures stand apart by blanks; one that fits is enough: so that a secret can be changed.
        secrets = (job.secret, job.secret_before) if job.secret_before else (job.secret,)
        headers["webhook-signature"] = " ".join(sign(one, identifier, timestamp, body) for one in secrets)
    return headers


def sign(secret: str, identifier: str, timestamp: str, body: bytes) -> str:
    """`v1,<base64>`. SecretInvalidError."""
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except (binascii.Error, ValueError) as error:
        raise SecretInvalidError from error
    if not key or not secret.startswith(SECRET_PREFIX):
        raise SecretInvalidError
    signed = b".".join((identifier.encode(), timestamp.encode(), body))
    return "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()


# --- GET ----------------------------------------------------------------------------------------------------


def get_url(template: str, job: ForwardJob) -> str:
    """The template with {from}, {to} and {text} filled in, percent-encoded; ValueError for a bad template.

    The host is never filled in: what somebody texted must not choose whom we call.
    """
    url = URL(template)
    if any(mark in (url.raw_authority or "") for mark in ("{", "%7B")):
        raise ValueError("a template's host is fixed")
    values = {"from": job.message.sender, "to": job.message.to, "text": job.message.text or ""}
    # In one pass: a text that reads {from} stays that text.
    return _PLACE.sub(lambda place: _encoded(values[place[1]]), str(url))


def _encoded(value: str) -> str:
    """Everything but letters, digits, - _ ~ as %XX: dots too, which could mean a folder in a path."""
    return quote(value.encode("utf-8", "replace"), safe="").replace(".", "%2E")
