"""What a `sip:` address means, and what a message from extension to extension comes to."""

from dataclasses import replace

import pytest

from voip_sms.core import addresses
from voip_sms.core.directory import (
    Account,
    Carrier,
    Directory,
    Identity,
    PriceList,
    Rate,
    Route,
    SipAccount,
    Tenant,
)
from voip_sms.core.identity import Rules
from voip_sms.core.internal import TEXT_MOST
from voip_sms.core.model import Message, Options, Plan, Submission
from voip_sms.core.notices import failure
from voip_sms.core.planning import NO_FACTS, Planner

NOW = 1_795_341_600_000_000
ACME, OTHER = b"tenant-acme-0001", b"tenant-other-002"


def phone(user: str, tenant: bytes = ACME, *, enabled: bool = True) -> SipAccount:
    account = Account(user.encode().ljust(16), tenant, "sip", user, Identity("default"), enabled=enabled)
    return SipAccount(account, {})


PHONES = [
    phone("101"),
    phone("102"),
    phone("anna"),
    phone("601123456"),
    phone("+48601999999"),
    phone("109", enabled=False),
    phone("201", OTHER),
]
DIRECTORY = Directory(
    tenants={ACME: Tenant(ACME, "acme", "std"), OTHER: Tenant(OTHER, "other", "std")},
    sip={one.account.name: one for one in PHONES},
    carriers={"sim": Carrier("sim", "smpp")},
    routes=(Route("+48", "sim"),),
    prices={"std": (PriceList("std", "PLN", 0, (Rate("+48", 290_000),)),)},
)
KEY = Account(b"account-key-0001", ACME, "key", "app", Identity("default"))


def planned(
    to: str,
    text: str = "Cześć",
    account: Account | None = None,
    directory: Directory = DIRECTORY,
    **options: object,
) -> Plan:
    submission = Submission(
        account or PHONES[0].account,
        "sip",
        (to,),
        text,
        Options(**options),  # type: ignore[arg-type]
    )
    planner = Planner(directory, Rules())
    request = planner.request(submission, NOW)
    return planner.finish(request, planner.draft(request, to), NO_FACTS)


def code(plan: Plan) -> str:
    return plan.refused.code.name if plan.refused else ""


@pytest.mark.parametrize(
    ("address", "user"),
    [
        ("sip:102@sms.test", "102"),
        ("sip:102@192.0.2.1:5060;transport=tcp", "102"),
        ("SIPS:102@sms.test", "102"),
        ("sip:102", "102"),
        ("sip:102;user=phone@sms.test", "102"),
        ("sip:102:secret@sms.test", "102"),
        ("sip:%31%302@sms.test", "102"),
        ("sip:a%40b@sms.test", "a@b"),
        ("sip:601123456@sms.test", "601123456"),
    ],
)
def test_the_user_of_an_address(address: str, user: str) -> None:
    assert addresses.extension(address) == user


@pytest.mark.parametrize(
    "address",
    [
        "102",
        "+48601123456",
        "sip:+48601123456@h",
        "sip:%2B48601123456@h",
        "tel:102",
        "sip:@h",
        "",
        "sip:" + "1" * 200,
    ],
)
def test_what_can_only_be_a_number(address: str) -> None:
    assert addresses.extension(address) is None


@pytest.mark.parametrize("to", ["sip:102@sms.test", "sips:102@other.test;transport=tls", "sip:102"])
def test_it_goes_straight_to_the_phones_for_nothing(to: str) -> None:
    plan = planned(to)
    assert plan.refused is None
    assert (plan.to, plan.sender and plan.sender.value) == ("sip:102", "sip:101")
    assert (plan.internal, plan.carrier, plan.price, plan.currency, plan.parts) == (
        True,
        "",
        0,
        "",
        ("Cześć",),
    )
    assert [step.step for step in plan.trace] == [
        "recipient",
        "screening",
        "text",
        "identity",
        "route",
        "price",
    ]


def test_it_may_be_longer_than_any_sms_and_has_a_bound() -> None:
    assert planned("sip:102@h", "ż" * TEXT_MOST).parts == ("ż" * TEXT_MOST,)
    assert code(planned("sip:102@h", "ż" * (TEXT_MOST + 1))) == "text_too_long"
    assert code(planned("sip:102@h", "x" * 100_000)) == "text_too_long"


def test_white_space_is_no_text() -> None:
    assert code(planned("sip:102@h", " \n ")) == "text_empty"


def test_a_nul_and_half_a_character_do_not_reach_the_database() -> None:
    assert planned("sip:102@h", "a\0b\ud83d").parts == ("ab?",)


@pytest.mark.parametrize(
    "to", ["sip:199@h", "sip:201@h", "sip:109@h", "sip:nobody@h", "sip:1@h", "sip:Anna@h", "sip:7155@h"]
)
def test_nobody_s_and_another_customer_s_and_a_switched_off_one_look_alike(to: str) -> None:
    plan = planned(to)
    assert plan.refused is not None
    assert code(plan) == "extension_unknown"
    assert plan.refused.detail == "There is no such extension"
    assert plan.refused.code.sip == 404
    assert [(step.step, step.decision) for step in plan.trace] == [("refused", "extension_unknown")]


@pytest.mark.parametrize(
    ("to", "wanted"),
    [
        ("sip:112@h", "recipient_forbidden"),  # emergency
        ("sip:116111@h", "recipient_forbidden"),  # a helpline
        ("sip:221234567@h", "recipient_forbidden"),  # a landline
        ("sip:60112345@h", "recipient_invalid"),  # a digit was left out
        ("102", "recipient_forbidden"),  # without sip: it is a short code
        ("+48", "recipient_invalid"),
    ],
)
def test_what_is_meant_as_a_number_is_told_as_one(to: str, wanted: str) -> None:
    assert code(planned(to)) == wanted


def test_an_account_called_as_a_number_comes_before_the_number_unless_a_plus_says_so() -> None:
    assert planned("sip:601123456@h").internal
    for to in (
        "sip:+48601123456@h",
        "sip:0048601123456@h",
        "tel:+48601123456",
        "601123456",
        "sip:602123456@h",
    ):
        plan = planned(to)
        assert (plan.internal, plan.carrier) == (False, "sim"), to
    assert planned("sip:+48601999999@h").carrier == "sim"
    assert planned("sip:601123456@h", account=PHONES[-1].account).carrier == "sim"  # another customer's


@pytest.mark.parametrize("account", [KEY, PHONES[0].account])
def test_a_program_says_for_whom_it_writes(account: Account) -> None:
    plan = planned("sip:102", account=account, sender="sip:101")
    assert plan.sender is not None
    assert plan.sender.value == "sip:101"


@pytest.mark.parametrize("sender", [None, "ACME", "sip:201", "sip:109", "sip:199", "101", "+48601000001"])
def test_a_program_writes_for_nobody_else(sender: str | None) -> None:
    assert code(planned("sip:102", account=KEY, sender=sender)) == "sender_not_allowed"


def test_a_phone_writes_as_itself_only() -> None:
    assert code(planned("sip:102@h", sender="sip:anna")) == "sender_not_allowed"


def test_an_extension_is_no_sender_of_an_sms() -> None:
    assert code(planned("+48601123456", account=KEY, sender="sip:101")) == "sender_not_allowed"


def test_it_is_not_held_either() -> None:
    assert planned("sip:102", hold=10_000_000).refused is None


def test_it_cannot_be_scheduled() -> None:
    assert code(planned("sip:102", send_at=NOW + 60_000_000)) == "invalid"


def test_a_switched_off_customer_writes_to_nobody() -> None:
    tenants = {ACME: replace(DIRECTORY.tenants[ACME], enabled=False)}
    assert code(planned("sip:102@h", directory=replace(DIRECTORY, tenants=tenants))) == "forbidden"


def test_a_colleague_in_a_list_may_get_what_is_too_long_for_the_others() -> None:
    long = "x" * 2_000
    assert planned("sip:102@h", long).refused is None
    assert code(planned("sip:+48601123456@h", long)) == "text_too_long"


@pytest.mark.parametrize(
    ("language", "told"),
    [
        ("en", 'The message to 102 was not delivered. Text: "Hej"'),
        ("pl", "Wiadomość do 102 nie została doręczona. Treść: „Hej”"),
    ],
)
def test_its_failure_is_not_told_as_one_of_an_sms(language: str, told: str) -> None:
    message = Message(
        id=b"message-00000001",
        tenant_id=ACME,
        direction="outbound",
        status="expired",
        sender="sip:101",
        to="sip:102",
        text="Hej",
        encoding="utf8",
        parts=1,
        price=0,
        currency="",
        door="sip",
        account="sip:101",
        client_ref=None,
        created_at=NOW,
        error_code="expired",
        flags=frozenset({"internal"}),
    )
    assert failure(message, language) == told
