"""Home, history and the page of a message, by HTTP: what is found, summed, written down, called back, blocked."""

import csv
import io
import re
from typing import Any

import pytest
from sqlalchemy import insert

from support import traffic
from support.panel import Seen
from support.panel_house import PanelHouse
from support.people import ANN, CAT, OTTO, ROOT
from voip_sms.core import ids
from voip_sms.core.clock import DAY, HOUR, MINUTE, SECOND
from voip_sms.core.directory import Id
from voip_sms.core.model import Options, Submission
from voip_sms.store.tables import ledger

PEER, OTHER, NUMBER = "+48600100200", "+48600100300", "+48601000001"
TEXT = "Paczka czeka <b>od</b> rana"


async def put(house: PanelHouse, *made: dict[str, Any], owner: str = "acme", text: str = TEXT) -> list[str]:
    """Store messages, the oldest first, a second apart unless `ago` (microseconds) says more; their names."""
    tenant_id, now = house.tenant(owner), house.ground.context.clock.now()
    rows = []
    for at, one in enumerate(made):
        moment = now - (len(made) - at) * SECOND - one.pop("ago", 0)
        row_id = Id(ids.earliest(moment)[:6] + bytes([at >> 8, at & 255]) + tenant_id[-8:])
        if "peer" in one:
            rows.append(traffic.inbound(row_id, tenant_id, moment, one.pop("peer"), **one))
        else:
            rows.append(traffic.row(row_id, tenant_id, moment, **one))
    await house.ground.writer.run(lambda connection: traffic.store(connection, rows, text))
    return [ids.to_text("msg", row["id"]) for row in rows]


async def scheduled(house: PanelHouse, owner: str = "acme") -> str:
    """A message that leaves in an hour; its name."""
    tenant_id, context = house.tenant(owner), house.ground.context
    accounts = house.ground.holder.current().accounts.values()
    account = next(one for one in accounts if one.tenant_id == tenant_id and one.kind == "key")
    later = Options(sender="NAME1" if owner == "acme" else "NAME2", send_at=context.clock.now() + HOUR)
    done = await house.rooms.submitter.submit(Submission(account, "api", (PEER,), "Later", later))
    assert done.items[0].message is not None, done.items[0].refused
    return ids.to_text("msg", done.items[0].message.id)


def listed(seen: Seen) -> list[str]:
    """The messages of a page, from above."""
    assert seen.status == 200, seen.page.text[:400]
    return [row["id"] for row in seen.page.all("tr", class_="link")]


# --- the list -----------------------------------------------------------------------------------------------


async def test_the_newest_stands_first_and_another_company_s_nowhere(house: PanelHouse) -> None:
    old, new = await put(house, {}, {"peer": OTHER})
    await put(house, {}, owner="other", text="theirs")
    for mail in (ANN, CAT):
        seen = await (await house.visitor(mail)).get("/panel/history")
        assert listed(seen) == [new, old]
        assert "theirs" not in seen.html
        assert "<b>od</b>" not in seen.html
        assert TEXT in seen.page.text


async def test_every_filter_narrows_and_keeps_what_was_typed(house: PanelHouse) -> None:
    old, failed, phones, came = await put(
        house,
        {"ago": 40 * DAY, "recipient": OTHER},
        {"status": "failed", "sender": "ACME"},
        {"door": "sip", "account": "sip:101"},
        {"peer": OTHER},
    )
    cat = await house.visitor(CAT)
    for query, expected in {
        "number=600+100+300": [came, old],
        "direction=inbound": [came],
        "direction=outbound": [phones, failed, old],
        "status=bad": [failed],
        "status=received": [came],
        "status=delivered&door=sip": [phones],
        "sender=ACME": [failed],
        "account=sip:101": [phones],
        "recipient=%2B48600100300": [old],
        "until=2020-01-01": [],
        "since=2020-01-01&until=2038-01-01": [came, phones, failed, old],
    }.items():
        assert listed(await cat.get(f"/panel/history?{query}")) == expected, query
    seen = await cat.get("/panel/history?number=600+100+300&account=sip:101&status=bad")
    assert listed(seen) == []
    assert "Nothing like this was found" in seen.page.text
    posted = dict(next(form for form in seen.page.forms if form["role"] == "search").posted())
    assert posted["number"] == "600 100 300"
    assert (posted["status"], posted["account"]) == ("bad", "sip:101")
    assert "open" in seen.page.all("details", class_="rare")[0].attributes


async def test_what_makes_no_sense_is_told_or_left_out(house: PanelHouse) -> None:
    names = await put(house, {})
    cat = await house.visitor(CAT)
    for query, said in {
        "since=2026-02-31": "Write the date as 2026-01-31",
        "until=9999-12-31": "Write the date as 2026-01-31",
        "since=2026-03-02&until=2026-03-01": "This is before the first day",
    }.items():
        seen = await cat.get(f"/panel/history?{query}")
        assert seen.status == 200
        assert said in seen.page.text
    for query in ("after=nonsense", "after=msg_zzz", "door=x", "status=x", "direction=x"):
        assert listed(await cat.get(f"/panel/history?{query}")) == names


async def test_a_long_list_has_pages_with_the_filter_kept(house: PanelHouse) -> None:
    names = await put(house, *({} for _ in range(60)), {"peer": PEER})
    cat = await house.visitor(CAT)
    seen = await cat.get("/panel/history?direction=outbound")
    (older,) = [link["href"] for link in seen.page.all("a", rel="next")]
    second = await cat.get(older)
    assert listed(seen) + listed(second) == names[59::-1]
    assert len(listed(seen)) == 50
    assert "direction=outbound" in older
    assert not second.page.all("a", rel="next")


async def test_the_sums_are_those_of_the_filter_and_of_a_month(house: PanelHouse) -> None:
    await put(
        house, {"ago": 40 * DAY}, {"parts": 3, "price": 870_000}, {}, {"status": "failed"}, {"peer": PEER}
    )
    cat = await house.visitor(CAT)
    (sums,) = (await cat.get("/panel/history?status=delivered")).page.all("p", id="sums")
    assert sums.text.startswith("2 messages 4 parts 1.16 PLN since")
    (sums,) = (await cat.get("/panel/history?direction=inbound")).page.all("p", id="sums")
    assert sums.text.startswith("1 message 1 part nothing to pay")


# --- a file -------------------------------------------------------------------------------------------------


async def test_the_file_has_what_the_list_has_and_no_formula(house: PanelHouse) -> None:
    await put(house, {"peer": PEER})
    await put(house, {"client_ref": "@SUM(A1)"}, text='=HYPERLINK("http://evil.test";"x")')
    cat = await house.visitor(CAT)
    seen = await cat.get("/panel/history.csv?direction=outbound&separator=semicolon")
    assert seen.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert seen.headers["Content-Disposition"] == 'attachment; filename="history.csv"'
    assert seen.headers["X-Content-Type-Options"] == "nosniff"
    assert seen.html.startswith("\ufeffId;Date;")
    (row,) = list(csv.DictReader(io.StringIO(seen.html.lstrip("\ufeff"), newline=""), delimiter=";"))
    assert row["Text"] == '\'=HYPERLINK("http://evil.test";"x")'
    assert row["Your reference"] == "'@SUM(A1)"
    assert (row["To"], row["Price"], row["Currency"]) == (f"'{PEER}", "0,29", "PLN")


async def test_a_file_goes_on_over_all_pages(house: PanelHouse) -> None:
    await put(house, *({} for _ in range(2_100)))
    seen = await (await house.visitor(CAT)).get("/panel/history.csv?separator=comma")
    rows = list(csv.reader(io.StringIO(seen.html, newline="")))
    assert len(rows) == 2_101
    assert len({row[0] for row in rows}) == 2_101


async def test_a_file_that_is_cut_off_says_so(house: PanelHouse, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voip_sms.doors.panel.screens.history.screen.CSV_MOST", 1_000)
    await put(house, *({} for _ in range(1_001)))
    seen = await (await house.visitor(CAT)).get("/panel/history.csv?separator=comma")
    rows = list(csv.reader(io.StringIO(seen.html, newline="")))
    assert len(rows) == 1_002
    assert rows[-1] == ["There is more: narrow the list, a month at a time."]


async def test_a_pole_s_file_is_as_polish_spreadsheets_want_it(house: PanelHouse) -> None:
    await put(house, {})
    seen = await (await house.visitor(ANN)).get("/panel/history.csv")
    assert seen.html.startswith("\ufeffIdentyfikator;")


# --- several at once ----------------------------------------------------------------------------------------


async def test_several_are_looked_at_as_they_are_now(house: PanelHouse) -> None:
    one, _, three = await put(house, {}, {}, {"status": "sent"})
    (foreign,) = await put(house, {}, owner="other")
    cat = await house.visitor(CAT)
    seen = await cat.get(f"/panel/history/chosen?id={one}&id={three}&id={foreign}&id=nonsense")
    assert listed(seen) == [three, one]
    assert "No message is selected" in (await cat.get("/panel/history/chosen")).page.text


async def test_several_are_called_back_and_the_rest_is_told(house: PanelHouse) -> None:
    later, (gone,) = await scheduled(house), await put(house, {})
    foreign = await scheduled(house, "other")
    cat = await house.visitor(CAT)
    seen = await cat.get("/panel/history?direction=outbound")
    (button,) = seen.page.all("button", formaction="/panel/history/cancel")
    fields = [("id", later), ("id", gone), ("id", foreign), ("csrf", button["value"])]
    done = await cat.post(
        "/panel/history/cancel", [*fields, ("query", "direction=outbound&next=//evil.test")]
    )
    assert done.path == "/panel/history?direction=outbound"
    assert "1 message canceled. 2 had left already, or can't be called back." in done.page.text
    assert "canceled" in (await cat.get(f"/panel/history/{later}")).page.text
    otto = await house.visitor(OTTO)
    assert "scheduled" in (await otto.get(f"/panel/history/{foreign}")).page.text


async def test_the_form_s_token_never_stands_in_an_address(house: PanelHouse) -> None:
    await put(house, {})
    seen = await (await house.visitor(CAT)).get("/panel/history")
    for form in seen.page.forms:
        if form["method"].lower() == "get":
            assert "csrf" not in dict(form.posted())


# --- one message --------------------------------------------------------------------------------------------


async def test_a_message_tells_its_life_and_why_it_went_so(house: PanelHouse) -> None:
    name = await scheduled(house)
    seen = await (await house.visitor(CAT)).get(f"/panel/history/{name}")
    assert "Waits for its hour" in seen.page.text
    (trace,) = seen.page.all("dl", class_="facts trace")
    assert re.search(r"Sender NAME1 as asked for", trace.text)
    assert "numbers that begin with +48" in trace.text
    polish = await (await house.visitor(ANN)).get(f"/panel/history/{name}")
    assert "Czeka na swoją godzinę" in polish.page.text
    assert "Nadawca NAME1 zgodnie z życzeniem" in polish.page.text


async def test_a_message_leads_to_its_conversation_whatever_its_sender_calls_itself(
    house: PanelHouse,
) -> None:
    (name,) = await put(house, {"peer": "A/B?"})
    cat = await house.visitor(CAT)
    seen = await cat.get(f"/panel/history/{name}")
    (there,) = {
        link["href"] for link in seen.page.all("a") if link["href"].startswith("/panel/conversations/")
    }
    assert TEXT in (await cat.get(there)).page.text


async def test_another_company_s_message_is_not_there(house: PanelHouse) -> None:
    (name,) = await put(house, {"peer": PEER})
    otto = await house.visitor(OTTO)
    assert (await otto.get(f"/panel/history/{name}")).status == 404
    token = re.search(r'name="csrf" value="([^"]+)"', (await otto.get("/panel/history")).html)
    assert token is not None
    for what in ("cancel", "block"):
        assert (await otto.post(f"/panel/history/{name}/{what}", {"csrf": token[1]})).status == 404


async def test_a_message_is_called_back_until_it_has_left(house: PanelHouse) -> None:
    name, (gone,) = await scheduled(house), await put(house, {})
    cat = await house.visitor(CAT)
    seen = await cat.get(f"/panel/history/{name}")
    done = await cat.send(seen, f"/panel/history/{name}/cancel")
    assert "Canceled. It was not sent, and costs nothing." in done.page.text
    again = await cat.send(seen, f"/panel/history/{name}/cancel")
    assert "It is too late" in again.page.text
    assert "Cancel sending" not in (await cat.get(f"/panel/history/{gone}")).page.text


async def test_an_administrator_blocks_a_sender_with_one_click(house: PanelHouse) -> None:
    (name,) = await put(house, {"peer": PEER})
    ann, cat = await house.visitor(ANN), await house.visitor(CAT)
    seen = await ann.get(f"/panel/history/{name}")
    done = await ann.send(seen, f"/panel/history/{name}/block")
    assert "Zablokowano" in done.page.text
    rules = house.ground.holder.current().blocks[house.tenant("acme")]
    assert PEER in {rule.value for rule in rules}
    assert "już na czarnej liście" in (await ann.send(seen, f"/panel/history/{name}/block")).page.text
    assert not (await cat.get(f"/panel/history/{name}")).page.all("details", class_="confirm")
    (mine,) = await put(house, {})
    token = dict(seen.form(f"/panel/history/{name}/block").posted())["csrf"]
    assert (await ann.post(f"/panel/history/{mine}/block", {"csrf": token})).status == 404


async def test_an_answer_leads_into_the_conversation(house: PanelHouse) -> None:
    (name,) = await put(house, {"peer": PEER})
    seen = await (await house.visitor(CAT)).get(f"/panel/history/{name}")
    assert "/panel/conversations/%2B48600100200" in {link["href"] for link in seen.page.all("a")}


# --- home ---------------------------------------------------------------------------------------------------


async def test_home_shows_the_day_and_what_needs_somebody(house: PanelHouse) -> None:
    await put(house, {}, {"status": "failed"}, {"peer": PEER}, {"ago": 3 * DAY})
    cat = await house.visitor(CAT)
    seen = await cat.get("/panel")
    figures = {
        stat.all("p", class_="stat-label")[0].text: stat.all("p", class_="stat-value")[0].text
        for stat in seen.page.all("div")
        if stat["class"].startswith("stat ")
    }
    assert figures["Balance"] == "100.00 PLN"
    today = {name: int(shown) for name, shown in figures.items() if name != "Balance"}
    # What was put there seconds ago may be yesterday's, once a day.
    assert today in (
        {"Sent today": 2, "Received today": 1, "Not delivered today": 1},
        {"Sent today": 0, "Received today": 0, "Not delivered today": 0},
    )
    (todos,) = seen.page.all("section", id="todos")
    assert "1 conversation waits for an answer" in todos.text
    assert len(seen.page.all("svg", role="img")) == 1
    assert len(listed(seen)) == 4


async def test_home_is_quiet_where_all_is_well(house: PanelHouse) -> None:
    await put(house, {"ago": 2 * MINUTE})
    seen = await (await house.visitor(CAT)).get("/panel")
    assert "Nothing. Everything is answered and delivered." in seen.page.text


async def test_an_operator_goes_on_to_their_own_first_page_and_sees_no_texts(house: PanelHouse) -> None:
    (name,) = await put(house, {})
    root = await house.visitor(ROOT)
    there = await root.get("/panel", follow=False)
    assert there.status == 303
    assert there.headers["Location"] != "/panel"
    assert (await root.get(f"/panel/history/{name}")).status == 403
    assert (await root.get("/panel/history.csv")).status == 403


# --- prices and bills ---------------------------------------------------------------------------------------


async def test_a_company_sees_its_own_prices(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    seen = await ann.get("/panel/prices")
    (row,) = [row for row in seen.page.all("tr") if row.all("td")]
    assert row.text == "Polska +48 0,29 PLN"
    cat = await house.visitor(CAT)
    assert (await cat.get("/panel/prices")).status == 403, "what it costs is the administrators' business"


async def test_the_bill_of_a_month_is_the_sum_of_its_days(house: PanelHouse) -> None:
    await put(house, {"parts": 3, "price": 870_000}, {}, {"peer": PEER})
    await put(house, {}, owner="other")
    ann = await house.visitor(ANN, "pl")
    prices = await ann.get("/panel/prices")
    months = [link["href"] for link in prices.page.all("a") if link["href"].startswith("/panel/bills/")]
    assert len(months) == 6
    seen = await ann.get(months[0])
    (total,) = seen.page.all("tr", class_="total")
    days = [row.text for row in seen.page.all("tr", class_="link")]
    assert total.text == "Razem 2 4 1,16 PLN"
    assert days[-1].endswith("2 4 1,16 PLN")
    links = [link["href"] for link in seen.page.all("a", class_="whole")]
    assert len(listed(await ann.get(links[-1]))) == 2


async def test_nobody_pays_for_what_never_left(house: PanelHouse) -> None:
    """The ledger knows which parts were given back; the state of a message alone doesn't."""
    refused, _, gone = await put(
        house,
        {"status": "failed"},
        {"status": "undelivered"},
        {"status": "failed", "parts": 2, "price": 580_000},
    )
    back = [
        {
            "message_id": ids.from_text("msg", name), "part": 1, "phase": "final", "kind": "release",
            "tenant_id": house.tenant("acme"), "amount": 290_000, "currency": "PLN", "at": 1,
        }
        for name in (refused, gone)
    ]  # fmt: skip
    await house.ground.writer.run(lambda connection: connection.execute(insert(ledger), back))
    called_back = await scheduled(house)
    cat = await house.visitor(CAT)
    await cat.send(await cat.get(f"/panel/history/{called_back}"), f"/panel/history/{called_back}/cancel")
    seen = await cat.get("/panel/history?direction=outbound")
    prices = [row.all("td")[-1].text for row in seen.page.all("tr", class_="link")]
    assert prices == ["–", "0.29 PLN", "0.29 PLN", "–"]
    (sums,) = seen.page.all("p", id="sums")
    assert sums.text.startswith("4 messages 5 parts 0.58 PLN since")
    rows = list(csv.DictReader(io.StringIO((await cat.get("/panel/history.csv")).html.lstrip("\ufeff"))))
    assert [row["Price"] for row in rows] == ["0.00", "0.29", "0.29", "0.00"]
    assert "Price nothing to pay" in (await cat.get(f"/panel/history/{refused}")).page.text


async def test_a_month_that_is_none_or_to_come_has_no_bill(house: PanelHouse) -> None:
    ann = await house.visitor(ANN)
    for month in ("2099-01", "1999-12", "2026-13", "x", "0001-01", "2026-1-1"):
        assert (await ann.get(f"/panel/bills/{month}")).status == 404, month
