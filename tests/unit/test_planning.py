"""Who sends, by which carrier, for how much, and why: pure decisions over a Directory."""

from dataclasses import replace

import pytest

from voip_sms.core.clock import DAY, HOUR, MINUTE
from voip_sms.core.directory import (
    Account,
    Carrier,
    Directory,
    Identity,
    Number,
    Pool,
    PriceList,
    Rate,
    Route,
    SenderName,
    Tenant,
)
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import Rules
from voip_sms.core.model import Options, Plan, Submission
from voip_sms.core.planning import Facts, Planner, refused_for

NOW = 1_795_341_600_000_000
T, OTHER = b"t" * 16, b"o" * 16
PEER, ABROAD = "+48601123456", "+447911123456"
OWN, LINE, FOREIGN, THEIRS = "+48601000001", "+48222000001", "+447911000001", "+48601000009"
POOLED = "+48799000001"


def number(e164: str, kind: str, tenant: bytes = T, carrier: str = "sim") -> Number:
    return Number(e164.encode().rjust(16), tenant, e164, kind, carrier)


DIRECTORY = Directory(
    tenants={T: Tenant(T, "acme", "std"), OTHER: Tenant(OTHER, "other", "")},
    names={
        (T, "ACME"): SenderName(T, "ACME", "approved"),
        (T, "Later"): SenderName(T, "Later", "pending"),
        (T, "Never"): SenderName(T, "Never", "rejected"),
        (None, "INFO"): SenderName(None, "INFO", "approved"),
        (OTHER, "Bank"): SenderName(OTHER, "Bank", "approved"),
    },
    numbers={
        each.e164: each
        for each in (
            number(OWN, "own_mobile"),
            number(LINE, "nd"),
            number(FOREIGN, "foreign"),
            number(THEIRS, "own_mobile", OTHER),
            number("7155", "sci"),
        )
    },
    pools={
        "pl": Pool("pl", "sim", 7 * DAY, (POOLED, "+48799000002")),
        "uk": Pool("uk", "alt", 7 * DAY, ("+447911999999",)),
    },
    pool_of={POOLED: "pl", "+48799000002": "pl", "+447911999999": "uk"},
    carriers={name: Carrier(name, "smpp") for name in ("sim", "alt", "cheap")} | {
        "off": Carrier("off", "smpp", enabled=False)
    },
    routes=(
        Route("+48", "off", -1),
        Route("+48", "cheap", 0),
        Route("+48", "sim", 1),
        Route("+48601", "alt"),
        Route("+44", "sim"),
        Route("+44", "alt"),
    ),
    prices={
        "std": (
            PriceList("std", "PLN", NOW + HOUR, (Rate("+48", 1),)),
            PriceList("std", "PLN", NOW - HOUR, (Rate("+48", 290_000), Rate("+48601", 190_000), Rate("+44", 500_000))),
            PriceList("std", "PLN", 0, (Rate("", 9_999_999),)),
        )
    },
)  # fmt: skip


def account(kind: str = "name", value: str = "ACME", **changes) -> Account:
    return Account(b"a" * 16, T, "sip", "101", Identity(kind, value), **changes)


def plan(
    to: str = PEER,
    who: Account | None = None,
    *,
    text: str = "Hello",
    directory: Directory = DIRECTORY,
    facts: Facts | None = None,
    door: str = "api",
    screens=(),
    **options,
) -> Plan:
    planner = Planner(directory, Rules(), screens)
    submission = Submission(who or account(), door, (to,), text, Options(**options))
    request = planner.request(submission, NOW)
    draft = planner.draft(request, to)
    return planner.finish(request, draft, facts or Facts())


def code(made: Plan) -> str:
    assert made.refused is not None
    assert made.trace[-1].step == "refused"
    assert made.trace[-1].decision == made.refused.code.name
    return made.refused.code.name


def lease(number: str, peer: str = PEER, *, who: str = "sip:101", tenant: bytes = T, until: int = NOW + DAY):
    row = {"number": number, "peer": peer, "tenant_id": tenant, "account": who, "pool": "pl"}
    return {number: {**row, "until": until, "rest_until": until + DAY}}


# --- identity ---


@pytest.mark.parametrize(
    ("identity", "shown", "kind"),
    [
        (("name", "ACME"), "ACME", "name"),
        (("name", "INFO"), "INFO", "name"),
        (("number", OWN), OWN, "number"),
        (("default", ""), "Bramka SMS", "default"),
        (("2way", "pl"), POOLED, "2way"),
        (("random", "pl"), POOLED, "random"),
    ],
)
def test_an_account_shows_its_identity(identity, shown: str, kind: str) -> None:
    made = plan(who=account(*identity), facts=Facts(lease("+48799000002", who="sip:9")))
    assert made.refused is None
    assert (made.sender.value, made.sender.kind) == (shown, kind)


@pytest.mark.parametrize(
    "identity",
    [("name", "Later"), ("name", "Never"), ("name", "Bank"), ("number", THEIRS), ("number", "+48601777777"), ("2way", "nowhere")],
)  # fmt: skip
def test_an_identity_that_is_not_ones_own_is_refused(identity) -> None:
    assert code(plan(who=account(*identity))) == "sender_not_allowed"


@pytest.mark.parametrize(
    ("asked", "shown"),
    [("ACME", "ACME"), ("INFO", "INFO"), (OWN, OWN), ("601 000 001", OWN), ("Bramka SMS", "Bramka SMS"), ("7155", "7155")],
)  # fmt: skip
def test_a_request_may_name_another_sender_of_its_own(asked: str, shown: str) -> None:
    assert plan(sender=asked).sender.value == shown


@pytest.mark.parametrize(
    "asked", ["Later", "Bank", "Unknown", THEIRS, "+48601777777", "acme", POOLED, "0", "+"]
)
def test_a_request_may_not_name_what_is_not_its_own(asked: str) -> None:
    made = plan(sender=asked)
    assert code(made) == "sender_not_allowed"
    assert made.sender is None


@pytest.mark.parametrize("asked", ["2way", "pl"])
def test_a_request_may_ask_for_a_pool_number(asked: str) -> None:
    sender = plan(sender=asked).sender
    assert (sender.kind, sender.pool) == ("2way", "pl")
    assert sender.value in DIRECTORY.pools["pl"].numbers


# --- abroad (S6) ---


def test_a_foreign_number_sends_abroad_and_home_as_itself() -> None:
    for to in (ABROAD, PEER):
        sender = plan(to, account("number", FOREIGN)).sender
        assert (sender.kind, sender.value) == ("number", FOREIGN)


@pytest.mark.parametrize("abroad", ["2way", "random"])
def test_an_own_mobile_goes_abroad_as_the_account_says(abroad: str) -> None:
    made = plan(ABROAD, account("number", OWN, abroad=abroad))
    assert made.sender.kind == abroad
    assert made.sender.pool == "pl"


def test_every_other_number_goes_abroad_without_replies() -> None:
    for own in (LINE, "7155"):
        assert plan(ABROAD, account("number", own, abroad="2way")).sender.kind == "random"


def test_a_pool_whose_carrier_does_not_reach_the_country_is_not_used() -> None:
    routes = (Route("+48", "sim"), Route("+44", "alt"))
    made = plan(ABROAD, account("number", OWN), directory=replace(DIRECTORY, routes=routes))
    assert (made.sender.pool, made.carrier) == ("uk", "alt")


# --- 2way and conversations ---


def test_an_exhausted_pool_is_refused() -> None:
    taken = {**lease(POOLED, who="sip:9"), **lease("+48799000002", tenant=OTHER)}
    assert code(plan(who=account("2way", "pl"), facts=Facts(taken))) == "pool_exhausted"


def test_a_resting_number_is_still_taken() -> None:
    rested = {
        **lease(POOLED, who="sip:9", until=NOW - DAY - 1),
        **lease("+48799000002", who="sip:9", until=NOW - 1),
    }
    assert plan(who=account("2way", "pl"), facts=Facts(rested)).sender.value == POOLED


@pytest.mark.parametrize("door", ["sip", "mail", "panel"])
def test_an_answer_leaves_from_the_number_that_was_texted(door: str) -> None:
    made = plan(facts=Facts(conversation=OWN), door=door)
    assert (made.sender.value, made.carrier) == (OWN, "sim")
    assert "texted" in next(step for step in made.trace if step.step == "identity").reason


def test_a_conversation_gives_way_to_what_was_asked_for_and_to_programs() -> None:
    assert plan(facts=Facts(conversation=OWN), door="sip", sender="INFO").sender.value == "INFO"
    program = replace(account(), kind="key")
    assert plan(who=program, facts=Facts(conversation=OWN), door="api").sender.value == "ACME"


def test_a_pbx_that_brings_a_phones_answer_is_no_program() -> None:
    assert plan(facts=Facts(conversation=OWN), door="api").sender.value == OWN


@pytest.mark.parametrize(
    "leases",
    [{}, lease(POOLED, who="sip:9"), lease(POOLED, tenant=OTHER), lease(POOLED, until=NOW - 1)],
)
def test_a_conversation_over_a_pool_number_needs_the_lease(leases) -> None:
    assert plan(facts=Facts(leases, POOLED), door="sip").sender.value == "ACME"
    assert plan(facts=Facts(lease(POOLED), POOLED), door="sip").sender.value == POOLED
    assert code(plan(facts=Facts(leases), sender=POOLED)) == "sender_not_allowed"
    assert plan(facts=Facts(lease(POOLED)), sender=POOLED).sender.pool == "pl"


def test_people_go_on_with_any_conversation_of_their_company_and_with_nobody_elses() -> None:
    person = replace(account(), kind="user", name="ann@acme.test")
    made = plan(who=person, facts=Facts(lease(POOLED, who="sip:9")), sender=POOLED, door="panel")
    assert (made.sender.value, made.sender.kind) == (POOLED, "2way")
    for others in (lease(POOLED, tenant=OTHER), lease(POOLED, who="sip:9", until=NOW - 1), {}):
        assert (
            code(plan(who=person, facts=Facts(others), sender=POOLED, door="panel")) == "sender_not_allowed"
        )


def test_a_conversation_over_a_number_given_back_falls_back() -> None:
    assert plan(facts=Facts(conversation=THEIRS), door="sip").sender.value == "ACME"


# --- route and price ---


def test_the_longest_prefix_wins_then_priority_and_what_is_off_never() -> None:
    assert plan(PEER).carrier == "alt"
    assert plan("+48501123456").carrier == "cheap"


def test_a_numbers_own_carrier_must_be_used() -> None:
    assert plan(PEER, account("number", OWN)).carrier == "sim"
    stuck = replace(DIRECTORY, routes=(Route("+48", "cheap"),))
    made = plan(PEER, account("number", OWN), directory=stuck)
    assert code(made) == "no_route"
    assert "sim" in made.refused.detail


def test_no_route_is_refused() -> None:
    assert code(plan("+33612345678")) == "no_route"


def test_the_price_in_force_with_the_longest_prefix_counts_for_each_part() -> None:
    assert (plan(PEER).price, plan(PEER).currency) == (190_000, "PLN")
    assert plan("+48501123456").price == 290_000
    assert plan("+48501123456", text="x" * 400).price == 3 * 290_000


def test_what_has_no_price_is_not_sold_unless_nothing_has_one() -> None:
    routes = (Route("+49", "alt"),)
    made = plan("+4915112345678", directory=replace(DIRECTORY, routes=routes))
    assert code(made) == "no_route"
    assert "price" in made.refused.detail
    free = replace(DIRECTORY, routes=routes, tenants={T: Tenant(T, "acme", "")})
    assert plan("+4915112345678", directory=free).price == 0
    unknown = replace(DIRECTORY, tenants={T: Tenant(T, "acme", "no such list")})
    assert code(plan(directory=unknown)) == "no_route"
    early = replace(DIRECTORY, prices={"std": DIRECTORY.prices["std"][:1]})
    assert code(plan(directory=early)) == "no_route"


# --- screening, text, time ---


def test_a_rule_may_object_with_its_own_code() -> None:
    def rule(who, to, text):
        return Refusal("blocked", "not today") if "casino" in text else None

    assert code(plan(text="casino", screens=(rule,))) == "blocked"
    assert plan(text="hello", screens=(rule,)).refused is None


def test_who_is_switched_off_sends_nothing() -> None:
    assert code(plan(who=account(enabled=False))) == "forbidden"
    off = replace(DIRECTORY, tenants={T: Tenant(T, "acme", "std", enabled=False)})
    assert code(plan(directory=off)) == "forbidden"
    assert code(plan(directory=Directory())) == "forbidden"


def test_the_refusal_closest_to_the_recipient_comes_first() -> None:
    assert code(plan("banana", text="")) == "recipient_invalid"
    assert code(plan(PEER, text="")) == "text_empty"


def test_accents_go_where_the_tenant_wants_it() -> None:
    auto = replace(DIRECTORY, tenants={T: Tenant(T, "acme", "std", transliterate="auto")})
    assert plan(text="zażółć").encoding == "ucs2"
    assert plan(text="zażółć", directory=auto).parts == ("zazolc",)
    assert plan(text="zażółć", directory=auto, transliterate=False).encoding == "ucs2"
    assert plan(text="zażółć", transliterate=True).encoding == "gsm7"


@pytest.mark.parametrize(
    ("options", "priority"),
    [
        ({}, 1),
        ({"message_class": "eco"}, 2),
        ({"priority": 0}, 0),
        ({"priority": 99}, 2),
        ({"priority": -5}, 0),
    ],
)
def test_priorities(options, priority: int) -> None:
    planner = Planner(DIRECTORY, Rules())
    one = Submission(account(), "api", (PEER,), "x", Options(**options))
    assert planner.request(one, NOW).priority == priority
    many = Submission(account(), "api", (PEER, PEER), "x")
    assert planner.request(many, NOW).priority == 2


@pytest.mark.parametrize(
    ("options", "send_at", "expires_at"),
    [
        ({}, None, NOW + 48 * HOUR),
        ({"validity": HOUR}, None, NOW + HOUR),
        ({"validity": 0}, None, NOW + MINUTE),
        ({"validity": 10**18}, None, NOW + 7 * DAY),
        ({"send_at": NOW - 1}, None, NOW + 48 * HOUR),
        ({"send_at": NOW + DAY}, NOW + DAY, NOW + 3 * DAY),
        ({"send_at": NOW + 10**17}, NOW + 365 * DAY, NOW + 367 * DAY),
        ({"hold": MINUTE}, NOW + MINUTE, NOW + MINUTE + 48 * HOUR),
        ({"hold": MINUTE, "send_at": NOW + 1}, NOW + MINUTE, NOW + MINUTE + 48 * HOUR),
        ({"hold": MINUTE, "send_at": NOW + DAY}, NOW + DAY, NOW + 3 * DAY),
    ],
)
def test_times_are_kept_in_bounds(options, send_at: int | None, expires_at: int) -> None:
    request = Planner(DIRECTORY, Rules()).request(
        Submission(account(), "api", (PEER,), "x", Options(**options)), NOW
    )
    assert (request.send_at, request.expires_at) == (send_at, expires_at)


def test_the_trace_tells_every_step_and_stays_when_it_is_stopped_late() -> None:
    made = plan()
    steps = [step.step for step in made.trace]
    assert steps == ["recipient", "screening", "text", "identity", "route", "price"]
    assert made.trace[-1].decision == "0.19 PLN"
    stopped = refused_for(made, Refusal("credit_exhausted"))
    assert [step.step for step in stopped.trace] == [*steps, "refused"]
    assert stopped.price == made.price
