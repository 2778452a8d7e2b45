"""A service with two tenants and an operator over a real database, without carriers that run."""

from dataclasses import dataclass

from support.fakes import FakeClock, FakeIds, NoDispatcher, fixed_random
from voip_sms.core.audit import By
from voip_sms.core.identity import Rules
from voip_sms.core.resources import ConfigFile
from voip_sms.doors.api.door import Rooms
from voip_sms.engine.accounts.applying import apply_file
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.accounts.deciding import AccountRules, Deciding
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault
from voip_sms.engine.audit import AuditLog
from voip_sms.engine.context import Context
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.messages import Messages
from voip_sms.engine.names import Names
from voip_sms.engine.oversight import Oversight
from voip_sms.engine.proving import Proving
from voip_sms.engine.quarantine import Quarantine
from voip_sms.engine.submit import Submit
from voip_sms.engine.verifying import Verifying
from voip_sms.engine.webhooks import Webhooks
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.http.guarded import GuardedClient
from voip_sms.store.database import Database, open_database
from voip_sms.store.holder import DirectoryHolder
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer

ACME_KEY, OTHER_KEY = "test-key-acme-0123456789abcdef", "test-key-other-0123456789abcde"
OPERATOR_KEY = "test-key-operator-0123456789abc"
BY = By("operator:apply@test", "apply")


def tenant(name: str, key: str, digit: int) -> dict[str, object]:
    number = f"+4860100000{digit}"
    return {
        "name": name,
        "price_list": "std",
        "credit": "100.00",
        "sender_names": [{"name": f"NAME{digit}", "status": "approved"}],
        "keys": [{"name": f"app{digit}", "token": key, "scopes": ["messages", "admin"]}],
        "sip_accounts": [{"user": f"10{digit}", "password": f"password-{digit}"}],
        "numbers": [
            {
                "number": number,
                "kind": "own_mobile",
                "carrier": "sim",
                "forwards": [
                    {"kind": "sip", "to": [f"10{digit}"]},
                    {"kind": "number", "to": [f"+4860200000{digit}"], "verified": True},
                ],
            }
        ],
        "blacklist": [{"match": "prefix", "value": f"+4860066{digit}"}],
    }


FILE = {
    "version": 1,
    "operators": [{"name": "root", "token": OPERATOR_KEY}],
    "carriers": [
        {
            "name": "sim",
            "kind": "smpp",
            "host": "127.0.0.1",
            "port": 2775,
            "system_id": "sim",
            "password": "hush",
        }
    ],
    "routes": [{"prefix": "+48", "carrier": "sim"}],
    "price_lists": [{"name": "std", "currency": "PLN", "rates": [{"prefix": "+48", "amount": "0.29"}]}],
    "tenants": [tenant("acme", ACME_KEY, 1), tenant("other", OTHER_KEY, 2)],
}


@dataclass
class Office:
    """See above; `close` it."""

    database: Database
    writer: Writer
    reader: Reader
    holder: DirectoryHolder
    context: Context
    submit: Submit
    guarded: GuardedClient

    @classmethod
    async def open(cls, url: str, clock: FakeClock) -> "Office":
        """`url`: of a database at head, without rows."""
        database = open_database(url)
        writer, reader = Writer(database.writer, lambda _topics: None), Reader(database.reader)
        holder = DirectoryHolder(reader)
        chance = fixed_random()
        context = Context(writer, reader, holder.current, clock, FakeIds().new, chance.random)
        submit, guarded = Submit(context, NoDispatcher(), Rules()), GuardedClient(["http://127.0.0.0/8"])
        office = cls(database, writer, reader, holder, context, submit, guarded)
        writer.start()
        assert not await office.apply(FILE)
        return office

    async def apply(self, document: object, *, prune: bool = False) -> list[tuple[str, str]]:
        """Apply it, or (where, what) of every fault; in force then."""
        context = self.context
        file = ConfigFile.model_validate(document, context={"country": "PL"})
        vault = Vault(fixed_random().randbytes)
        maker = Maker("sms.test", vault, context.new_id, context.clock.now(), BY)
        report = await self.writer.run(lambda connection: apply_file(connection, file, maker, prune=prune))
        await self.holder.refresh_now()
        return [(one.where, one.what) for one in report.complaints]

    def rooms(self) -> Rooms:
        accounts = Accounts(
            self.context, AccountRules("sms.test"), fixed_random(7).randbytes, self.holder.refresh_now
        )
        return Rooms(
            submitter=self.submit,
            credentials=DirectoryCredentials(self.holder.current),
            messages=Messages(self.reader),
            accounts=accounts,
            directory=self.holder.current,
            links=dict,
            ready=list,
            metrics=self.context.metrics,
            oversight=Oversight(self.reader),
            names=Names(
                self.context,
                Deciding(
                    self.context,
                    AccountRules("sms.test"),
                    fixed_random(15).randbytes,
                    self.holder.refresh_now,
                ),
                "Bramka SMS",
            ),
            quarantine=Quarantine(self.context),
            webhooks=Webhooks(
                self.context,
                WebhookForwarder(self.guarded, self.context.clock),
                fixed_random(9).randbytes,
                self.holder.refresh_now,
            ),
            audit=AuditLog(self.reader),
            verifying=Verifying(
                self.context,
                Proving(fixed_random(11).randbytes),
                self.submit,
                fixed_random(13).randbytes,
                "PL",
            ),
        )

    async def close(self) -> None:
        await self.guarded.close()
        await self.writer.stop()
        self.reader.close()
        self.database.close()
