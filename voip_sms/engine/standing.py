"""How a tenant's addresses stand right now: where its phones are, how much its mail senders have used."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from voip_sms.core.directory import Id
from voip_sms.core.mail.quotas import ALL, OPERATORS_ZONE
from voip_sms.core.model import Binding
from voip_sms.core.quotas import Period, periods
from voip_sms.engine.context import Context
from voip_sms.engine.registrations import live
from voip_sms.store.phones import bindings_of_tenant
from voip_sms.store.usage import counted


@dataclass(frozen=True, slots=True)
class Used:
    """Messages of this day and this month, in the zone that their limit is counted in."""

    day: int = 0
    month: int = 0


NOTHING = Used()


class Standing:
    """Reads take the tenant."""

    def __init__(self, context: Context) -> None:
        self._context = context

    async def phones(self, tenant_id: Id) -> Mapping[str, int]:
        """How many phones are registered, by SIP user."""
        now = self._context.clock.now()
        found = await self._context.reader.run(bindings_of_tenant, tenant_id, now)
        return Counter(row["user"] for row in found)

    async def registrations(self, tenant_id: Id, account_id: Id) -> Sequence[Binding]:
        """The live registrations of one account, newest first."""
        now = self._context.clock.now()
        return live(await self._context.reader.run(bindings_of_tenant, tenant_id, now, account_id), now)

    async def mails(self, tenant_id: Id) -> tuple[Mapping[str, Used], Used]:
        """What each mail address has sent, by address; and all of them together."""
        tenant = self._context.directory().tenants.get(tenant_id)
        zone = "UTC" if tenant is None else tenant.timezone
        now = self._context.clock.now()
        theirs, ours = periods(now, zone), periods(now, OPERATORS_ZONE)
        keys = {one.key for one in (*theirs, *ours)}
        found = await self._context.reader.run(counted, tenant_id, ALL, keys)
        addresses = {scope for scope, _ in found if scope != ALL}
        used = {scope.removeprefix(f"{ALL}:"): _used(found, scope, theirs) for scope in addresses}
        return used, _used(found, ALL, ours)


def _used(found: Mapping[tuple[str, str], int], scope: str, periods: tuple[Period, Period]) -> Used:
    day, month = (found.get((scope, one.key), 0) for one in periods)
    return Used(day, month)
