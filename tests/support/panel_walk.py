"""A walk along every route of the panel's table, with an object of a customer wherever a path names one.

A screen whose paths name objects lists in `OBJECTS` how its object is found for a customer.
"""

import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
from sqlalchemy import Connection, Table, select
from yarl import URL

from support.office import ACME_KEY, OTHER_KEY
from support.panel import Visitor
from support.panel_house import PanelHouse
from support.panel_house import token_of as token_in
from support.people import ANN, CAT, HOME, OTTO, ROOT
from voip_sms.core.clock import to_datetime
from voip_sms.core.ids import to_text
from voip_sms.core.resources.people import Asking
from voip_sms.doors.panel.frame.routes import Route
from voip_sms.store import tables

Found = Callable[[PanelHouse, str], Awaitable[str]]
"""The value of a path's placeholder: an object of the customer called so."""

PEERS = {"acme": "+48600100101", "other": "+48600100102"}
"""Whom each customer has texted; the other one never."""
ONCE = "a1b2c3"
PLACE = re.compile(r"\{(\w+)\}")


def row(table: Table, prefix: str, **having: Any) -> Found:
    """The first row that a customer has there, as its id outside."""

    async def found(house: PanelHouse, tenant: str) -> str:
        tenant_id = house.tenant(tenant)

        def look(connection: Connection) -> bytes | None:
            asked = select(table.c.id).where(table.c.tenant_id == tenant_id)
            for name, value in having.items():
                asked = asked.where(table.c[name] == value)
            return connection.execute(asked.order_by(table.c.id).limit(1)).scalar()

        there = await house.ground.reader.run(look)
        assert there is not None, f"{tenant} has no row in {table.name} {having}"
        return to_text(prefix, there)

    return found


async def peer(house: PanelHouse, tenant: str) -> str:
    del house
    return PEERS[tenant]


async def once(house: PanelHouse, tenant: str) -> str:
    """Under which its administrator has sent something by the form."""
    del house
    return ONCE + tenant


async def registration(house: PanelHouse, tenant: str) -> str:
    """Of a company that wants to be a customer."""
    del tenant

    def look(connection: Connection) -> bytes:
        return bytes(connection.execute(select(tables.registration.c.id)).scalar_one())

    return to_text("reg", await house.ground.reader.run(look))


async def this_month(house: PanelHouse, tenant: str) -> str:
    del tenant
    return to_datetime(house.rooms.clock.now()).strftime("%Y-%m")


def fixed(value: str) -> Found:
    """What belongs to no customer."""

    async def found(house: PanelHouse, tenant: str) -> str:
        del house, tenant
        return value

    return found


async def tenant_itself(house: PanelHouse, tenant: str) -> str:
    return to_text("ten", house.tenant(tenant))


OBJECTS: Mapping[str, Found] = {
    "/panel/send/sent/{once}": once,
    "/panel/history/{id}": row(tables.message, "msg"),
    "/panel/conversations/{peer}": peer,
    "/panel/numbers/{id}": row(tables.number, "num"),
    "/panel/forwards/{id}": row(tables.forward, "fwd", kind="number"),
    "/panel/security/{id}": row(tables.blacklist, "blk"),
    "/panel/names/{id}": row(tables.sender_name, "nam"),
    "/panel/phones/{id}": row(tables.sip_account, "sip"),
    "/panel/mail-senders/{id}": row(tables.mail_sender, "mls"),
    "/panel/keys/{id}": row(tables.api_key, "key"),
    "/panel/hooks/{id}": row(tables.forward, "fwd", kind="webhook"),
    "/panel/groups/{id}": row(tables.contact_group, "grp"),
    "/panel/keywords/{id}": row(tables.keyword, "kwd"),
    "/panel/deliveries/{id}": row(tables.forward_job, "evt", kind="webhook"),
    "/panel/users/{id}": row(tables.user_account, "usr"),
    "/panel/account/sessions/{id}": row(tables.panel_session, "ses"),
    "/panel/bills/{month}": this_month,
    "/panel/operator/tenants/{id}": tenant_itself,
    "/panel/operator/carriers/{name}": fixed("sim"),
    "/panel/operator/prices/{name}": fixed("std"),
    "/panel/operator/pools/{name}": fixed("two-way"),
    "/panel/operator/names/{id}": row(tables.sender_name, "nam"),
    "/panel/operator/quarantine/{id}": fixed(to_text("qua", bytes(16))),
    "/panel/operator/registrations/{id}": registration,
}
"""By the beginning of the path, up to the placeholder."""
EVERYBODY_S = ("{peer}", "{month}")
"""Placeholders for what is no object: each customer has its own page of it."""
BY_THEMSELVES = frozenset({"link", "set_password"})
"""Names of routes whose placeholder is a secret: test_panel_people looks at them."""


@dataclass
class Walk:
    """The table, and somebody of each kind."""

    house: PanelHouse
    admin: Visitor
    user: Visitor
    stranger: Visitor
    operator: Visitor
    tokens: dict[str, str] = field(default_factory=dict)

    def routes(self, *methods: str) -> Iterator[Route]:
        """Those that can be filled in."""
        for route in self.house.door.table.routes:
            known = not PLACE.search(route.path) or self.found(route) is not None
            if route.method in methods and not route.stream and known:
                yield route

    def found(self, route: Route) -> Found | None:
        """What fills the route's placeholder; None where it has none, or nobody knows."""
        heads = [head for head in OBJECTS if route.path == head or route.path.startswith(head + "/")]
        return OBJECTS[heads[0]] if heads and PLACE.search(route.path) else None

    async def path(self, route: Route, tenant: str) -> str:
        """With an object of this customer."""
        found = self.found(route)
        value = await found(self.house, tenant) if found is not None else "x"
        return PLACE.sub(lambda _: str(URL.build(path=value)).replace("/", ""), route.path)

    def who_may(self, route: Route) -> Visitor | None:
        """Somebody with the right."""
        for visitor, mail in ((self.admin, ANN), (self.operator, ROOT)):
            if route.right is None or self.people[mail].may(route.right):
                return visitor
        return None

    def who_may_not(self, route: Route) -> Iterator[Visitor]:
        for visitor, mail in ((self.admin, ANN), (self.user, CAT), (self.operator, ROOT)):
            if route.right is not None and not self.people[mail].may(route.right):
                yield visitor

    people: dict[str, Any] = field(default_factory=dict)


HOOK_SECRET = "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
MORE = {
    "version": 1,
    "pools": [{"name": "two-way", "carrier": "sim", "numbers": ["+48601000090"]}],
    "tenants": [
        {
            "name": name,
            "groups": [{"name": "office", "numbers": ["+48600100101"]}],
            "keywords": [{"number": f"+4860100000{place}", "word": "pizza", "mail": f"box@{name}.test"}],
            "mail_senders": [{"address": f"box@{name}.test", "secret": "a-secret-of-theirs"}],
            "webhooks": [{"url": f"https://hooks.test/{name}", "secret": HOOK_SECRET}],
        }
        for place, name in enumerate(PEERS, 1)
    ],
}
"""What else each customer has, so that every screen has something to show."""


async def opened(database_url: str, tmp_path: Path) -> Walk:
    house = await PanelHouse.open(database_url, tmp_path, more=MORE)
    for key, name in ((ACME_KEY, "acme"), (OTHER_KEY, "other")):
        await _send(house, key, PEERS[name])
    made = Walk(
        house,
        await house.visitor(ANN),
        await house.visitor(CAT),
        await house.visitor(OTTO),
        await house.visitor(ROOT),
    )
    asking = Asking(company="Nowa", name="Nina", mail="nina@nowa.test")
    await house.rooms.registrations.ask(asking, HOME)
    for visitor, name in ((made.admin, "acme"), (made.stranger, "other")):
        form = {"csrf": await token_of(visitor), "once": ONCE + name, "to": PEERS[name], "text": "Hej"}
        seen = await visitor.post("/panel/send", form, follow=False)
        assert seen.status == 303, seen.page.text
        await house.ground.writer.run(partial(_delivery, house.tenant(name), house.rooms.new_id()))
    for visitor, mail in ((made.admin, ANN), (made.user, CAT), (made.operator, ROOT)):
        made.people[mail] = await house.user_of(visitor)
    return made


async def _send(house: PanelHouse, key: str, to: str) -> None:
    headers = {"Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(f"http://{house.address}", headers=headers) as program,
        program.post("/v1/messages", json={"to": to, "text": "Dzień dobry"}) as answer,
    ):
        assert answer.status == 202, await answer.text()


def _delivery(tenant_id: bytes, job_id: bytes, connection: Connection) -> None:
    """A hand-over to the customer's webhook."""
    rule = select(tables.forward.c.id).where(
        tables.forward.c.tenant_id == tenant_id, tables.forward.c.kind == "webhook"
    )
    of_tenant = select(tables.message.c.id).where(tables.message.c.tenant_id == tenant_id)
    job: dict[str, object] = {
        "id": job_id,
        "tenant_id": tenant_id,
        "kind": "webhook",
        "state": "failed",
        "event": "message.sent",
    }
    job |= {"message_id": connection.execute(of_tenant.limit(1)).scalar()}
    job |= {
        "rule_id": connection.execute(rule).scalar(),
        "target": "https://hooks.test/x",
        "cause": "refused",
    }
    moments = dict.fromkeys(("due_at", "expires_at", "created_at"), 1_000_000)
    connection.execute(tables.forward_job.insert(), job | moments)


async def token_of(visitor: Visitor) -> str:
    """The token of this browser's forms."""
    return token_in(await visitor.get("/panel/nothing-here"))
