"""People at the panel by HTTP: links, forgotten passwords, second factor, sessions, users, registration, notices."""

import asyncio
import re
from base64 import b32decode
from typing import Any

from sqlalchemy import Connection, func, select

from support.office import BY
from support.panel import Seen, Visitor
from support.panel_house import PanelHouse
from support.people import ANN, BEN, CAT, OTTO, PASSWORD, ROOT
from voip_sms.core.clock import SECOND
from voip_sms.core.ids import to_text
from voip_sms.core.people import LinkKind
from voip_sms.core.resources.people import NewUser
from voip_sms.engine.people.rows import MAILS_AN_HOUR
from voip_sms.store.tables import forward_job, message_text, registration
from voip_sms.wire import totp

ANOTHER = "another horse battery"
NEW: dict[str, Any] = {"new_password": ANOTHER, "new_password_again": ANOTHER}


async def link(house: PanelHouse, mail: str, kind: LinkKind) -> str:
    """The path of a fresh one."""
    return "/panel" + (await house.rooms.links.make(mail, kind, BY)).rpartition("/panel")[2]


async def mails(house: PanelHouse, event: str) -> list[dict[str, Any]]:
    def look(connection: Connection) -> list[dict[str, Any]]:
        wanted = select(forward_job).where(forward_job.c.event == event).order_by(forward_job.c.id)
        return [dict(row) for row in connection.execute(wanted).mappings()]

    return await house.ground.reader.run(look)


async def can_sign_in(house: PanelHouse, mail: str, password: str) -> bool:
    visitor = await house.visitor()
    seen = await visitor.get("/panel/sign-in")
    done = await visitor.send(seen, "/panel/sign-in", follow=False, mail=mail, password=password)
    return done.status == 303


def errors(seen: Seen) -> str:
    return " ".join(one.text for one in seen.page.all("p", class_="mistake"))


# --- links ----------------------------------------------------------------------------------------------------


async def test_looking_at_a_link_uses_nothing_and_of_two_who_use_it_one_gets_in(house: PanelHouse) -> None:
    path = await link(house, BEN, "password")
    ben, other = await house.visitor(), await house.visitor(language="pl")
    for _ in range(3):
        seen = await ben.get(path)
        assert (seen.status, "Ben" in seen.page.text) == (200, True)
    late = await other.get(path)
    done = await ben.send(seen, path, **NEW)
    assert (done.status, done.path) == (200, "/panel")
    again = await other.send(late, path, **NEW)
    assert (again.status, "sms" in other.cookies) == (404, False)
    assert (await other.get(path)).status == 404
    assert await can_sign_in(house, BEN, ANOTHER)


async def test_a_password_that_will_not_do_leaves_the_link_good(house: PanelHouse) -> None:
    path = await link(house, BEN, "password")
    ben = await house.visitor()
    seen = await ben.get(path)
    for first, second, why in (
        ("", "", "needed"),
        ("short", "short", "Too short"),
        (ANOTHER, "another", "two different"),
        ("passwordpassword", "passwordpassword", "tried first"),
        ("ben@acme.test", "ben@acme.test", "your name or your e-mail"),
    ):
        seen = await ben.send(seen, path, new_password=first, new_password_again=second)
        assert (seen.status, why in errors(seen)) == (422, True), errors(seen)
        assert not any(one["value"] for one in seen.page.all("input", type="password"))
    assert (await ben.send(seen, path, **NEW)).status == 200


async def test_a_sign_in_link_signs_in_by_a_click_and_never_by_itself(house: PanelHouse) -> None:
    path = await link(house, ROOT, "sign_in")
    root = await house.visitor()
    seen = await root.get(path)
    assert "sms" not in root.cookies
    assert (await root.send(seen, path)).status == 200
    assert (await house.user_of(root)).mail == ROOT
    assert (await root.get("/panel/link/" + "x" * 43)).status == 404


async def test_a_link_in_the_language_of_whoever_it_is_for(house: PanelHouse) -> None:
    seen = await (await house.visitor(language="en")).get(await link(house, ANN, "password"))
    assert "Ustaw hasło" in seen.page.text


async def test_a_forgotten_password_says_the_same_to_everybody(house: PanelHouse) -> None:
    said = set()
    for mail in (ANN, "nobody@acme.test"):
        visitor = await house.visitor()
        seen = await visitor.get("/panel/sign-in")
        assert seen.page.all("a", href="/panel/forgotten")
        asked = await visitor.send(await visitor.get("/panel/forgotten"), mail=mail)
        assert asked.path == "/panel/sign-in"
        said.add(asked.page.all(id="told")[0].text)
    assert len(said) == 1
    (mail_,) = await mails(house, "people.forgotten")
    assert mail_["target"] == ANN
    path = "/panel" + mail_["payload"]["link"].rpartition("/panel")[2]
    ann = await house.visitor()
    await ann.send(await ann.get(path), path, **NEW)
    assert await can_sign_in(house, ANN, ANOTHER)
    assert not await can_sign_in(house, ANN, PASSWORD)


async def test_an_empty_address_is_told(house: PanelHouse) -> None:
    visitor = await house.visitor()
    asked = await visitor.send(await visitor.get("/panel/forgotten"), mail=" ")
    assert (asked.status, "needed" in errors(asked)) == (422, True)


# --- the account ----------------------------------------------------------------------------------------------


async def test_another_language_is_there_with_the_answer(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    seen = await ann.get("/panel/account")
    saved = await ann.send(seen, "/panel/account", name="  Anna Kowalska ", language="en")
    assert "Saved." in saved.page.text
    assert saved.page.all("html")[0]["lang"] == "en"
    wrong = await ann.send(saved, "/panel/account", name="", language="pl")
    assert (wrong.status, "1 to 64" in errors(wrong)) == (422, True)
    assert (await house.user_of(ann)).name == "Anna Kowalska"


async def test_another_password_leaves_this_browser_in_and_all_others_out(house: PanelHouse) -> None:
    here, there = await house.visitor(CAT), await house.visitor(CAT)
    seen = await here.get("/panel/account/password")
    wrong = await here.send(seen, "/panel/account/password", password="wrong", **NEW)
    assert (wrong.status, "not your password" in errors(wrong)) == (422, True)
    done = await here.send(wrong, "/panel/account/password", password=PASSWORD, **NEW)
    assert (done.status, done.path) == (200, "/panel/account")
    assert (await there.get("/panel/account", follow=False)).status == 303
    assert await can_sign_in(house, CAT, ANOTHER)


async def with_code(house: PanelHouse, visitor: Visitor) -> tuple[bytes, Seen]:
    """Switch the second factor on; the secret, and the page with the recovery codes."""
    begin = "/panel/account/second-factor/begin"
    seen = await visitor.send(await visitor.get("/panel/account/second-factor"), begin)
    assert seen.path == "/panel/account/second-factor"
    (square,) = seen.page.all("svg", class_="qr")
    assert square.all("path")[0]["d"].startswith("M4 4h7v1h-7z")
    shown = seen.page.all("code")[0].text
    secret = b32decode(shown.replace(" ", ""))
    code = totp.code(secret, totp.step_at(house.ground.context.clock.now() // SECOND))
    wrong = await visitor.send(seen, "/panel/account/second-factor", code="000000", password=PASSWORD)
    assert (wrong.status, "not the code" in errors(wrong)) == (422, True)
    assert wrong.page.all("code")[0].text == shown, "the telephone needn't read it again"
    late = await visitor.send(wrong, "/panel/account/second-factor", code=code, password="wrong")
    assert "not your password" in errors(late)
    return secret, await visitor.send(late, "/panel/account/second-factor", code=code, password=PASSWORD)


async def test_a_code_from_an_app_is_asked_for_and_a_recovery_code_opens_once(house: PanelHouse) -> None:
    cat, other = await house.visitor(CAT), await house.visitor(CAT)
    secret, shown = await with_code(house, cat)
    codes = [one.text for one in shown.page.all("ul", class_="codes")[0].all("code")]
    assert len(codes) == 10
    assert (await other.get("/panel/account", follow=False)).status == 303
    assert (await cat.get("/panel/account")).status == 200
    assert codes[0] not in (await cat.get("/panel/account/second-factor")).html
    for code, status in (("000000", 401), (codes[0], 303), (codes[0], 401)):
        visitor = await house.visitor()
        gate = await visitor.get("/panel/sign-in")
        asked = await visitor.send(gate, "/panel/sign-in", mail=CAT, password=PASSWORD)
        done = await visitor.send(asked, "/panel/sign-in/code", follow=False, code=code)
        assert done.status == status
    on = await cat.get("/panel/account/second-factor")
    off = await cat.send(on, "/panel/account/second-factor/off", password=PASSWORD)
    assert "no code any more" in off.page.text
    assert await can_sign_in(house, CAT, PASSWORD)
    assert secret


async def test_sessions_are_seen_and_ended_one_by_one_or_all_others(house: PanelHouse) -> None:
    here, there, third = [await house.visitor(CAT) for _ in range(3)]
    seen = await here.get("/panel/account")
    ends = [one["action"] for one in seen.page.forms if one["action"].endswith("/end")]
    assert len(ends) == 2
    done = await here.send(seen, ends[0])
    assert "signed out" in done.page.text
    still = [(await one.get("/panel/account", follow=False)).status for one in (there, third)]
    assert sorted(still) == [200, 303]
    again = await here.send(done, "/panel/account/sessions/end-others")
    assert "1 other browser is signed out" in again.page.text
    assert [(await one.get("/panel/account", follow=False)).status for one in (here, there, third)] == [
        200,
        303,
        303,
    ]
    stranger = await house.visitor(OTTO)
    path = ends[1]
    token = {
        "csrf": re.findall(r'name="csrf" value="([^"]+)"', (await stranger.get("/panel/account")).html)[0]
    }
    assert (await stranger.post(path, token)).status == 404


# --- users ----------------------------------------------------------------------------------------------------


async def test_an_administrator_invites_changes_and_switches_off(house: PanelHouse) -> None:
    ann, cat = await house.visitor(ANN, "en"), await house.visitor(CAT)
    seen = await ann.get("/panel/users")
    assert all(name in seen.page.text for name in ("Ann", "Ben", "Cat"))
    form = await ann.get("/panel/users/new")
    wrong = await ann.send(form, "/panel/users/new", mail="dan", name="Dan")
    assert wrong.status == 422
    assert wrong.form("/panel/users/new").all("input", name="name")[0]["value"] == "Dan"
    taken = await ann.send(wrong, "/panel/users/new", mail=OTTO, name="Dan")
    assert taken.status == 422
    done = await ann.send(taken, "/panel/users/new", mail="dan@acme.test", name="Dan <b>", role="user")
    assert (done.path, "Dan <b>" in done.page.text) == ("/panel/users", True)
    (invited,) = await mails(house, "people.invited")
    assert invited["target"] == "dan@acme.test"
    (href,) = [one["href"] for one in done.page.all("a") if one.text == "Cat"]
    one = await ann.get(href)
    fields = [(name, text) for name, text in one.form(href).posted() if name not in ("enabled", "role")]
    await ann.post(href, [*fields, ("role", "user")])  # a box that is not ticked isn't sent
    assert (await cat.get("/panel/account", follow=False)).status == 303
    assert not await can_sign_in(house, CAT, PASSWORD)


async def test_a_large_company_is_shown_by_the_page(house: PanelHouse) -> None:
    root, acme = await house.visitor(ROOT), house.tenant("acme")
    operator = await house.user_of(root)
    for number in range(60):
        new = NewUser(mail=f"p{number:02}@acme.test", name=f"Person {number:02}")
        await house.rooms.users.create(operator, acme, new)
    ann = await house.visitor(ANN, "en")
    first = await ann.get("/panel/users")
    (older,) = [one["href"] for one in first.page.all("a") if one["rel"] == "next"]
    second = await ann.get(older)
    names = [set(re.findall(r"Person \d\d", one.page.text)) for one in (first, second)]
    assert (len(names[0] | names[1]), names[0] & names[1]) == (60, set())
    assert len(first.page.all("tr", class_="link")) == 50


async def test_a_double_click_invites_once_and_both_clicks_hear_that_it_worked(house: PanelHouse) -> None:
    ann = await house.visitor(ANN, "en")
    form = await ann.get("/panel/users/new")
    filled: dict[str, Any] = {"mail": "dan@acme.test", "name": "Dan", "role": "user"}
    clicks = [ann.send(form, "/panel/users/new", follow=False, **filled) for _ in range(3)]
    assert [one.status for one in await asyncio.gather(*clicks)] == [303] * 3
    assert len(await mails(house, "people.invited")) == 1
    phone = await ann.get("/panel/notifications")
    asks = [ann.send(phone, "/panel/notifications/phone", number="602000077") for _ in range(2)]
    assert [one.status for one in await asyncio.gather(*asks)] == [200] * 2
    assert await code_of(house)


async def test_of_two_administrators_the_second_is_told_and_the_input_is_kept(house: PanelHouse) -> None:
    await link(house, BEN, "password")
    ann = await house.visitor(ANN, "en")
    users = await ann.get("/panel/users")
    (href,) = [one["href"] for one in users.page.all("a") if one.text == "Cat"]
    first, second = await ann.get(href), await ann.get(href)
    await ann.send(first, href, name="Catherine", role="user")
    late = await ann.send(second, href, name="Kitty", role="admin")
    assert late.status == 422
    assert late.form(href).all("input", name="name")[0]["value"] == "Kitty"
    assert (await ann.send(late, href)).status == 200
    assert "Kitty" in (await ann.get("/panel/users")).page.text


async def test_nobody_ends_themselves_and_a_company_keeps_an_administrator(house: PanelHouse) -> None:
    ann, root = await house.visitor(ANN, "en"), await house.visitor(ROOT)
    tenant = (await ann.get("/panel/users")).page
    (ben,) = [one["href"] for one in tenant.all("a") if one.text == "Ben"]
    (own,) = [one["href"] for one in tenant.all("a") if one.text == "Ann"]
    seen = await ann.get(ben)
    assert (await ann.send(seen, ben, role="user")).path == "/panel/users"
    himself = await ann.get(own)
    assert not himself.form(own).all("input", name="role", type="radio")
    fields = [(name, text) for name, text in himself.form(own).posted() if name != "enabled"]
    assert (await ann.post(own, fields)).status == 422
    query = "tenant=" + to_text("ten", house.tenant("acme"))
    theirs = await root.get(f"{own}?{query}")
    assert theirs.status == 200
    fields = [(name, text) for name, text in theirs.form(own).posted() if name != "enabled"]
    last = await root.post(own, fields)
    assert (last.status, "Somebody must stay" in last.page.text) == (422, True)
    assert (await root.get(own)).status == 404, "without its company it is one of the operator's people"


async def test_without_self_service_the_operator_looks_after_people(house: PanelHouse) -> None:
    otto = await house.visitor(OTTO)
    seen = await otto.get("/panel/users")
    assert (seen.status, "operator looks after" in seen.page.text) == (200, True)
    assert (await otto.get("/panel/users/new")).status == 403
    cat = await house.visitor(CAT)
    assert (await cat.get("/panel/users")).status == 403


async def test_a_link_is_sent_again_and_not_for_ever(house: PanelHouse) -> None:
    ann = await house.visitor(ANN, "en")
    users = await ann.get("/panel/users")
    (href,) = [one["href"] for one in users.page.all("a") if one.text == "Ben"]
    for number in range(MAILS_AN_HOUR + 1):
        done = await ann.send(await ann.get(href), f"{href}/link")
        assert (done.status == 200) is (number < MAILS_AN_HOUR)
    assert len(await mails(house, "people.invited")) == MAILS_AN_HOUR


# --- registration ---------------------------------------------------------------------------------------------


async def test_a_company_registers_and_everybody_sees_the_same(house: PanelHouse) -> None:
    visitor = await house.visitor(language="pl")
    seen = await visitor.get("/panel/register")
    wrong = await visitor.send(seen, company="Żółw & <b>Syn</b>", mail="zofia", name="Zofia")
    assert wrong.status == 422
    assert wrong.form("/panel/register").all("input", name="company")[0]["value"] == "Żółw & <b>Syn</b>"
    done = await visitor.send(wrong, mail="zofia@zolw.test")
    known = await visitor.send(await visitor.get("/panel/register"), company="x", mail=ANN, name="x")
    assert (done.path, known.path) == ("/panel/register/done", "/panel/register/done")
    (mail,) = await mails(house, "registration.received")
    assert (mail["target"], mail["payload"]["language"]) == ("zofia@zolw.test", "pl")
    count = await house.ground.reader.run(
        lambda connection: connection.execute(select(func.count()).select_from(registration)).scalar_one()
    )
    assert count == 1


async def test_a_network_registers_a_few_companies_only(house: PanelHouse) -> None:
    visitor = await house.visitor()
    seen = await visitor.get("/panel/register")
    statuses = []
    for number in range(6):
        done = await visitor.send(seen, company="x", name="x", mail=f"x{number}@x.test")
        statuses.append(done.status)
    assert statuses == [200] * 5 + [429]


# --- notices --------------------------------------------------------------------------------------------------


async def code_of(house: PanelHouse) -> str:
    def look(connection: Connection) -> list[str]:
        return [str(one) for one in connection.execute(select(message_text.c.body)).scalars()]

    (text,) = await house.ground.reader.run(look)
    found = re.search(r"\b\d{6}\b", text)
    assert found is not None
    return found[0]


async def test_wishes_and_the_phone_they_go_to(house: PanelHouse) -> None:
    cat = await house.visitor(CAT)
    seen = await cat.get("/panel/notifications")
    assert not seen.page.all("input", value="sms"), "no phone, no SMS"
    saved = await cat.send(seen, "/panel/notifications", balance_low="mail")
    assert (await house.user_of(cat)).wishes == {"balance_low": ("mail",)}
    bad = await cat.send(saved, "/panel/notifications/phone", number="12")
    assert (bad.status, bool(errors(bad))) == (422, True)
    asked = await cat.send(bad, "/panel/notifications/phone", number="602 000 077")
    code = await code_of(house)
    wrong = await cat.send(asked, "/panel/notifications/phone/code", code=f"{(int(code) + 1) % 10**6:06}")
    assert (wrong.status, "2 tries are left" in errors(wrong)) == (422, True)
    done = await cat.send(wrong, "/panel/notifications/phone/code", code=code)
    assert "+48 602" in done.page.text.replace("\xa0", " ")
    await cat.send(done, "/panel/notifications", name_approved="sms")
    user = await house.user_of(cat)
    assert (user.phone, user.wishes) == (
        "+48602000077",
        {"balance_low": ("mail",), "name_approved": ("sms",)},
    )
    gone = await cat.send(await cat.get("/panel/notifications"), "/panel/notifications/phone/remove")
    assert not gone.page.all("input", value="sms")


async def test_administrators_say_what_a_low_balance_is(house: PanelHouse) -> None:
    ann, cat = await house.visitor(ANN), await house.visitor(CAT)
    seen = await ann.get("/panel/notifications")
    wrong = await ann.send(seen, "/panel/notifications/threshold", balance_low="dużo")
    assert wrong.status == 422
    assert wrong.form("/panel/notifications/threshold").all("input", name="balance_low")[0]["value"] == "dużo"
    done = await ann.send(wrong, "/panel/notifications/threshold", balance_low="12,50")
    shown = done.form("/panel/notifications/threshold").all("input", name="balance_low")[0]["value"]
    assert shown == "12,50"
    await house.ground.holder.refresh_now()
    assert house.ground.holder.current().tenants[house.tenant("acme")].balance_low == 12_500_000
    assert "/panel/notifications/threshold" not in (await cat.get("/panel/notifications")).html
    assert (await (await house.visitor(ROOT)).get("/panel/notifications")).status == 403
