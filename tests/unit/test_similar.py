"""Which sender names can be taken for which."""

import pytest

from voip_sms.core.similar import likenesses


@pytest.mark.parametrize(
    ("name", "other", "how"),
    [
        ("Verify", "VER1FY", "same"),
        ("mBank", "m BANK", "same"),
        ("Аllegro", "Allegro", "same"),  # a Cyrillic A
        ("mBankInfo", "mBank", "inside"),
        ("Inpost", "Inpest", "slip"),
        ("Inpost", "Inposst", "slip"),
        ("Inposst", "Inpost", "slip"),
    ],
)
def test_a_quick_eye_takes_one_for_the_other(name: str, other: str, how: str) -> None:
    assert [(one.name, one.how) for one in likenesses(name, [other])] == [(other, how)]


@pytest.mark.parametrize(
    ("name", "other"),
    [("Bakery", "Pharmacy"), ("PKO", "PKOBP"), ("Info", "Inpo"), ("Inpost", "Imprest"), ("Anna", "")],
)
def test_others_are_told_apart(name: str, other: str) -> None:
    assert list(likenesses(name, [other])) == []
