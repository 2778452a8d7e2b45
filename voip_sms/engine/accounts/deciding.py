"""One change of the configuration in a transaction of its own: planned, checked, written, in force."""

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import IntegrityError

from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal, StoreUnavailableError
from voip_sms.core.resources import InvalidError
from voip_sms.engine.accounts.checks import check
from voip_sms.engine.accounts.inventory import load
from voip_sms.engine.accounts.kinds import Row
from voip_sms.engine.accounts.money import set_currencies
from voip_sms.engine.accounts.planning import Maker, Plan
from voip_sms.engine.accounts.sealing import Random, Vault
from voip_sms.engine.accounts.writing import write
from voip_sms.engine.context import Context
from voip_sms.store import catalog as stored
from voip_sms.store.proofs import proven_numbers

Decide = Callable[[Plan, Connection], Row]
"""Plans the change; the row that it is about."""


@dataclass(frozen=True, slots=True)
class AccountRules:
    """`realm`: `sip.domain`, which SIP passwords are hashed with; `country` reads national numbers."""

    realm: str
    country: str = "PL"


class Deciding:
    """What is planned is checked as `apply` checks a file, and noted in the audit log.

    Refusal `conflict`: it exists already, or what goes is in use; InvalidError with pointers: it refers to
    nothing. It answers after the commit, when the change is in force in this process.
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

    async def carry_out(self, decide: Decide, by: By, *, tenant_id: Id | None = None) -> Row:
        """Do it; `tenant_id`: whose rows are needed beside the operator's, None: everybody's.

        The fewer, the shorter everybody else waits for the writer.
        """
        context = self._context
        maker = Maker(self._rules.realm, Vault(self._random), context.new_id, context.clock.now(), by)

        def transaction(connection: Connection) -> Row:
            stored.lock(connection)
            proven = () if not tenant_id else proven_numbers(connection, tenant_id, maker.now)
            plan = Plan(load(connection, tenant_id, proven), maker)
            row = decide(plan, connection)
            set_currencies(plan)
            check(plan)
            _raise_for(plan)
            write(connection, plan.changes, maker)
            return row

        try:
            row: Row = await context.writer.run(transaction)
        except IntegrityError:
            raise Refusal("conflict", "it exists already, here or with another customer") from None
        if self._refresh is not None:
            with suppress(StoreUnavailableError):  # committed it is; the next poll sees it
                await self._refresh()
        return row


def _raise_for(plan: Plan) -> None:
    if plan.complaints and plan.removed:
        raise Refusal("conflict", "; ".join(f"{one.where} {one.what}" for one in plan.complaints))
    if plan.complaints:
        raise InvalidError(plan.complaints)
