"""Calls as a way to send: in whose name a flow does, what a step comes to, how often a caller may."""

from hashlib import sha256
from typing import Final

from voip_sms.core import calls
from voip_sms.core.calls import CallOrder
from voip_sms.core.directory import NO_CALL_LIMITS, Account, Directory, Id, Identity, Tenant
from voip_sms.core.failures import Nature, Refusal
from voip_sms.core.ids import OCTETS as ID_OCTETS
from voip_sms.core.model import Idempotency, Item, Options, Submission
from voip_sms.core.ports import Submitter
from voip_sms.engine.context import Context

DOOR: Final = "ivr"
_REFERENCE_LONGEST: Final = 200
"""Characters of a message's `client_ref`, as of all doors."""


class Calling:
    """`ports.Calling`."""

    def __init__(self, context: Context, submitter: Submitter, country: str) -> None:
        """`country` (ISO 3166) reads numbers in national form."""
        self._context = context
        self._submitter = submitter
        self._country = country

    def account(self, tenant: str, flow: str, identity: Identity | None) -> Account | None:
        """The account that a flow sends as; see `ports.Calling`."""
        directory = self._context.directory()
        owner = _tenant(directory, tenant)
        if owner is None or not owner.enabled:
            return None
        configured = directory.flows.get((owner.id, flow))
        if configured is not None:
            return configured.account if configured.account.enabled else None
        if identity is None:
            return None
        return Account(_id(owner.id, flow), owner.id, "ivr", flow, identity, language=owner.language)

    async def send(self, order: CallOrder) -> Item:
        """Store what a step of a call sends; see `ports.Calling`."""
        try:
            submitted = await self._submitter.submit(self._submission(order))
        except Refusal as refusal:
            if refusal.nature is Nature.TEMPORARY:
                raise
            return Item(order.to, refused=refusal)
        (item,) = submitted.items
        return item

    def _submission(self, order: CallOrder) -> Submission:
        directory, now = self._context.directory(), self._context.clock.now()
        account = order.account
        configured = directory.flows.get((account.tenant_id, account.name))
        tenant = directory.tenants.get(account.tenant_id)
        said = NO_CALL_LIMITS if configured is None else configured.limits
        limits = calls.limits_of(said, order.limits)
        timezone = "UTC" if tenant is None else tenant.timezone
        return Submission(
            account=account if configured is None else configured.account,
            door=DOOR,
            recipients=(order.to,),
            text=order.text,
            options=Options(client_ref=order.call_id[:_REFERENCE_LONGEST]),
            idempotency=_idempotency(order),
            steps=order.trace,
            counts=calls.gauges(order, limits, now, timezone, self._country),
        )


def _tenant(directory: Directory, name: str) -> Tenant | None:
    """A few thousand at most, once for each call."""
    return next((one for one in directory.tenants.values() if one.name == name), None)


def _id(tenant_id: Id, flow: str) -> Id:
    """The same for the same flow, at each start and on each node."""
    return _digest(tenant_id, flow)[:ID_OCTETS]


def _idempotency(order: CallOrder) -> Idempotency:
    """The text isn't looked at: it may say what time it is."""
    account = order.account
    key = _digest(account.tenant_id, account.name, order.call_id, order.step)
    return Idempotency(key, _digest(account.tenant_id, order.to))


def _digest(tenant_id: Id, *names: str) -> bytes:
    parts = (DOOR.encode(), tenant_id, *(name.encode("utf-8", "replace") for name in names))
    return sha256(b"\0".join(parts)).digest()
