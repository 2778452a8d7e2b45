"""The HTTP door over the real engine and both databases: what a program sends is there, once, and its own."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256

import pytest

from support.api import KEY, OTHER_KEY, Site, site_over
from support.fakes import FakeClock, NoDispatcher
from support.world import ACME, DIRECTORY, PRICE, STRANGER, World, world
from support.world import KEY as ACCOUNT
from voip_sms.core.identity import Rules
from voip_sms.core.ids import from_text
from voip_sms.doors.api.door import Rooms
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.events import job_row
from voip_sms.engine.messages import Messages
from voip_sms.engine.metrics import Metrics
from voip_sms.engine.oversight import Oversight
from voip_sms.engine.submit import Submit

BOTH = frozenset({"messages", "admin"})
HELLO = {"to": "601123456", "text": "Dzień dobry"}


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    keys = {
        sha256(token.encode()).digest(): replace(account, scopes=BOTH)
        for token, account in ((KEY, ACCOUNT), (OTHER_KEY, STRANGER))
    }
    made.directory = replace(DIRECTORY, keys=keys)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
async def site(scene: World) -> AsyncIterator[Site]:
    rooms = Rooms(
        submitter=Submit(scene.context, NoDispatcher(), Rules()),
        credentials=DirectoryCredentials(lambda: scene.directory),
        messages=Messages(scene.reader),
        accounts=None,
        directory=lambda: scene.directory,
        links=dict,
        ready=list,
        metrics=Metrics(),
        oversight=Oversight(scene.reader),
        names=None,
        quarantine=None,
        webhooks=None,
        audit=None,
        verifying=None,
    )
    async with site_over(rooms) as made:
        yield made


async def test_a_message_sent_is_read_back_with_its_trace_and_its_price(scene: World, site: Site) -> None:
    client = site.client()
    sent = await client.call("POST", "/v1/messages", {**HELLO, "client_ref": "r1"})
    assert sent.status == 202, sent.text
    assert (sent.json["status"], sent.json["to"], sent.json["from"]) == ("accepted", "+48601123456", "ACME")
    assert (await client.call("GET", f"/v1/messages/{sent.json['id']}")).json == sent.json
    assert (await client.call("GET", "/v1/messages?to=601123456&client_ref=r1")).json["data"] == [sent.json]
    assert (await client.call("GET", "/v1/messages?client_ref=r2")).json["data"] == []
    trace = (await client.call("GET", f"/v1/messages/{sent.json['id']}/trace")).json["data"]
    assert [step["step"] for step in trace] == [
        "recipient",
        "screening",
        "text",
        "identity",
        "route",
        "price",
    ]
    balance = (await client.call("GET", "/v1/balance")).json
    assert balance == {
        "available": {"amount": "99.71", "currency": "PLN"},
        "reserved": {"amount": "0.29", "currency": "PLN"},
        "credit": {"amount": "100.00", "currency": "PLN"},
    }
    assert (await scene.row("balance", tenant_id=ACME))["reserved"] == PRICE


async def test_a_hundred_repeats_at_once_are_one_message(scene: World, site: Site) -> None:
    client, key = site.client(), {"Idempotency-Key": "order 7"}
    answers = await asyncio.gather(
        *(client.call("POST", "/v1/messages", HELLO, headers=key) for _ in range(100))
    )
    assert {answer.status for answer in answers} == {202}
    assert len({answer.json["id"] for answer in answers}) == 1
    assert [answer.headers.get("Idempotency-Replayed") for answer in answers].count("true") == 99
    assert await scene.count("message") == 1
    assert await scene.count("ledger") == 1
    other = await client.call("POST", "/v1/messages", {**HELLO, "text": "x"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch")
    assert await scene.count("message") == 1


async def test_a_repeated_list_gives_the_same_items(scene: World, site: Site) -> None:
    client, key = site.client(), {"Idempotency-Key": "list"}
    body = {"to": ["601123456", "112", "601123457"], "text": "x"}
    first = await client.call("POST", "/v1/messages", body, headers=key)
    again = await client.call("POST", "/v1/messages", body, headers=key)
    assert first.status == again.status == 202
    assert again.json == first.json
    assert [("id" in item, item.get("code")) for item in first.json["data"]] == [
        (True, None),
        (False, "recipient_forbidden"),
        (True, None),
    ]
    assert await scene.count("message") == 2


async def test_a_refusal_is_not_kept_under_its_key(scene: World, site: Site) -> None:
    client, key = site.client(), {"Idempotency-Key": "poor"}
    routes = scene.directory.routes
    scene.directory = replace(scene.directory, routes=())
    refused = await client.call("POST", "/v1/messages", HELLO, headers=key)
    assert (refused.status, refused.code) == (422, "no_route")
    scene.directory = replace(scene.directory, routes=routes)
    sent = await client.call("POST", "/v1/messages", HELLO, headers=key)
    assert sent.status == 202
    assert "Idempotency-Replayed" not in sent.headers


async def test_explain_says_what_sending_then_does(scene: World, site: Site) -> None:
    client = site.client()
    explained = await client.call("POST", "/v1/messages/explain", HELLO)
    assert explained.status == 200
    assert await scene.count("message") == 0
    sent = await client.call("POST", "/v1/messages", HELLO)
    for field in ("to", "from", "encoding", "parts", "price"):
        assert explained.json[field] == sent.json[field]
    assert explained.json["carrier"] == "sim"
    refused = await client.call("POST", "/v1/messages/explain", {"to": "112", "text": "x"})
    assert (refused.status, refused.json["refused"]["code"]) == (200, "recipient_forbidden")


async def test_what_is_scheduled_can_be_canceled_once(scene: World, site: Site) -> None:
    client = site.client()
    sent = await client.call("POST", "/v1/messages", {**HELLO, "send_at": "2026-11-23T10:00:00Z"})
    assert sent.json["status"] == "scheduled"
    canceled = await client.call("DELETE", f"/v1/messages/{sent.json['id']}")
    assert (canceled.status, canceled.json["status"]) == (200, "canceled")
    assert (await client.call("GET", "/v1/balance")).json["reserved"]["amount"] == "0.00"
    again = await client.call("DELETE", f"/v1/messages/{sent.json['id']}")
    assert (again.status, again.code) == (409, "too_late")


async def test_the_other_tenant_sees_and_cancels_nothing(scene: World, site: Site) -> None:
    sent = await site.client().call("POST", "/v1/messages", {**HELLO, "send_at": "2026-11-23T10:00:00Z"})
    message, stranger = sent.json["id"], site.client(OTHER_KEY)
    for method, path in (("GET", ""), ("GET", "/trace"), ("DELETE", "")):
        answer = await stranger.call(method, f"/v1/messages/{message}{path}")
        assert (answer.status, answer.code) == (404, "not_found")
        assert HELLO["text"] not in answer.text
    # A foreign id as cursor is a moment, no door.
    listed = await stranger.call("GET", f"/v1/messages?starting_after={message}")
    assert listed.json == {"data": [], "has_more": False}
    assert (await site.client().call("GET", f"/v1/messages/{message}")).json["status"] == "scheduled"


async def test_pages_go_through_all_messages_once(site: Site) -> None:
    client = site.client()
    numbers = [f"60112345{last}" for last in range(7)]
    await client.call("POST", "/v1/messages", {"to": numbers, "text": "x"})
    seen, cursor = [], ""
    while True:
        page = (await client.call("GET", f"/v1/messages?limit=3{cursor}")).json
        seen += [one["to"] for one in page["data"]]
        if not page["has_more"]:
            break
        cursor = f"&starting_after={page['data'][-1]['id']}"
    assert sorted(seen) == [f"+48{number}" for number in numbers]


async def test_it_says_to_whom_a_message_was_handed_over_and_what_each_phone_answered(
    scene: World, site: Site
) -> None:
    client = site.client()
    sent = (await client.call("POST", "/v1/messages", HELLO)).json
    message = {"id": from_text("msg", sent["id"]), "tenant_id": ACME}
    now = scene.clock.now()
    phone = job_row(message, "sip", "101", now, b"job-1-of-a-phone") | {"state": "fell_back", "attempts": 1}
    mail = job_row(message, "mail", "a@b.test", now, b"job-2-of-a-mail-") | {"instead_of": "101"}
    hook = job_row(message, "webhook", "https://u:pw@h.test/x?key=secret", now, b"job-3-of-a-hook-")
    for row in (phone, mail, hook):
        await scene.insert("forward_job", row)
    answers = [["sip:101@a", "486"], ["sip:101@b", "timeout"]]
    tried = {"job_id": phone["id"], "no": 1, "tenant_id": ACME, "at": now, "outcome": "temporary"}
    await scene.insert("forward_attempt", tried | {"cause": "sip_486", "contacts": answers})
    path = f"/v1/messages/{sent['id']}/deliveries"
    shown = (await client.call("GET", path)).json["data"]
    assert [(one["kind"], one["target"], one["state"], one["instead_of"]) for one in shown] == [
        ("sip", "101", "fell_back", None),
        ("mail", "a@b.test", "queued", "101"),
        ("webhook", "https://h.test/x", "queued", None),
    ]
    [attempt] = shown[0]["attempts"]
    assert attempt["contacts"] == [{"contact": contact, "cause": cause} for contact, cause in answers]
    assert (await site.client(OTHER_KEY).call("GET", path)).status == 404
