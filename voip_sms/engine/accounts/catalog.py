"""What a tenant may see and change of its own configuration, one object at a time: for API and panel."""

import base64
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from sqlalchemy import Connection

from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import (
    Group,
    InvalidError,
    IvrFlow,
    Key,
    Keyword,
    MailSender,
    OwnNumber,
    SenderName,
    SipAccount,
    Tenant,
)
from voip_sms.core.resources.company import CompanyPatch, NewSipAccount
from voip_sms.core.resources.complaints import complaints
from voip_sms.core.resources.forwards import MESSAGE_EVENTS, ForwardPatch, NewWebhookForward
from voip_sms.engine.accounts import kinds, sealing
from voip_sms.engine.accounts.deciding import AccountRules, Deciding
from voip_sms.engine.accounts.forward_rules import changed_forward, new_forward, with_proven_fallback
from voip_sms.engine.accounts.inventory import Inventory
from voip_sms.engine.accounts.kinds import Kind, Row
from voip_sms.engine.accounts.planning import Plan, Wanted
from voip_sms.engine.accounts.sealing import Random
from voip_sms.engine.accounts.seen import check_seen
from voip_sms.engine.accounts.showing import COLLECTIONS, company_shown, shown
from voip_sms.engine.context import Context
from voip_sms.store import catalog as stored

HOOK_OCTETS: Final = 24
Decide = Callable[[Plan], Row | None]


class Accounts:
    """Collections are named by the prefix of their objects' ids: num, fwd, blk, key, sip, nam, ivr, mls,
    grp, kwd.

    Every call answers after its commit, when the change is in force in this process. An object that isn't
    there or is another tenant's is Refusal `not_found`; one that is there already, or still in use,
    `conflict`; references to nothing are InvalidError with pointers. `by` is noted in the audit log.
    With `seen` (`seen_of` what was shown) an object that somebody changed since is `conflict`.
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
        self._deciding = Deciding(context, rules, random, refresh)

    async def list(
        self,
        tenant_id: Id,
        collection: str,
        *,
        limit: int,
        starting_after: Id | None,
        only: Mapping[str, Any] | None = None,
    ) -> tuple[Sequence[dict[str, Any]], bool]:
        """Objects as they are shown, newest first, and whether more follow; `only`: with these columns."""
        table = COLLECTIONS[collection].table
        rows, more = await self._context.reader.run(
            stored.page_of_rows, table, tenant_id, only or {}, limit=limit, starting_after=starting_after
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
            if kind is kinds.FORWARD:
                return plan.want(new_forward(plan.inventory, tenant_id, resource))
            _check_self_service(plan.inventory, tenant_id, kind)
            wanted = self._wanted(plan, tenant_id, kind, resource)
            key = kind.key_of({**kind.columns(resource, _fields(resource), self._rules.realm), **wanted.also})
            if plan.inventory.get(kind, key) is not None:
                raise Refusal(
                    "conflict", f"{plan.inventory.label(kind, _labelled(kind, key))} exists already"
                )
            return plan.want(wanted)

        row = await self._decided(tenant_id, decide, by)
        return {**shown(collection, row), **once}

    async def change(
        self, tenant_id: Id, collection: str, object_id: Id, patch: BaseModel, by: By, *, seen: str = ""
    ) -> dict[str, Any]:
        """Change the fields that `patch` gives; the object as shown then."""
        kind = COLLECTIONS[collection]

        def decide(plan: Plan) -> Row | None:
            row = _row(plan.inventory, kind, tenant_id, object_id)
            if isinstance(patch, ForwardPatch):
                return plan.want(changed_forward(plan.inventory, row, patch, self._rules.country))
            resource = self._patched(_PATCHED[kind.name], _natural(kind, row), patch)
            return plan.want(self._wanted(plan, tenant_id, kind, resource))

        there = (collection, object_id, seen)
        return shown(collection, await self._decided(tenant_id, decide, by, there))

    async def remove(self, tenant_id: Id, collection: str, object_id: Id, by: By, *, seen: str = "") -> None:
        """Remove one."""
        kind = COLLECTIONS[collection]

        def decide(plan: Plan) -> Row | None:
            row = _row(plan.inventory, kind, tenant_id, object_id)
            _check_self_service(plan.inventory, tenant_id, kind)
            plan.remove(kind, row)
            return row

        await self._decided(tenant_id, decide, by, (collection, object_id, seen))

    # --- the tenant itself ----------------------------------------------------------------------------------

    async def company(self, tenant_id: Id) -> dict[str, Any]:
        """What the tenant decides for itself, as `CompanyShown`."""
        row = await self._context.reader.run(stored.tenant_row, tenant_id)
        if row is None:
            raise Refusal("not_found")
        return company_shown(row)

    async def change_company(self, tenant_id: Id, patch: CompanyPatch, by: By) -> dict[str, Any]:
        """Change what `patch` gives; as shown then."""

        def decide(plan: Plan) -> Row | None:
            name = plan.inventory.tenant_name(tenant_id)
            if plan.inventory.tenant_named(name) is None:
                raise Refusal("not_found")
            return plan.want(Wanted(kinds.TENANT, self._patched(Tenant, {"name": name}, patch), ()))

        return company_shown(await self._decided(tenant_id, decide, by))

    # --- how ------------------------------------------------------------------------------------------------

    def _patched(self, model: type[BaseModel], natural: Row, patch: BaseModel) -> BaseModel:
        """The object that `patch` makes of the one with this natural key: only its fields are set."""
        given = patch.model_dump(exclude_unset=True, exclude_none=True)
        given |= {field: None for field in patch.model_fields_set & _CLEARED if getattr(patch, field) is None}
        try:
            return model.model_validate({**natural, **given}, context={"country": self._rules.country})
        except ValidationError as error:
            raise InvalidError(complaints(error, model)) from None

    def _wanted(self, plan: Plan, tenant_id: Id, kind: Kind, resource: Any) -> Wanted:
        if isinstance(resource, SipAccount):
            resource = with_proven_fallback(plan.inventory, tenant_id, resource)
        return Wanted(kind, resource, (), {"tenant_id": tenant_id})

    async def _decided(
        self, tenant_id: Id, decide: Decide, by: By, there: tuple[str, Id, str] | None = None
    ) -> Row:
        """One change; the row it was about.

        `there`: the collection and id of an object that must be as it was seen.
        """

        def planned(plan: Plan, connection: Connection) -> Row:
            if there is not None:
                _check_there(connection, tenant_id, *there)
            return decide(plan) or {}  # of none there are complaints, and nothing is written

        return await self._deciding.carry_out(planned, by, tenant_id=tenant_id)

    def _completed(self, kind: Kind, resource: Any) -> tuple[Any, dict[str, str]]:
        """The resource with what is made here, and what of it is shown once."""
        if kind is kinds.KEY:
            token = sealing.new_token(self._random)
            return Key(**resource.model_dump(), token=token), {"token": token}
        if kind is kinds.SENDER_NAME:
            return SenderName(name=resource.name), {}  # approval is the operator's
        if isinstance(resource, NewSipAccount):
            return SipAccount.model_validate(resource.model_dump(exclude_unset=True)), {}
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
    kinds.MAIL_SENDER.name: MailSender,
    kinds.GROUP.name: Group,
    kinds.KEYWORD.name: Keyword,
}
_CLEARED: Final = frozenset({"fallback", "token"})
"""Fields that null takes away; elsewhere it changes nothing."""


_SELF_SERVED: Final = frozenset({kinds.SIP_ACCOUNT.name, kinds.MAIL_SENDER.name})
"""Addresses: tenants make and remove their own where the operator switched that on (W3)."""
_WRITTEN: Final = {"e164": ("number", "e164"), "folded": ("word", "word")}
"""Columns of natural keys that a resource calls differently, or writes otherwise."""


def _natural(kind: Kind, row: Row) -> Row:
    """The fields that name the object of this row."""
    named = [_WRITTEN.get(column, (column, column)) for column in kind.key]
    return {field: row[column] for field, column in named}


def _check_self_service(inventory: Inventory, tenant_id: Id, kind: Kind) -> None:
    tenant = inventory.tenant_named(inventory.tenant_name(tenant_id))
    if kind.name in _SELF_SERVED and (tenant is None or not tenant["self_service"]):
        raise Refusal("forbidden", "the operator looks after the addresses of this company")


def _check_there(connection: Connection, tenant_id: Id, collection: str, object_id: Id, seen: str) -> None:
    row = stored.get_row(connection, COLLECTIONS[collection].table, tenant_id, object_id)
    if row is None:
        raise Refusal("not_found")
    check_seen(connection, tenant_id, shown(collection, row), seen)


def _fields(resource: BaseModel) -> frozenset[str]:
    return frozenset(type(resource).model_fields)


def _labelled(kind: Kind, key: tuple[Any, ...]) -> Row:
    return {"tenant_id": key[0], **dict(zip(kind.key, key[1:], strict=True))}


def _row(inventory: Inventory, kind: Kind, tenant_id: Id, object_id: Id) -> Row:
    for row in inventory.of_tenant(kind, tenant_id):
        if row["id"] == object_id:
            return row
    raise Refusal("not_found")
