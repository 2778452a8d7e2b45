"""Prefixes, routes and prices."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from voip_sms.core.directory import Carrier, PriceList, Rate, Route
from voip_sms.core.failures import Refusal
from voip_sms.core.prefixes import Prefixes
from voip_sms.core.rating import FREE, Tariffs, amount_text
from voip_sms.core.routing import Routes

digits = st.text("0123456789", min_size=1, max_size=12).map(lambda tail: "+" + tail)


@given(st.dictionaries(digits.map(lambda text: text[:5]), st.integers(1, 9), max_size=20), digits)
def test_the_longest_prefix_is_found_as_a_plain_search_finds_it(values: dict[str, int], number: str) -> None:
    fitting = sorted((prefix for prefix in values if number.startswith(prefix)), key=len, reverse=True)
    prefixes = Prefixes(values.items())

    assert prefixes.longest(number) == (values[fitting[0]] if fitting else None)
    assert prefixes.all(number) == [values[prefix] for prefix in fitting]


def test_the_first_of_two_values_with_one_prefix_counts() -> None:
    assert Prefixes([("+48", "a"), ("+48", "b")]).longest("+48601") == "a"


def test_an_empty_prefix_fits_everything() -> None:
    assert Prefixes([("", 1), ("+48", 2)]).longest("+33") == 1


def test_routes_over_unknown_or_disabled_carriers_are_none() -> None:
    carriers = {"a": Carrier("a", "smpp", enabled=False), "b": Carrier("b", "smpp")}
    routes = Routes((Route("+48", "a"), Route("+4", "b"), Route("+48", "ghost")), carriers)

    assert routes.find("+48601").carrier == "b"
    assert routes.find("+48601", "a") is None
    assert routes.find("+1") is None


def test_a_carrier_that_is_needed_may_have_a_shorter_prefix() -> None:
    carriers = {name: Carrier(name, "smpp") for name in "ab"}
    routes = Routes((Route("+48601", "a"), Route("+48", "b", 5), Route("+48", "a", 1)), carriers)

    assert routes.find("+48601", "b").prefix == "+48"
    assert routes.find("+48501").carrier == "a"


def test_a_list_counts_from_its_day_on() -> None:
    tariffs = Tariffs(
        {
            "std": (
                PriceList("std", "PLN", 100, (Rate("+48", 2),)),
                PriceList("std", "PLN", 0, (Rate("+48", 1),)),
            )
        }
    )
    assert tariffs.price("std", "+48601", 99).amount == 1
    assert tariffs.price("std", "+48601", 100).amount == 2
    assert tariffs.price("", "+48601", 0) is FREE
    for missing, to, now in (("std", "+1", 200), ("other", "+48", 200), ("std", "+48601", -1)):
        with pytest.raises(Refusal) as caught:
            tariffs.price(missing, to, now)
        assert caught.value.code.name == "no_route"


@pytest.mark.parametrize(
    ("amount", "text"),
    [(0, "0.00"), (290_000, "0.29"), (1_234, "0.001234"), (1_000_000, "1.00"), (-290_000, "-0.29"), (10, "0.00001")],
)  # fmt: skip
def test_amounts_read_as_decimals(amount: int, text: str) -> None:
    assert amount_text(amount) == text
