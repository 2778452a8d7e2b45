"""Where a number's inbound goes, and which events of a tenant go to which URL."""

from typing import Annotated, Any, ClassVar, Final, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from voip_sms.core.resources.values import (
    HookSecret,
    HookUrl,
    MailAddress,
    Number,
    Reachable,
    Resource,
    SipUser,
    complaint,
)

MESSAGE_EVENTS: Final = (
    "message.received",
    "message.sent",
    "message.delivered",
    "message.undelivered",
    "message.failed",
    "message.expired",
)
EventType = Literal[
    "message.received",
    "message.sent",
    "message.delivered",
    "message.undelivered",
    "message.failed",
    "message.expired",
    "contact.opted_out",
    "limit.reached",
]
HookMode = Literal["standard", "get"]
"""`standard`: a signed POST (Standard Webhooks); `get`: a plain GET of a URL with {from}, {to}, {text}."""

# Every target is one more hand-over per inbound message; a whole office still fits.
TARGETS: Final = 20
NUMBER_TARGETS: Final = 3


class _Forward(Resource):
    KEY: ClassVar[str] = "kind"

    enabled: bool = True


class SipForward(_Forward):
    """To SIP accounts of the tenant, as a message on each of their phones."""

    kind: Literal["sip"]
    to: Annotated[tuple[SipUser, ...], Field(min_length=1, max_length=TARGETS)]


class MailForward(_Forward):
    """To mailboxes."""

    kind: Literal["mail"]
    to: Annotated[tuple[MailAddress, ...], Field(min_length=1, max_length=TARGETS)]


class NumberForward(_Forward):
    """To other phones, as charged SMS; `verified`: their owners agreed."""

    kind: Literal["number"]
    to: Annotated[tuple[Reachable, ...], Field(min_length=1, max_length=NUMBER_TARGETS)]
    verified: bool = False


class WebhookForward(_Forward):
    """To a URL. `secret` signs what is posted; over the API it is made when it is left out."""

    kind: Literal["webhook"]
    url: HookUrl
    secret: HookSecret | None = None
    mode: HookMode = "standard"


class Subscription(Resource):
    """Events of the whole tenant to a URL."""

    url: HookUrl
    secret: HookSecret | None = None
    mode: HookMode = "standard"
    events: Annotated[tuple[EventType, ...], Field(min_length=1, max_length=len(MESSAGE_EVENTS) + 2)] = (
        MESSAGE_EVENTS
    )
    enabled: bool = True


class _OfNumber(Resource):
    """Which of the tenant's numbers it belongs to."""

    number: Number


class NewSipForward(SipForward, _OfNumber):
    """POST /v1/forwards, kind sip."""


class NewMailForward(MailForward, _OfNumber):
    """POST /v1/forwards, kind mail."""


class NewNumberForward(NumberForward, _OfNumber):
    """POST /v1/forwards, kind number."""


class NewWebhookForward(WebhookForward):
    """POST /v1/forwards, kind webhook: inbound of one number, or without `number` events of the tenant."""

    number: Number | None = None
    events: Annotated[tuple[EventType, ...], Field(min_length=1)] | None = None
    """Only without `number`; all message events when left out."""

    @field_validator("events")
    @classmethod
    def _only_of_the_tenant(cls, value: tuple[str, ...] | None, info: Any) -> tuple[str, ...] | None:
        if value and info.data.get("number"):
            raise complaint("a number's webhook gets its inbound only; leave number out to choose events")
        return value


class ForwardPatch(Resource):
    """PATCH /v1/forwards/{id}: what is given replaces what is there; `kind` and `number` stay."""

    to: Annotated[tuple[str, ...], Field(min_length=1, max_length=TARGETS)] | None = None
    url: HookUrl | None = None
    secret: HookSecret | None = None
    mode: HookMode | None = None
    events: Annotated[tuple[EventType, ...], Field(min_length=1)] | None = None
    verified: bool | None = None
    enabled: bool | None = None


_KINDS = frozenset({"sip", "mail", "number", "webhook"})


def _kind(value: Any) -> str | None:
    """The tag of a union's member; tags begin with a colon so that error paths can leave them out."""
    kind = value.get("kind") if isinstance(value, dict) else getattr(value, "kind", None)
    return f":{kind}" if isinstance(kind, str) and kind in _KINDS else None


_BY_KIND = Discriminator(
    _kind,
    custom_error_type="value",
    custom_error_message="{text}",
    custom_error_context={"text": "kind must be sip, mail, number or webhook"},
)

Forward = Annotated[
    Annotated[SipForward, Tag(":sip")]
    | Annotated[MailForward, Tag(":mail")]
    | Annotated[NumberForward, Tag(":number")]
    | Annotated[WebhookForward, Tag(":webhook")],
    _BY_KIND,
]
NewForward = Annotated[
    Annotated[NewSipForward, Tag(":sip")]
    | Annotated[NewMailForward, Tag(":mail")]
    | Annotated[NewNumberForward, Tag(":number")]
    | Annotated[NewWebhookForward, Tag(":webhook")],
    _BY_KIND,
]
