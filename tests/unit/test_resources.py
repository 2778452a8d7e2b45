"""The one vocabulary: what the contract writes is accepted, what is wrong is named, what is shown is exact."""

import copy
import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

from support.fakes import START
from voip_sms.core import ids
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.failures import CODES, Refusal
from voip_sms.core.model import Event, Item, Message, Plan, Sender, Step, Submitted
from voip_sms.core.resources import (
    ConfigFile,
    Identity,
    NewForward,
    OwnNumber,
    SendRequest,
    complaints,
    invalid,
    item_resource,
    message_resource,
    plan_resource,
    problem,
    submission_resource,
)
from voip_sms.core.resources.messages import MessageShown, PlanShown
from voip_sms.core.resources.values import span_text, to_micros, to_span

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"


@pytest.fixture
def example() -> dict[str, Any]:
    """The apply file of the contract, as a YAML reader without opinions gives it."""
    found = re.search(r"```yaml\n(.*?)```", CONTRACT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    document: dict[str, Any] = yaml.safe_load(found[1])
    return document


def errors_of(document: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        ConfigFile.model_validate(document)
    return {found.where: found.what for found in complaints(caught.value, ConfigFile)}


def test_the_contract_s_file_is_accepted_whole(example: dict[str, Any]) -> None:
    file = ConfigFile.model_validate(example)
    tenant = file.tenants[0]
    assert file.pools[0].window == 7 * DAY
    assert file.price_lists[0].rates[0].amount == 290_000
    assert tenant.credit == 100_000_000
    assert [rule.kind for rule in tenant.numbers[0].forwards] == ["sip", "mail", "number", "webhook"]
    # Every key of the file came through: nothing was dropped on the way.
    assert len(tenant.mail_senders[0].model_fields_set) == len(example["tenants"][0]["mail_senders"][0])


def test_tenant_webhooks_are_accepted(example: dict[str, Any]) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    hook = {
        "url": "https://x.test/h",
        "secret": secret,
        "events": ["message.delivered"],
        "mode": "standard",
    }
    example["tenants"][0]["webhooks"] = [hook]
    assert ConfigFile.model_validate(example).tenants[0].webhooks[0].events == ("message.delivered",)


BROKEN = [
    (("version",), 2, "version", "reads version 1"),
    (("carriers", 0, "prot"), 1, "carriers[0].prot", 'did you mean "port"'),
    (("carriers", 0, "port"), 0, "carriers[0].port", "greater than or equal to 1"),
    (("carriers", 0, "long"), "both", "carriers[0].long", "'udh', 'sar' or 'payload'"),
    (("routes", 0, "prefix"), "48", "routes[0].prefix", "with the country"),
    (("pools", 0, "window"), "7", "pools[0].window", "36h or 7d"),
    (("pools", 0, "window"), "400d", "pools[0].window", "at most a year"),
    (("pools", 0, "numbers"), ["+4879900000"], "pools[0].numbers[0]", "not a phone number"),
    (("price_lists", 0, "currency"), "zł", "price_lists[0].currency", "three letters"),
    (("price_lists", 0, "rates", 0, "amount"), 0.29, "price_lists[0].rates[0].amount", "in quotes"),
    (("price_lists", 0, "rates", 0, "amount"), "0.2999999", "price_lists[0].rates[0].amount", "amount"),
    (("tenants", 0, "timezone"), "Mars/Base", "tenants[0].timezone", "Europe/Warsaw"),
    (("tenants", 0, "credit"), "-1", "tenants[0].credit", "not an amount"),
    (("tenants", 0, "sender_names", 0, "name"), "TOOLONGANAME", "tenants[0].sender_names[0].name", "at most 11"),
    (("tenants", 0, "keys", 0, "token"), "short", "tenants[0].keys[0].token", "16 to 200"),
    (("tenants", 0, "keys", 0, "scopes"), ["root"], "tenants[0].keys[0].scopes[0]", "'messages', 'admin' or 'accounts'"),
    (("tenants", 0, "sip_accounts", 0, "user"), "1 01", "tenants[0].sip_accounts[0].user", "SIP user"),
    (("tenants", 0, "sip_accounts", 0, "identity"), {"kind": "number"}, "tenants[0].sip_accounts[0].identity.value", "needs the number"),
    (("tenants", 0, "mail_senders", 0, "address"), "a@b\r\nc", "tenants[0].mail_senders[0].address", "mail address"),
    (("tenants", 0, "groups", 0, "numbers"), ["112"], "tenants[0].groups[0].numbers[0]", "emergency"),
    (("tenants", 0, "numbers", 0, "forwards", 0), {"kind": "fax"}, "tenants[0].numbers[0].forwards[0]", "sip, mail, number or webhook"),
    (("tenants", 0, "numbers", 0, "forwards", 0, "url"), "https://x", "tenants[0].numbers[0].forwards[0].url", "known here: enabled, kind, to"),
    (("tenants", 0, "numbers", 0, "forwards", 2, "to"), ["+48601000002"] * 4, "tenants[0].numbers[0].forwards[2].to", "at most 3"),
    (("tenants", 0, "numbers", 0, "forwards", 2, "to"), ["+48701234567"], "tenants[0].numbers[0].forwards[2].to[0]", "premium"),
    (("tenants", 0, "numbers", 0, "forwards", 3, "secret"), "whsec_c2hvcnQ=", "tenants[0].numbers[0].forwards[3].secret", "24 to 64"),
    (("tenants", 0, "numbers", 0, "forwards", 3, "url"), "ftp://x.test/", "tenants[0].numbers[0].forwards[3].url", "https://host/path"),
    (("tenants", 0, "numbers", 0, "forwards", 3, "url"), "https://u:p@x.test/", "tenants[0].numbers[0].forwards[3].url", "signature"),
    (("tenants", 0, "blacklist", 0, "value"), "600666", "tenants[0].blacklist[0].value", "with the country"),
]  # fmt: skip


@pytest.mark.parametrize(("where", "value", "path", "text"), BROKEN)
def test_what_is_wrong_is_named(
    example: dict[str, Any], where: tuple[str | int, ...], value: object, path: str, text: str
) -> None:
    document: Any = copy.deepcopy(example)
    inner = document
    for step in where[:-1]:
        inner = inner[step]
    inner[where[-1]] = value
    errors = errors_of(document)
    assert list(errors) == [path]
    assert text in errors[path]


def test_no_error_repeats_a_secret(example: dict[str, Any]) -> None:
    example["tenants"][0]["keys"][0]["token"] = "hush hush, a secret"
    with pytest.raises(ValidationError) as caught:
        ConfigFile.model_validate(example)
    assert "hush" not in str(caught.value)
    assert "hush" not in str(errors_of(example))


def test_numbers_are_read_with_the_country() -> None:
    context = {"country": "PL"}
    number = OwnNumber.model_validate({"number": "601 000 001", "kind": "own_mobile"}, context=context)
    assert number.number == "+48601000001"
    identity = Identity.model_validate({"kind": "number", "value": "0048 601-000-001"}, context=context)
    assert identity.value == "+48601000001"


def test_short_codes_are_numbers_of_their_kinds_only() -> None:
    assert OwnNumber.model_validate({"number": "7155", "kind": "sc"}).number == "7155"
    with pytest.raises(ValidationError, match="short codes"):
        OwnNumber.model_validate({"number": "7155", "kind": "own_mobile"})


@given(st.integers(0, 10**15 - 1))
def test_money_reads_back_what_it_writes(micros: int) -> None:
    text = f"{micros // 10**6}.{micros % 10**6:06d}"
    assert to_micros(text) == micros


@pytest.mark.parametrize(("text", "span"), [("7d", 7 * DAY), ("36h", 36 * HOUR), ("2w", 14 * DAY)])
def test_spans(text: str, span: int) -> None:
    assert to_span(text) == span
    assert to_span(span_text(span)) == span


# --- POST /v1/messages ----------------------------------------------------------------------------------------


def body_errors(body: dict[str, Any]) -> dict[str, str]:
    with pytest.raises(ValidationError) as caught:
        SendRequest.model_validate(body)
    return {found.pointer: found.what for found in complaints(caught.value, SendRequest)}


def test_a_request_becomes_options() -> None:
    request = SendRequest.model_validate(
        {
            "to": "601123456",
            "text": "hi",
            "from": "ACME",
            "client_ref": "r1",
            "max_parts": 3,
            "transliterate": True,
            "send_at": "2026-11-22T12:00:00+01:00",
            "validity": "2h",
            "class": "eco",
        }
    )
    options = request.options()
    assert (request.recipients, request.several) == (("601123456",), False)
    assert options.send_at == START + HOUR
    assert (options.sender, options.validity, options.message_class) == ("ACME", 2 * HOUR, "eco")
    assert (options.max_parts, options.transliterate, options.client_ref) == (3, True, "r1")


def test_a_list_stays_a_list() -> None:
    request = SendRequest.model_validate({"to": ["1"], "text": "", "validity": 3600})
    assert (request.recipients, request.several, request.validity) == (("1",), True, HOUR)


@pytest.mark.parametrize(
    ("body", "pointers"),
    [
        ({"to": 601123456, "text": "x"}, ["/to"]),
        ({"to": "", "text": "x"}, ["/to"]),
        ({"to": [], "text": "x"}, ["/to"]),
        ({"to": ["1"] * 10_001, "text": "x"}, ["/to"]),
        ({"to": ["1", 2], "text": "x"}, ["/to/1"]),
        ({"to": "1"}, ["/text"]),
        ({"text": "x"}, ["/to"]),
        ({"to": "1", "text": "x", "sender": "A"}, ["/sender"]),
        ({"to": "1", "text": "x", "send_at": "2026-11-22T12:00:00"}, ["/send_at"]),
        ({"to": "1", "text": "x", "validity": 30}, ["/validity"]),
        ({"to": "1", "text": "x", "max_parts": 0}, ["/max_parts"]),
        ({"to": "1", "text": "x", "template": "t", "data": {}}, ["/template", "/data"]),
    ],
)
def test_a_wrong_request_points_at_it(body: dict[str, Any], pointers: list[str]) -> None:
    assert list(body_errors(body)) == pointers


def test_new_forwards_belong_to_a_number() -> None:
    adapter: TypeAdapter[Any] = TypeAdapter(NewForward)
    forward = adapter.validate_python({"kind": "sip", "number": "+48601000001", "to": ["101"]})
    assert (forward.number, forward.to) == ("+48601000001", ("101",))
    hook = adapter.validate_python({"kind": "webhook", "url": "https://x.test/"})
    assert (hook.number, hook.secret) == (None, None)
    with pytest.raises(ValidationError, match="inbound only"):
        adapter.validate_python(
            {
                "kind": "webhook",
                "url": "https://x.test/",
                "number": "+48601000001",
                "events": ["message.sent"],
            }
        )


# --- what is shown --------------------------------------------------------------------------------------------


def stored(**changes: Any) -> Message:
    values: dict[str, Any] = {
        "id": bytes(16),
        "tenant_id": bytes(16),
        "direction": "outbound",
        "status": "sent",
        "sender": "ACME",
        "to": "+48601123456",
        "text": "Zażółć",
        "encoding": "ucs2",
        "parts": 1,
        "price": 290_000,
        "currency": "PLN",
        "door": "api",
        "account": "key:app",
        "client_ref": None,
        "created_at": START,
        "events": (Event(START, "accepted"), Event(START + 1, "sent", "x")),
    }
    return Message(**values | changes)


def test_a_message_is_shown_as_the_contract_says() -> None:
    shown = message_resource(stored())
    assert shown == {
        "id": "msg_" + "0" * 26,
        "direction": "outbound",
        "status": "sent",
        "from": "ACME",
        "to": "+48601123456",
        "text": "Zażółć",
        "encoding": "ucs2",
        "parts": 1,
        "price": {"amount": "0.29", "currency": "PLN"},
        "door": "api",
        "account": "key:app",
        "client_ref": None,
        "created_at": "2026-11-22T10:00:00.000000Z",
        "possible_duplicate": False,
        "events": [
            {"at": "2026-11-22T10:00:00.000000Z", "status": "accepted", "cause": ""},
            {"at": "2026-11-22T10:00:00.000001Z", "status": "sent", "cause": "x"},
        ],
        "error": None,
    }
    MessageShown.model_validate(shown)


def test_failures_and_flags_are_shown() -> None:
    shown = message_resource(
        stored(status="failed", error_code="no_route", error_detail="none", price=None, flags=frozenset({"blocked"}))
    )  # fmt: skip
    assert shown["error"] == {"code": "no_route", "detail": "none"}
    assert shown["price"] is None
    assert shown["flags"] == ["blocked"]


def test_a_list_of_results() -> None:
    refused = Item("112", refused=Refusal("recipient_forbidden", "no"))
    taken = Item("+48601123456", message=stored(status="accepted"))
    assert item_resource(refused) == {"to": "112", "code": "recipient_forbidden", "detail": "no"}
    shown = submission_resource(Submitted(bytes(16), [taken, refused]))
    assert shown["submission"].startswith("sub_")
    assert shown["data"][0] == {"to": "+48601123456", "id": "msg_" + "0" * 26, "status": "accepted"}
    assert ids.from_text("msg", shown["data"][0]["id"]) == bytes(16)


def test_a_plan_is_shown() -> None:
    plan = Plan("+48601123456", Sender("2way", "+48799000001", "pl"), "gsm7", ("a", "b"), 580_000, "PLN", "sim",
                trace=(Step("route", "sim", "prefix +48"),))  # fmt: skip
    shown = plan_resource(plan)
    PlanShown.model_validate(shown)
    assert shown["from"] == "+48799000001"
    assert shown["price"] == {"amount": "0.58", "currency": "PLN"}
    assert shown["trace"] == [{"step": "route", "decision": "sim", "reason": "prefix +48"}]
    refused = plan_resource(Plan("x", refused=Refusal("recipient_invalid")))
    assert refused["refused"] == {"code": "recipient_invalid", "detail": CODES["recipient_invalid"].title}
    assert (refused["from"], refused["price"], refused["parts"]) == (None, None, 0)


def test_problems_follow_rfc_9457() -> None:
    shown = problem(Refusal("credit_exhausted", "0.29 PLN is more than 0.10 PLN"))
    assert shown["status"] == 402
    assert shown["code"] == "credit_exhausted"
    assert set(shown) == {"type", "title", "status", "detail", "code"}


def test_a_wrong_body_is_a_problem_with_pointers() -> None:
    with pytest.raises(ValidationError) as caught:
        SendRequest.model_validate({"to": "1"})
    shown = invalid(complaints(caught.value, SendRequest))
    assert shown["status"] == 422
    assert shown["errors"] == [{"pointer": "/text", "code": "invalid", "detail": "missing; it is required"}]
