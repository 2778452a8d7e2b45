"""A blacklist stops exactly those whom it names."""

from typing import Any

import pytest

from voip_sms.core.blocking import blocked_by
from voip_sms.core.directory import BlockRule


def rule(match: Any, value: str) -> BlockRule:
    return BlockRule(b"r", b"t", match, value)


@pytest.mark.parametrize(
    ("match", "value", "sender"),
    [
        ("exact", "+48600666111", "+48600666111"),
        ("exact", "+48 600-666-111", "+48600666111"),
        ("exact", "7155", "7155"),
        ("prefix", "+48600666", "+48600666111"),
        ("prefix", "+48", "+48600666111"),
        ("name", "Loteria", "LOTERIA"),
        ("name", "mBank", "m BANK"),
        ("name", "Żabka", "ZABKA"),
        ("name", "Łódź", "lodz"),
    ],
)
def test_named(match: str, value: str, sender: str) -> None:
    wanted = rule(match, value)
    assert blocked_by([rule("exact", "+1"), wanted], sender) is wanted


@pytest.mark.parametrize(
    ("match", "value", "sender"),
    [
        ("exact", "+48600666111", "+486006661110"),
        ("exact", "+48600666", "+48600666111"),
        ("prefix", "+48600666", "+48600667000"),
        ("prefix", "48600", "+48600666111"),
        ("prefix", "", "+48600666111"),
        ("exact", "", ""),
        ("name", "  ", "+48600666111"),
        ("name", "...", "!!!"),
        ("name", "Lot", "Loteria"),
    ],
)
def test_not_named(match: str, value: str, sender: str) -> None:
    assert blocked_by([rule(match, value)], sender) is None
