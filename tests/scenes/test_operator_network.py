"""The operator changes carriers, routes, prices, pools and customers one at a time, as `apply` would."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.fakes import FakeClock
from support.operating import POOL, ROOT, Control
from voip_sms.core.failures import Refusal
from voip_sms.core.rating import Tariffs
from voip_sms.core.resources import InvalidError, Pool, PriceList, Tenant
from voip_sms.core.resources.network import Route, SmppCarrier
from voip_sms.core.resources.values import to_micros
from voip_sms.engine.accounts.seen import seen_of
from voip_sms.engine.network_objects import day_of

DAYS = 24 * 3600


@pytest.fixture
async def control(database_url: str, clock: FakeClock) -> AsyncIterator[Control]:
    made = await Control.open(database_url, clock)
    yield made
    await made.close()


def carrier(**fields: Any) -> SmppCarrier:
    return SmppCarrier.model_validate({"name": "sim", **fields})


def prices(day: str, amount: str, name: str = "std", prefix: str = "+48") -> PriceList:
    return PriceList.model_validate(
        {"name": name, "currency": "PLN", "valid_from": day, "rates": [{"prefix": prefix, "amount": amount}]}
    )


async def test_a_carrier_is_switched_off_and_keeps_what_nobody_named(control: Control) -> None:
    shown = await control.network.put(carrier(enabled=False, window=4), ROOT)
    assert (shown["enabled"], shown["settings"]["window"], shown["settings"]["host"]) == (
        False,
        4,
        "127.0.0.1",
    )
    there = control.office.holder.current().carriers["sim"]
    assert (there.enabled, there.settings["password"], there.settings["port"]) == (False, "hush", 2775)
    assert "hush" not in str(shown)
    (entry,) = [one for one in await control.told(kind="carriers") if one["who"] == ROOT.who]
    assert (entry["before"]["enabled"], entry["after"]["enabled"], entry["door"]) == (True, False, "panel")


async def test_what_is_new_must_be_new_and_what_is_changed_must_be_there(control: Control) -> None:
    with pytest.raises(Refusal, match=r"conflict"):
        await control.network.put(carrier(host="192.0.2.1", system_id="x"), ROOT, new=True)
    with pytest.raises(Refusal, match=r"not_found"):
        await control.network.put(carrier(name="none", enabled=False), ROOT)


async def test_the_second_of_two_editors_is_told(control: Control) -> None:
    opened = await control.network.object("carriers", "carriers[sim]")
    await control.network.put(carrier(window=3), ROOT)
    with pytest.raises(Refusal, match=r"conflict.*user:root@operator.test changed it meanwhile"):
        await control.network.put(carrier(window=9), ROOT, seen=opened["seen"])
    assert control.office.holder.current().carriers["sim"].settings["window"] == 3


async def test_a_route_leads_to_a_carrier_that_exists_and_goes_away(control: Control) -> None:
    with pytest.raises(InvalidError) as caught:
        await control.network.put(Route(prefix="+49", carrier="nobody"), ROOT, new=True)
    assert [one.pointer for one in caught.value.complaints] == ["/carrier"]
    made = await control.network.put(Route(prefix="+49", carrier="sim", priority=5), ROOT, new=True)
    assert [route.prefix for route in control.office.holder.current().routes] == ["+48", "+49"]
    await control.network.remove("routes", made["id"], ROOT)
    assert [route.prefix for route in control.office.holder.current().routes] == ["+48"]


async def test_new_prices_begin_on_their_day_and_the_old_stay(control: Control, clock: FakeClock) -> None:
    tomorrow = day_of(clock.now() + DAYS * 1_000_000)
    shown = await control.network.put_prices(prices(tomorrow, "0.35"), ROOT)
    assert shown["rates"] == [{"prefix": "+48", "amount": "0.35"}]
    tariffs = Tariffs(control.office.holder.current().prices)
    later = clock.now() + 2 * DAYS * 1_000_000
    assert tariffs.price("std", "+48601000001", clock.now()).amount == to_micros("0.29")
    assert tariffs.price("std", "+48601000001", later).amount == to_micros("0.35")


async def test_prices_to_come_are_replaced_whole_or_withdrawn(control: Control, clock: FakeClock) -> None:
    tomorrow = day_of(clock.now() + DAYS * 1_000_000)
    first = await control.network.put_prices(prices(tomorrow, "0.35"), ROOT)
    second = await control.network.put_prices(
        prices(tomorrow, "0.40", prefix="+49"), ROOT, seen=first["seen"]
    )
    assert second["rates"] == [{"prefix": "+49", "amount": "0.40"}]
    await control.network.withdraw_prices(second["id"], ROOT)
    assert [one["valid_from"] for one in await control.network.objects("price_lists")] == ["2000-01-01"]


async def test_prices_in_force_stay_as_they_are(control: Control, clock: FakeClock) -> None:
    with pytest.raises(Refusal, match=r"conflict.*in force"):
        await control.network.put_prices(prices("2000-01-01", "9.99"), ROOT)
    with pytest.raises(Refusal, match=r"conflict.*in force"):
        await control.network.withdraw_prices("price_lists[std] from 2000-01-01", ROOT)
    with pytest.raises(Refusal, match=r"conflict.*has passed"):
        await control.network.put_prices(prices(day_of(clock.now() - 3 * DAYS * 1_000_000), "9.99"), ROOT)
    assert (await control.network.objects("price_lists"))[0]["rates"] == [{"prefix": "+48", "amount": "0.29"}]


async def test_a_pool_has_nobodys_numbers(control: Control) -> None:
    made = await control.network.put(Pool.model_validate(POOL), ROOT, new=True)
    assert control.office.holder.current().pool_of["+48799000001"] == "pl"
    taken = Pool.model_validate({**POOL, "numbers": ["+48601000001"]})
    with pytest.raises(InvalidError, match=r"."):
        await control.network.put(taken, ROOT, seen=seen_of(made))
    assert control.office.holder.current().pools["pl"].numbers == ("+48799000001", "+48799000002")


async def test_a_customer_is_made_and_given_credit_once(control: Control) -> None:
    wanted = Tenant.model_validate({"name": "third", "price_list": "std", "self_service": True})
    made = await control.network.put(wanted, ROOT, new=True)
    assert (made["currency"], made["credit"], made["self_service"]) == ("PLN", "0.00", True)
    third, seen = control.tenant("third"), seen_of(made)
    given = await control.network.add_credit(third, to_micros("25.50"), ROOT, seen=seen)
    assert given["credit"] == "25.50"
    with pytest.raises(Refusal, match=r"conflict.*meanwhile"):  # the button was pressed twice
        await control.network.add_credit(third, to_micros("25.50"), ROOT, seen=seen)
    with pytest.raises(Refusal, match=r"invalid"):
        await control.network.add_credit(third, -to_micros("30.00"), ROOT)
    (newest, *_) = await control.told(kind="tenants")
    assert (newest["before"], newest["after"]) == ({"credit": "0.00"}, {"credit": "25.50"})


async def test_a_customer_is_switched_off_and_its_price_list_must_exist(control: Control) -> None:
    await control.network.put(Tenant.model_validate({"name": "acme", "enabled": False}), ROOT)
    assert not control.office.holder.current().tenants[control.tenant()].enabled
    with pytest.raises(InvalidError) as caught:
        await control.network.put(Tenant.model_validate({"name": "acme", "price_list": "none"}), ROOT)
    assert [one.pointer for one in caught.value.complaints] == ["/price_list"]
