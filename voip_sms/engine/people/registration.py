"""Companies that ask to become customers: approved (a tenant with its first administrator) or refused."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import suppress
from typing import Any, Final

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.core.audit import By, Entry
from voip_sms.core.buckets import Buckets
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.people import LINK_LIFE, Registration, User
from voip_sms.core.resources import InvalidError, Tenant
from voip_sms.core.resources.people import Approval, Asking, Person, Refused
from voip_sms.core.sites import site_of
from voip_sms.engine.accounts import kinds
from voip_sms.engine.accounts.checks import check
from voip_sms.engine.accounts.inventory import load
from voip_sms.engine.accounts.kinds import Row
from voip_sms.engine.accounts.money import set_currencies
from voip_sms.engine.accounts.planning import Maker, Plan, Wanted
from voip_sms.engine.accounts.sealing import Vault
from voip_sms.engine.accounts.writing import write
from voip_sms.engine.context import Context
from voip_sms.engine.people import mails
from voip_sms.engine.people.rows import Visit, gone, is_active, link_row, registration_of
from voip_sms.engine.people.tokens import Random, new_registration_code, new_token
from voip_sms.store import catalog as stored
from voip_sms.store import people, resolve
from voip_sms.store.audit import record, row_of
from voip_sms.store.oversight import page_of_all
from voip_sms.store.units import Match, Rows, State, Unit, by_key

ASKED_BURST: Final = 5
SECONDS_PER_ASKING: Final = 600.0
"""From one source: an office registers once. The form sends a mail to an address that nobody proved."""
SOURCES: Final = 10_000
PENDING_MOST: Final = 1_000
"""That wait for an operator: more are somebody's joke, and would be mails to strangers."""


class Registrations:
    """Answers after the commit. What an operator decides twice is Refusal `conflict` the second time."""

    def __init__(
        self,
        context: Context,
        random: Random,
        *,
        panel: str,
        seconds: Callable[[], float],
        refresh: Callable[[], Awaitable[object]] | None = None,
    ) -> None:
        """`panel`: the panel's address; `refresh` brings a new tenant into force (`DirectoryHolder`)."""
        self._context = context
        self._random = random
        self._panel = panel
        self._seconds = seconds
        self._refresh = refresh
        self._asked = Buckets(1 / SECONDS_PER_ASKING, ASKED_BURST, SOURCES)

    async def ask(self, asking: Asking, visit: Visit) -> None:
        """Keep it and mail that it came. An address that asked already, or signs in, hears nothing new.

        Nobody learns here who is a customer. Refusal `rate_limited`.
        """
        wait = self._asked.take(site_of(visit.address), self._seconds())
        if wait:
            raise Refusal("rate_limited", "too many registrations from here", {"retry_after": round(wait)})
        context = self._context
        now = context.clock.now()
        row: Row = {
            **asking.model_dump(),
            "id": context.new_id(),
            "code": new_registration_code(self._random),
            "status": "pending",
            "created_at": now,
        }
        stamp = mails.Stamp(now, context.new_id())
        same = Match("registration", ("mail",), (asking.mail,))
        known = Match("user_account", ("mail",), (asking.mail,))
        pending = Match("registration", ("status",), ("pending",), lock=False)

        def decide(state: State) -> Rows:
            rows = Rows()
            if state.find(known) or any(one["status"] == "pending" for one in state.find(same)):
                return rows
            if len(state.find(pending)) >= PENDING_MOST:
                raise Refusal("rate_limited", "too many registrations wait; come again tomorrow")
            rows.inserts.append(("registration", row))
            rows.inserts.append(("forward_job", mails.received(row, stamp)))
            rows.wakes.add(mails.WAKES)
            return rows

        await context.writer.do(Unit(decide, [same, known, pending]))

    async def list(
        self, operator: User, *, limit: int = 50, starting_after: Id | None = None
    ) -> tuple[Sequence[Registration], bool]:
        """Newest first, and whether more follow. Refusal `forbidden`."""
        if not operator.may("registrations"):
            raise Refusal("forbidden", "this is for operators")
        rows, more = await self._context.reader.run(
            page_of_all, "registration", limit=limit, starting_after=starting_after
        )
        return [registration_of(row) for row in rows], more

    async def get(self, operator: User, registration_id: Id) -> Registration:
        """One of them. Refusal `forbidden`, `not_found`."""
        if not operator.may("registrations"):
            raise Refusal("forbidden", "this is for operators")
        row = await self._context.reader.run(people.registration, registration_id, locked=False)
        if row is None:
            raise Refusal("not_found", "there is no such registration")
        return registration_of(row)

    async def refuse(self, operator: User, registration_id: Id, refused: Refused) -> Registration:
        """They are told why."""
        context, directory = self._context, self._context.directory()
        now = context.clock.now()
        stamp = mails.Stamp(now, context.new_id())

        def decide(state: State) -> Rows:
            _operating(directory, state.get("user_account", operator.id))
            row = _pending(state.get("registration", registration_id))
            changes = {"status": "refused", "reason": refused.reason, "decided_at": now}
            rows = Rows(registration_of({**row, **changes}))
            rows.update("registration", (registration_id,), **changes)
            rows.inserts.append(("audit_entry", row_of(self._entry(operator, row, changes))))
            rows.inserts.append(("forward_job", mails.refused(row, refused.reason, stamp)))
            rows.wakes.add(mails.WAKES)
            return rows

        reads = [by_key("user_account", operator.id), by_key("registration", registration_id)]
        decided: Registration = await context.writer.do(Unit(decide, reads))
        return decided

    async def approve(self, operator: User, registration_id: Id, approval: Approval) -> Registration:
        """Make the tenant and its first administrator, and mail them a link that sets the password.

        All in one transaction. Refusal `conflict`: decided already, or the name or address is taken;
        InvalidError: no such price list.
        """

        def carry_out(connection: Connection) -> Registration:
            return self._approved(connection, operator, registration_id, approval)

        try:
            made: Registration = await self._context.writer.run(carry_out)
        except IntegrityError:
            raise Refusal("conflict", "somebody signs in with this address already") from None
        if self._refresh is not None:
            with suppress(StoreUnavailableError):  # committed it is; the next poll sees it
                await self._refresh()
        return made

    def _approved(
        self, connection: Connection, operator: User, registration_id: Id, approval: Approval
    ) -> Registration:
        context = self._context
        stored.lock(connection)
        _operating(context.directory(), people.person(connection, NO_TENANT, operator.id))
        asked = _pending(people.registration(connection, registration_id, locked=True))
        by = By(f"user:{operator.mail}", "panel")
        maker = Maker("", Vault(self._random), context.new_id, context.clock.now(), by)
        person = _planned(connection, maker, asked, approval)
        token = new_token(self._random)
        until = maker.now + LINK_LIFE["password"]
        opening = mails.Opening(mails.link_url(self._panel, token), until)
        stamp = mails.Stamp(maker.now, context.new_id(), person["tenant_id"])
        changes = {"status": "approved", "decided_at": maker.now, "became": person["tenant_id"]}
        record(connection, [self._entry(operator, asked, changes)])
        people.decide_registration(connection, registration_id, changes)
        people.add(connection, "one_time_link", link_row(person, "password", token, maker.now))
        people.add(connection, "forward_job", mails.approved(asked, opening, stamp))
        return registration_of({**asked, **changes})

    def _entry(self, operator: User, asked: Mapping[str, Any], changes: Mapping[str, Any]) -> Entry:
        """What the audit log tells of a decision."""
        return Entry(
            id=self._context.new_id(),
            tenant_id=NO_TENANT,
            at=changes["decided_at"],
            by=By(f"user:{operator.mail}", "panel"),
            action="changed",
            kind="registrations",
            label=f"registrations[{asked['company']}]",
            object_id="",
            before={"status": asked["status"]},
            after={name: changes[name] for name in ("status", "reason") if name in changes},
        )


def _planned(connection: Connection, maker: Maker, asked: Mapping[str, Any], approval: Approval) -> Row:
    """Write the tenant and its administrator, whose row is given back."""
    plan = Plan(load(connection), maker)
    if plan.inventory.tenant_named(approval.tenant) is not None:
        raise Refusal("conflict", f"there is a customer {approval.tenant} already")
    if resolve.person_of_mail(connection, asked["mail"]) is not None:
        raise Refusal("conflict", "somebody signs in with this address already")
    wanted = {"name": approval.tenant, "language": asked["language"], "self_service": approval.self_service}
    if approval.price_list is not None:
        wanted["price_list"] = approval.price_list
    tenant = Tenant.model_validate(wanted)
    owner = plan.want(Wanted(kinds.TENANT, tenant, ("tenant",)))
    first = Person(mail=asked["mail"], name=asked["name"], role="admin", language=asked["language"])
    also = {"tenant_id": owner["id"]} if owner is not None else {}
    person = plan.want(Wanted(kinds.USER, first, ("user",), also))
    set_currencies(plan)
    check(plan)
    if plan.complaints or person is None:
        raise InvalidError(plan.complaints)
    write(connection, plan.changes, maker)
    return person


def _operating(directory: Any, person: Mapping[str, Any] | None) -> None:
    if not is_active(directory, person):
        raise gone()
    if person is None or person["role"] != "operator":
        raise Refusal("forbidden", "this is for operators")


def _pending(row: Mapping[str, Any] | None) -> Mapping[str, Any]:
    if row is None:
        raise Refusal("not_found", "there is no such registration")
    if row["status"] != "pending":
        raise Refusal("conflict", f"it was {row['status']} already")
    return row
