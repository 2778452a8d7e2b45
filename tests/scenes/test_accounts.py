"""One object at a time: what is in use stays, nobody vouches for themselves, tenants don't see each other."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import TypeAdapter

from support.fakes import FakeClock, FakeIds, fixed_random
from support.office import BY
from voip_sms.core import ids
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import (
    ConfigFile,
    ForwardPatch,
    InvalidError,
    NewForward,
    NewKey,
    SenderName,
    SipAccount,
    SipAccountPatch,
)
from voip_sms.engine.accounts.applying import apply_file
from voip_sms.engine.accounts.catalog import Accounts
from voip_sms.engine.accounts.deciding import AccountRules
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault, new_token, sip_hashes
from voip_sms.engine.context import Context
from voip_sms.store.database import open_database
from voip_sms.store.holder import DirectoryHolder
from voip_sms.store.reader import Reader
from voip_sms.store.writer import Writer

FILE = {
    "version": 1,
    "carriers": [{"name": "sim", "kind": "smpp", "host": "127.0.0.1", "system_id": "sim"}],
    "pools": [{"name": "pl", "carrier": "sim", "numbers": ["+48799000001"]}],
    "tenants": [
        {
            "name": "acme",
            "self_service": True,
            "sip_accounts": [{"user": "101", "password": "pw", "identity": {"kind": "2way", "value": "pl"}}],
            "numbers": [
                {
                    "number": "+48601000001",
                    "kind": "own_mobile",
                    "carrier": "sim",
                    "forwards": [
                        {"kind": "sip", "to": ["101"]},
                        {"kind": "number", "to": ["+48602000001", "+48602000002"], "verified": True},
                    ],
                },
                {"number": "+48601000002", "kind": "own_mobile", "carrier": "sim"},
            ],
        },
        {"name": "other", "sip_accounts": [{"user": "201", "password": "pw"}]},
    ],
}
FORWARD: TypeAdapter[Any] = TypeAdapter(NewForward)


@dataclass
class Office:
    accounts: Accounts
    holder: DirectoryHolder

    def tenant(self, name: str) -> bytes:
        return next(tenant.id for tenant in self.holder.current().tenants.values() if tenant.name == name)

    async def only(
        self, collection: str, tenant: str = "acme", **wanted: object
    ) -> tuple[bytes, dict[str, Any]]:
        found, _ = await self.accounts.list(self.tenant(tenant), collection, limit=50, starting_after=None)
        (one,) = [one for one in found if all(one.get(name) == value for name, value in wanted.items())]
        return ids.from_text(collection, one["id"]), one


@pytest.fixture
async def office(database_url: str, clock: FakeClock) -> AsyncIterator[Office]:
    database = open_database(database_url)
    writer, reader = Writer(database.writer, lambda _topics: None), Reader(database.reader)
    writer.start()
    holder = DirectoryHolder(reader)
    chance = fixed_random()
    context = Context(writer, reader, holder.current, clock, FakeIds().new, chance.random)
    maker = Maker("sms.test", Vault(chance.randbytes), context.new_id, clock.now(), BY)
    file = ConfigFile.model_validate(FILE)
    report = await writer.run(lambda connection: apply_file(connection, file, maker))
    assert report.complaints == ()
    await holder.refresh_now()
    yield Office(
        Accounts(context, AccountRules("sms.test"), chance.randbytes, holder.refresh_now),
        holder,
    )
    await writer.stop()
    reader.close()
    database.close()


async def test_a_sip_account_is_made_changed_and_removed(office: Office) -> None:
    acme = office.tenant("acme")
    made = await office.accounts.create(acme, "sip", SipAccount(user="102", password="one"), BY)
    assert office.holder.current().sip["102"].ha1 == sip_hashes("102", "sms.test", "one")
    object_id = ids.from_text("sip", made["id"])
    changed = await office.accounts.change(
        acme, "sip", object_id, SipAccountPatch(password="two", enabled=False), BY
    )
    assert (changed["enabled"], changed["identity"]) == (False, {"kind": "default", "value": ""})
    assert office.holder.current().sip["102"].ha1 == sip_hashes("102", "sms.test", "two")
    await office.accounts.remove(acme, "sip", object_id, BY)
    assert "102" not in office.holder.current().sip
    with pytest.raises(Refusal, match="not_found"):
        await office.accounts.get(acme, "sip", object_id)


async def test_what_is_in_use_is_not_removed(office: Office) -> None:
    object_id, _ = await office.only("sip", user="101")
    with pytest.raises(Refusal, match=r"conflict.*still uses sip account"):
        await office.accounts.remove(office.tenant("acme"), "sip", object_id, BY)
    assert "101" in office.holder.current().sip


async def test_a_user_that_another_tenant_has_is_a_conflict(office: Office) -> None:
    with pytest.raises(Refusal, match="conflict"):
        await office.accounts.create(office.tenant("acme"), "sip", SipAccount(user="201", password="x"), BY)
    assert len(office.holder.current().sip) == 2


async def test_references_to_nothing_point_at_themselves(office: Office) -> None:
    identity = {"kind": "number", "value": "+48601000009"}
    resource = SipAccount.model_validate({"user": "103", "password": "x", "identity": identity})
    with pytest.raises(InvalidError) as caught:
        await office.accounts.create(office.tenant("acme"), "sip", resource, BY)
    assert [one.pointer for one in caught.value.complaints] == ["/identity/value"]


async def test_other_phones_are_taken_where_they_were_verified(office: Office) -> None:
    acme = office.tenant("acme")
    body = {"kind": "number", "number": "+48601000002", "to": ["+48602000002"]}
    made = await office.accounts.create(acme, "fwd", FORWARD.validate_python(body), BY)
    assert made["verified"] is True
    object_id = ids.from_text("fwd", made["id"])
    stranger = ForwardPatch(to=("+48602000003",), verified=True)
    with pytest.raises(InvalidError, match=r"not verified: \+48602000003"):
        await office.accounts.change(acme, "fwd", object_id, stranger, BY)
    assert (await office.only("fwd", number="+48601000002"))[1]["to"] == ["+48602000002"]


async def test_a_patch_with_the_wrong_keys_for_its_kind_is_invalid(office: Office) -> None:
    object_id, _ = await office.only("fwd", kind="sip")
    with pytest.raises(InvalidError) as caught:
        await office.accounts.change(
            office.tenant("acme"), "fwd", object_id, ForwardPatch(url="https://x.test/h"), BY
        )
    assert [one.pointer for one in caught.value.complaints] == ["/url"]


async def test_events_of_the_tenant_may_go_to_a_url(office: Office) -> None:
    body = {"kind": "webhook", "url": "https://x.test/h", "events": ["message.failed"]}
    made = await office.accounts.create(office.tenant("acme"), "fwd", FORWARD.validate_python(body), BY)
    (rule,) = office.holder.current().subscriptions[office.tenant("acme")]
    assert (made["number"], made["events"], rule.events) == (None, ["message.failed"], {"message.failed"})
    assert rule.secret == made["secret"]


async def test_a_switched_off_rule_is_switched_on_without_its_reason(office: Office) -> None:
    acme = office.tenant("acme")
    object_id, _ = await office.only("fwd", kind="sip")
    assert (await office.accounts.change(acme, "fwd", object_id, ForwardPatch(enabled=False), BY))[
        "enabled"
    ] is False
    assert not office.holder.current().forwards["+48601000001"][0].enabled
    shown = await office.accounts.change(acme, "fwd", object_id, ForwardPatch(enabled=True), BY)
    assert (shown["enabled"], shown["disabled_reason"]) == (True, "")


async def test_nobody_approves_their_own_name(office: Office) -> None:
    made = await office.accounts.create(
        office.tenant("acme"), "nam", SenderName(name="ACME", status="approved"), BY
    )
    assert made["status"] == "pending"


async def test_another_tenant_s_objects_do_not_exist(office: Office) -> None:
    object_id, _ = await office.only("sip", "other", user="201")
    for call in (
        office.accounts.get(office.tenant("acme"), "sip", object_id),
        office.accounts.change(office.tenant("acme"), "sip", object_id, SipAccountPatch(enabled=False), BY),
        office.accounts.remove(office.tenant("acme"), "sip", object_id, BY),
    ):
        with pytest.raises(Refusal, match="not_found"):
            await call
    assert office.holder.current().sip["201"].account.enabled


async def test_keys_page_newest_first(office: Office) -> None:
    acme = office.tenant("acme")
    for name in ("a", "b", "c"):
        await office.accounts.create(acme, "key", NewKey(name=name), BY)
    first, more = await office.accounts.list(acme, "key", limit=2, starting_after=None)
    assert ([one["name"] for one in first], more) == (["c", "b"], True)
    after = ids.from_text("key", first[-1]["id"])
    rest, more = await office.accounts.list(acme, "key", limit=2, starting_after=after)
    assert ([one["name"] for one in rest], more) == (["a"], False)


def test_new_keys_are_long_random_and_checked() -> None:
    chance = fixed_random()
    first, second = new_token(chance.randbytes), new_token(chance.randbytes)
    assert first.startswith("vsk_")
    assert len(first) == len("vsk_") + 26 + 6
    assert first[:30] != second[:30]
    assert first[-6:] != second[-6:]
