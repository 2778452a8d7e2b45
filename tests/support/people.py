"""Two customers and an operator whose people sign in, over a real database, for scenes around the panel."""

from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, select

from support.fakes import FakeClock, fixed_random
from support.office import Office
from voip_sms.core.directory import NO_TENANT, Id
from voip_sms.core.guessing import Guesses
from voip_sms.core.people import User
from voip_sms.engine.people.links import Links
from voip_sms.engine.people.own import Own
from voip_sms.engine.people.registration import Registrations
from voip_sms.engine.people.rows import SignedIn, Visit, user_of
from voip_sms.engine.people.sessions import Sessions
from voip_sms.engine.people.sign_in import SignIn
from voip_sms.engine.people.users import Users
from voip_sms.engine.proving import Proving
from voip_sms.store import resolve
from voip_sms.store.tables import forward_job

PANEL = "https://sms.test/panel"
ANN, BEN, CAT, OTTO, ROOT = (
    "ann@acme.test",
    "ben@acme.test",
    "cat@acme.test",
    "otto@other.test",
    "root@operator.test",
)
PASSWORD = "correct horse battery"
HOME, AWAY = Visit("192.0.2.1", "Firefox"), Visit("198.51.100.7", "curl")
PEOPLE: dict[str, Any] = {
    "version": 1,
    "operators": [{"mail": ROOT, "name": "Root", "password": PASSWORD}],
    "tenants": [
        {
            "name": "acme",
            "self_service": True,
            "users": [
                {"mail": ANN, "name": "Ann", "role": "admin", "password": PASSWORD, "language": "pl"},
                {"mail": BEN, "name": "Ben", "role": "admin"},
                {"mail": CAT, "name": "Cat", "password": PASSWORD},
            ],
        },
        {"name": "other", "users": [{"mail": OTTO, "name": "Otto", "role": "admin", "password": PASSWORD}]},
    ],
}


@dataclass
class Desk:
    """The use cases, with time and waits in the test's hand. `close` it."""

    office: Office
    clock: FakeClock
    slept: list[float] = field(default_factory=list)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        context, chance = self.office.context, fixed_random(5).randbytes
        self.proving = Proving(chance)
        self.guesses = Guesses(lambda: self.seconds)
        self.sign_in = SignIn(
            context, self.proving, self.guesses, chance, seconds=lambda: self.seconds, sleep=self._sleep
        )
        self.sessions = Sessions(context, chance)
        self.own = Own(context, self.proving, self.guesses, chance, issuer="SMS")
        self.links = Links(context, self.proving, self.sign_in, chance, panel=PANEL)
        self.users = Users(context, chance, panel=PANEL)
        self.registrations = Registrations(
            context,
            chance,
            panel=PANEL,
            seconds=lambda: self.seconds,
            refresh=self.office.holder.refresh_now,
        )

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    @classmethod
    async def open(cls, url: str, clock: FakeClock) -> "Desk":
        office = await Office.open(url, clock)
        assert not await office.apply(PEOPLE)
        return cls(office, clock)

    async def close(self) -> None:
        await self.office.close()

    def tenant(self, name: str) -> Id:
        (found,) = [one.id for one in self.office.holder.current().tenants.values() if one.name == name]
        return found

    async def user(self, mail: str) -> User:
        (found,) = [
            one
            for tenant_id in (NO_TENANT, *self.office.holder.current().tenants)
            for one in await self.users.list(await self._root(), tenant_id)
            if one.mail == mail
        ]
        return found

    async def _root(self) -> User:
        row = await self.office.reader.run(resolve.person_of_mail, ROOT)
        assert row is not None
        return user_of(row)

    async def signed_in(self, mail: str = ANN, visit: Visit = HOME) -> SignedIn:
        """Somebody without a second factor."""
        signed = await self.sign_in.by_password(mail, PASSWORD, visit)
        assert isinstance(signed, SignedIn)
        return signed

    async def is_in(self, token: str, visit: Visit = HOME) -> bool:
        return await self.sessions.find(token, visit) is not None

    async def mails(self, event: str) -> list[dict[str, Any]]:
        """Jobs of the mail queue of this event, oldest first."""
        return await self.office.reader.run(_jobs, event)


def _jobs(connection: Connection, event: str) -> list[dict[str, Any]]:
    found = connection.execute(
        select(forward_job).where(forward_job.c.event == event).order_by(forward_job.c.id)
    )
    return [dict(row) for row in found.mappings()]
