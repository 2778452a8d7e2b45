"""What a tenant sees and does about its webhooks: hand-overs and tries, replay, new secrets, tests."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import clock, ids
from voip_sms.core.audit import By
from voip_sms.core.directory import ForwardKind, Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.ports import Forwarder
from voip_sms.core.resources import answers, webhooks
from voip_sms.engine import hook_entries
from voip_sms.engine.accounts.catalog import HOOK_OCTETS
from voip_sms.engine.accounts.sealing import Random
from voip_sms.engine.accounts.showing import shown
from voip_sms.engine.context import Context
from voip_sms.engine.replay import CHUNK, replay_many_unit, replay_one_unit
from voip_sms.engine.trials import HOOKS, Trials
from voip_sms.store import catalog
from voip_sms.store.audit import record
from voip_sms.store.config import Row, bump_generation, read_rows, update_row
from voip_sms.store.handovers import (
    HandoverFilter,
    Selection,
    get_handover,
    given_up_webhooks,
    list_handovers,
)

__all__ = ["HandoverFilter", "Replay", "Webhooks"]

REPLAYED_MOST: Final = 1_000
"""Of one call: some ten units, well within the bound of an answer."""
BOTH_SIGN: Final = clock.DAY
"""How long an old secret signs beside the new one (Standard Webhooks, "Signature scheme": rotation)."""
FOR_EVER: Final = 2**62


@dataclass(frozen=True, slots=True)
class Replay:
    """Which failed hand-overs are tried once more: events from `since` up to `until`, of one rule or all."""

    since: int | None = None
    until: int | None = None
    rule_id: Id | None = None


class Webhooks:
    """Everything takes the tenant; what isn't there, or is another's, is Refusal `not_found`.

    `by` is noted in the audit log.
    """

    def __init__(
        self,
        context: Context,
        forwarder: Forwarder,
        random: Random,
        refresh: Callable[[], Awaitable[object]] | None = None,
        *,
        tried: frozenset[ForwardKind] = HOOKS,
    ) -> None:
        """`forwarder` hands tests over, of the kinds in `tried`; `random(n)`: n octets; `refresh` brings a
        new secret into force.
        """
        self._context = context
        self._trials = Trials(context, forwarder, tried)
        self._random = random
        self._refresh = refresh

    # --- hand-overs -----------------------------------------------------------------------------------------

    async def list(
        self, tenant_id: Id, only: HandoverFilter, *, limit: int, starting_after: Id | None
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """A page of hand-overs as `DeliveryShown`, newest first, and whether more follow."""
        wanted = HandoverFilter("webhook", only.state, only.rule_id)
        rows, more = await self._context.reader.run(
            list_handovers, tenant_id, wanted, limit=limit, starting_after=starting_after
        )
        return [webhooks.delivery_resource(row) for row in rows], more

    async def get(self, tenant_id: Id, job_id: Id) -> dict[str, Any]:
        """One with its attempts."""
        found = await self._context.reader.run(get_handover, tenant_id, job_id)
        if found is None or found[0]["kind"] != "webhook":
            raise Refusal("not_found", "there is no such hand-over")
        return webhooks.delivery_resource(*found)

    async def replay(self, tenant_id: Id, job_id: Id, by: By) -> dict[str, Any]:
        """Try one again, with the id it had, also one that succeeded; as it is shown then.

        Refusals: `conflict` (its rule is gone or off), `too_late` (its text is no longer kept).
        """
        owner = await self._context.reader.run(catalog.name_of, tenant_id)
        event = ids.to_text(webhooks.DELIVERY, job_id)
        entry = hook_entries.replayed(self._context, tenant_id, by, owner, event)
        unit = replay_one_unit(tenant_id, job_id, self._context.clock.now(), entry)
        return webhooks.delivery_resource(await self._context.writer.do(unit))

    async def replay_many(self, tenant_id: Id, which: Replay, by: By) -> tuple[int, bool]:
        """Try failed ones again, oldest first: how many, and whether `REPLAYED_MOST` left some out.

        Those whose text is gone, or whose rule is gone or off, stay as they are.
        """
        reader, writer = self._context.reader, self._context.writer
        rules = await reader.run(_switched_on, tenant_id, which.rule_id)
        since, until = which.since or 0, FOR_EVER if which.until is None else which.until
        selection = Selection(rules, since, until)
        found = await reader.run(given_up_webhooks, tenant_id, selection, limit=REPLAYED_MOST + 1)
        owner = await reader.run(catalog.name_of, tenant_id)
        count = 0
        for start in range(0, min(len(found), REPLAYED_MOST), CHUNK):
            chunk = found[start : min(start + CHUNK, REPLAYED_MOST)]
            entry = hook_entries.replayed(self._context, tenant_id, by, owner)
            count += await writer.do(replay_many_unit(tenant_id, chunk, entry.at, entry))
        return count, len(found) > REPLAYED_MOST

    # --- rules ----------------------------------------------------------------------------------------------

    async def rotate(self, tenant_id: Id, rule_id: Id, by: By) -> dict[str, Any]:
        """Give the rule a new secret, shown this once; the old one signs beside it for a day.

        A second rotation within the day ends the first old one. Refusal `conflict` for other kinds of rule.
        """
        secret = webhooks.SECRET_PREFIX + base64.b64encode(self._random(HOOK_OCTETS)).decode()
        until = self._context.clock.now() + BOTH_SIGN

        def carry_out(connection: Connection) -> Row:
            catalog.lock(connection)
            row, owner = _hook(connection, tenant_id, rule_id), catalog.name_of(connection, tenant_id)
            before = row["secret"] or None
            changes: Row = {"secret": secret, "secret_before": before}
            changes["secret_before_until"] = until if before else None
            update_row(connection, "forward", {"tenant_id": tenant_id, "id": rule_id}, changes)
            record(connection, [hook_entries.rotated(self._context, row, by, owner)])
            bump_generation(connection)
            return row | changes

        row: Row = await self._context.writer.run(carry_out)
        if self._refresh is not None:
            with suppress(StoreUnavailableError):  # committed it is; the next poll sees it
                await self._refresh()
        return {**shown(answers.FORWARD, row), "secret": secret}

    async def test(self, tenant_id: Id, rule_id: Id) -> dict[str, Any]:
        """Try a forward out, once and now, as `TestShown`; see `engine/trials.py`."""
        return await self._trials.test(tenant_id, rule_id)


def _hook(connection: Connection, tenant_id: Id, rule_id: Id) -> Row:
    row = catalog.get_row(connection, "forward", tenant_id, rule_id)
    if row is None:
        raise Refusal("not_found", "there is no such forward")
    if row["kind"] != "webhook":
        raise Refusal("conflict", f"it is a forward of kind {row['kind']}, no webhook")
    return row


def _switched_on(connection: Connection, tenant_id: Id, rule_id: Id | None) -> list[Id]:
    """The webhooks of the tenant that may be called; of one rule, that it is one of them."""
    if rule_id is not None:
        _hook(connection, tenant_id, rule_id)
    rows = read_rows(connection, "forward", tenant_id)
    switched_on = [row["id"] for row in rows if row["kind"] == "webhook" and row["enabled"]]
    return [one for one in switched_on if rule_id in (None, one)]
