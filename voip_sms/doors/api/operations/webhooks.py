"""Webhooks over HTTP, as data: what was told, telling it again, new secrets, tests of forwards."""

from typing import Final

from voip_sms.core.resources import webhooks
from voip_sms.doors.api import shapes
from voip_sms.doors.api.access import ADMIN
from voip_sms.doors.api.operations.operation import (
    CALL_SECONDS,
    PAGES,
    WORD,
    WRITE_SECONDS,
    Operation,
    Parameter,
)

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "list_webhook_deliveries",
        "GET",
        "/v1/webhooks/deliveries",
        "webhooks",
        "List what was told to your URLs, newest first",
        ADMIN,
        200,
        webhooks.DeliveriesShown,
        None,
        (
            Parameter("state", {"type": "string", "enum": sorted(webhooks.STATES)}, "Where it stands."),
            Parameter("forward", WORD, "The id of the forward that caused it."),
            *PAGES,
        ),
        ("invalid",),
    ),
    Operation(
        "get_webhook_delivery",
        "GET",
        "/v1/webhooks/deliveries/{id}",
        "webhooks",
        "Show one with its attempts",
        ADMIN,
        200,
        webhooks.DeliveryShown,
        refusals=("not_found",),
    ),
    Operation(
        "replay_webhook_delivery",
        "POST",
        "/v1/webhooks/deliveries/{id}/replay",
        "webhooks",
        "Tell it once more",
        ADMIN,
        202,
        webhooks.DeliveryShown,
        refusals=("not_found", "conflict", "too_late"),
        seconds=WRITE_SECONDS,
        description="With the same `webhook-id`, so that a receiver that has it already can tell. `conflict`:"
        " the forward is gone or switched off. `too_late`: the text of its message is no longer kept.",
    ),
    Operation(
        "replay_webhook_deliveries",
        "POST",
        "/v1/webhooks/replay",
        "webhooks",
        "Tell all that failed once more",
        ADMIN,
        202,
        webhooks.ReplayedShown,
        shapes.REPLAY,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="Oldest first, at most 1,000 in one call. Left out is what nobody can tell any more: its"
        " text is gone, or its forward is gone or switched off.",
    ),
    Operation(
        "rotate_forward_secret",
        "POST",
        "/v1/forwards/{id}/rotate-secret",
        "forwards",
        "Give a webhook a new secret; it is shown this once",
        ADMIN,
        200,
        webhooks.RotatedShown,
        refusals=("not_found", "conflict"),
        seconds=WRITE_SECONDS,
        description="For 24 hours the old one signs too: `webhook-signature` then holds two signatures.",
    ),
    Operation(
        "test_forward",
        "POST",
        "/v1/forwards/{id}/test",
        "forwards",
        "Try a forward out, once and now",
        ADMIN,
        200,
        webhooks.TestShown,
        refusals=("not_found", "conflict", "rate_limited"),
        seconds=CALL_SECONDS,
        description="To a webhook goes an event of type `webhook.test`, whose `data` looks like a received"
        " message; to phones and mailboxes a text that says that it is a test; to another phone an SMS,"
        " charged as any. Nothing else is stored.",
    ),
)
