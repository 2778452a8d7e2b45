"""Every route of the panel's table, whichever screens there are: who may ask, what a GET leaves alone, whose ids."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from support.panel import Seen
from support.panel_walk import BY_THEMSELVES, EVERYBODY_S, PLACE, Walk, opened, token_of
from support.people import ANN


@pytest.fixture
async def walk(database_url: str, tmp_path: Path) -> AsyncIterator[Walk]:
    made = await opened(database_url, tmp_path)
    yield made
    await made.house.close()


async def test_it_is_known_how_each_object_is_found(walk: Walk) -> None:
    table = walk.house.door.table.routes
    placed = [one for one in table if PLACE.search(one.path) and not one.stream]
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


async def test_the_other_language_leads_to_a_page_wherever_a_form_went(walk: Walk) -> None:
    """A page that answers a form may stand where nothing can be opened: then the form's page it is."""
    wrong = []
    for route in walk.routes("POST"):
        who = walk.who_may(route)
        assert who is not None
        seen = await who.post(await walk.path(route, "acme"), {"csrf": "guessed", "a": "b"})
        for language in ("pl", "en"):
            there = await who.send(seen, "/panel/language", press=f"language={language}")
            if there.status != 200 or not there.page.all("html", lang=language):
                wrong.append((route.path, there.path, there.status))
    assert not wrong
    lost = await walk.admin.get("/panel/nothing-here?x=1")
    there = await walk.admin.send(lost, "/panel/language", press="language=pl")
    assert (there.status, there.path) == (404, "/panel/nothing-here?x=1"), "as before, in Polish"
    closed = await walk.admin.get("/panel/send/preview")
    assert closed.status == 405
    there = await walk.admin.send(closed, "/panel/language", press="language=en")
    assert (there.status, there.path) == (200, "/panel/send")


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


async def test_head_answers_as_get_does(walk: Walk) -> None:
    """RFC 9110, section 9.3.2; only streams have no end that could be told."""
    wrong = []
    for route in walk.routes("GET"):
        who, path = walk.who_may(route), await walk.path(route, "acme")
        assert who is not None
        seen = await who.get(path, follow=False)
        async with who._session.head(f"http://{who.address}{path}", allow_redirects=False) as answer:
            same = [(answer.status, seen.status)]
            same += [
                (answer.headers.get(name), seen.headers.get(name))
                for name in ("Content-Type", "Location", "Cache-Control", "Content-Security-Policy")
            ]
        if any(one != other for one, other in same):
            wrong.append((route.path, same))
    assert not wrong


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
            seen = await who.get(PLACE.sub(value, route.path), follow=False) if who else None
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
