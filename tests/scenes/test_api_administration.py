"""Tenants manage their own configuration over HTTP, and never see or touch anybody else's."""

import re

import pytest

from support.api import Answer, Client, Site
from support.office import ACME_KEY, OTHER_KEY, Office
from voip_sms.core import ids
from voip_sms.core.clock import HOUR, MINUTE
from voip_sms.core.directory import Fallback
from voip_sms.doors.api.access import OPERATORS
from voip_sms.doors.api.operations import OPERATIONS

SECRET = "a secret of the other tenant"


async def the_only(client: Client, path: str, **wanted: object) -> dict[str, object]:
    data = (await client.call("GET", path)).json["data"]
    [found] = [one for one in data if all(one[name] == value for name, value in wanted.items())]
    return found


# --- each collection ----------------------------------------------------------------------------------------


async def test_numbers_are_listed_and_their_forwards_switched_off_and_on(acme: Client) -> None:
    number = await the_only(acme, "/v1/numbers")
    assert (number["number"], number["kind"], number["carrier"]) == ("+48601000001", "own_mobile", "sim")
    changed = await acme.call("PATCH", f"/v1/numbers/{number['id']}", {"forwarding": False})
    assert (changed.status, changed.json["forwarding"]) == (200, False)
    assert (await the_only(acme, "/v1/numbers"))["forwarding"] is False


async def test_a_webhook_gets_a_secret_shown_once(acme: Client) -> None:
    url = "https://example.com/hook"
    made = await acme.call("POST", "/v1/forwards", {"kind": "webhook", "number": "601000001", "url": url})
    assert made.status == 201, made.text
    assert (made.json["number"], made.json["url"]) == ("+48601000001", url)
    assert made.json["secret"].startswith("whsec_")
    shown = await the_only(acme, "/v1/forwards", kind="webhook")
    assert shown["id"] == made.json["id"]
    assert shown.get("secret") is None
    again = await acme.call("POST", "/v1/forwards", {"kind": "webhook", "number": "601000001", "url": url})
    assert (again.status, again.code) == (409, "conflict")


async def test_a_forward_is_changed_and_removed(acme: Client) -> None:
    made = await acme.call(
        "POST", "/v1/forwards", {"kind": "mail", "number": "+48601000001", "to": ["a@example.com"]}
    )
    path = f"/v1/forwards/{made.json['id']}"
    changed = await acme.call("PATCH", path, {"to": ["b@example.com"], "enabled": False})
    assert (changed.json["to"], changed.json["enabled"]) == (["b@example.com"], False)
    removed = await acme.call("DELETE", path)
    assert (removed.status, removed.text) == (204, "")
    assert (await acme.call("DELETE", path)).code == "not_found"


@pytest.mark.parametrize(
    ("body", "pointer"),
    [
        ({"kind": "pigeon", "to": ["x"]}, ""),
        ({"kind": "sip", "number": "+48601000001", "to": []}, "/to"),
        ({"kind": "sip", "number": "+48601000001", "to": ["999"]}, "/to/0"),
        ({"kind": "sip", "number": "+48601000009", "to": ["101"]}, "/number"),
        ({"kind": "mail", "number": "+48601000001", "to": ["a@example.com\r\nBcc: b"]}, "/to/0"),
        ({"kind": "webhook", "url": "ftp://example.com/x"}, "/url"),
        ({"kind": "number", "number": "+48601000001", "to": ["+48602999999"]}, "/to"),
    ],
)
async def test_an_impossible_forward_is_invalid_and_says_where(acme: Client, body, pointer: str) -> None:
    answer = await acme.call("POST", "/v1/forwards", body)
    assert (answer.status, answer.code) == (422, "invalid"), answer.text
    assert answer.json["errors"][0]["pointer"].startswith(pointer)
    assert len((await acme.call("GET", "/v1/forwards")).json["data"]) == 2


async def test_a_sender_is_blacklisted_and_let_through_again(acme: Client, office: Office) -> None:
    made = await acme.call("POST", "/v1/blacklist", {"match": "exact", "value": "601 222 333"})
    assert (made.status, made.json["value"]) == (201, "+48601222333")
    [rules] = [rules for rules in office.holder.current().blocks.values() if len(rules) == 2]
    assert "+48601222333" in {rule.value for rule in rules}  # in force when the answer comes
    again = await acme.call("POST", "/v1/blacklist", {"match": "exact", "value": "+48601222333"})
    assert (again.status, again.code) == (409, "conflict")
    assert (await acme.call("DELETE", f"/v1/blacklist/{made.json['id']}")).status == 204
    assert len((await acme.call("GET", "/v1/blacklist")).json["data"]) == 1


async def test_a_key_is_shown_once_works_at_once_and_not_after_its_end(acme: Client, site: Site) -> None:
    body = {"name": "cron", "scopes": ["messages"], "identity": {"kind": "name", "value": "NAME1"}}
    made = await acme.call("POST", "/v1/keys", body)
    assert made.status == 201, made.text
    token = made.json["token"]
    assert len(token) >= 26
    fresh = site.client(token)
    sent = await fresh.call("POST", "/v1/messages", {"to": "601123456", "text": "x"})
    assert (sent.status, sent.json["from"], sent.json["account"]) == (202, "NAME1", "key:cron")
    assert (await fresh.call("GET", "/v1/keys")).code == "forbidden"
    listed = await acme.call("GET", "/v1/keys")
    assert token not in listed.text
    path = f"/v1/keys/{made.json['id']}"
    assert (await acme.call("PATCH", path, {"enabled": False})).json["enabled"] is False
    assert (await fresh.call("GET", "/v1/balance")).status == 401
    assert (await acme.call("DELETE", path)).status == 204
    assert len((await acme.call("GET", "/v1/keys")).json["data"]) == 1


async def test_sip_accounts_show_no_password_and_change_it(acme: Client, office: Office) -> None:
    before = dict(office.holder.current().sip["101"].ha1)
    account = await the_only(acme, "/v1/sip-accounts", user="101")
    changed = await acme.call(
        "PATCH", f"/v1/sip-accounts/{account['id']}", {"password": "new-password", "language": "pl"}
    )
    assert (changed.status, changed.json["language"]) == (200, "pl")
    assert "password" not in changed.text
    assert dict(office.holder.current().sip["101"].ha1) != before


async def test_where_a_text_goes_that_no_phone_took(acme: Client, office: Office) -> None:
    account = await the_only(acme, "/v1/sip-accounts", user="101")
    assert account["fallback"] is None
    path = f"/v1/sip-accounts/{account['id']}"

    async def set_to(fallback: object) -> Answer:
        return await acme.call("PATCH", path, {"fallback": fallback})

    shown = (await set_to({"after": "90m", "mail": "Boss@Example.test"})).json["fallback"]
    assert shown == {"after": "90m", "mail": "boss@example.test"}
    found = office.holder.current().sip["101"].fallback
    assert found == Fallback(90 * MINUTE, "mail", "boss@example.test")
    assert (await acme.call("PATCH", path, {"language": "pl"})).json["fallback"] == shown, "it stays"

    stranger = await set_to({"after": "1h", "number": "601234567", "verified": True})
    assert stranger.status == 422, "nobody vouches for others' phones"
    assert stranger.json["errors"][0]["pointer"] == "/fallback/number"
    known = await set_to({"after": "1h", "number": "602000001"})
    assert known.json["fallback"] == {"after": "1h", "number": "+48602000001"}
    assert office.holder.current().sip["101"].fallback == Fallback(HOUR, "number", "+48602000001")

    wrong = ({"after": "4d", "mail": "a@b.test"}, {"after": "1h"}, {"after": "10s", "mail": "a@b.test"})
    for one in (*wrong, {"after": "1h", "mail": "a@b.test", "number": "602000001"}):
        assert (await set_to(one)).status == 422, one
    assert (await set_to(None)).json["fallback"] is None
    assert office.holder.current().sip["101"].fallback is None


async def test_sender_names_are_listed(acme: Client) -> None:
    name = await the_only(acme, "/v1/sender-names")
    assert (name["name"], name["status"]) == ("NAME1", "approved")


async def test_carriers_show_no_account_of_ours(acme: Client) -> None:
    answer = await acme.call("GET", "/v1/carriers")
    assert [one["name"] for one in answer.json["data"]] == ["sim"]
    assert answer.json["data"][0]["state"] == "connecting"
    assert "hush" not in answer.text
    assert "system_id" not in answer.text


async def test_collections_page_like_messages(acme: Client) -> None:
    for last in range(4):
        await acme.call("POST", "/v1/blacklist", {"match": "name", "value": f"SPAM{last}"})
    seen: list[str] = []
    cursor = ""
    while True:
        page = (await acme.call("GET", f"/v1/blacklist?limit=2{cursor}")).json
        seen += [one["id"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&starting_after={seen[-1]}"
    assert len(seen) == len(set(seen)) == 5
    assert seen == sorted(seen, reverse=True)


# --- nobody else's ------------------------------------------------------------------------------------------

BODIES = {
    "send_message": {"to": "601123456", "text": "x"},
    "explain_message": {"to": "601123456", "text": "x"},
    "change_number": {"forwarding": False},
    "create_forward": {"kind": "sip", "number": "+48601000002", "to": ["101"]},
    "change_forward": {"enabled": False},
    "create_block_rule": {"match": "prefix", "value": "+48500"},
    "create_key": {"name": "new"},
    "change_key": {"enabled": False},
    "change_sip_account": {"enabled": False},
}
# What only the other tenant has; none of it may ever stand in an answer to acme.
OTHERS = re.compile(rf"48601000002|48602000002|NAME2|app2|\b102\b|48600662|other|{SECRET}")


async def others_ids(office: Office, site: Site) -> dict[str, list[str]]:
    """Ids of everything that the other tenant has, by their prefix."""
    other = site.client(OTHER_KEY)
    found: dict[str, list[str]] = {}
    for path in ("numbers", "forwards", "blacklist", "keys", "sip-accounts", "sender-names"):
        answer = await other.call("GET", f"/v1/{path}")
        assert not harmless(answer), f"{path}: a leak of it would not be seen"
        for one in answer.json["data"]:
            found.setdefault(one["id"].partition("_")[0], []).append(one["id"])
    sent = await other.call(
        "POST", "/v1/messages", {"to": "601123456", "text": SECRET, "send_at": "2026-11-23T10:00:00Z"}
    )
    assert sent.status == 202, sent.text
    found["msg"] = [sent.json["id"]]
    assert set(found) == {"num", "fwd", "blk", "key", "sip", "nam", "msg"}
    return found


def harmless(answer: Answer) -> bool:
    return OTHERS.search(answer.text) is None


async def test_no_operation_reaches_another_tenants_objects(office: Office, site: Site, acme: Client) -> None:
    """Every operation with an id gets every id of the other tenant, and those without list nothing of it."""
    theirs = await others_ids(office, site)
    everything = [one for group in theirs.values() for one in group]
    before = await seen_by_other(site)
    for operation in OPERATIONS:
        body = BODIES.get(operation.name)
        for object_id in everything if "{id}" in operation.path else ["-"]:
            answer = await acme.call(operation.method, operation.path.replace("{id}", object_id), body)
            if operation.scopes == OPERATORS:
                assert (answer.status, answer.code) == (403, "forbidden"), f"{operation.name} {object_id}"
            elif "{id}" in operation.path:
                assert (answer.status, answer.code) == (404, "not_found"), f"{operation.name} {object_id}"
            if operation.name != "create_forward":  # its refusal repeats the number that it was given
                assert harmless(answer), f"{operation.name}: {answer.text}"
    assert await seen_by_other(site) == before
    assert all(office_key_is_theirs(office, one) for one in theirs["key"])


async def seen_by_other(site: Site) -> list[object]:
    """Everything that the other tenant can list."""
    other = site.client(OTHER_KEY)
    lists = [operation.path for operation in OPERATIONS if operation.name.startswith("list_")]
    return [(await other.call("GET", path)).json for path in (*lists, "/v1/balance")]


def office_key_is_theirs(office: Office, key_id: str) -> bool:
    account = office.holder.current().accounts[ids.from_text("key", key_id)]
    return office.holder.current().tenants[account.tenant_id].name == "other"


async def test_a_foreign_number_can_not_be_forwarded_here(acme: Client, site: Site) -> None:
    body = {"kind": "sip", "number": "+48601000002", "to": ["101"]}
    answer = await acme.call("POST", "/v1/forwards", body)
    assert (answer.status, answer.code) == (422, "invalid")
    own_number_foreign_phone = {"kind": "sip", "number": "+48601000001", "to": ["102"]}
    assert (await acme.call("POST", "/v1/forwards", own_number_foreign_phone)).status == 422
    assert len((await site.client(OTHER_KEY).call("GET", "/v1/forwards")).json["data"]) == 2


async def test_a_foreign_sender_can_not_be_used(acme: Client) -> None:
    for sender in ("NAME2", "+48601000002"):
        answer = await acme.call("POST", "/v1/messages", {"to": "601123456", "text": "x", "from": sender})
        assert (answer.status, answer.code) == (403, "sender_not_allowed")


async def test_the_same_idempotency_key_of_two_tenants_is_two_messages(site: Site, office: Office) -> None:
    headers = {"Idempotency-Key": "1"}
    body = {"to": "601123456", "text": "x"}
    first = await site.client(ACME_KEY).call("POST", "/v1/messages", body, headers=headers)
    second = await site.client(OTHER_KEY).call("POST", "/v1/messages", body, headers=headers)
    assert first.status == second.status == 202
    assert first.json["id"] != second.json["id"]
