"""What a tenant decides for itself as a whole, and the proof that a phone is there to be forwarded to."""

from typing import Annotated, Literal

from pydantic import Field

from voip_sms.core.resources.customers import Fallback, Language
from voip_sms.core.resources.identities import DEFAULT_IDENTITY, Abroad, Identity
from voip_sms.core.resources.messages import Shown
from voip_sms.core.resources.values import Money, Name, Password, Reachable, Resource, SipUser


class CompanyPatch(Resource):
    """PATCH /v1/company; what is left out stays."""

    blocked_inbound: bool | None = None
    transliterate: Literal["never", "ask", "auto"] | None = None
    keep_sent_text: bool | None = None
    timezone: str | None = None
    language: Language | None = None
    balance_low: Money | None = None


class CompanyShown(Shown):
    """The tenant: `blocked_inbound` keeps everything that is received from it.

    `balance_low`: people who wish it are told when less is available; 0.00: never.

    `self_service`: its administrators look after their own people, SIP accounts and mail senders.
    """

    name: str
    blocked_inbound: bool
    transliterate: Literal["never", "ask", "auto"]
    keep_sent_text: bool
    timezone: str
    language: Language
    self_service: bool
    balance_low: str


class NewSenderName(Resource):
    """POST /v1/sender-names: the operator looks at it."""

    name: Name


class NewSipAccount(Resource):
    """POST /v1/sip-accounts: for phones that register here; others are the operator's to set up."""

    user: SipUser
    password: Password
    identity: Identity = DEFAULT_IDENTITY
    abroad: Abroad = "2way"
    language: Language = "en"
    fallback: Fallback | None = None


class NumberToProve(Resource):
    """POST /v1/verified-numbers: the phone that a code is sent to."""

    number: Reachable


class CodeOfNumber(Resource):
    """POST /v1/verified-numbers/code: what its owner read out."""

    number: Reachable
    code: Annotated[str, Field(max_length=32)]


class NumberProofShown(Shown):
    """Whether texts may be forwarded to the phone; `expires_at`: of the code, or of the proof."""

    number: str
    verified: bool
    expires_at: str | None = Field(json_schema_extra={"format": "date-time"})
