"""How a company's addresses stand: phones that are registered, mail addresses and what they have used."""

from sqlalchemy import insert

from support.fakes import FakeClock
from support.office import Office
from voip_sms.core.clock import SECOND
from voip_sms.core.directory import Account
from voip_sms.core.model import Binding
from voip_sms.engine.registrations import StoredRegistrations
from voip_sms.engine.standing import Standing, Used
from voip_sms.store.tables import usage


def tenant(office: Office, name: str) -> bytes:
    return next(one.id for one in office.holder.current().tenants.values() if one.name == name)


def account(office: Office, user: str) -> Account:
    return office.holder.current().sip[user].account


def phone(user: str, no: int, until: int) -> Binding:
    return Binding(
        user=user,
        contact=f"sip:{user}@192.0.2.{no}:5060",
        source=f"192.0.2.{no}:5060",
        transport="udp",
        flow="",
        call_id=f"call-{no}",
        cseq=1,
        expires_at=until,
        agent=f"Phone {no}",
    )


async def test_phones_are_there_until_they_expire(office: Office, clock: FakeClock) -> None:
    standing, registrations = Standing(office.context), StoredRegistrations(office.context)
    acme, other = tenant(office, "acme"), tenant(office, "other")
    until = clock.now() + 60 * SECOND
    mine, theirs = account(office, "101"), account(office, "102")
    await registrations.register(mine, [phone("101", 1, until), phone("101", 2, until + 60 * SECOND)])
    await registrations.register(theirs, [phone("102", 3, until)])
    assert await standing.phones(acme) == {"101": 2}
    assert await standing.phones(other) == {"102": 1}
    shown = await standing.registrations(acme, mine.id)
    assert {(one.agent, one.expires_at) for one in shown} == {
        ("Phone 1", until),
        ("Phone 2", until + 60 * SECOND),
    }
    assert await standing.registrations(acme, theirs.id) == ()  # another tenant's
    clock.advance(60)
    assert await standing.phones(acme) == {"101": 1}
    assert await standing.phones(other) == {}


async def test_mails_are_counted_for_this_day_and_month(office: Office) -> None:
    acme, other = tenant(office, "acme"), tenant(office, "other")
    counts = [
        (acme, "mail:a@acme.test", "2026-11-22", 3),
        (acme, "mail:a@acme.test", "2026-11", 40),
        (acme, "mail:a@acme.test", "2026-11-21", 99),
        (acme, "mail:b@acme.test", "2026-11", 2),
        (acme, "mail", "2026-11-22", 3),
        (acme, "mail", "2026-11", 42),
        (acme, "ivr:flow", "2026-11-22", 7),
        (other, "mail:c@other.test", "2026-11-22", 5),
    ]
    rows = [
        {"tenant_id": one, "scope": scope, "period": period, "n": n, "until": 2**60, "told": False}
        for one, scope, period, n in counts
    ]
    await office.writer.run(lambda connection: connection.execute(insert(usage), rows))
    used, total = await Standing(office.context).mails(acme)
    assert dict(used) == {"a@acme.test": Used(3, 40), "b@acme.test": Used(0, 2)}
    assert total == Used(3, 42)
