"""What a message costs: dated price lists, the longest prefix, whole 10^-6 units of currency."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from voip_sms.core.directory import Micros, PriceList
from voip_sms.core.failures import Refusal
from voip_sms.core.prefixes import Prefixes

UNIT: Final = 1_000_000
"""10^-6 units in one unit of currency."""
_DIGITS: Final = 6
_LEAST_DIGITS: Final = 2


@dataclass(frozen=True, slots=True)
class Price:
    """The price of one part; `source` says where it stands, for the trace."""

    amount: Micros
    currency: str
    source: str


FREE: Final = Price(0, "", "the account has no price list")


class Tariffs:
    """The price lists of one Directory, ready for look-ups."""

    def __init__(self, prices: Mapping[str, tuple[PriceList, ...]]) -> None:
        """`prices`: by name, the newest `valid_from` first."""
        self._lists = {
            name: tuple((dated.valid_from, _prices(dated)) for dated in lists)
            for name, lists in prices.items()
        }

    def price(self, price_list: str, to: str, now: int) -> Price:
        """The price in force at `now` for one part to `to` (E.164).

        '' as price list is free. Refusal `no_route` when a list has no price for the destination: what has
        no price is not sold.
        """
        if not price_list:
            return FREE
        for valid_from, prices in self._lists.get(price_list, ()):
            if valid_from <= now:
                found = prices.longest(to)
                if found is None:
                    break
                return found
        raise Refusal("no_route", f"there is no price for {to}")


def _prices(dated: PriceList) -> Prefixes[Price]:
    return Prefixes(
        (
            rate.prefix,
            Price(
                rate.amount,
                dated.currency,
                f"{amount_text(rate.amount)} a part, price list {dated.name}, prefix {rate.prefix or 'any'}",
            ),
        )
        for rate in dated.rates
    )


def amount_text(amount: Micros) -> str:
    """A decimal text with at least two places: 290000 is `0.29`, 1234 is `0.001234`."""
    sign = "-" if amount < 0 else ""
    whole, rest = divmod(abs(amount), UNIT)
    digits = f"{rest:0{_DIGITS}d}".rstrip("0").ljust(_LEAST_DIGITS, "0")
    return f"{sign}{whole}.{digits}"
