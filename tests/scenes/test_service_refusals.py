"""What is refused, on HTTP and on a phone: the contract's code, its status and reason, and nothing is sent."""

import asyncio
import io
import itertools
import re

import pytest
import pytest_asyncio

from support.service import DATABASES, phone_of, service_on, submits
from voip_sms.demo.clients import Http

pytestmark = pytest.mark.asyncio(loop_scope="module")

POOR_KEY = "poor-key-0123456789abcdef01"
READING_KEY = "scopes-key-0123456789abcdef"
TAKEN = "+48609000001"
"""All numbers of the pool are leased for it."""


def change(document):
    (acme,) = document["tenants"]
    acme["sender_names"].append({"name": "Waiting", "status": "pending"})
    acme["keys"].append({"name": "some", "token": READING_KEY, "scopes": ["messages"]})
    acme["sip_accounts"] += [
        {"user": "123", "password": "pw123", "identity": {"kind": "2way", "value": "pl"}},
        {"user": "124", "password": "pw124", "identity": {"kind": "2way", "value": "pl"}},
        {"user": "125", "password": "pw125", "identity": {"kind": "name", "value": "Waiting"}},
        {
            "user": "126",
            "password": "pw126",
            "identity": {"kind": "number", "value": "+48601000001"},
            "language": "pl",
        },
    ]
    document["tenants"].append(
        {
            "name": "poor",
            "price_list": "std",
            "credit": "0.28",
            "sender_names": [{"name": "POOR", "status": "approved"}],
            "keys": [
                {
                    "name": "app",
                    "token": POOR_KEY,
                    "scopes": ["messages"],
                    "identity": {"kind": "name", "value": "POOR"},
                }
            ],
            "sip_accounts": [
                {"user": "201", "password": "pw201", "identity": {"kind": "name", "value": "POOR"}}
            ],
            "numbers": [{"number": "+48601000201", "kind": "own_mobile", "carrier": "sim"}],
        }
    )


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request):
    async with service_on(request, change) as stage:
        for user in ("102", "123"):  # they take both numbers of the pool for one recipient
            async with phone_of(stage, user) as phone:
                assert (await phone.send(TAKEN, f"from {user}")).status == 202
        for user in ("102", "123"):
            await stage.handsets.received(TAKEN, f"from {user}")
        yield stage


_sentinels = itertools.count(1)


@pytest_asyncio.fixture(loop_scope="module")
async def nothing_is_sent(stage):
    """The carrier gets nothing until the test has ended; what is sent afterwards is the first thing it gets."""
    before = len(await submits(stage))
    yield
    to, text = "+48608000001", f"sentinel {next(_sentinels)}"
    await stage.api.post("/v1/messages", {"to": to, "text": text})
    await stage.handsets.received(to, text)
    (only,) = (await submits(stage))[before:]
    assert bytes.fromhex(only["fields"]["short_message"]).decode() == text


def valid(**changes):
    return {"to": "+48601123456", "text": "Hello", **changes}


HTTP = {
    "not a number": (valid(to="12"), 422, "recipient_invalid"),
    "no number at all": (valid(to="hello"), 422, "recipient_invalid"),
    "landline": (valid(to="+48221234567"), 422, "recipient_forbidden"),
    "toll-free": (valid(to="800123456"), 422, "recipient_forbidden"),
    "shared cost": (valid(to="801123456"), 422, "recipient_forbidden"),
    "premium": (valid(to="+48700123456"), 422, "recipient_forbidden"),
    "emergency": (valid(to="112"), 422, "recipient_forbidden"),
    "short code": (valid(to="7155"), 422, "recipient_forbidden"),
    "no route": (valid(to="+4915112345678"), 422, "no_route"),
    "white space": (valid(text=" \n\t "), 422, "text_empty"),
    "eleven parts": (valid(text="a" * 1531), 422, "text_too_long"),
    "two parts, one allowed": (valid(text="ą" * 71, max_parts=1), 422, "text_too_long"),
    "unknown name": (valid(**{"from": "BANK"}), 403, "sender_not_allowed"),
    "pending name": (valid(**{"from": "Waiting"}), 403, "sender_not_allowed"),
    "somebody else's name": (valid(**{"from": "POOR"}), 403, "sender_not_allowed"),
    "somebody else's number": (valid(**{"from": "+48601000201"}), 403, "sender_not_allowed"),
    "pool number": (valid(**{"from": "+48799000001"}), 403, "sender_not_allowed"),
    "pool exhausted": (valid(to=TAKEN, **{"from": "2way"}), 422, "pool_exhausted"),
    "no recipient": (valid(to=""), 422, "invalid"),
    "no recipients": (valid(to=[]), 422, "invalid"),
    "no text": ({"to": "+48601123456"}, 422, "invalid"),
    "unknown field": (valid(flash=True), 422, "invalid"),
    "a list": ([valid()], 422, "invalid"),
}


@pytest.mark.parametrize("case", HTTP)
@pytest.mark.usefixtures("nothing_is_sent")
async def test_over_http(stage, case):
    body, status, code = HTTP[case]
    before = await stage.api.get("/v1/balance")
    answered, problem, headers = await stage.api.call("POST", "/v1/messages", body)
    assert (answered, problem["code"], problem["status"]) == (status, code, status)
    assert headers["Content-Type"].startswith("application/problem+json")
    assert problem["detail"]
    assert (await stage.api.get("/v1/balance"))["credit"] == before["credit"]
    if code != "invalid":  # explain says the same, and a list says it per recipient
        _, plan, _ = await stage.api.call("POST", "/v1/messages/explain", body)
        assert plan["refused"]["code"] == code
        _, several, _ = await stage.api.call("POST", "/v1/messages", {**body, "to": [body["to"]]})
        assert [item["code"] for item in several["data"]] == [code]


@pytest.mark.usefixtures("nothing_is_sent")
async def test_no_credit_over_http(stage):
    poor = Http(stage.http_address, POOR_KEY)
    status, problem, _ = await poor.call("POST", "/v1/messages", valid())
    assert (status, problem["code"]) == (402, "credit_exhausted")
    balance = await poor.get("/v1/balance")
    assert [balance[name]["amount"] for name in ("available", "reserved", "credit")] == [
        "0.28",
        "0.00",
        "0.28",
    ]
    assert (await poor.get("/v1/messages"))["data"] == []
    await poor.close()


@pytest.mark.usefixtures("nothing_is_sent")
async def test_malformed_and_oversized_bodies(stage):
    headers = {"Authorization": stage.api._headers["Authorization"], "Content-Type": "application/json"}
    address = f"http://{stage.http_address}/v1/messages"
    for body, status, code in (
        (b'{"to": "+48601123456", "text": "never', 400, "malformed"),
        (b"\xff\xfe\x00", 400, "malformed"),
        (b"[" * 100_000, 400, "malformed"),
        (b"", 400, "malformed"),
        (b'{"to": "+48601123456", "text": "' + b"a" * (1024 * 1024) + b'"}', 413, "too_large"),
    ):
        async with stage.api._session.post(address, data=io.BytesIO(body), headers=headers) as answer:
            assert (answer.status, (await answer.json(content_type=None))["code"]) == (status, code)


@pytest.mark.usefixtures("nothing_is_sent")
async def test_who_may_not(stage):
    message_id = (await stage.api.get("/v1/messages?limit=1"))["data"][0]["id"]
    poor, reading, wrong, nobody = (
        Http(stage.http_address, key) for key in (POOR_KEY, READING_KEY, "wrong-key-0123456789", "")
    )
    for client, method, path, body, status, code in (
        (wrong, "POST", "/v1/messages", valid(), 401, "unauthorized"),
        (nobody, "POST", "/v1/messages", valid(), 401, "unauthorized"),
        (nobody, "GET", "/v1/balance", None, 401, "unauthorized"),
        (reading, "GET", "/v1/keys", None, 403, "forbidden"),
        (poor, "GET", f"/v1/messages/{message_id}", None, 404, "not_found"),
        (poor, "DELETE", f"/v1/messages/{message_id}", None, 404, "not_found"),
        (stage.api, "GET", "/v1/messages/msg_00000000000000000000000000", None, 404, "not_found"),
        (stage.api, "GET", "/v1/messages/nonsense", None, 404, "not_found"),
        (stage.api, "GET", "/v1/nonsense", None, 404, "not_found"),
        (stage.api, "DELETE", f"/v1/messages/{message_id}", None, 409, "too_late"),
    ):
        answered, problem, headers = await client.call(method, path, body)
        assert (answered, problem["code"]) == (status, code), path
        assert ("WWW-Authenticate" in headers) == (status == 401)
    for client in (poor, reading, wrong, nobody):
        await client.close()


async def test_one_idempotency_key_is_one_message(stage):
    """A hundred at once with one key make one SMS; another body with it is refused; a bad key too."""
    key = {"Idempotency-Key": "once-and-for-all"}
    body = valid(to="+48607000001", text="One of a hundred")
    answers = await asyncio.gather(*(stage.api.call("POST", "/v1/messages", body, key) for _ in range(100)))
    assert {(status, answer["id"]) for status, answer, _ in answers} == {(202, answers[0][1]["id"])}
    assert sum("Idempotency-Replayed" in headers for *_, headers in answers) == 99
    await stage.handsets.received("+48607000001", "One of a hundred")
    status, problem, _ = await stage.api.call("POST", "/v1/messages", {**body, "text": "Another"}, key)
    assert (status, problem["code"]) == (422, "idempotency_mismatch")
    status, problem, _ = await stage.api.call("POST", "/v1/messages", body, {"Idempotency-Key": "x" * 256})
    assert (status, problem["code"]) == (400, "idempotency_key_invalid")
    assert len(await stage.handsets.messages("+48607000001")) == 1


# --- on the phone -------------------------------------------------------------------------------------------

SIP = {
    "not a number": ("101", "60112345", "Hi", 404, "Recipient invalid"),
    "nobody": ("101", "hello", "Hi", 404, "No such extension"),
    "landline": ("101", "221234567", "Hi", 403, "Recipient forbidden"),
    "premium": ("101", "+48700123456", "Hi", 403, "Recipient forbidden"),
    "emergency": ("101", "112", "Hi", 403, "Recipient forbidden"),
    "no route": ("125", "+4915112345678", "Hi", 403, "Sender not allowed"),
    "white space": ("101", "+48601123456", "  ", 200, "OK"),
    "empty": ("101", "+48601123456", "", 200, "OK"),
    "eleven parts": ("101", "+48601123456", "a" * 1531, 413, "Text too long"),
    "pending name": ("125", "+48601123456", "Hi", 403, "Sender not allowed"),
    "no credit": ("201", "+48601123456", "Hi", 402, "Credit exhausted"),
    "pool exhausted": ("124", TAKEN, "Hi", 480, "No 2way number free"),
    "in Polish": ("126", "112", "Hi", 403, "Niedozwolony odbiorca"),
    "no such extension": ("125", "199", "Hi", 404, "No such extension"),
}


@pytest.mark.parametrize("case", SIP)
@pytest.mark.usefixtures("nothing_is_sent")
async def test_on_the_phone(stage, case):
    user, to, text, status, reason = SIP[case]
    async with phone_of(stage, user) as phone:
        answer = await phone.send(to, text)
    assert (answer.status, answer.reason) == (status, reason)


@pytest.mark.usefixtures("nothing_is_sent")
async def test_wrong_password_and_unknown_user_look_the_same(stage):
    answers = []
    for user, password in (("101", "wrong"), ("999", "wrong")):
        async with phone_of(stage, user, password) as phone:
            answers.append(await phone.send("+48601123456", "Hi"))
    assert [answer.status for answer in answers] == [401, 401]
    assert 'nonce="' in answers[0].header("WWW-Authenticate")
    assert without_chance(answers[0]) == without_chance(answers[1])


def without_chance(answer):
    """The lines of an answer but for what is the request's own, and for nonces."""
    lines = [line for line in answer.text.split("\r\n") if not re.match(r"(Via|From|To|Call-ID|CSeq):", line)]
    return [re.sub(r'nonce="[^"]+"', "", line) for line in lines]


@pytest.mark.usefixtures("nothing_is_sent")
async def test_somebody_elses_from(stage):
    """Who has proven to be 101 can't write as 102."""
    async with phone_of(stage, "101") as phone:
        phone.writes_as = "102"
        answer = await phone.send("+48601123456", "Hi")
    assert (answer.status, answer.reason) == (403, "Sender not allowed")
