"""Every route of the panel's table, whichever screens there are: who may ask, what a GET leaves alone, whose ids.

A screen whose paths name objects lists in `OBJECTS` how its object is found for a customer.
"""

import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from sqlalchemy import Connection, Table, select
from yarl import URL

from support.office import ACME_KEY, OTHER_KEY
from support.panel import Seen, Visitor
from support.panel_house import PanelHouse
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
_PLACE = re.compile(r"\{(\w+)\}")


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
            known = not _PLACE.search(route.path) or self.found(route) is not None
            if route.method in methods and not route.stream and known:
                yield route

    def found(self, route: Route) -> Found | None:
        """What fills the route's placeholder; None where it has none, or nobody knows."""
        heads = [head for head in OBJECTS if route.path == head or route.path.startswith(head + "/")]
        return OBJECTS[heads[0]] if heads and _PLACE.search(route.path) else None

    async def path(self, route: Route, tenant: str) -> str:
        """With an object of this customer."""
        found = self.found(route)
        value = await found(self.house, tenant) if found is not None else "x"
        return _PLACE.sub(lambda _: str(URL.build(path=value)).replace("/", ""), route.path)

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
            "mail_senders": [{"address": f"box@{name}.test", "secret": "a-secret-of-theirs"}],
            "webhooks": [{"url": f"https://hooks.test/{name}", "secret": HOOK_SECRET}],
        }
        for name in PEERS
    ],
}
"""What else each customer has, so that every screen has something to show."""


@pytest.fixture
async def walk(database_url: str, tmp_path: Path) -> AsyncIterator[Walk]:
    house = await PanelHouse.open(database_url, tmp_path, more=MORE)
    for key, name in ((ACME_KEY, "acme"), (OTHER_KEY, "other")):
        await _send(house, key, PEERS[name])
    opened = Walk(
        house,
        await house.visitor(ANN),
        await house.visitor(CAT),
        await house.visitor(OTTO),
        await house.visitor(ROOT),
    )
    asking = Asking(company="Nowa", name="Nina", mail="nina@nowa.test")
    await house.rooms.registrations.ask(asking, HOME)
    for visitor, name in ((opened.admin, "acme"), (opened.stranger, "other")):
        form = {"csrf": await token_of(visitor), "once": ONCE + name, "to": PEERS[name], "text": "Hej"}
        seen = await visitor.post("/panel/send", form, follow=False)
        assert seen.status == 303, seen.page.text
        await house.ground.writer.run(partial(_delivery, house.tenant(name), house.rooms.new_id()))
    for visitor, mail in ((opened.admin, ANN), (opened.user, CAT), (opened.operator, ROOT)):
        opened.people[mail] = await house.user_of(visitor)
    yield opened
    await house.close()


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
    job = {
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
    seen = await visitor.get("/panel/nothing-here")
    found = re.search(r'name="csrf" value="([^"]+)"', seen.html)
    assert found is not None
    return found[1]


async def test_it_is_known_how_each_object_is_found(walk: Walk) -> None:
    table = walk.house.door.table.routes
    placed = [one for one in table if _PLACE.search(one.path) and not one.stream]
    unknown = {one.path for one in placed if walk.found(one) is None and one.name not in BY_THEMSELVES}
    assert not unknown, "list in OBJECTS how such an object is found"


async def test_whoever_is_signed_out_is_led_to_the_form(walk: Walk) -> None:
    nobody = await walk.house.visitor()
    wrong = []
    for route in walk.routes("GET"):
        path = await walk.path(route, "acme")
        seen = await nobody.get(path, follow=False)
        led = seen.status == 303 and seen.headers["Location"].startswith("/panel/sign-in?next=")
        if route.right is not None and not led:
            wrong.append((route.path, seen.status))
        if seen.status >= 500:
            wrong.append((route.path, seen.status))
    assert not wrong


async def test_a_stranger_s_form_changes_nothing(walk: Walk) -> None:
    nobody = await walk.house.visitor()
    before = await walk.house.everything()
    wrong = []
    for route in walk.routes("POST"):
        seen = await nobody.post(await walk.path(route, "acme"), {"a": "b"}, follow=False)
        if seen.status not in ((403, 303) if route.right is None else (401,)):
            wrong.append((route.path, seen.status))
    assert not wrong
    assert await walk.house.everything() == before


async def test_no_form_without_our_token_is_taken(walk: Walk) -> None:
    before = await walk.house.everything()
    wrong = []
    for route in walk.routes("POST"):
        who = walk.who_may(route)
        assert who is not None, f"{route.path}: nobody has the right {route.right}"
        seen = await who.post(await walk.path(route, "acme"), {"csrf": "guessed", "a": "b"}, follow=False)
        if seen.status != 403 and not seen.headers.get("Location", "").startswith("/panel/sign-in"):
            wrong.append((route.path, seen.status))
    assert not wrong
    assert await walk.house.everything() == before


async def test_roles_without_the_right_are_refused(walk: Walk) -> None:
    before = await walk.house.everything()
    wrong = []
    tokens = {id(one): await token_of(one) for one in (walk.admin, walk.user, walk.operator)}
    for route in walk.routes("GET", "POST"):
        path = await walk.path(route, "acme")
        for who in walk.who_may_not(route):
            if route.method == "GET":
                seen = await who.get(path, follow=False)
            else:
                seen = await who.post(path, {"csrf": tokens[id(who)]}, follow=False)
            if seen.status != 403:
                wrong.append((route.method, route.path, seen.status))
    assert not wrong
    assert await walk.house.everything() == before


async def test_every_page_opens_and_changes_nothing(walk: Walk) -> None:
    before = await walk.house.everything()
    wrong = []
    for route in walk.routes("GET"):
        who = walk.who_may(route)
        assert who is not None, f"{route.path}: nobody has the right {route.right}"
        seen = await who.get(await walk.path(route, "acme"), follow=False)
        if seen.status not in (200, 303):
            wrong.append((route.path, seen.status, seen.page.text[:200]))
        elif "Content-Security-Policy" not in seen.headers or seen.headers["Cache-Control"] != "no-store":
            wrong.append((route.path, seen.status, "headers"))
    assert not wrong
    after = await walk.house.everything()
    assert {name: rows for name, rows in after.items() if rows != before[name]} == {}


async def test_what_is_another_customer_s_is_not_there(walk: Walk) -> None:
    before = await walk.house.everything()
    token = await token_of(walk.admin)
    wrong = []
    for route in walk.routes("GET", "POST"):
        if any(one in route.path for one in EVERYBODY_S):
            continue
        if walk.found(route) is None or not walk.people[ANN].may(route.right or "self"):
            continue
        theirs = await walk.path(route, "other")
        if route.method == "GET":
            seen = await walk.admin.get(theirs, follow=False)
        else:
            seen = await walk.admin.post(theirs, {"csrf": token}, follow=False)
        if seen.status != 404 or leaks(seen):
            wrong.append((route.method, route.path, seen.status, seen.page.text[:200]))
    assert not wrong
    assert await walk.house.everything() == before


async def test_pages_of_everybody_show_one_s_own_only(walk: Walk) -> None:
    for route in walk.routes("GET"):
        if any(one in route.path for one in EVERYBODY_S):
            seen = await walk.admin.get(await walk.path(route, "other"), follow=False)
            assert seen.status in (200, 404)
            assert not leaks(seen), route.path


def leaks(seen: Seen) -> bool:
    """Whether something of the other customer's is in it."""
    return any(word in seen.html for word in ("NAME2", "other.test", "+48601000002", "box@other"))


async def test_ids_that_are_none_are_not_there(walk: Walk) -> None:
    wrong = []
    for route in walk.routes("GET"):
        if walk.found(route) is None:
            continue
        who = walk.who_may(route)
        for value in ("x", "msg_" + "0" * 26, "%00", "..%2f..", "é", "1" * 2000):
            seen = await who.get(_PLACE.sub(value, route.path), follow=False) if who else None
            if seen is None or seen.status not in (400, 404):
                wrong.append((route.path, value[:40], seen and seen.status))
    assert not wrong


async def test_every_entry_of_the_menu_is_a_page(walk: Walk) -> None:
    wrong = []
    for who in (walk.admin, walk.user, walk.operator):
        home = await who.get("/panel")
        entries = [one["href"] for nav in home.page.all("nav") for one in nav.all("a")]
        assert entries
        for href in entries:
            seen = await who.get(href)
            if seen.status != 200 or not [one for one in seen.page.all("a") if one["aria-current"]]:
                wrong.append((href, seen.status))
    assert not wrong
