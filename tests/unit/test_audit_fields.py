"""What the audit log tells of a row: in the words of `apply`, and nothing that may be secret."""

import pytest

from voip_sms.core import clock
from voip_sms.engine.accounts.auditing import LEFT_OUT, PLAIN, difference, fields
from voip_sms.engine.accounts.kinds import (
    CARRIER,
    FORWARD,
    KEY,
    KINDS,
    MAIL_SENDER,
    POOL,
    RATE,
    SIP_ACCOUNT,
    Kind,
)
from voip_sms.store.tables import metadata

# What is not told as it is. Whoever adds a column decides where it belongs: nobody reads secrets in a log.
VEILED = {"password", "query", "secret", "token", "totp_secret"}


def test_every_column_is_told_veiled_or_left_out() -> None:
    undecided = set()
    for kind in KINDS:
        columns: dict[str, object] = dict.fromkeys(metadata.tables[kind.table].columns.keys(), "")
        columns |= {
            "settings": {},
            "options": {},
            "valid_from": 0,
            "amount": 0,
            "window_us": 0,
            "balance_low": 0,
        }
        told = fields(kind, columns | {"identity_kind": "", "targets": ["x"]})
        undecided |= told.keys() - PLAIN - VEILED
    assert undecided == set()
    assert not PLAIN & (VEILED | LEFT_OUT)


def test_a_password_is_set_changed_and_taken_away() -> None:
    def told(old: object, new: object) -> tuple[object, object]:
        return difference(
            fields(SIP_ACCOUNT, {"user": "101", "ha1": old}), fields(SIP_ACCOUNT, {"user": "101", "ha1": new})
        )

    assert told({}, {"MD5": "a"}) == ({"password": None}, {"password": "(set)"})
    assert told({"MD5": "a"}, {"MD5": "b"}) == ({"password": "(set)"}, {"password": "(changed)"})
    assert told({"MD5": "a"}, {}) == ({"password": "(set)"}, {"password": None})
    assert told({"MD5": "a"}, {"MD5": "a"}) == ({}, {})


def test_a_setting_that_nobody_knows_may_be_secret() -> None:
    row = {"name": "sim", "settings": {"host": "h", "password": "hush", "pin": "1234", "rate": 0}}
    _, after = difference({}, fields(CARRIER, row))
    assert after == {"name": "sim", "host": "h", "password": "(set)", "pin": "(set)", "rate": 0}


def test_only_what_differs_and_an_identity_whole() -> None:
    old = {"name": "app", "identity_kind": "name", "identity_value": "ACME", "hash": b"1", "hint": "vsk_1"}
    before, after = difference(fields(KEY, old), fields(KEY, old | {"identity_kind": "random"}))
    assert before == {"identity": {"kind": "name", "value": "ACME"}}
    assert after == {"identity": {"kind": "random", "value": "ACME"}}


def test_the_query_of_a_url_may_be_a_key() -> None:
    old = {"kind": "webhook", "targets": ["https://x.test/h?key=one"]}
    new = {"kind": "webhook", "targets": ["https://x.test/h?key=two"]}
    assert difference(fields(FORWARD, old), fields(FORWARD, new)) == (
        {"query": "(set)"},
        {"query": "(changed)"},
    )
    assert difference({}, fields(FORWARD, old))[1]["url"] == "https://x.test/h"


def test_options_are_fields() -> None:
    old = {"address": "a@x.test", "options": {"subject": "auto", "mode": "normal"}, "token": "k7q2"}
    new = old | {"options": {"subject": "auto", "mode": "premium"}, "token": None}
    assert difference(fields(MAIL_SENDER, old), fields(MAIL_SENDER, new)) == (
        {"mode": "normal", "token": "(set)"},
        {"mode": "premium", "token": None},
    )


@pytest.mark.parametrize(
    ("kind", "row", "told"),
    [
        (POOL, {"window_us": 7 * clock.DAY}, {"window": "7d"}),
        (RATE, {"amount": 290_000, "valid_from": 0}, {"amount": "0.29", "valid_from": "1970-01-01"}),
        (FORWARD, {"kind": "sip", "targets": ["101"]}, {"kind": "sip", "to": ["101"]}),
        (FORWARD, {"kind": "webhook", "targets": ["https://x"]}, {"kind": "webhook", "url": "https://x"}),
    ],
)
def test_values_are_written_as_people_write_them(
    kind: Kind, row: dict[str, object], told: dict[str, object]
) -> None:
    assert fields(kind, row) == told
