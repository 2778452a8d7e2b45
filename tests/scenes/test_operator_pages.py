"""The operator's pages by HTTP: who gets in, what they say, and that they do what `apply` would have done."""

import pytest
import pytest_asyncio

from support.panel import PanelStage, Seen, Visitor
from support.waiting import eventually

pytestmark = [pytest.mark.asyncio(loop_scope="module")]

PAGES = (
    "/panel/operator", "/panel/operator/tenants", "/panel/operator/new-tenant",
    "/panel/operator/registrations", "/panel/operator/names", "/panel/operator/names?status=approved",
    "/panel/operator/carriers", "/panel/operator/carriers/sim", "/panel/operator/carriers/sim?span=7d",
    "/panel/operator/new-carrier", "/panel/operator/routes", "/panel/operator/prices",
    "/panel/operator/prices/std", "/panel/operator/new-prices", "/panel/operator/pools",
    "/panel/operator/pools/pl", "/panel/operator/new-pool", "/panel/operator/quarantine",
    "/panel/operator/orphans", "/panel/audit",
)  # fmt: skip


@pytest_asyncio.fixture(loop_scope="module")
async def rose(stage: PanelStage) -> Visitor:
    return await stage.visitor("operator")


def row(seen: Seen, text: str) -> str:
    """The text of the table's row that has this in it."""
    (found,) = [one.text for one in seen.page.all("tr") if text in one.text]
    return found


def href(seen: Seen, text: str) -> str:
    """Where the link of this text leads."""
    return next(one["href"] for one in seen.page.all("a") if one.text == text)


@pytest.mark.parametrize("language", ["en", "pl"])
async def test_every_page_opens(stage: PanelStage, language: str) -> None:
    visitor = await stage.visitor("operator", language)
    for path in PAGES:
        seen = await visitor.get(path)
        assert (seen.status, seen.path) == (200, path), seen.page.text[:300]


async def test_customers_do_not_get_in(stage: PanelStage) -> None:
    for who in ("admin", "user"):
        visitor = await stage.visitor(who)  # type: ignore[arg-type]
        for path in PAGES[:-1]:
            assert (await visitor.get(path)).status == 403, path
    assert (await (await stage.visitor("user")).get("/panel/audit")).status == 403


# --- state of the service -----------------------------------------------------------------------------------


async def test_the_first_page_knows_doors_carriers_and_processes(stage: PanelStage, rose: Visitor) -> None:
    seen = await rose.get("/panel/operator")
    assert stage.http_address in seen.page.text
    assert "connected" in row(seen, "sim")
    assert "(this process) runs" in seen.page.text


# --- customers ----------------------------------------------------------------------------------------------


async def made(rose: Visitor, name: str) -> Seen:
    blank = await rose.get("/panel/operator/new-tenant")
    seen = await rose.send(blank, "/panel/operator/new-tenant", name=name, price_list="std")
    assert seen.path.startswith("/panel/operator/tenants/ten_"), seen.page.text[:400]
    return seen


async def test_a_customer_is_made_with_money_number_and_people(stage: PanelStage, rose: Visitor) -> None:
    seen = await made(rose, "third")
    here = seen.path
    seen = await rose.send(seen, f"{here}/credit", amount="25,50")
    assert "25.50\N{NO-BREAK SPACE}PLN" in seen.html
    seen = await rose.send(seen, f"{here}/numbers", number="601 000 077", carrier="sim")
    assert "+48\N{NO-BREAK SPACE}601\N{NO-BREAK SPACE}000\N{NO-BREAK SPACE}077" in seen.html
    (taken_back,) = [one for one in seen.page.forms if one["action"].endswith("/remove")]
    assert "nobody's now" in (await rose.post(taken_back["action"], list(taken_back.posted()))).page.text
    seen = await rose.send(seen, f"{here}/people", name="Zoe", mail="zoe@third.test", role="admin")
    assert "no password yet" in row(seen, "zoe@third.test")
    linked = await rose.send(seen, f"{here}/link")
    assert "/panel/link/" in linked.page.text
    assert "25.50" in row(await rose.get("/panel/operator/tenants"), "third")


async def test_credit_is_given_once_however_often_the_button_is_pressed(rose: Visitor) -> None:
    seen = await made(rose, "fourth")
    here = seen.path
    assert (await rose.send(seen, f"{here}/credit", amount="10.00")).status == 200
    again = await rose.send(seen, f"{here}/credit", amount="10.00")
    assert again.status == 422
    assert "changed this meanwhile" in again.page.text
    assert "10.00\N{NO-BREAK SPACE}PLN" in (await rose.get(here)).html


async def test_what_is_no_amount_or_no_number_stands_at_its_field(rose: Visitor) -> None:
    seen = await made(rose, "fifth")
    here = seen.path
    bad = await rose.send(seen, f"{here}/credit", amount="much")
    assert (bad.status, "Write an amount" in bad.page.text) == (422, True)
    bad = await rose.send(seen, f"{here}/numbers", number="<script>", carrier="sim")
    assert bad.status == 422
    assert "<script>" not in bad.html.replace('<script type="module"', "")


async def test_a_switched_off_customer_can_t_send(stage: PanelStage, rose: Visitor) -> None:
    listed = await rose.get("/panel/operator/tenants")
    here = href(listed, "other")
    seen = await rose.get(here)
    form = [(name, value) for name, value in seen.form(here).posted() if name != "enabled"]
    assert "switched off" in (await rose.post(here, form)).page.text
    status, _, _ = await stage.other.call("POST", "/v1/messages", {"to": "+48602000001", "text": "x"})
    assert status == 401
    seen = await rose.get(here)
    assert (await rose.send(seen, here, enabled="1")).status == 200
    status, _, _ = await stage.other.call("POST", "/v1/messages", {"to": "+48602000001", "text": "x"})
    assert status == 202


# --- registrations ------------------------------------------------------------------------------------------


async def asked(stage: PanelStage, company: str, mail: str) -> None:
    stranger = await stage.visitor()
    seen = await stranger.get("/panel/register")
    sent = await stranger.send(seen, "/panel/register", company=company, name="Ewa Nowa", mail=mail)
    assert sent.status == 200, sent.page.text[:400]


async def test_a_registration_becomes_a_customer(stage: PanelStage, rose: Visitor) -> None:
    await asked(stage, "Piekarnia Nowa", "ewa@piekarnia.test")
    listed = await rose.get("/panel/operator/registrations")
    assert "waiting for approval" in row(listed, "Piekarnia Nowa")
    seen = await rose.get(href(listed, "Piekarnia Nowa"))
    approved = await rose.send(seen, f"{seen.path}/approve", tenant="piekarnia", price_list="std")
    assert approved.path.startswith("/panel/operator/tenants/ten_"), approved.page.text[:400]
    assert "ewa@piekarnia.test" in approved.page.text
    again = await rose.post(f"{seen.path}/approve", list(seen.form(f"{seen.path}/approve").posted()))
    assert again.status == 409
    assert "was approved already" in again.page.text


async def test_a_registration_is_refused_with_a_reason(stage: PanelStage, rose: Visitor) -> None:
    await asked(stage, "Spam i Spółka", "sam@spam.test")
    listed = await rose.get("/panel/operator/registrations")
    seen = await rose.get(href(listed, "Spam i Spółka"))
    empty = await rose.send(seen, f"{seen.path}/refuse", reason=" ")
    assert empty.status == 422
    done = await rose.send(seen, f"{seen.path}/refuse", reason="Nothing but advertising.")
    assert "refused" in row(done, "Spam i Spółka")


# --- names --------------------------------------------------------------------------------------------------


async def applied(stage: PanelStage, name: str) -> None:
    status, _, _ = await stage.api.call("POST", "/v1/sender-names", {"name": name})
    assert status == 201


async def test_a_name_is_approved_and_can_be_used(stage: PanelStage, rose: Visitor) -> None:
    await applied(stage, "Bakery")
    status, _, _ = await stage.api.call(
        "POST", "/v1/messages", {"to": "+48602000001", "text": "x", "from": "Bakery"}
    )
    assert status == 403
    seen = await rose.get(href(await rose.get("/panel/operator/names"), "Bakery"))
    done = await rose.send(seen, f"{seen.path}/approve")
    assert "approved" in done.page.text
    status, _, _ = await stage.api.call(
        "POST", "/v1/messages", {"to": "+48602000001", "text": "x", "from": "Bakery"}
    )
    assert status == 202


async def test_a_look_alike_is_pointed_out_and_rejected(stage: PanelStage, rose: Visitor) -> None:
    await applied(stage, "0THER")
    seen = await rose.get(href(await rose.get("/panel/operator/names"), "0THER"))
    assert "reads like OTHER" in seen.page.text
    done = await rose.send(seen, f"{seen.path}/reject", reason="It is another company's.")
    assert "rejected" in done.page.text
    names = (await stage.api.get("/v1/sender-names"))["data"]
    (name,) = [one for one in names if one["name"] == "0THER"]
    assert (name["status"], name["reason"]) == ("rejected", "It is another company's.")


# --- carriers, routes, prices, pools ------------------------------------------------------------------------


async def test_a_carrier_is_changed_by_the_second_of_two_only_knowingly(
    stage: PanelStage, rose: Visitor
) -> None:
    path = "/panel/operator/carriers/sim"
    first, second = await rose.get(path), await rose.get(path)
    assert "Saved" in (await rose.send(first, path, window="9")).page.text
    told = await rose.send(second, path, window="8")
    assert told.status == 409
    assert "operator.en@operator.test changed this meanwhile" in told.page.text
    assert told.form(path).posted() != []
    assert "Saved" in (await rose.send(told, path)).page.text
    (carrier,) = [one for one in (await stage.api.get("/v1/carriers"))["data"] if one["name"] == "sim"]
    assert carrier["name"] == "sim"


async def test_a_carrier_of_words_that_are_none_is_refused_at_its_fields(rose: Visitor) -> None:
    path = "/panel/operator/new-carrier"
    seen = await rose.send(await rose.get(path), path, name="a b", host="", port="99999")
    assert seen.status == 422
    seen = await rose.send(await rose.get(path), path, name="new", host="h", port="99999")
    assert (seen.status, bool(seen.page.all("p", class_="mistake"))) == (422, True)


async def test_routes_come_and_go(rose: Visitor) -> None:
    path = "/panel/operator/routes"
    seen = await rose.send(await rose.get(path), path, prefix="+4930", carrier="sim", priority="3")
    assert "sim" in row(seen, "+4930")
    twice = await rose.send(seen, path, prefix="+4930", carrier="sim", priority="4")
    assert (twice.status, "of this name already" in twice.page.text) == (409, True)
    form = next(
        one for one in seen.page.forms
        if one["action"] == f"{path}/remove" and "+4930" in str(one.posted())
    )  # fmt: skip
    gone = await rose.post(f"{path}/remove", list(form.posted()))
    assert "+4930" not in gone.page.text


async def test_new_rates_are_kept_for_their_day(rose: Visitor) -> None:
    path = "/panel/operator/prices/std"
    seen = await rose.get(path)
    bad = await rose.send(seen, path, valid_from="2040-01-01", rates="+48 cheap")
    assert (bad.status, "Line 1" in bad.page.text) == (422, True)
    done = await rose.send(seen, path, valid_from="2040-01-01", rates="+48 0,31\n+49;0.55\n")
    assert done.path == f"{path}?from=2040-01-01", done.page.text[:300]
    assert "0.31" in row(done, "+48")
    past = await rose.send(seen, path, valid_from="2026-01-01", rates="+48 0.01")
    assert (past.status, "in force" in past.page.text) == (409, True)
    gone = await rose.send(done, f"{path}/withdraw")
    assert "2040" not in gone.page.text


async def test_a_pool_has_nobody_else_s_numbers(rose: Visitor) -> None:
    path = "/panel/operator/new-pool"
    seen = await rose.get(path)
    bad = await rose.send(seen, path, name="two", carrier="sim", numbers="+48601000001")
    assert bad.status == 422
    done = await rose.send(seen, path, name="two", carrier="sim", numbers="+48799000011, +48799000012")
    assert done.path == "/panel/operator/pools/two", done.page.text[:400]
    gone = await rose.send(done, "/panel/operator/pools/two/remove")
    assert gone.path == "/panel/operator/pools"


# --- quarantine ---------------------------------------------------------------------------------------------


async def test_a_text_of_nobody_is_given_to_its_owner(stage: PanelStage, rose: Visitor) -> None:
    text = "<b>for whom?</b>"
    await stage.handsets.send("48602000001", "48601999999", text)

    async def there() -> bool:
        return "for whom?" in (await rose.get("/panel/operator/quarantine")).page.text

    await eventually(there)
    seen = await rose.get("/panel/operator/quarantine")
    assert text in seen.page.text
    form = next(one for one in seen.page.forms if one["action"].endswith("/assign"))
    given = [(name, value) for name, value in form.posted() if name != "number"]
    nobody = await rose.post(form["action"], [*given, ("number", "+48601999999")])
    assert "no customer's number" in nobody.page.text
    done = await rose.post(form["action"], [*given, ("number", "601 000 001")])
    assert "theirs now" in done.page.text
    found = (await stage.api.get("/v1/messages?direction=inbound&to=%2B48601000001"))["data"]
    assert found[0]["text"] == text


# --- audit log ----------------------------------------------------------------------------------------------


async def test_the_log_tells_who_did_what_and_is_whole(stage: PanelStage, rose: Visitor) -> None:
    path = "/panel/operator/carriers/sim"
    await rose.send(await rose.get(path), path, window="7")
    seen = await rose.get("/panel/audit?object=carriers[sim]&action=changed")
    newest = seen.page.all("tr")[1].text
    assert "operator.en@operator.test in the panel" in newest
    assert "window" in newest
    verified = await rose.send(seen, "/panel/audit/verify")
    assert "nothing was changed, moved or removed" in verified.page.text


async def test_a_customer_reads_its_own_log_and_nobody_else_s(stage: PanelStage) -> None:
    ann = await stage.visitor("admin")
    everything = await ann.get("/panel/audit")
    assert "tenants[acme]" in everything.page.text
    assert "tenants[other]" not in everything.page.text
    foreign = await ann.get("/panel/audit?tenant=other")
    assert "tenants[other]" not in foreign.page.text
    verified = await ann.send(everything, "/panel/audit/verify")
    assert "nothing was changed" in verified.page.text
