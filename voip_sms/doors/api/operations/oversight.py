"""Who changed what, and what the operator's keys open over HTTP, as data."""

from typing import Final

from voip_sms.core.resources import answers, audit, oversight
from voip_sms.doors.api import shapes
from voip_sms.doors.api.access import ADMIN, OPERATORS
from voip_sms.doors.api.operations.operation import PAGES, WORD, WRITE_SECONDS, Operation, Parameter, listing

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "list_audit_entries",
        "GET",
        "/v1/audit",
        "audit",
        "List who changed what, newest first",
        ADMIN | OPERATORS,
        200,
        audit.AuditEntriesShown,
        None,
        (
            Parameter("kind", WORD, "The kind of object: `sip_accounts`, `forwards`, `keys` …"),
            Parameter("action", {"type": "string", "enum": sorted(audit.ACTIONS)}, "What was done."),
            Parameter("who", WORD, "Who did it: `key:app`, `operator:apply@host`."),
            Parameter("object", WORD, "One object: its id, or its label."),
            *PAGES,
        ),
        ("invalid",),
        description="A tenant's keys see what was done to its objects, the operator's what was done to"
        " tenants, carriers, prices and the like.",
    ),
    listing("list_tenants", "/v1/tenants", "List all tenants", oversight.TenantsShown, OPERATORS),
    listing(
        "list_quarantine",
        "/v1/quarantine",
        "List inbound messages that are nobody's",
        oversight.QuarantineShown,
        OPERATORS,
    ),
    listing(
        "list_orphan_receipts",
        "/v1/orphan-receipts",
        "List delivery receipts that met no message",
        oversight.OrphanReceiptsShown,
        OPERATORS,
    ),
    Operation(
        "assign_quarantined",
        "PATCH",
        "/v1/quarantine/{id}",
        "quarantine",
        "Give a text of nobody to a customer's number",
        OPERATORS,
        200,
        oversight.AssignedShown,
        shapes.ASSIGNMENT,
        refusals=("not_found",),
        seconds=WRITE_SECONDS,
        description="It arrives there as any text does: the customer's blacklist, forwards, webhooks count.",
    ),
    Operation(
        "delete_quarantined",
        "DELETE",
        "/v1/quarantine/{id}",
        "quarantine",
        "Delete a text of nobody",
        OPERATORS,
        204,
        refusals=("not_found",),
        seconds=WRITE_SECONDS,
    ),
    Operation(
        "list_applied_names",
        "GET",
        "/v1/applied-names",
        "applied-names",
        "List sender names that customers applied for, and what they look like",
        OPERATORS,
        200,
        oversight.AppliedNamesShown,
        None,
        (
            Parameter(
                "status",
                {"type": "string", "enum": ["pending", "approved", "rejected"], "default": "pending"},
                "Where they stand.",
            ),
            *PAGES,
        ),
        ("invalid",),
    ),
    Operation(
        "decide_name",
        "PATCH",
        "/v1/applied-names/{id}",
        "applied-names",
        "Approve or reject a sender name",
        OPERATORS,
        200,
        answers.SenderNameShown,
        shapes.NAME_DECISION,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="Whoever applied for it can't decide on it.",
    ),
)
