"""Codes that prove a phone: six digits, told in one part, typed as people type."""

import pytest

from voip_sms.core import proofs
from voip_sms.core.failures import Refusal
from voip_sms.core.segments import GSM7_SINGLE, segment


@pytest.mark.parametrize("language", ["en", "pl", "de"])
@pytest.mark.parametrize("company", ["Acme", "W" * 64, "Zażółć Gęślą Jaźń i Spółka z o.o. sp. k."])
def test_what_a_phone_is_sent_is_one_part(language: str, company: str) -> None:
    text = proofs.sms("012345", company, language)
    assert "012345" in text
    assert len(text) <= GSM7_SINGLE
    assert len(segment(text, transliterate=True).parts) == 1


def test_codes_have_six_digits_and_all_of_them() -> None:
    codes = {proofs.code_of(number.to_bytes(8)) for number in (0, 7, 999_999, 1_000_000, 2**64 - 1)}
    assert {"000000", "000007", "999999"} <= codes
    assert all(len(code) == 6 and code.isdecimal() for code in codes)


@pytest.mark.parametrize("typed", ["012345", " 012 345 ", "012-345", "012\u00a0345"])
def test_people_type_blanks_and_dashes(typed: str) -> None:
    assert proofs.typed_code(typed) == "012345"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "٠١٢٣٤٥", "012345\n"])
def test_what_can_be_no_code_is_refused_before_it_costs_a_try(typed: str) -> None:
    with pytest.raises(Refusal, match="6 digits"):
        proofs.typed_code(typed)
