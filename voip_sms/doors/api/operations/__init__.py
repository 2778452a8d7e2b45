"""Every operation of `/v1` as data, in order: what the router serves and what the OpenAPI document says."""

from typing import Final

from voip_sms.doors.api.operations import administration, company, mail, messages, oversight, webhooks
from voip_sms.doors.api.operations.operation import Operation, Parameter

__all__ = ["OPERATIONS", "Operation", "Parameter"]

OPERATIONS: Final[tuple[Operation, ...]] = (
    *messages.OPERATIONS,
    *administration.OPERATIONS,
    *mail.OPERATIONS,
    *company.OPERATIONS,
    *webhooks.OPERATIONS,
    *oversight.OPERATIONS,
)
