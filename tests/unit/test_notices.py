"""Plain words about a message that failed."""

import pytest

from voip_sms.core.mail import notices
from voip_sms.core.model import Message
from voip_sms.core.notices import failure, wished
from voip_sms.wire import gsm0338


def message(code: str | None, text: str | None = "Hello") -> Message:
    return Message(
        b"m" * 16, b"t" * 16, "outbound", "failed", "+48601000001", "+48601123456", text, "gsm7", 1, 0, "",
        "sip", "sip:101", None, 0, error_code=code,
    )  # fmt: skip


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("code", ["rejected", "undelivered", "expired", "uncertain", None, "something new"])
def test_every_end_has_its_words(code: str | None, language: str) -> None:
    told = failure(message(code), language)
    assert "+48601123456" in told
    assert "Hello" in told
    assert "{" not in told


def test_words_are_in_the_accounts_language() -> None:
    assert failure(message("expired"), "en").startswith("The SMS to")
    assert failure(message("expired"), "pl").startswith("SMS na")
    assert failure(message("expired"), "de") == failure(message("expired"), "en")


def test_a_long_text_is_cut_and_a_removed_one_left_out() -> None:
    assert failure(message("expired", "x" * 100), "en").endswith('x…"')
    assert "Text" not in failure(message("expired", None), "en")


def test_braces_in_a_text_are_just_braces() -> None:
    assert "{to} {0}" in failure(message("expired", "{to} {0}"), "en")


@pytest.mark.parametrize("language", ["en", "pl"])
@pytest.mark.parametrize("period", ["day", "month"])
@pytest.mark.parametrize("whose", ["address", "flow", "account"])
def test_no_letter_of_ours_makes_a_notice_dearer(whose: str, period: str, language: str) -> None:
    """The company pays for it: one Polish letter, and an SMS has 70 characters instead of 160."""
    about = {"language": language, "whose": whose, "period": period, "of": "biuro@example.test", "limit": 500}
    assert gsm0338.first_foreign(wished(notices.LIMIT_REACHED, about)) is None
