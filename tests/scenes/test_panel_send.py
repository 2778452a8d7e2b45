"""Sending from the panel by HTTP: once however often it is pressed, undone for nothing, in the company's zone."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import Any

import pytest
from sqlalchemy import Connection, insert, select, update

from support.fakes import FakeClock
from support.office import FILE, Office
from support.panel import Seen, Visitor
from support.panel_office import PanelOffice, panel_over, person
from voip_sms.core.clock import DAY, to_rfc3339
from voip_sms.core.identity import Rules
from voip_sms.core.model import Options, Submission
from voip_sms.core.people import User
from voip_sms.doors.panel.screens.send.screen import LISTED
from voip_sms.engine.panel import UNDO, Writing, Written
from voip_sms.engine.people.rows import user_of
from voip_sms.store import resolve
from voip_sms.store.tables import balance, lease, ledger, message, message_text, part

ANN, BEN, OTTO, ROOT = "ann@acme.test", "ben@acme.test", "otto@other.test", "root@operator.test"
TO, SEND = "601123456", "/panel/send"
EVIL = "<script>alert('ż')</script>\"'&amp;{{7*7}}"


@dataclass
class Scene:
    office: Office
    panel: PanelOffice
    clock: FakeClock
    ann: Visitor

    async def rows(self) -> list[dict[str, Any]]:
        def read(connection: Any) -> list[dict[str, Any]]:
            wanted = select(message, message_text.c.body).where(message.c.id == message_text.c.message_id)
            return [dict(row) for row in connection.execute(wanted.order_by(message.c.id)).mappings()]

        return await self.office.reader.run(read)

    async def available(self) -> int:
        """Of acme's money."""
        (row,) = await self.office.reader.run(
            lambda connection: connection.execute(
                select(balance).where(balance.c.tenant_id == self.tenant)
            ).all()
        )
        return int(row.credit - row.reserved - row.settled)

    async def user(self, mail: str) -> User:
        """Somebody, as they sign in."""
        row = await self.office.reader.run(resolve.person_of_mail, mail)
        assert row is not None
        return user_of(row)

    @property
    def tenant(self) -> bytes:
        return next(one.id for one in self.office.holder.current().tenants.values() if one.name == "acme")

    async def write(self, who: Visitor | None = None, **fields: str) -> Seen:
        """Open the form, fill it in, send it."""
        who = who or self.ann
        given = {"to": TO, "text": "Hej", **fields}
        return await who.send(await who.get(SEND), SEND, **given)


def users() -> dict[str, Any]:
    acme = {
        "name": "acme",
        "timezone": "Europe/Warsaw",
        "users": [
            person(ANN, identity={"kind": "name", "value": "NAME1"}),
            person(BEN, "user", identity={"kind": "number", "value": "+48601000001"}),
        ],
        "groups": [{"name": "Staff", "numbers": ["+48601000009", "+48601123456"]}],
    }
    operators = [{"mail": ROOT, "name": "Root", "password": person(ROOT)["password"]}]
    pools = [{"name": "pl", "carrier": "sim", "window": "7d", "numbers": ["+48799000001"]}]
    return {
        **FILE,
        "pools": pools,
        "operators": operators,
        "tenants": [acme, {"name": "other", "users": [person(OTTO)]}],
    }


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[Scene]:
    async with AsyncExitStack() as stack:
        office = await Office.open(database_url, clock)
        stack.push_async_callback(office.close)
        assert not await office.apply(users())
        panel = await stack.enter_async_context(panel_over(office))
        yield Scene(office, panel, clock, await panel.visitor(ANN))


# --- once, and back -----------------------------------------------------------------------------------------


async def test_pressed_twice_it_is_sent_once(scene: Scene) -> None:
    form = await scene.ann.get(SEND)
    before = await scene.available()
    tries = [scene.ann.send(form, SEND, to=TO, text="Hej") for _ in range(2)]
    first, second = await asyncio.gather(*tries)
    assert first.path == second.path
    third = await scene.ann.send(form, SEND, to=TO, text="Hej")
    assert (third.status, third.path) == (200, first.path)
    (row,) = await scene.rows()
    assert (row["sender"], row["account"], row["door"]) == ("NAME1", f"user:{ANN}", "panel")
    assert before - await scene.available() == row["price"] == 290_000


async def test_what_was_sent_and_then_changed_is_asked_about(scene: Scene) -> None:
    form = await scene.ann.get(SEND)
    await scene.ann.send(form, SEND, to=TO, text="Hej")
    again = await scene.ann.send(form, SEND, to=TO, text="Co innego")
    assert again.status == 422
    assert "This form was sent before with something else in it" in again.page.text
    assert ("text", "Co innego") in again.form(SEND).posted()
    assert len(await scene.rows()) == 1
    meant = await scene.ann.send(again, SEND)
    assert meant.status == 200
    assert [row["body"] for row in await scene.rows()] == ["Hej", "Co innego"]


async def test_called_back_it_costs_nothing(scene: Scene) -> None:
    before = await scene.available()
    sent = await scene.write()
    assert "Seconds left: 10" in sent.page.text
    (row,) = await scene.rows()
    assert (row["status"], row["send_at"]) == ("scheduled", scene.clock.now() + UNDO)
    back = await scene.ann.send(sent, f"{sent.path}/undo")
    assert "nothing was sent, and nothing is charged" in back.page.text
    assert "Seconds left" not in back.page.text
    (row,) = await scene.rows()
    assert row["status"] == "canceled"
    assert await scene.available() == before
    changed = await scene.ann.send(back, "/panel/send/preview")
    assert {("to", "+48601123456"), ("text", "Hej")} <= set(changed.form(SEND).posted())


async def test_what_has_left_is_not_called_back(scene: Scene) -> None:
    sent = await scene.write()
    scene.clock.advance(11)
    await scene.office.writer.run(lambda connection: connection.execute(update(part).values(state="sending")))
    late = await scene.ann.send(sent, f"{sent.path}/undo")
    assert "Too late" in late.page.text
    (row,) = await scene.rows()
    assert row["status"] == "scheduled", "as it was: the carrier tells how it goes on"


async def test_what_no_carrier_took_costs_nothing_here_either(scene: Scene) -> None:
    sent = await scene.write()
    assert "0.29" in sent.page.text
    (row,) = await scene.rows()
    back = {
        "message_id": row["id"], "part": 1, "phase": "final", "kind": "release", "amount": row["price"],
        "tenant_id": row["tenant_id"], "currency": row["currency"], "at": row["created_at"],
    }  # fmt: skip

    def fail(connection: Any) -> None:
        connection.execute(update(message).values(status="failed"))
        connection.execute(insert(ledger).values(back))

    await scene.office.writer.run(fail)
    seen = await scene.ann.get(sent.path)
    assert "0.29" not in seen.page.text
    assert "0.00" in seen.page.text


async def test_nobody_else_sees_or_undoes_it(scene: Scene) -> None:
    sent = await scene.write()
    for mail in (BEN, OTTO):
        other = await scene.panel.visitor(mail)
        assert (await other.get(sent.path)).status == 404
        form = (await other.get(SEND)).form(SEND)
        undone = await other.post(f"{sent.path}/undo", form.posted())
        assert undone.status == 404
    assert [row["status"] for row in await scene.rows()] == ["scheduled"]


async def test_operators_send_nothing(scene: Scene) -> None:
    root = await scene.panel.visitor(ROOT)
    assert (await root.get(SEND)).status == 403


# --- later --------------------------------------------------------------------------------------------------


LATER = (
    ("2026-11-23", "08:00", "2026-11-23T07:00:00.000000Z"),
    ("2027-03-28", "03:30", "2027-03-28T01:30:00.000000Z"),
    ("2027-10-31", "02:30", "2027-10-31T00:30:00.000000Z"),
)


async def test_later_is_by_the_companys_clocks(scene: Scene) -> None:
    before = await scene.available()
    for on, at, leaves in LATER:
        sent = await scene.write(on=on, at=at)
        assert to_rfc3339((await scene.rows())[-1]["send_at"]) == leaves
        assert at in sent.page.text
        assert "Seconds left" not in sent.page.text
        back = await scene.ann.send(sent, f"{sent.path}/undo")
        assert "nothing is charged" in back.page.text
    assert {row["status"] for row in await scene.rows()} == {"canceled"}
    assert await scene.available() == before


WRONG: tuple[tuple[str, dict[str, str], str], ...] = (
    ("at", {"on": "2027-03-28", "at": "02:30"}, "never show 02:30: choose 03:30"),
    ("at", {"on": "2026-11-22", "at": "10:59"}, "This moment is over already"),
    ("at", {"on": "2026-11-23"}, "A date and a time belong together"),
    ("on", {"on": "2028-01-01", "at": "10:00"}, "At most a year ahead"),
    ("on", {"on": "31.12.2026", "at": "10:00"}, "Write the date as 2026-01-31"),
    ("at", {"on": "2026-12-31", "at": "ten"}, "Write the time as 14:30"),
    ("max_parts", {"max_parts": "0"}, "Between 1 and 255"),
    ("max_parts", {"max_parts": "many"}, "A whole number is needed here"),
    ("validity", {"validity": "9999"}, "Choose one of the list"),
    ("to", {"to": " ,"}, "Say to whom"),
    ("text", {"text": " \n"}, "Write a text first"),
    ("to", {"to": "222000001"}, "A landline takes no SMS"),
    ("sender", {"sender": "BANK"}, "This sender may not be used"),
    ("text", {"text": "x" * 1531}, "takes 11 parts and at most 10 are allowed"),
)


async def test_what_is_wrong_stands_at_its_field(scene: Scene) -> None:
    for field, given, said in WRONG:
        seen = await scene.write(**given)
        assert seen.status in (422, 403), said
        posted = dict(seen.form(SEND).posted())
        assert posted["text"] == given.get("text", "Hej")
        assert posted["to"] == given.get("to", TO)
        (control,) = seen.page.all("input", "select", "textarea", name=field)
        assert control["aria-invalid"] == "true", said
        (mistake,) = seen.page.all(id=control["aria-describedby"].split()[0])
        assert said in mistake.text
    assert await scene.rows() == []


async def test_the_hour_that_comes_twice_is_said(scene: Scene) -> None:
    fields = dict((await scene.ann.get(SEND)).form(SEND).posted())
    fields |= {"to": TO, "text": "Hej", "on": "2027-10-31", "at": "02:30"}
    seen = await scene.ann.post(f"{SEND}/preview", fields)
    assert "Clocks show this time twice that night" in seen.page.text


# --- to whom, as whom ---------------------------------------------------------------------------------------


async def test_each_recipient_has_a_result(scene: Scene) -> None:
    seen = await scene.write(to=f"{TO}\n222000001, nobody;+48 601 123 456", group="Staff")
    assert seen.status == 200
    assert {row["recipient"] for row in await scene.rows()} == {"+48601123456", "+48601000009"}
    assert "2 recipients get nothing" in seen.page.text
    assert "A landline takes no SMS" in seen.page.text
    assert "+48\N{NO-BREAK SPACE}601\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}009" in seen.html


async def test_where_nobody_gets_it_the_form_says_why(scene: Scene) -> None:
    seen = await scene.write(to="222000001\n112")
    assert seen.status == 422
    assert "Nobody can get this: the preview says why" in seen.page.text
    assert "Emergency numbers and short codes can't be texted" in seen.page.text
    assert await scene.rows() == []


async def test_users_send_as_what_they_were_given(scene: Scene) -> None:
    ben = await scene.panel.visitor(BEN)
    assert not (await ben.get(SEND)).page.all("select", name="sender")
    refused = await scene.write(who=ben, sender="NAME1")
    assert refused.status == 403
    assert "This sender may not be used" in refused.page.text
    await scene.write(who=ben)
    await scene.write(sender="+48601000001")
    assert [(row["account"], row["sender"]) for row in await scene.rows()] == [
        (f"user:{BEN}", "+48601000001"),
        (f"user:{ANN}", "+48601000001"),
    ]


async def test_what_is_answered_for_a_phone_stays_the_phones_conversation(scene: Scene) -> None:
    """The lease of the 2way number goes on, and stays with the phone: its answers come there still."""
    desk = next(
        one.account for one in scene.office.holder.current().sip.values() if one.account.name == "101"
    )
    await scene.office.submit.submit(Submission(desk, "sip", (TO,), "Hej", Options(sender="2way")))
    (first,) = await scene.rows()
    ann, writing = await scene.user(ANN), Writing(scene.office.context, scene.office.submit, Rules())
    scene.clock.advance(3600)
    sent = await writing.answer(ann, first["recipient"], first["sender"], "Tu Anna", "0123456789abcdef")
    assert sent.items[0].refused is None
    assert (await scene.rows())[1]["sender"] == first["sender"] == "+48799000001"
    (held,) = await scene.office.reader.run(lambda connection: connection.execute(select(lease)).all())
    assert held.account == "sip:101"
    assert held.until > first["expires_at"] + 7 * DAY, "a window from the answer on"
    otto = await scene.user(OTTO)
    theirs = await writing.answer(otto, first["recipient"], first["sender"], "Tu Otto", "fedcba9876543210")
    assert theirs.items[0].refused is not None
    assert theirs.items[0].refused.code.name == "sender_not_allowed"


async def test_only_a_phone_writes_to_an_extension(scene: Scene) -> None:
    seen = await scene.write(to=f"sip:101\n{TO}")
    assert "Only a phone can write to an extension" in seen.page.text
    assert [row["recipient"] for row in await scene.rows()] == ["+48601123456"]


async def test_groups_that_overlap_leave_nobody_out(scene: Scene) -> None:
    """Two of 6,000 with 4,000 in both are 8,000 people: the last of them is sent to as well."""
    numbers = [f"+4860{no:07}" for no in range(1_000_000, 1_008_000)]
    acme, *others = users()["tenants"]
    groups = [{"name": "East", "numbers": numbers[:6000]}, {"name": "West", "numbers": numbers[2000:]}]
    assert not await scene.office.apply({**users(), "tenants": [{**acme, "groups": groups}, *others]})
    writing = Writing(scene.office.context, scene.office.submit, Rules())
    outlook = await writing.preview(await scene.user(ANN), Written(("East", "WEST"), "Hej"))
    assert outlook.count == len(numbers)


# --- a long list --------------------------------------------------------------------------------------------

LONG = [f"+48602{no:06}" for no in range(340)]


async def long_list(scene: Scene) -> Seen:
    """Sent to more people than one page lists, and to a landline."""
    acme, *others = users()["tenants"]
    groups = [{"name": "Long", "numbers": LONG}]
    assert not await scene.office.apply({**users(), "tenants": [{**acme, "groups": groups}, *others]})
    return await scene.write(to="222000001", group="Long")


async def test_how_far_a_long_list_is_is_counted_and_a_page_of_it_read(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The page asks every three seconds: what it costs must not grow with the list."""
    sent = await long_list(scene)
    some = [row["id"] for row in await scene.rows()][:300]
    change = update(message).where(message.c.id.in_(some)).values(status="delivered")
    await scene.office.writer.run(lambda connection: connection.execute(change))
    read = rows_read(monkeypatch)
    seen = await scene.ann.get(sent.path)
    assert sum(read) < LISTED + 50, "a page of messages, and what is read of everything else"
    assert "300 delivered" in seen.page.text
    assert "40 scheduled" in seen.page.text
    assert "98.60" in seen.page.text
    rows = seen.page.all("tbody")[0].all("tr")
    assert len(rows) == LISTED
    assert "A landline takes no SMS" in rows[0].text, "who gets nothing stands on top"
    assert "The first 200 are shown" in seen.page.text


async def test_a_long_list_that_was_called_back_is_sent_again_to_everybody(scene: Scene) -> None:
    sent = await long_list(scene)
    back = await scene.ann.send(sent, f"{sent.path}/undo")
    assert "nothing was sent, and nothing is charged" in back.page.text
    assert "340 canceled" in back.page.text
    again = dict(back.form("/panel/send/preview").posted())
    assert (set(again["to"].split()), again["text"]) == ({"222000001", *LONG}, "Hej")


def rows_read(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many rows each query finds from now on."""
    found: list[int] = []
    execute = Connection.execute

    def counting(self: Connection, *args: Any, **options: Any) -> Any:
        result = execute(self, *args, **options)
        if not result.returns_rows:
            return result
        frozen = result.freeze()
        found.append(len(frozen.data))
        return frozen()

    monkeypatch.setattr(Connection, "execute", counting)
    return found


# --- what it would come to ----------------------------------------------------------------------------------


async def preview(scene: Scene, **fields: str) -> Seen:
    """Without JavaScript: the button beside Send."""
    given = {**dict((await scene.ann.get(SEND)).form(SEND).posted()), "to": TO, **fields}
    return await scene.ann.post(f"{SEND}/preview", given)


async def test_the_preview_is_what_sending_then_does(scene: Scene) -> None:
    text = "Zażółć gęślą jaźń. " * 5
    seen = await preview(scene, text=text)
    assert "2 parts" in seen.page.text
    assert "0.58" in seen.page.text
    assert "“ż”" in seen.page.text
    assert "z for ż" in seen.page.text
    assert "then it is 1 part" in seen.page.text
    assert "Nobody can answer a name" in seen.page.text
    cheap = await preview(scene, text=text, transliterate="1")
    assert "1 part ·" in cheap.page.text
    assert "0.29" in cheap.page.text
    assert await scene.rows() == [], "nothing is stored"
    await scene.ann.send(cheap, SEND)
    (row,) = await scene.rows()
    assert (row["parts"], row["price"], row["body"]) == (1, 290_000, "Zazolc gesla jazn. " * 5)


async def test_the_preview_says_who_gets_nothing(scene: Scene) -> None:
    seen = await preview(scene, to=f"{TO}\n222000001", text="Hej")
    assert "Gets nothing" in seen.page.text
    assert "A landline takes no SMS" in seen.page.text


async def test_panel_js_gets_the_parts_alone(scene: Scene) -> None:
    fields = {**dict((await scene.ann.get(SEND)).form(SEND).posted()), "to": TO, "text": "Hej 🙂"}
    seen = await scene.ann.post(f"{SEND}/preview", fields, parts=True)
    assert {one["id"] for one in seen.page.all("div", "aside")} >= {"weight", "outlook"}
    assert not seen.page.all("html", "form")
    assert "Nothing can stand for “🙂”" in seen.page.text


async def test_what_a_link_says_stands_in_the_form(scene: Scene) -> None:
    seen = await scene.ann.get(f"{SEND}?to=%2B48601123456&text=Hej")
    assert {("to", "+48601123456"), ("text", "Hej")} <= set(seen.form(SEND).posted())
    assert "0.29" in seen.page.text


async def test_what_is_typed_is_text(scene: Scene) -> None:
    for seen in (
        await scene.write(text=EVIL),
        await preview(scene, text=EVIL, to=EVIL, sender=EVIL, on=EVIL, at=EVIL, max_parts=EVIL),
        await scene.write(to=f"{EVIL}\n{TO}", text=EVIL, sender=""),
    ):
        assert not [one for one in seen.page.all("script") if not one["src"]]
        assert "alert('ż')" in seen.page.text
        assert "49" not in seen.page.text.replace("{{7*7}}", "").split("alert")[1][:20]
    assert {row["body"] for row in await scene.rows()} == {EVIL}


async def test_in_polish(scene: Scene) -> None:
    assert not await scene.office.apply(
        {"version": 1, "tenants": [{"name": "acme", "users": [{"mail": ANN, "language": "pl"}]}]}
    )
    seen = await preview(scene, text="Łódź " * 20)
    assert "2 części" in seen.page.text
    assert "Przez „Ł”, „ó”, „ź” są to 2 części po najwyżej 67 znaków." in seen.page.text
    assert "L zamiast Ł" in seen.page.text
    refused = await scene.write(to="222000001")
    assert "Telefon stacjonarny nie odbiera SMS-ów" in refused.page.text
