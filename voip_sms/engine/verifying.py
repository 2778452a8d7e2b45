"""Proves that somebody at a phone agrees to get forwarded texts: a code goes there, and comes back typed."""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from pydantic import ValidationError
from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.core import clock, proofs
from voip_sms.core.audit import By, Entry
from voip_sms.core.clock import DAY
from voip_sms.core.directory import Account, Directory, Id, Identity
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Options, Submission
from voip_sms.core.planning import OTP
from voip_sms.core.ports import Submitter
from voip_sms.core.resources import InvalidError
from voip_sms.core.resources.company import NumberToProve
from voip_sms.core.resources.complaints import Complaint, complaints
from voip_sms.engine.accounts.forward_rules import proven_numbers
from voip_sms.engine.accounts.inventory import load
from voip_sms.engine.accounts.sealing import Random
from voip_sms.engine.context import Context
from voip_sms.engine.proving import Proving
from voip_sms.store import proofs as stored
from voip_sms.store.audit import row_of
from voip_sms.store.units import Match, Rows, State, Unit, by_key

_OCTETS: Final = 8
"""Of chance for six digits: they are all as likely as each other."""
_KIND: Final = "verified_numbers"
"""What the audit log calls them."""
_NOTHING: Final = "no code is waited for: it was used, its time is over, or it was wrong too often"


class Verifying:
    """Everything takes the tenant. What it proves is taken by forwards and fallbacks for an hour after."""

    def __init__(
        self, context: Context, proving: Proving, submitter: Submitter, random: Random, country: str
    ) -> None:
        """`random(n)` gives n random octets; `country` (ISO 3166) reads numbers in national form."""
        self._context = context
        self._proving = proving
        self._submitter = submitter
        self._random = random
        self._country = country

    async def send(self, tenant_id: Id, typed: str, by: By) -> dict[str, Any]:
        """Send a code to a phone, charged as any SMS; as `NumberProofShown`, verified if it is so already.

        InvalidError: no number that takes SMS, or one of our own. Refusal `rate_limited`, and whatever
        keeps an SMS from being sent.
        """
        number = self.read(typed)
        if await self.is_proven(tenant_id, number):
            return _shown(number, verified=True)
        return await self.send_code(tenant_id, number, by)

    async def send_code(self, tenant_id: Id, number: str, by: By) -> dict[str, Any]:
        """The same, whether or not the phone (E.164, as `read` gave it) is proven: if it is, it stays so."""
        code, now = proofs.code_of(self._random(_OCTETS)), self._context.clock.now()
        await self._remember(tenant_id, number, code, now)
        await self._submit(tenant_id, number, code, by)
        return _shown(number, verified=False, until=now + proofs.LIFE)

    async def prove(self, tenant_id: Id, typed: str, code: str, by: By) -> dict[str, Any]:
        """The code that the phone was sent; as `NumberProofShown`.

        Refusal `invalid`: it is another one (data: `tries_left`); `too_late`: none is waited for. Each try
        counts before it is looked at: of many at once three are.
        """
        number, code = self.read(typed), proofs.typed_code(code)
        context, now = self._context, self._context.clock.now()
        sealed, left = await context.writer.do(_trying(tenant_id, number, now))
        if not await self._proving.prove(sealed, code):
            raise Refusal("invalid", "that is not the code", {"tries_left": left})
        entry = self._entry(tenant_id, number, by)
        until: int = await context.writer.do(_proving(tenant_id, number, sealed, entry))
        return _shown(number, verified=True, until=until)

    async def is_proven(self, tenant_id: Id, number: str) -> bool:
        """Whether texts may be forwarded to this phone (E.164) already."""
        now = self._context.clock.now()
        found = await self._context.reader.run(_proven, tenant_id, now)
        return number in found

    def read(self, typed: str) -> str:
        """E.164 of a phone that may get forwarded texts, or InvalidError at `number`."""
        try:
            number = NumberToProve.model_validate(
                {"number": typed.strip()}, context={"country": self._country}
            ).number
        except ValidationError as error:
            raise InvalidError(complaints(error, NumberToProve)) from None
        directory = self._context.directory()
        if number in directory.numbers or number in directory.pool_of:
            what = f"{number} is a number of this service: the text would come back here"
            raise InvalidError([Complaint(("number",), what)])
        return number

    async def _remember(self, tenant_id: Id, number: str, code: str, now: int) -> None:
        """Whoever is impatient is told so before a hash is made for them; the unit looks once more."""
        _sent_before(await self._context.reader.run(stored.codes_of, tenant_id), number, now)
        unit = _sending(tenant_id, number, await self._proving.seal(code), now)
        try:
            await self._context.writer.do(unit)
        except IntegrityError:  # another node sent this phone its first code in this moment
            await self._context.writer.do(unit)

    async def _submit(self, tenant_id: Id, number: str, code: str, by: By) -> None:
        tenant = self._context.directory().tenants.get(tenant_id)
        if tenant is None:
            raise Refusal("not_found")
        submission = Submission(
            account=_account(tenant_id, by),
            door=proofs.DOOR,
            recipients=(number,),
            text=proofs.sms(code, tenant.name, tenant.language),
            options=Options(transliterate=True, validity=proofs.LIFE, priority=OTP),
        )
        (item,) = (await self._submitter.submit(submission)).items
        if item.refused is not None:
            raise item.refused

    def _entry(self, tenant_id: Id, number: str, by: By) -> Entry:
        context = self._context
        return Entry(
            id=context.new_id(),
            tenant_id=tenant_id,
            at=context.clock.now(),
            by=by,
            action="added",
            kind=_KIND,
            label=f"tenants[{_name(context.directory(), tenant_id)}].{_KIND}[{number}]",
            object_id="",
            before={},
            after={"number": number},
        )


# --- units --------------------------------------------------------------------------------------------------


def _sending(tenant_id: Id, number: str, sealed: str, now: int) -> Unit:
    """Remember the code that is about to be sent, in place of one before it."""
    mine = Match("number_proof", ("tenant_id",), (tenant_id,))

    def decide(state: State) -> Rows:
        rows = Rows()
        there = state.get("number_proof", tenant_id, number)
        sent = _sent_before(state.find(mine), number, now)
        row = {
            "code_hash": sealed,
            "tries": 0,
            "sent": sent + 1,
            "since": now if there is None or sent == 0 else there["since"],
            "sent_at": now,
        }
        until = now + proofs.LIFE
        if there is None:
            rows.insert("number_proof", tenant_id=tenant_id, number=number, expires_at=until, **row)
        else:
            until = max(until, there["expires_at"])
            rows.update("number_proof", (tenant_id, number), expires_at=until, **row)
        return rows

    return Unit(decide, [mine])


def _trying(tenant_id: Id, number: str, now: int) -> Unit:
    """Count one try; the result: what the code is kept as, and how many tries are left."""

    def decide(state: State) -> Rows:
        row = state.get("number_proof", tenant_id, number)
        if row is None or row["code_hash"] is None or row["sent_at"] + proofs.LIFE <= now:
            raise Refusal("too_late", _NOTHING)
        if row["tries"] >= proofs.TRIES:
            raise Refusal("too_late", _NOTHING)
        rows = Rows((row["code_hash"], proofs.TRIES - row["tries"] - 1))
        rows.update("number_proof", (tenant_id, number), tries=row["tries"] + 1)
        return rows

    return Unit(decide, [by_key("number_proof", tenant_id, number)])


def _proving(tenant_id: Id, number: str, sealed: str, entry: Entry) -> Unit:
    """The code was right: the result is until when that counts."""

    def decide(state: State) -> Rows:
        row = state.get("number_proof", tenant_id, number)
        if row is None or row["code_hash"] != sealed:
            raise Refusal("too_late", _NOTHING)
        until = entry.at + proofs.PROOF_LIFE
        rows = Rows(until)
        changes = {"code_hash": None, "proven_at": entry.at, "expires_at": until}
        rows.update("number_proof", (tenant_id, number), **changes)
        rows.insert("audit_entry", **row_of(entry))
        return rows

    return Unit(decide, [by_key("number_proof", tenant_id, number)])


# --- small things -------------------------------------------------------------------------------------------


def _sent_before(codes: Iterable[Mapping[str, Any]], number: str, now: int) -> int:
    """How many codes the phone was sent today, of all the tenant's; Refusal `rate_limited`: enough."""
    there, others = None, 0
    for row in codes:
        if row["number"] == number:
            there = row
        elif now - row["since"] < DAY:
            others += row["sent"]
    return proofs.check_pace(there, others, now)


def _proven(connection: Connection, tenant_id: Id, now: int) -> set[str]:
    inventory = load(connection, tenant_id, stored.proven_numbers(connection, tenant_id, now))
    return proven_numbers(inventory, tenant_id)


def _account(tenant_id: Id, by: By) -> Account:
    """Whoever asks, as messages name them; the sender is the service's own."""
    kind, _, name = by.who.partition(":")
    return Account(tenant_id, tenant_id, "user" if kind == "user" else "key", name, Identity("default"))


def _name(directory: Directory, tenant_id: Id) -> str:
    tenant = directory.tenants.get(tenant_id)
    return "?" if tenant is None else tenant.name


def _shown(number: str, *, verified: bool, until: int | None = None) -> dict[str, Any]:
    expires = None if until is None else clock.to_rfc3339(until)
    return {"number": number, "verified": verified, "expires_at": expires}
