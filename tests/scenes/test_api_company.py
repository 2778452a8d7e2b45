"""Mail senders, groups, keywords, addresses and the company's switches over HTTP, as the panel has them."""

import pytest

from support.api import Client, Site
from support.office import OTHER_KEY, Office

SENDER = {"address": "Biuro@Acme.test", "secret": "correct horse", "limits": {"day": 5}}


@pytest.fixture
async def office(office: Office) -> Office:
    assert not await office.apply({"version": 1, "tenants": [{"name": "acme", "self_service": True}]})
    return office


async def test_a_mail_sender_is_made_changed_and_removed(office: Office, acme: Client) -> None:
    made = await acme.call("POST", "/v1/mail-senders", SENDER)
    assert made.status == 201, made.text
    assert (made.json["address"], made.json["secret_set"], made.json["token_set"]) == (
        "biuro@acme.test",
        True,
        False,
    )
    assert made.json["limits"] == {"day": 5, "month": None}
    assert "correct horse" not in made.text
    path = f"/v1/mail-senders/{made.json['id']}"
    patch = {"token": "k7q2", "mode": "premium", "limits": {"month": 9}, "reply_window": "1d"}
    changed = await acme.call("PATCH", path, patch)
    assert changed.status == 200, changed.text
    assert (changed.json["token_set"], changed.json["mode"]) == (True, "premium")
    assert (changed.json["limits"], changed.json["reply_window"]) == ({"day": None, "month": 9}, "1d")
    assert office.holder.current().mail["biuro@acme.test"].token == "k7q2"
    assert (await acme.call("PATCH", path, {"token": None})).json["token_set"] is False
    assert (await acme.call("GET", "/v1/mail-senders")).json["data"][0]["mode"] == "premium"
    assert (await acme.call("DELETE", path)).status == 204
    assert office.holder.current().mail == {}


async def test_groups_and_keywords_likewise(acme: Client) -> None:
    group = await acme.call("POST", "/v1/groups", {"name": "staff", "numbers": ["601123456"]})
    assert group.json["numbers"] == ["+48601123456"]
    changed = await acme.call(
        "PATCH", f"/v1/groups/{group.json['id']}", {"numbers": ["+48601123457", "+48601123457"]}
    )
    assert changed.json["numbers"] == ["+48601123457"]
    word = {"number": "+48601000001", "word": "Alarm", "mail": "biuro@acme.test"}
    keyword = await acme.call("POST", "/v1/keywords", word)
    assert keyword.status == 201, keyword.text
    patched = await acme.call("PATCH", f"/v1/keywords/{keyword.json['id']}", {"mail": "serwis@acme.test"})
    assert (patched.json["word"], patched.json["mail"]) == ("Alarm", "serwis@acme.test")
    again = await acme.call("POST", "/v1/keywords", {**word, "word": "ALARM"})
    assert (again.status, again.code) == (409, "conflict")


async def test_addresses_are_a_companys_own_only_where_the_operator_lets_it(site: Site) -> None:
    other = site.client(OTHER_KEY)
    for path, body in (
        ("/v1/mail-senders", SENDER),
        ("/v1/sip-accounts", {"user": "299", "password": "correct horse"}),
    ):
        refused = await other.call("POST", path, body)
        assert (refused.status, refused.code) == (403, "forbidden"), path
    (account,) = (await other.call("GET", "/v1/sip-accounts")).json["data"]
    assert (await other.call("DELETE", f"/v1/sip-accounts/{account['id']}")).code == "forbidden"


async def test_a_sip_account_has_no_say_in_where_the_operators_pbx_is(acme: Client) -> None:
    body = {"user": "199", "password": "correct horse"}
    assert (await acme.call("POST", "/v1/sip-accounts", {**body, "via": "asterisk"})).status == 422
    unproven = {"after": "5m", "number": "+48603000001", "verified": True}
    refused = await acme.call("POST", "/v1/sip-accounts", {**body, "fallback": unproven})
    assert refused.json["errors"][0]["pointer"] == "/fallback/number"
    made = await acme.call("POST", "/v1/sip-accounts", body)
    assert (made.status, made.json["via"]) == (201, "direct")


async def test_nobody_approves_their_own_name(acme: Client) -> None:
    sneaky = await acme.call("POST", "/v1/sender-names", {"name": "Firma", "status": "approved"})
    assert sneaky.status == 422
    made = await acme.call("POST", "/v1/sender-names", {"name": "Firma"})
    assert (made.status, made.json["status"]) == (201, "pending")
    assert (await acme.call("DELETE", f"/v1/sender-names/{made.json['id']}")).status == 204


async def test_a_company_blocks_everything_by_a_switch(office: Office, acme: Client) -> None:
    shown = (await acme.call("GET", "/v1/company")).json
    assert (shown["name"], shown["blocked_inbound"], shown["self_service"]) == ("acme", False, True)
    changed = await acme.call("PATCH", "/v1/company", {"blocked_inbound": True, "timezone": "Europe/Warsaw"})
    assert (changed.json["blocked_inbound"], changed.json["timezone"]) == (True, "Europe/Warsaw")
    (tenant,) = [one for one in office.holder.current().tenants.values() if one.name == "acme"]
    assert (tenant.blocked_inbound, tenant.price_list) == (True, "std")
    wrong = await acme.call("PATCH", "/v1/company", {"timezone": "Warsaw"})
    assert wrong.json["errors"][0]["pointer"] == "/timezone"
    assert (await acme.call("PATCH", "/v1/company", {"self_service": True})).status == 422


async def test_a_phone_is_verified_by_its_code(acme: Client) -> None:
    sent = await acme.call("POST", "/v1/verified-numbers", {"number": "603 000 001"})
    assert (sent.status, sent.json["number"], sent.json["verified"]) == (202, "+48603000001", False)
    wrong = await acme.call("POST", "/v1/verified-numbers/code", {"number": "603000001", "code": "x"})
    assert (wrong.status, wrong.code) == (422, "invalid")
    messages = (await acme.call("GET", "/v1/messages")).json["data"]
    assert [(one["to"], one["text"]) for one in messages] == [("+48603000001", None)]
