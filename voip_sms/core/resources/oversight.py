"""What the operator sees of everybody, as `/v1` shows it: tenants, quarantine, receipts without a message."""

from typing import Annotated, Final, Literal

from pydantic import Field

from voip_sms.core.resources.answers import BalanceShown
from voip_sms.core.resources.messages import Shown
from voip_sms.core.resources.values import Number, Resource

# What ids of these objects begin with, outside.
TENANT: Final = "ten"
QUARANTINED: Final = "qua"
ORPHAN: Final = "orp"


class TenantShown(Shown):
    """One customer and its money."""

    id: str
    name: str
    enabled: bool
    blocked_inbound: bool
    price_list: str
    balance: BalanceShown


class QuarantinedShown(Shown):
    """An inbound message that is nobody's: to an unknown number, or to a pool's outside a conversation."""

    id: str
    carrier: str
    sender: str = Field(alias="from")
    to: str
    text: str
    reason: Literal["unknown_number", "no_conversation"]
    received_at: str = Field(json_schema_extra={"format": "date-time"})


class OrphanReceiptShown(Shown):
    """A delivery receipt that met no message; `reference` is one spelling of the carrier's id."""

    id: str
    carrier: str
    reference: str
    status: str | None
    cause: str
    raw: str
    received_at: str = Field(json_schema_extra={"format": "date-time"})


class Assignment(Resource):
    """PATCH /v1/quarantine/{id}: the customer's number that the text is given to."""

    number: Number


class AssignedShown(Shown):
    """What became of it there: handed on as any text, or kept out by the customer's own rules."""

    status: Literal["stored", "blocked"]


class NameDecision(Resource):
    """PATCH /v1/applied-names/{id}; a rejection needs its `reason`."""

    status: Literal["approved", "rejected"]
    reason: Annotated[str, Field(max_length=500)] = ""


class LikenessShown(Shown):
    """An approved name that another may be taken for: read as it (`same`), within it, a letter from it."""

    name: str
    how: Literal["same", "inside", "slip"]


class AppliedNameShown(Shown):
    """A sender name that a customer applied for; `by` whom, and when, where the audit log says so."""

    id: str
    tenant: str
    tenant_name: str
    name: str
    status: Literal["pending", "approved", "rejected"]
    reason: str
    by: str
    at: str | None = Field(json_schema_extra={"format": "date-time"})
    like: list[LikenessShown]


class AppliedNamesShown(Shown):
    """A page of sender names of all tenants."""

    data: list[AppliedNameShown]
    has_more: bool


class TenantsShown(Shown):
    """A page of tenants."""

    data: list[TenantShown]
    has_more: bool


class QuarantineShown(Shown):
    """A page of the quarantine."""

    data: list[QuarantinedShown]
    has_more: bool


class OrphanReceiptsShown(Shown):
    """A page of receipts without a message."""

    data: list[OrphanReceiptShown]
    has_more: bool
