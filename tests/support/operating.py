"""The operator's use cases over an office of two customers (`office.py`), for scenes around the operator."""

from dataclasses import dataclass, field
from typing import Any

from support.fakes import FakeClock, fixed_random
from support.office import Office
from voip_sms.core import ids
from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.model import LinkState
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.accounts.deciding import AccountRules, Deciding
from voip_sms.engine.audit import AuditFilter, AuditLog
from voip_sms.engine.health import Examination, Finding
from voip_sms.engine.names import Names
from voip_sms.engine.network import Network
from voip_sms.engine.quarantine import Quarantine
from voip_sms.engine.traffic import Traffic

ROOT = By("user:root@operator.test", "panel")
POOL = {"name": "pl", "carrier": "sim", "numbers": ["+48799000001", "+48799000002"]}


@dataclass
class Control:
    """See above. `close` it."""

    office: Office
    links: dict[str, LinkState] = field(default_factory=dict)
    missing: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)

    def __post_init__(self) -> None:
        office, context, chance = self.office, self.office.context, fixed_random(11).randbytes
        rules, refresh = AccountRules("sms.test"), office.holder.refresh_now
        deciding = Deciding(context, rules, chance, refresh)
        self.accounts = Accounts(context, rules, chance, refresh)
        self.network = Network(context, deciding)
        self.names = Names(context, deciding, "Bramka SMS")
        self.quarantine = Quarantine(context)
        self.traffic = Traffic(context)
        self.log = AuditLog(office.reader)
        self.examination = Examination(
            context,
            ready=lambda: self.missing,
            doors=lambda: {"http": "127.0.0.1:8080", "smtp": None},
            links=lambda: self.links,
            machine=lambda: self.findings,
        )

    @classmethod
    async def open(cls, url: str, clock: FakeClock) -> "Control":
        return cls(await Office.open(url, clock))

    async def close(self) -> None:
        await self.office.close()

    def tenant(self, name: str = "acme") -> Id:
        (found,) = [one.id for one in self.office.holder.current().tenants.values() if one.name == name]
        return found

    def tenant_text(self, name: str = "acme") -> str:
        return ids.to_text("ten", self.tenant(name))

    async def told(self, **only: Any) -> list[dict[str, Any]]:
        """The operator's and all tenants' entries of the audit log, newest first."""
        found, _ = await self.log.everybodys(AuditFilter(**only), limit=100, starting_after=None)
        return list(found)
