"""A program (a PBX) that sends in the name of the customer's SIP accounts: as the phone itself would."""

from collections.abc import AsyncIterator

import pytest

from support.api import ADMIN_KEY, KEY, PBX_KEY, SENDING_KEY, Api, Site, api_over
from support.fakes import FakeClock
from support.office import ACME_KEY, Office
from voip_sms.core.clock import HOUR
from voip_sms.core.status import Status
from voip_sms.engine.chores.expiry import Expiry

TEXT = {"to": "601123456", "text": "Hej", "account": "sip:101"}


# --- the door -----------------------------------------------------------------------------------------------


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    async with api_over() as made:
        yield made


@pytest.mark.parametrize("written", ["sip:101", "sip:101@pbx.test", "SIP:101@192.0.2.1:5060"])
async def test_it_sends_as_the_account(api: Api, written: str) -> None:
    sent = await api.client(PBX_KEY).call("POST", "/v1/messages", {**TEXT, "account": written})
    assert (sent.status, sent.json["account"]) == (202, "sip:101")
    [submission] = api.engine.submissions
    assert (submission.account.ref, submission.door) == ("sip:101", "api")


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/explain"])
@pytest.mark.parametrize("account", ["sip:201", "sip:999"])
async def test_nobody_elses_and_nobodys_get_one_answer(api: Api, path: str, account: str) -> None:
    refused = await api.client(PBX_KEY).call("POST", path, {**TEXT, "account": account})
    assert (refused.status, refused.code) == (403, "sender_not_allowed")
    assert refused.json["detail"] == f"there is no account {account}"
    assert api.engine.submissions == api.engine.explained == []


@pytest.mark.parametrize("account", ["101", "", "tel:+48601123456", "sip:+48601123456", 101, ["sip:101"]])
async def test_what_is_no_sip_account_is_said_where_it_stands(api: Api, account: object) -> None:
    wrong = await api.client(PBX_KEY).call("POST", "/v1/messages", {**TEXT, "account": account})
    assert (wrong.status, wrong.code) == (422, "invalid")
    assert wrong.json["errors"][0]["pointer"] == "/account"


@pytest.mark.parametrize("path", ["/v1/messages", "/v1/messages/explain"])
@pytest.mark.parametrize("key", [KEY, SENDING_KEY, ADMIN_KEY])
async def test_without_the_scope_nobody_sends_for_others(api: Api, path: str, key: str) -> None:
    refused = await api.client(key).call("POST", path, TEXT)
    assert (refused.status, refused.code) == (403, "forbidden")
    assert api.engine.submissions == api.engine.explained == []


async def test_the_key_of_a_pbx_does_that_alone(api: Api) -> None:
    pbx = api.client(PBX_KEY)
    own = await pbx.call("POST", "/v1/messages", {"to": "601123456", "text": "Hej"})
    assert (own.status, own.code) == (403, "forbidden")
    for path in ("/v1/messages", "/v1/balance", "/v1/keys", "/v1/sip-accounts"):
        assert (await pbx.call("GET", path)).code == "forbidden", path


async def test_the_same_call_id_twice_sends_one(api: Api) -> None:
    pbx, key = api.client(PBX_KEY), {"Idempotency-Key": "a84b4c76e66710@pc33"}
    first = await pbx.call("POST", "/v1/messages", TEXT, headers=key)
    again = await pbx.call("POST", "/v1/messages", TEXT, headers=key)
    assert again.json["id"] == first.json["id"]
    other = await pbx.call("POST", "/v1/messages", {**TEXT, "text": "Ho"}, headers=key)
    assert other.code == "idempotency_mismatch"


# --- with the engine ----------------------------------------------------------------------------------------


@pytest.fixture
async def office(office: Office) -> Office:
    own = {"user": "101", "identity": {"kind": "number", "value": "+48601000001"}}
    key = {"name": "app1", "scopes": ["messages", "accounts"]}
    tenant = {"name": "acme", "keys": [key], "sip_accounts": [own]}
    assert not await office.apply({"version": 1, "tenants": [tenant]})
    return office


async def test_the_accounts_number_sends(site: Site) -> None:
    sent = await site.client(ACME_KEY).call("POST", "/v1/messages", TEXT)
    assert (sent.status, sent.json["from"], sent.json["account"]) == (202, "+48601000001", "sip:101")
    explained = await site.client(ACME_KEY).call("POST", "/v1/messages/explain", TEXT)
    assert explained.json["from"] == "+48601000001"


async def test_an_account_that_is_switched_off_sends_nothing(site: Site, office: Office) -> None:
    off = {"user": "101", "enabled": False}
    assert not await office.apply(
        {"version": 1, "tenants": [{"name": "acme", "sip_accounts": [off]}]},
    )
    refused = await site.client(ACME_KEY).call("POST", "/v1/messages", TEXT)
    assert (refused.status, refused.code) == (403, "sender_not_allowed")


async def test_a_message_that_came_to_nothing_is_told_to_the_phone(
    site: Site, office: Office, clock: FakeClock
) -> None:
    sent = await site.client(ACME_KEY).call("POST", "/v1/messages", {**TEXT, "validity": 60})
    clock.moment += HOUR
    await Expiry().run(office.context)
    message = await site.client(ACME_KEY).call("GET", f"/v1/messages/{sent.json['id']}")
    assert message.json["status"] == Status.EXPIRED
    path = f"/v1/messages/{sent.json['id']}/deliveries"
    [notice] = (await site.client(ACME_KEY).call("GET", path)).json["data"]
    assert (notice["kind"], notice["target"], notice["event"]) == ("sip", "101", "message.expired")
