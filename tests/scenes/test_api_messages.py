"""Programs send, list, read, explain and cancel messages."""

import asyncio
import io

import pytest

from support.api import (
    ADMIN_KEY,
    KEY,
    OTHER_KEY,
    OTHER_TENANT,
    SENDING_KEY,
    TENANT,
    Api,
    api_over,
    message_of,
)
from voip_sms.core import ids
from voip_sms.core.failures import CODES, Refusal, StoreUnavailableError
from voip_sms.core.model import Options

ID = b"m" * 16
SHOWN_ID = ids.to_text("msg", ID)
HELLO = {"to": "601123456", "text": "hello"}


@pytest.fixture
async def api():
    async with api_over() as made:
        yield made


async def test_one_recipient_gets_the_message_back(api: Api) -> None:
    sent = await api.client().call("POST", "/v1/messages", {**HELLO, "client_ref": "order 7", "from": "ACME"})
    assert sent.status == 202
    assert sent.headers["Content-Type"] == "application/json"
    assert sent.headers["Cache-Control"] == "no-store"
    assert "Idempotency-Replayed" not in sent.headers
    assert sent.json == {
        "id": ids.to_text("msg", (1).to_bytes(16)),
        "direction": "outbound",
        "status": "accepted",
        "from": "ACME",
        "to": "601123456",
        "text": "hello",
        "encoding": "gsm7",
        "parts": 1,
        "price": {"amount": "0.29", "currency": "PLN"},
        "door": "api",
        "account": "key:app",
        "client_ref": "order 7",
        "created_at": "2026-11-22T10:00:00.000000Z",
        "possible_duplicate": False,
        "events": [{"at": "2026-11-22T10:00:00.000000Z", "status": "accepted", "cause": ""}],
        "error": None,
    }
    [asked] = api.engine.submissions
    assert (asked.account.name, asked.tenant_id, asked.door) == ("app", TENANT, "api")
    assert (asked.recipients, asked.text) == (("601123456",), "hello")
    assert asked.options == Options(sender="ACME", client_ref="order 7")
    assert asked.idempotency is None


async def test_every_option_reaches_the_engine(api: Api) -> None:
    body = {
        **HELLO,
        "max_parts": 3,
        "transliterate": True,
        "send_at": "2026-12-24T18:00:00+01:00",
        "validity": "2h",
        "class": "eco",
    }
    assert (await api.client().call("POST", "/v1/messages", body)).status == 202
    options = api.engine.submissions[0].options
    assert (options.max_parts, options.transliterate, options.message_class) == (3, True, "eco")
    assert options.send_at == 1_798_131_600_000_000
    assert options.validity == 2 * 3600 * 1_000_000


async def test_a_list_is_answered_item_by_item_also_when_all_are_refused(api: Api) -> None:
    api.engine.refuse["112"] = Refusal("recipient_forbidden", "an emergency number")
    several = await api.client().call("POST", "/v1/messages", {"to": ["601123456", "112"], "text": "x"})
    assert several.status == 202
    assert several.json["submission"].startswith("sub_")
    first, second = several.json["data"]
    assert first == {"to": "601123456", "id": first["id"], "status": "accepted"}
    assert second == {"to": "112", "code": "recipient_forbidden", "detail": "an emergency number"}
    one_in_a_list = await api.client().call("POST", "/v1/messages", {"to": ["112"], "text": "x"})
    assert one_in_a_list.status == 202
    assert one_in_a_list.json["data"][0]["code"] == "recipient_forbidden"


@pytest.mark.parametrize("code", sorted(CODES))
async def test_what_the_engine_refuses_has_the_contracts_status(api: Api, code: str) -> None:
    api.engine.refuse["601123456"] = Refusal(code, "because")
    answer = await api.client().call("POST", "/v1/messages", HELLO)
    assert answer.status == CODES[code].http
    assert answer.headers["Content-Type"] == "application/problem+json"
    assert answer.json["code"] == code
    assert answer.json["status"] == CODES[code].http
    assert answer.json["detail"] == "because"
    assert set(answer.json) == {"type", "title", "status", "detail", "code"}
    temporary = code in ("rate_limited", "store_unavailable")
    assert ("Retry-After" in answer.headers) == temporary
    assert ("WWW-Authenticate" in answer.headers) == (code == "unauthorized")


@pytest.mark.parametrize(
    "octets", [b"", b"{", b"{'to': 1}", b"\xff\xfe", b'{"to": "\\ud800"}', b"[" * 5000, b'{"a": NaN}']
)
async def test_what_is_no_json_is_malformed(api: Api, octets: bytes) -> None:
    answer = await api.client().call("POST", "/v1/messages", data=octets)
    assert (answer.status, answer.code) == (400, "malformed")
    assert api.engine.submissions == []


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ([], {""}),
        ({}, {"/to", "/text"}),
        ({"to": "", "text": "x"}, {"/to"}),
        ({"to": [], "text": "x"}, {"/to"}),
        ({"to": ["601123456", 7], "text": "x"}, {"/to/1"}),
        ({"to": 601123456, "text": "x"}, {"/to"}),
        ({"to": "601123456", "text": None}, {"/text"}),
        ({**HELLO, "txt": "x", "max_parts": 0}, {"/txt", "/max_parts"}),
        ({**HELLO, "a/b~c": 1}, {"/a~1b~0c"}),
        ({**HELLO, "client_ref": "x" * 201, "from": ""}, {"/client_ref", "/from"}),
        ({**HELLO, "send_at": "tomorrow"}, {"/send_at"}),
        ({**HELLO, "template": "t1"}, {"/template"}),
        ({"to": ["601123456"] * 10_001, "text": "x"}, {"/to"}),
    ],
)
async def test_a_wrong_shape_is_invalid_and_says_where(api: Api, body: object, pointers: set[str]) -> None:
    answer = await api.client().call("POST", "/v1/messages", body)
    assert (answer.status, answer.code) == (422, "invalid")
    assert {error["pointer"] for error in answer.json["errors"]} == pointers
    assert all(error["code"] and error["detail"] for error in answer.json["errors"])
    assert api.engine.submissions == []


async def test_a_body_over_one_mebibyte_is_too_large(api: Api) -> None:
    big = io.BytesIO(b'{"to": "601123456", "text": "' + b"x" * 1024 * 1024 + b'"}')
    answer = await api.client().call("POST", "/v1/messages", data=big)
    assert (answer.status, answer.code) == (413, "too_large")


async def test_a_repeat_with_the_same_key_sends_nothing_new(api: Api) -> None:
    client, key = api.client(), {"Idempotency-Key": "order-7"}
    first = await client.call("POST", "/v1/messages", HELLO, headers=key)
    # The same JSON value, spaced and ordered differently.
    again = await client.call(
        "POST", "/v1/messages", data=b'{ "text":"hello",\n"to":"601123456"}', headers=key
    )
    assert (first.status, again.status) == (202, 202)
    assert "Idempotency-Replayed" not in first.headers
    assert again.headers["Idempotency-Replayed"] == "true"
    assert again.json["id"] == first.json["id"]
    assert len(api.engine.submissions) == 1
    other = await client.call("POST", "/v1/messages", {**HELLO, "text": "bye"}, headers=key)
    assert (other.status, other.code) == (422, "idempotency_mismatch")


async def test_keys_of_different_credentials_do_not_meet(api: Api) -> None:
    key = {"Idempotency-Key": "1"}
    for token in (KEY, SENDING_KEY, OTHER_KEY):
        answer = await api.client(token).call("POST", "/v1/messages", HELLO, headers=key)
        assert "Idempotency-Replayed" not in answer.headers
    assert len({asked.idempotency.key for asked in api.engine.submissions}) == 3


@pytest.mark.parametrize("key", ["", "x" * 256, "zażółć", "a\tb"])
async def test_an_unusable_idempotency_key_is_refused(api: Api, key: str) -> None:
    answer = await api.client().call("POST", "/v1/messages", HELLO, headers={"Idempotency-Key": key})
    assert (answer.status, answer.code) == (400, "idempotency_key_invalid")
    assert api.engine.submissions == []


@pytest.mark.parametrize("key", ["x", "~" * 255, 'quoted "key" with spaces'])
async def test_any_printable_idempotency_key_is_taken(api: Api, key: str) -> None:
    answer = await api.client().call("POST", "/v1/messages", HELLO, headers={"Idempotency-Key": key})
    assert answer.status == 202


async def test_explain_answers_one_plan_or_a_list_and_stores_nothing(api: Api) -> None:
    api.engine.refuse["112"] = Refusal("recipient_forbidden", "an emergency number")
    one = await api.client().call("POST", "/v1/messages/explain", HELLO)
    assert one.status == 200
    assert one.json == {
        "to": "601123456",
        "from": "ACME",
        "sender": {"kind": "name", "value": "ACME", "pool": ""},
        "encoding": "gsm7",
        "parts": 1,
        "price": {"amount": "0.29", "currency": "PLN"},
        "carrier": "sim",
        "refused": None,
        "trace": [{"step": "identity", "decision": "ACME", "reason": "of the key"}],
    }
    several = await api.client().call("POST", "/v1/messages/explain", {"to": ["112"], "text": "x"})
    assert several.status == 200
    assert several.json["data"][0]["refused"] == {
        "code": "recipient_forbidden",
        "detail": "an emergency number",
    }
    assert api.engine.submissions == []


async def test_lists_page_from_the_newest_on(api: Api) -> None:
    for _ in range(3):
        await api.client().call("POST", "/v1/messages", HELLO)
    page = (await api.client().call("GET", "/v1/messages?limit=2")).json
    assert [ids.from_text("msg", one["id"])[-1] for one in page["data"]] == [5, 3]
    assert page["has_more"] is True
    rest = (await api.client().call("GET", f"/v1/messages?starting_after={page['data'][-1]['id']}")).json
    assert [ids.from_text("msg", one["id"])[-1] for one in rest["data"]] == [1]
    assert rest["has_more"] is False


async def test_filters_reach_the_engine_with_numbers_as_they_are_stored(api: Api) -> None:
    query = "direction=inbound&to=%2B48601123456&from=601123457&status=received&client_ref=a%20b&limit=10"
    assert (await api.client().call("GET", f"/v1/messages?{query}")).status == 200
    await api.client().call("GET", "/v1/messages?to=+48601123456&from=ACME")
    (tenant, only, limit, after), (_, second, _, _) = api.engine.listed
    assert (tenant, limit, after) == (TENANT, 10, None)
    assert (only.direction, only.status, only.client_ref) == ("inbound", "received", "a b")
    assert (only.to, only.sender) == ("+48601123456", "+48601123457")
    assert (second.to, second.sender) == ("+48601123456", "ACME")


@pytest.mark.parametrize(
    ("query", "pointer"),
    [
        ("limit=0", "/limit"),
        ("limit=1001", "/limit"),
        ("limit=ten", "/limit"),
        ("limit=%D9%A3", "/limit"),
        ("starting_after=msg_1", "/starting_after"),
        ("direction=up", "/direction"),
        ("status=gone", "/status"),
        ("state=sent", "/state"),
        ("limit=1&limit=2", "/limit"),
    ],
)
async def test_a_wrong_query_is_invalid_and_says_which(api: Api, query: str, pointer: str) -> None:
    answer = await api.client().call("GET", f"/v1/messages?{query}")
    assert (answer.status, answer.code) == (422, "invalid")
    assert [error["pointer"] for error in answer.json["errors"]] == [pointer]


async def test_a_message_its_trace_and_its_end(api: Api) -> None:
    api.engine.messages[ID] = message_of(ID, status="scheduled")
    client = api.client()
    assert (await client.call("GET", f"/v1/messages/{SHOWN_ID}")).json["id"] == SHOWN_ID
    trace = await client.call("GET", f"/v1/messages/{SHOWN_ID}/trace")
    assert trace.json == {"data": [{"step": "route", "decision": "sim", "reason": "prefix +48"}]}
    canceled = await client.call("DELETE", f"/v1/messages/{SHOWN_ID}")
    assert (canceled.status, canceled.json["id"]) == (200, SHOWN_ID)
    api.engine.messages[ID] = message_of(ID, status="sent")
    too_late = await client.call("DELETE", f"/v1/messages/{SHOWN_ID}")
    assert (too_late.status, too_late.code) == (409, "too_late")


@pytest.mark.parametrize("text", ["1", "msg_", "sub_" + "0" * 26, SHOWN_ID.upper(), "..%2f", "%00"])
async def test_what_can_be_no_id_is_not_found(api: Api, text: str) -> None:
    answer = await api.client().call("GET", f"/v1/messages/{text}")
    assert (answer.status, answer.code) == (404, "not_found")


async def test_the_balance_in_decimal_texts(api: Api) -> None:
    answer = await api.client().call("GET", "/v1/balance")
    assert answer.json == {
        "available": {"amount": "99.13", "currency": "PLN"},
        "reserved": {"amount": "0.58", "currency": "PLN"},
        "credit": {"amount": "100.00", "currency": "PLN"},
    }


async def test_carriers_show_how_their_links_are(api: Api) -> None:
    answer = await api.client().call("GET", "/v1/carriers")
    assert answer.json["has_more"] is False
    [one] = answer.json["data"]  # a carrier that is switched off has no link
    assert (one["name"], one["kind"], one["state"], one["in_flight"]) == ("sim", "smpp", "bound", 3)


async def test_another_tenants_message_is_not_there(api: Api) -> None:
    api.engine.messages[ID] = message_of(ID, OTHER_TENANT, text="a secret of somebody else")
    for method, path in (
        ("GET", f"/v1/messages/{SHOWN_ID}"),
        ("GET", f"/v1/messages/{SHOWN_ID}/trace"),
        ("DELETE", f"/v1/messages/{SHOWN_ID}"),
    ):
        answer = await api.client().call(method, path)
        assert (answer.status, answer.code) == (404, "not_found")
        assert "secret" not in answer.text
    listed = await api.client().call("GET", "/v1/messages")
    assert listed.json == {"data": [], "has_more": False}


# --- who may ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("header", ["", "Basic abc", "Bearer", "Bearer wrong-key", "bearerwrong"])
async def test_without_a_right_key_it_is_unauthorized(api: Api, header: str) -> None:
    headers = {"Authorization": header} if header else {}
    async with api.session.post(f"http://{api.address}/v1/messages", json=HELLO, headers=headers) as answer:
        assert answer.status == 401
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
        assert (await answer.json(content_type=None))["code"] == "unauthorized"
    assert api.engine.submissions == []


async def test_the_scheme_is_read_in_any_case(api: Api) -> None:
    headers = {"Authorization": f"bEaReR {KEY}"}
    async with api.session.get(f"http://{api.address}/v1/balance", headers=headers) as answer:
        assert answer.status == 200


async def test_a_key_does_only_what_its_scopes_say(api: Api) -> None:
    forbidden = await api.client(ADMIN_KEY).call("POST", "/v1/messages", HELLO)
    assert (forbidden.status, forbidden.code) == (403, "forbidden")
    assert (await api.client(SENDING_KEY).call("GET", "/v1/keys")).code == "forbidden"
    for key in (ADMIN_KEY, SENDING_KEY):
        assert (await api.client(key).call("GET", "/v1/balance")).status == 200


async def test_wrong_keys_are_slowed_down_and_right_ones_never() -> None:
    now = [1000.0]
    async with api_over(seconds=lambda: now[0]) as api:
        wrong = [(await api.client("wrong").call("GET", "/v1/balance")).status for _ in range(12)]
        assert wrong == [401] * 10 + [429] * 2
        limited = await api.client("wrong").call("GET", "/v1/balance")
        assert limited.code == "rate_limited"
        assert limited.headers["Retry-After"] == "6"
        assert (await api.client().call("GET", "/v1/balance")).status == 200
        now[0] += 6.0
        assert (await api.client("wrong").call("GET", "/v1/balance")).status == 401
        assert (await api.client("wrong").call("GET", "/v1/balance")).status == 429


# --- when things go wrong -----------------------------------------------------------------------------------


async def test_an_unavailable_store_is_503_with_retry_after_and_is_over_when_it_is_over(api: Api) -> None:
    api.engine.fault = StoreUnavailableError()
    for method, path, body in (("POST", "/v1/messages", HELLO), ("GET", "/v1/messages", None)):
        answer = await api.client().call(method, path, body)
        assert (answer.status, answer.code) == (503, "store_unavailable")
        assert int(answer.headers["Retry-After"]) > 0
    api.engine.fault = None
    assert (await api.client().call("POST", "/v1/messages", HELLO)).status == 202


async def test_an_engine_that_hangs_is_503_within_three_seconds(api: Api) -> None:
    api.engine.hold = asyncio.Event()
    began = asyncio.get_running_loop().time()
    answer = await api.client().call("GET", "/v1/messages")
    assert (answer.status, answer.code) == (503, "store_unavailable")
    assert asyncio.get_running_loop().time() - began < 4


async def test_a_fault_of_ours_is_a_500_without_its_words(api: Api) -> None:
    api.engine.fault = ValueError("SELECT * FROM secret")
    answer = await api.client().call("POST", "/v1/messages", HELLO)
    assert answer.status == 500
    assert "SELECT" not in answer.text
    assert answer.headers["Content-Type"] == "application/problem+json"


# --- what is counted ----------------------------------------------------------------------------------------


async def test_metrics_count_by_door_and_code(api: Api) -> None:
    api.engine.refuse["112"] = Refusal("recipient_forbidden")
    client = api.client()
    await client.call("POST", "/v1/messages", {"to": ["601123456", "601123457", "112"], "text": "x"})
    await client.call("POST", "/v1/messages", {"to": "112", "text": "x"})
    await client.call("POST", "/v1/messages", {"to": "", "text": "x"})
    metrics = (await client.call("GET", "/metrics")).text
    assert 'voip_sms_submissions_total{code="accepted",door="api"} 2.0' in metrics
    assert 'voip_sms_submissions_total{code="recipient_forbidden",door="api"} 2.0' in metrics
    assert 'voip_sms_submissions_total{code="invalid",door="api"} 1.0' in metrics
    assert 'voip_sms_request_seconds_count{door="api",request="send_message"} 3.0' in metrics
    assert "voip_sms_writer_waiting 7.0" in metrics
    assert 'voip_sms_carrier_bound{carrier="sim"} 1.0' in metrics
    assert 'voip_sms_carrier_in_flight{carrier="sim"} 3.0' in metrics
