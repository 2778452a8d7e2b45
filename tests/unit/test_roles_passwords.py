"""What each role may do, and which passwords will do."""

import pytest

from support.fakes import START
from voip_sms.core.clock import DAY, HOUR
from voip_sms.core.directory import NO_TENANT
from voip_sms.core.passwords import LONGEST, SHORTEST, PasswordUnfitError, check, prepared
from voip_sms.core.people import IDLE, RIGHTS, Session, User


def user(role: str, **changes: object) -> User:
    tenant = NO_TENANT if role == "operator" else b"t" * 16
    values = {
        "id": b"u" * 16, "tenant_id": tenant, "mail": "ann@acme.test", "name": "Ann", "role": role,
        "language": "en", "enabled": True, "created_at": START, "has_password": True,
        "second_factor": False, "wishes": {},
    }  # fmt: skip
    return User(**(values | changes))


def test_an_operator_reads_no_customers_texts() -> None:
    assert RIGHTS["operator"].isdisjoint({"send", "conversations", "history"})


def test_a_user_may_less_than_an_administrator_and_neither_what_operators_may() -> None:
    assert RIGHTS["user"] < RIGHTS["admin"]
    assert RIGHTS["admin"].isdisjoint({"tenants", "registrations", "network", "prices", "quarantine"})
    assert "people" not in RIGHTS["user"]


def test_who_is_switched_off_may_nothing() -> None:
    assert user("admin").may("people")
    assert not user("admin", enabled=False).may("self")


def test_an_operator_has_no_tenant() -> None:
    assert user("operator").is_operator
    assert not user("operator", tenant_id=b"t" * 16).is_operator
    assert not user("admin").is_operator


def test_a_session_ends_when_nobody_uses_it_and_in_any_case() -> None:
    session = Session(b"s" * 16, b"u" * 16, START, START, START + 30 * DAY, "", "")
    assert session.lives(START + IDLE - 1)
    assert not session.lives(START + IDLE)
    busy = Session(b"s" * 16, b"u" * 16, START, START + 30 * DAY - HOUR, START + 30 * DAY, "", "")
    assert busy.lives(START + 30 * DAY - 1)
    assert not busy.lives(START + 30 * DAY)


@pytest.mark.parametrize(
    ("password", "why"),
    [
        ("", "short"),
        ("x7#Qz!p9w", "short"),
        ("q" * (LONGEST + 1), "long"),
        ("aaaaaaaaaaaa", "simple"),
        ("abababababab", "simple"),
        ("1234567890", "simple"),
        ("12345678901234", "simple"),
        ("9876543210", "simple"),
        ("abcdefghijkl", "simple"),
        ("!!!!....####", "simple"),
        ("2026-11-22 10:00"[:10].replace("-", "") + "26", "simple"),
        ("Password123", "common"),
        ("qwertyuiop", "common"),
        ("QWERTYUIOP1!", "common"),
        ("MojeHasło2026", "common"),
        ("haslohaslo1", "common"),
        ("ann.kowalska", "personal"),
        ("AnnKowalska1", "personal"),
        ("Kowalska2026", "personal"),
        ("ann.kowalska@acme.test", "personal"),
    ],
)
def test_what_will_not_do(password: str, why: str) -> None:
    with pytest.raises(PasswordUnfitError) as error:
        check(password, "ann.kowalska@acme.test", "Ann Kowalska")
    assert error.value.why == why


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery",
        "kKowalska lubi zielone żaby",
        "zażółć gęślą",
        "x" + "y7Qz!p9w#" * 28,
        "a b c d e f",
        "mżawka nad Odrą",
        "🐎🔋📎🎷🪁🧭🥨🪗🎯🛶",
    ],
)
def test_what_will_do(password: str) -> None:
    assert SHORTEST <= len(password) <= LONGEST
    check(password, "ann.kowalska@acme.test", "Ann Kowalska")


def test_what_looks_the_same_is_the_same() -> None:
    assert prepared("z\u0307a") == prepared("\u017ca")
    assert prepared("Zaz\u0307o\u0301\u0142c\u0301") == prepared("Za\u017c\u00f3\u0142\u0107")
