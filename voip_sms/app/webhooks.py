"""Webhooks from outside `serve`: the use cases of the API, for the operator, with `serve` running or not."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

from sqlalchemy import Connection

from voip_sms.app import audit
from voip_sms.app.administration import administered
from voip_sms.app.build import lay_ground
from voip_sms.app.settings import Settings
from voip_sms.core import ids
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.resources.answers import FORWARD
from voip_sms.core.resources.webhooks import DELIVERY
from voip_sms.engine.webhooks import Webhooks
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.http.guarded import GuardedClient
from voip_sms.store import resolve
from voip_sms.store.config import read_all
from voip_sms.store.database import Database
from voip_sms.store.errors import DatabaseUnreachableError

T = TypeVar("T")
Whose = Callable[[Connection], Id]
"""Finds the tenant that a command is about. Refusal."""
Work = Callable[[Webhooks, Id], Awaitable[T]]


def carry_out(settings: Settings, whose: Whose, work: Work[T]) -> T:
    """What `work(webhooks, tenant_id)` gives. DatabaseError, Refusal.

    A running `serve` takes up what was queued, and new secrets, within two seconds.
    """
    with administered(settings) as database:
        with database.reader.connect() as connection:
            tenant_id = whose(connection)
        try:
            done = asyncio.run(_carry_out(settings, database, tenant_id, work))
        except StoreUnavailableError as error:
            why = error.detail or "it does not answer"
            where = database.url.render_as_string(hide_password=True)
            raise DatabaseUnreachableError(f"{where}: {why}; try again later") from error
        audit.seal(database)
        return done


async def _carry_out(settings: Settings, database: Database, tenant_id: Id, work: Work[T]) -> T:
    ground = lay_ground(settings, database)
    guarded = GuardedClient(settings.webhooks.allow)
    ground.writer.start()
    try:
        forwarder = WebhookForwarder(guarded, ground.context.clock)
        return await work(Webhooks(ground.context, forwarder, os.urandom), tenant_id)
    finally:
        await guarded.close()
        await ground.writer.stop()
        ground.reader.close()


# --- whose it is --------------------------------------------------------------------------------------------


def of_tenant(name: str | None) -> Whose:
    """The tenant of this name; without one the only tenant there is."""

    def find(connection: Connection) -> Id:
        if name is not None:
            return _found(resolve.tenant_of_name(connection, name), f"{name}: there is no such tenant")
        tenants = read_all(connection, "tenant")
        if len(tenants) != 1:
            names = ", ".join(sorted(row["name"] for row in tenants)) or "none"
            raise Refusal("invalid", f"say whose with --tenant; there are: {names}")
        only: Id = tenants[0]["id"]
        return only

    return find


def of_delivery(job_id: Id) -> Whose:
    """Whoever the hand-over belongs to."""
    shown = ids.to_text(DELIVERY, job_id)
    return lambda connection: _found(
        resolve.tenant_of_handover(connection, job_id), f"{shown}: there is no such hand-over"
    )


def of_forward(rule_id: Id) -> Whose:
    """Whoever the forward belongs to."""
    shown = ids.to_text(FORWARD, rule_id)
    return lambda connection: _found(
        resolve.tenant_of_forward(connection, rule_id), f"{shown}: there is no such forward"
    )


def _found(tenant_id: Id | None, otherwise: str) -> Id:
    if tenant_id is None:
        raise Refusal("not_found", otherwise)
    return tenant_id
