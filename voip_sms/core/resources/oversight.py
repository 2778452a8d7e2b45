"""What the operator sees of everybody, as `/v1` shows it: tenants, quarantine, receipts without a message."""

from typing import Final, Literal

from pydantic import Field

from voip_sms.core.resources.answers import BalanceShown
from voip_sms.core.resources.messages import Shown

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
