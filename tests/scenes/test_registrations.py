"""Where phones can be reached survives everything but the connection itself; keys and accounts are known."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from hashlib import sha256
from typing import Any

import pytest

from support.fakes import FakeClock
from support.world import ACME, DIRECTORY, KEY, PHONE, STRANGER, TWO_WAY, World, world
from voip_sms.core.clock import DAY, SECOND
from voip_sms.core.directory import Account, SipAccount
from voip_sms.core.model import Binding
from voip_sms.engine.credentials import DirectoryCredentials
from voip_sms.engine.events import job_row
from voip_sms.engine.registrations import CONTACTS, StoredRegistrations

TTL = 300


@pytest.fixture
async def scene(database_url: str, clock: FakeClock) -> AsyncIterator[World]:
    made = world(database_url, clock)
    await made.start()
    yield made
    await made.stop()


@pytest.fixture
def registrations(scene: World) -> StoredRegistrations:
    return StoredRegistrations(scene.context)


def binding(clock: FakeClock, contact: str = "sip:101@10.0.0.1:5060", **changes: Any) -> Binding:
    values: dict[str, Any] = {
        "user": "101",
        "contact": contact,
        "source": "192.0.2.1:40000",
        "transport": "udp",
        "flow": "",
        "call_id": "call-1",
        "cseq": 1,
        "expires_at": clock.now() + TTL * SECOND,
        "q": 0.7,
    }
    return Binding(**values | changes)


def contacts(found: Any) -> list[str]:
    return [one.contact for one in found]


async def test_after_a_restart_all_live_bindings_are_known(
    scene: World, registrations: StoredRegistrations, clock: FakeClock
) -> None:
    one, other = binding(clock), binding(clock, "sip:101@10.0.0.2:5060", call_id="call-2")
    short = binding(clock, "sip:101@10.0.0.3:5060", call_id="call-3", expires_at=clock.now() + SECOND)
    for each in (one, other, short):
        await registrations.register(PHONE, [each])
        clock.advance(0.5)
    restarted = StoredRegistrations(scene.context)
    assert contacts(await restarted.everywhere(10)) == [other.contact, one.contact]
    assert contacts(await restarted.everywhere(1)) == [other.contact]


async def test_a_binding_is_kept_as_it_came_over_a_restart(
    scene: World, registrations: StoredRegistrations, clock: FakeClock
) -> None:
    one = binding(clock, transport="tcp", flow="tcp-1")
    assert list(await registrations.register(PHONE, [one])) == [one]
    restarted = StoredRegistrations(scene.context)
    assert list(await restarted.bindings(PHONE)) == [one]
    assert list(await restarted.bindings(TWO_WAY)) == []


async def test_the_newest_comes_first_and_the_expired_is_gone(
    registrations: StoredRegistrations, clock: FakeClock
) -> None:
    await registrations.register(PHONE, [binding(clock, "sip:a@h")])
    clock.advance(100)
    await registrations.register(PHONE, [binding(clock, "sip:b@h", call_id="call-2")])
    assert contacts(await registrations.bindings(PHONE)) == ["sip:b@h", "sip:a@h"]
    clock.advance(TTL - 100)
    assert contacts(await registrations.bindings(PHONE)) == ["sip:b@h"]


async def test_an_old_cseq_changes_nothing_and_a_new_call_does(
    registrations: StoredRegistrations, clock: FakeClock
) -> None:
    await registrations.register(PHONE, [binding(clock, cseq=5)])
    for cseq in (4, 5):
        late = binding(clock, cseq=cseq, source="198.51.100.1:1", expires_at=clock.now())
        assert [one.source for one in await registrations.register(PHONE, [late])] == ["192.0.2.1:40000"]
    other = binding(clock, call_id="call-2", cseq=1, source="198.51.100.1:1")
    assert [one.source for one in await registrations.register(PHONE, [other])] == ["198.51.100.1:1"]


async def test_expires_0_removes_one_contact_and_star_removes_all(
    scene: World, registrations: StoredRegistrations, clock: FakeClock
) -> None:
    both = [binding(clock, "sip:a@h"), binding(clock, "sip:b@h")]
    await registrations.register(PHONE, both)
    await registrations.register(TWO_WAY, [binding(clock, "sip:a@h", user="102")])
    gone = binding(clock, "sip:a@h", cseq=2, expires_at=clock.now())
    assert contacts(await registrations.register(PHONE, [gone])) == ["sip:b@h"]
    await registrations.unregister_all(PHONE)
    assert list(await registrations.bindings(PHONE)) == []
    assert contacts(await registrations.bindings(TWO_WAY)) == ["sip:a@h"]
    assert await scene.count("binding") == 1


async def test_the_eleventh_contact_takes_the_place_of_the_stalest(
    registrations: StoredRegistrations, clock: FakeClock
) -> None:
    for n in range(CONTACTS + 1):
        clock.advance(1)
        await registrations.register(PHONE, [binding(clock, f"sip:{n}@h", call_id=f"call-{n}")])
    found = contacts(await registrations.bindings(PHONE))
    assert len(found) == CONTACTS
    assert "sip:0@h" not in found
    assert found[0] == f"sip:{CONTACTS}@h"


async def test_a_dead_connection_and_a_contact_that_answered_404_are_dropped(
    registrations: StoredRegistrations, clock: FakeClock
) -> None:
    tcp = binding(clock, "sip:a@h", transport="tcp", flow="tcp-7")
    await registrations.register(PHONE, [tcp, binding(clock, "sip:b@h"), binding(clock, "sip:c@h")])
    await registrations.flow_died("tcp-7")
    await registrations.flow_died("tcp-8")
    await registrations.flow_died("")
    assert contacts(await registrations.bindings(PHONE)) == ["sip:b@h", "sip:c@h"]
    await registrations.drop(PHONE, "sip:c@h")
    assert contacts(await registrations.bindings(PHONE)) == ["sip:b@h"]


async def test_a_contact_registered_since_is_not_dropped_by_an_old_answer(
    registrations: StoredRegistrations, clock: FakeClock
) -> None:
    await registrations.register(PHONE, [binding(clock, "sip:a@h")])
    [seen] = await registrations.bindings(PHONE)
    await registrations.register(PHONE, [replace(seen, cseq=seen.cseq + 1)])
    await registrations.drop(PHONE, "sip:a@h", seen)
    [there] = await registrations.bindings(PHONE)
    await registrations.drop(PHONE, "sip:a@h", there)
    assert list(await registrations.bindings(PHONE)) == []


async def test_whoever_waits_hears_of_each_register(scene: World, clock: FakeClock) -> None:
    heard: list[tuple[str, list[str]]] = []
    telling = StoredRegistrations(scene.context, lambda user, live: heard.append((user, contacts(live))))
    await telling.register(PHONE, [binding(clock, "sip:a@h")])
    assert heard == [("101", ["sip:a@h"])]


async def test_registers_at_once_are_all_kept(registrations: StoredRegistrations, clock: FakeClock) -> None:
    await asyncio.gather(
        *(
            registrations.register(PHONE, [binding(clock, f"sip:{n}@h", call_id=f"call-{n}")])
            for n in range(CONTACTS)
        )
    )
    assert len(await registrations.bindings(PHONE)) == CONTACTS


async def test_register_makes_the_first_waiting_text_due_and_wakes_forwarding(
    scene: World, registrations: StoredRegistrations, clock: FakeClock
) -> None:
    message = {"id": b"m" * 16, "tenant_id": ACME}
    later = clock.now() + DAY
    for n, user in enumerate(("101", "101", "102"), 1):
        row = job_row(message, "sip", user, clock.now(), bytes([n]) * 16)
        await scene.insert("forward_job", {**row, "due_at": later})
    scene.woken.clear()
    gone = binding(clock, expires_at=clock.now())
    await registrations.register(PHONE, [gone])
    assert "forwards" not in scene.woken
    await registrations.register(PHONE, [binding(clock, cseq=2)])
    assert "forwards" in scene.woken
    due = [row["due_at"] for row in await scene.rows("forward_job")]
    assert due == [clock.now(), later, later]


# --- credentials --------------------------------------------------------------------------------------------


def credentials(**changes: Any) -> DirectoryCredentials:
    token = sha256(b"test-key").digest()
    full = replace(DIRECTORY, keys={token: KEY}, sip={"101": SipAccount(PHONE, {"MD5": "0" * 32})})
    return DirectoryCredentials(lambda: replace(full, **changes))


def disabled(account: Account) -> Account:
    return replace(account, enabled=False)


def test_a_token_is_known_by_its_digest_only() -> None:
    assert credentials().api_key("test-key") == KEY
    for wrong in ("", "test-kez", "test-key ", sha256(b"test-key").hexdigest(), "x" * 10_000, "\udcff"):
        assert credentials().api_key(wrong) is None


def test_a_sip_account_is_known_by_its_user() -> None:
    found = credentials().sip_account("101")
    assert found is not None
    assert found.account == PHONE
    assert credentials().sip_account("102") is None


def test_the_disabled_are_nobody() -> None:
    token = sha256(b"test-key").digest()
    assert credentials(keys={token: disabled(KEY)}).api_key("test-key") is None
    assert credentials(sip={"101": SipAccount(disabled(PHONE), {})}).sip_account("101") is None
    closed = {ACME: replace(DIRECTORY.tenants[ACME], enabled=False)}
    for tenants in (closed, {}):
        assert credentials(tenants=tenants).api_key("test-key") is None
        assert credentials(tenants=tenants).sip_account("101") is None
    assert credentials(keys={token: STRANGER}).api_key("test-key") == STRANGER
