"""What a forward becomes when a tenant makes or changes it: nobody vouches for somebody else's phone."""

from collections.abc import Sequence
from typing import Any, Final

from pydantic import TypeAdapter, ValidationError

from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import InvalidError, NewForward, SipAccount
from voip_sms.core.resources.complaints import Complaint, Path, complaints
from voip_sms.core.resources.forwards import ForwardPatch
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.inventory import Inventory
from voip_sms.engine.accounts.kinds import Row
from voip_sms.engine.accounts.planning import Wanted

_NEW_FORWARD: Final[TypeAdapter[Any]] = TypeAdapter(NewForward)


def new_forward(inventory: Inventory, tenant_id: Id, resource: Any) -> Wanted:
    """A forward that isn't there yet; Refusal `conflict`, InvalidError for phones that nobody verified."""
    targets = [resource.url] if resource.kind == "webhook" else list(dict.fromkeys(resource.to))
    for row in inventory.forwards_of(tenant_id, resource.number):
        if (row["kind"], row["targets"]) == (resource.kind, targets):
            raise Refusal("conflict", "there is such a forward already")
    also = {"tenant_id": tenant_id, "number": resource.number}
    return Wanted(kinds.FORWARD, _with_proof(inventory, tenant_id, resource), (), also)


def changed_forward(inventory: Inventory, row: Row, patch: ForwardPatch, country: str) -> Wanted:
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


def with_proven_fallback(inventory: Inventory, tenant_id: Id, resource: SipAccount) -> SipAccount:
    """The account, whose fallback goes to a phone that was verified, or to none; InvalidError."""
    fallback = resource.fallback
    if fallback is None or fallback.number is None:
        return resource
    _need_proof(inventory, tenant_id, (fallback.number,), ("fallback", "number"))
    proven = fallback.model_copy(update={"verified": True})
    return resource.model_copy(update={"fallback": proven})


def proven_numbers(inventory: Inventory, tenant_id: Id) -> set[str]:
    """Phones whose owners agreed: those that something goes to already, and those that said their code."""
    verified = {
        target
        for row in inventory.of_tenant(kinds.FORWARD, tenant_id)
        if row["kind"] == "number" and row["verified"]
        for target in row["targets"]
    }
    fallbacks = [row["fallback"] for row in inventory.of_tenant(kinds.SIP_ACCOUNT, tenant_id)]
    verified |= {one["to"] for one in fallbacks if one is not None and one["verified"]}
    return verified | inventory.proven


def _need_proof(inventory: Inventory, tenant_id: Id, numbers: Sequence[str], at: Path) -> None:
    strangers = sorted(set(numbers) - proven_numbers(inventory, tenant_id))
    if strangers:
        what = f"not verified: {', '.join(strangers)}; a code that is sent there verifies it"
        raise InvalidError([Complaint(at, what)])
