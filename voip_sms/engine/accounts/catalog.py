"""What a tenant may see and change of its own configuration, one object at a time: for API and panel."""

import base64
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, Final

from pydantic import BaseModel, TypeAdapter, ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.resources import (
    InvalidError,
    IvrFlow,
    Key,
    NewForward,
    OwnNumber,
    SenderName,
    SipAccount,
)
from voip_sms.core.resources.complaints import Complaint, Path, complaints
from voip_sms.core.resources.forwards import MESSAGE_EVENTS, ForwardPatch, NewWebhookForward
from voip_sms.engine.accounts import kinds, sealing
from voip_sms.engine.accounts.checks import check
from voip_sms.engine.accounts.inventory import Inventory, load
from voip_sms.engine.accounts.kinds import Kind, Row
from voip_sms.engine.accounts.planning import Maker, Plan, Wanted
from voip_sms.engine.accounts.sealing import Random, Vault
from voip_sms.engine.accounts.showing import COLLECTIONS, shown
from voip_sms.engine.accounts.writing import write
from voip_sms.engine.context import Context
from voip_sms.store import catalog as stored

HOOK_OCTETS: Final = 24
_NEW_FORWARD: Final[TypeAdapter[Any]] = TypeAdapter(NewForward)


@dataclass(frozen=True, slots=True)
class AccountRules:
    """`realm`: `sip.domain`, which SIP passwords are hashed with; `country` reads national numbers."""

    realm: str
    country: str = "PL"


class Accounts:
    """Collections are named by the prefix of their objects' ids: num, fwd, blk, key, sip, nam, ivr.

    Every call answers after its commit, when the change is in force in this process. An object that isn't
    there or is another tenant's is Refusal `not_found`; one that is there already, or still in use,
    `conflict`; references to nothing are InvalidError with pointers. `by` is noted in the audit log.
    """

    def __init__(
        self,
        context: Context,
        rules: AccountRules,
        random: Random,
        refresh: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`random(n)` gives n random octets; `refresh` brings changes into force (`DirectoryHolder`)."""
        self._context = context
        self._rules = rules
        self._random = random
        self._refresh = refresh

    async def list(
        self, tenant_id: Id, collection: str, *, limit: int, starting_after: Id | None
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """Objects as they are shown, newest first, and whether more follow."""
        table = COLLECTIONS[collection].table
        rows, more = await self._context.reader.run(
            stored.page_of_rows, table, tenant_id, {}, limit=limit, starting_after=starting_after
        )
        return [shown(collection, row) for row in rows], more

    async def get(self, tenant_id: Id, collection: str, object_id: Id) -> dict[str, Any]:
        """One object as it is shown."""
        table = COLLECTIONS[collection].table
        row = await self._context.reader.run(stored.get_row, table, tenant_id, object_id)
        if row is None:
            raise Refusal("not_found")
        return shown(collection, row)

    async def create(self, tenant_id: Id, collection: str, resource: Any, by: By) -> dict[str, Any]:
        """Make one; as shown, with what is shown this once (`token`, `secret`)."""
        kind = COLLECTIONS[collection]
        resource, once = self._completed(kind, resource)

        def decide(plan: Plan) -> Row | None:
            also = {"tenant_id": tenant_id}
            if kind is kinds.FORWARD:
                return plan.want(_new_forward(plan.inventory, tenant_id, resource))
            key = kind.key_of({**kind.columns(resource, _fields(resource), self._rules.realm), **also})
            if plan.inventory.get(kind, key) is not None:
                raise Refusal(
                    "conflict", f"{plan.inventory.label(kind, _labelled(kind, key))} exists already"
                )
            return plan.want(Wanted(kind, resource, (), also))

        row = await self._decided(tenant_id, decide, by)
        return {**shown(collection, row), **once}

    async def change(
        self, tenant_id: Id, collection: str, object_id: Id, patch: BaseModel, by: By
    ) -> dict[str, Any]:
        """Change the fields that `patch` gives; the object as shown then."""
        kind = COLLECTIONS[collection]

        def decide(plan: Plan) -> Row | None:
            row = _row(plan.inventory, kind, tenant_id, object_id)
            if isinstance(patch, ForwardPatch):
                return plan.want(_changed_forward(plan.inventory, row, patch, self._rules.country))
            given = patch.model_dump(exclude_unset=True, exclude_none=True)
            name = {"e164": "number"}.get(kind.key[0], kind.key[0])
            given |= {
                field: None for field in patch.model_fields_set & _CLEARED if getattr(patch, field) is None
            }
            context = {"country": self._rules.country}
            resource = _PATCHED[kind.name].model_validate({name: row[kind.key[0]], **given}, context=context)
            if isinstance(resource, SipAccount):
                resource = _with_proven_fallback(plan.inventory, tenant_id, resource)
            return plan.want(Wanted(kind, resource, (), {"tenant_id": tenant_id}))

        return shown(collection, await self._decided(tenant_id, decide, by))

    async def remove(self, tenant_id: Id, collection: str, object_id: Id, by: By) -> None:
        """Remove one."""
        kind = COLLECTIONS[collection]

        def decide(plan: Plan) -> Row | None:
            row = _row(plan.inventory, kind, tenant_id, object_id)
            plan.remove(kind, row)
            return row

        await self._decided(tenant_id, decide, by)

    async def _decided(self, tenant_id: Id, decide: Callable[[Plan], Row | None], by: By) -> Row:
        """Plan, check and write one change in a transaction of its own; the row it was about."""
        maker = self._maker(by)

        def carry_out(connection: Connection) -> Row:
            stored.lock(connection)
            plan = Plan(load(connection, tenant_id), maker)
            row = decide(plan)
            check(plan)
            _raise_for(plan)
            if row is None:
                raise Refusal("invalid")
            write(connection, plan.changes, maker)
            return row

        try:
            row: Row = await self._context.writer.run(carry_out)
        except IntegrityError:
            raise Refusal("conflict", "it exists already, here or with another customer") from None
        if self._refresh is not None:
            with suppress(StoreUnavailableError):  # committed it is; the next poll sees it
                await self._refresh()
        return row

    def _maker(self, by: By) -> Maker:
        context = self._context
        return Maker(self._rules.realm, Vault(self._random), context.new_id, context.clock.now(), by)

    def _completed(self, kind: Kind, resource: Any) -> tuple[Any, dict[str, str]]:
        """The resource with what is made here, and what of it is shown once."""
        if kind is kinds.KEY:
            token = sealing.new_token(self._random)
            return Key(**resource.model_dump(), token=token), {"token": token}
        if kind is kinds.SENDER_NAME:
            return SenderName(name=resource.name), {}  # approval is the operator's
        if isinstance(resource, NewWebhookForward):
            return self._completed_hook(resource)
        return resource, {}

    def _completed_hook(self, resource: NewWebhookForward) -> tuple[Any, dict[str, str]]:
        more: dict[str, Any] = {}
        once: dict[str, str] = {}
        if resource.secret is None and resource.mode == "standard":
            more["secret"] = "whsec_" + base64.b64encode(self._random(HOOK_OCTETS)).decode()
            once["secret"] = more["secret"]
        if resource.number is None and resource.events is None:
            more["events"] = MESSAGE_EVENTS
        return resource.model_copy(update=more), once


_PATCHED: Final[dict[str, type[BaseModel]]] = {
    kinds.KEY.name: Key,
    kinds.SIP_ACCOUNT.name: SipAccount,
    kinds.NUMBER.name: OwnNumber,
    kinds.IVR_FLOW.name: IvrFlow,
}
_CLEARED: Final = frozenset({"fallback"})
"""Fields that null takes away; elsewhere it changes nothing."""


def _fields(resource: BaseModel) -> frozenset[str]:
    return frozenset(type(resource).model_fields)


def _labelled(kind: Kind, key: tuple[Any, ...]) -> Row:
    return {"tenant_id": key[0], **dict(zip(kind.key, key[1:], strict=True))}


def _row(inventory: Inventory, kind: Kind, tenant_id: Id, object_id: Id) -> Row:
    for row in inventory.of_tenant(kind, tenant_id):
        if row["id"] == object_id:
            return row
    raise Refusal("not_found")


def _raise_for(plan: Plan) -> None:
    if not plan.complaints:
        return
    if plan.removed:
        raise Refusal("conflict", "; ".join(f"{one.where} {one.what}" for one in plan.complaints))
    raise InvalidError(plan.complaints)


# --- forwards -----------------------------------------------------------------------------------------------


def _new_forward(inventory: Inventory, tenant_id: Id, resource: Any) -> Wanted:
    targets = [resource.url] if resource.kind == "webhook" else list(dict.fromkeys(resource.to))
    for row in inventory.forwards_of(tenant_id, resource.number):
        if (row["kind"], row["targets"]) == (resource.kind, targets):
            raise Refusal("conflict", "there is such a forward already")
    also = {"tenant_id": tenant_id, "number": resource.number}
    return Wanted(kinds.FORWARD, _with_proof(inventory, tenant_id, resource), (), also)


def _changed_forward(inventory: Inventory, row: Row, patch: ForwardPatch, country: str) -> Wanted:
    """The rule with the patch on it, read anew as a whole."""
    hook = row["kind"] == "webhook"
    before: Row = {"kind": row["kind"], "enabled": row["enabled"], "number": row["number"]}
    before |= {"url": row["targets"][0], "mode": row["mode"]} if hook else {"to": row["targets"]}
    if hook and row["number"] is None:
        before["events"] = row["events"]
    given = patch.model_dump(exclude_unset=True, exclude_none=True)
    try:
        resource = _NEW_FORWARD.validate_python({**before, **given}, context={"country": country})
    except ValidationError as error:
        raise InvalidError(complaints(error, ForwardPatch)) from None
    also: Row = {"tenant_id": row["tenant_id"], "number": row["number"]}
    if given.get("enabled"):
        also["disabled_reason"] = ""
    return Wanted(kinds.FORWARD, _with_proof(inventory, row["tenant_id"], resource), (), also, row)


def _with_proof(inventory: Inventory, tenant_id: Id, resource: Any) -> Any:
    """Other phones are only taken where they were verified before: nobody vouches for themselves."""
    if resource.kind != "number":
        return resource
    _need_proof(inventory, tenant_id, resource.to, ("to",))
    return resource.model_copy(update={"verified": True})


def _with_proven_fallback(inventory: Inventory, tenant_id: Id, resource: SipAccount) -> SipAccount:
    fallback = resource.fallback
    if fallback is None or fallback.number is None:
        return resource
    _need_proof(inventory, tenant_id, (fallback.number,), ("fallback", "number"))
    proven = fallback.model_copy(update={"verified": True})
    return resource.model_copy(update={"fallback": proven})


def _need_proof(inventory: Inventory, tenant_id: Id, numbers: Sequence[str], at: Path) -> None:
    verified = {
        target
        for row in inventory.of_tenant(kinds.FORWARD, tenant_id)
        if row["kind"] == "number" and row["verified"]
        for target in row["targets"]
    }
    fallbacks = [row["fallback"] for row in inventory.of_tenant(kinds.SIP_ACCOUNT, tenant_id)]
    verified |= {one["to"] for one in fallbacks if one is not None and one["verified"]}
    strangers = sorted(set(numbers) - verified)
    if strangers:
        what = f"not verified: {', '.join(strangers)}; the operator verifies other phones"
        raise InvalidError([Complaint(at, what)])
