"""The panel's catalogues are complete, and say in each language the same; words, plurals and languages work."""

from collections import defaultdict

import pytest

from tools import messages
from voip_sms.doors.panel.frame.words import Catalogues, accepted

FAMILIES = sorted(messages.said())
RENEW = "run `make messages` and translate what is empty in locale/pl"


def key_of(one: messages.Id) -> str:
    return one if isinstance(one, str) else one[0]


@pytest.mark.parametrize("language", messages.LANGUAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_every_text_is_translated(family: str, language: str) -> None:
    said = messages.said()[family]
    there = messages.catalogue(language, family)
    assert {key_of(one) for one in said} == {one.key for one in there}, RENEW
    assert not [one.key for one in there if one.fuzzy or not all(form.strip() for form in one.forms)], RENEW


@pytest.mark.parametrize("language", messages.LANGUAGES)
@pytest.mark.parametrize("family", FAMILIES)
def test_translations_have_the_same_values_in_them(family: str, language: str) -> None:
    for one in messages.catalogue(language, family):
        plain = [one.id] if isinstance(one.id, str) else list(one.id)
        wanted = messages.placeholders(plain[-1])
        for form in one.forms:
            missing = set(wanted) - set(messages.placeholders(form))
            assert missing <= {"%(count)s"}, f"{family}: {one.key!r}"  # "one message" needs no number
            assert set(messages.placeholders(form)) <= set(wanted), f"{family}: {one.key!r}"
            if isinstance(one.id, str):
                assert not missing, f"{family}: {one.key!r}"


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_there_is_no_catalogue_of_nobody(language: str) -> None:
    assert messages.families(language) == FAMILIES, RENEW


@pytest.mark.parametrize("language", messages.LANGUAGES)
def test_a_text_has_one_translation_in_all_families(language: str) -> None:
    found = defaultdict(set)
    for family in messages.families(language):
        for one in messages.catalogue(language, family):
            found[one.key].add(one.string)
    assert not {key: strings for key, strings in found.items() if len(strings) > 1}


def test_polish_counts_in_three_ways() -> None:
    words = Catalogues.load().of("pl")
    said = [
        words.several("At most %(count)s character", "At most %(count)s characters", n) for n in (1, 3, 5)
    ]
    assert said == ["Najwyżej 1 znak", "Najwyżej 3 znaki", "Najwyżej 5 znaków"]


def test_what_no_catalogue_has_is_said_in_english() -> None:
    words = Catalogues.load().of("pl")
    assert words("No such text of %(whom)s", whom="<ours>") == "No such text of <ours>"
    assert words.several("%(count)s gnu", "%(count)s gnus", 2) == "2 gnus"
    assert not words.knows("No such text")


def test_a_percent_sign_without_values_is_one() -> None:
    assert Catalogues.load().of("en")("100 %s") == "100 %s"


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("pl", "pl"),
        ("pl-PL,pl;q=0.9,en;q=0.8", "pl"),
        ("de,en;q=0.5,pl;q=0.7", "pl"),
        ("en-GB,pl;q=0.9", "en"),
        ("pl;q=0", "en"),
        ("de-DE", "en"),
        ("pl;q=rubbish", "en"),
        (", ".join(["xx"] * 30 + ["pl"]), "en"),
    ],
)
def test_a_browser_s_first_choice_of_ours(header: str, language: str) -> None:
    assert accepted(header) == language
