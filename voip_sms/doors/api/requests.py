"""Reads the body of POST /v1/messages: the common shape by hand, everything else through the model.

The short way exists because the model costs more than the rest of the handler; both must agree, which
`tests/unit/test_api_requests.py` proves for bodies of every kind.
"""

from typing import Any, Final, NamedTuple

from voip_sms.core.model import Options
from voip_sms.core.resources import SendRequest
from voip_sms.core.resources.messages import RECIPIENTS
from voip_sms.doors.api.bodies import Shape

SEND: Final[Shape[SendRequest]] = Shape(SendRequest, RECIPIENTS)

_COMMON: Final = frozenset({"to", "text", "from", "client_ref"})
_SENDER_LONGEST: Final = 64
_CLIENT_REF_LONGEST: Final = 200


class Asked(NamedTuple):
    """What a program asks to send. `several`: a list was given, so that a list is the answer."""

    recipients: tuple[str, ...]
    several: bool
    text: str
    options: Options
    account: str | None = None
    """In whose name: `sip:101`; None: the key's own."""


def asked_of(body: Any, country: str) -> Asked:
    """The parsed body as a request to send; InvalidError."""
    return _common(body) or _any(body, country)


def _common(body: Any) -> Asked | None:
    """`{to, text, from?, client_ref?}` with one recipient; None for whatever else."""
    if type(body) is not dict or not _COMMON.issuperset(body):
        return None
    to, text = body.get("to"), body.get("text")
    sender, client_ref = body.get("from"), body.get("client_ref")
    if type(to) is not str or not to or type(text) is not str:
        return None
    if sender is not None and (type(sender) is not str or not 1 <= len(sender) <= _SENDER_LONGEST):
        return None
    if client_ref is not None and (type(client_ref) is not str or len(client_ref) > _CLIENT_REF_LONGEST):
        return None
    return Asked((to,), False, text, Options(sender=sender, client_ref=client_ref))


def _any(body: Any, country: str) -> Asked:
    asked = SEND.read(body, country)
    return Asked(asked.recipients, asked.several, asked.text, asked.options(), asked.account)
