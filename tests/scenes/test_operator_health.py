"""The operator's first page knows how things are, and the audit log is proven whole within a bound."""

from collections.abc import AsyncIterator
from dataclasses import replace
from threading import Event

import pytest
from sqlalchemy import Connection, update

from support.fakes import FakeClock, NoDispatcher, fixed_random
from support.operating import ROOT, Control
from voip_sms.core.clock import DAY, SECOND
from voip_sms.core.directory import NO_TENANT
from voip_sms.core.failures import Refusal
from voip_sms.core.identity import Rules
from voip_sms.core.ids import Ids
from voip_sms.core.model import InboundPart, LinkState, Submission
from voip_sms.core.resources.network import SmppCarrier
from voip_sms.engine import audit as engine_audit
from voip_sms.engine import health as engine_health
from voip_sms.engine.chores.seals import Seals
from voip_sms.engine.health import Finding
from voip_sms.engine.oversight import Oversight, Volume
from voip_sms.engine.pulse import beat_unit
from voip_sms.engine.receive import Receiver
from voip_sms.engine.submit import Submit
from voip_sms.store.tables import audit_entry

BOUND = LinkState("bound", 1)


@pytest.fixture
async def control(database_url: str, clock: FakeClock) -> AsyncIterator[Control]:
    made = await Control.open(database_url, clock)
    yield made
    await made.close()


async def test_when_everything_runs_it_says_so(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    await context.writer.do(beat_unit("main", context.new_id(), clock.now()))
    control.links["sim"] = BOUND
    health = await control.examination.now()
    assert health.well
    assert [(one.name, one.alive) for one in health.nodes] == [("main", True)]
    assert health.waiting == {"registrations": 0, "sender_names": 0, "quarantine": 0}
    assert health.doors["http"] == "127.0.0.1:8080"


async def test_each_thing_that_is_wrong_is_told(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    control.links["sim"] = BOUND
    await context.writer.do(beat_unit("other", context.new_id(), clock.now()))
    clock.advance(60)
    health = await control.examination.now()
    assert not health.well
    assert not health.nodes[0].alive
    control.links["sim"] = LinkState("refused", 1, "ESME_RBINDFAIL")
    ((_, link),) = (await control.examination.now()).links
    assert link.detail == "ESME_RBINDFAIL"
    control.missing.append("database")
    control.findings.append(Finding("fail", "disk", "1 MiB free"))
    health = await control.examination.now()
    assert (health.missing, [one.name for one in health.findings]) == (["database"], ["disk"])


async def test_a_carrier_that_another_process_has_is_no_fault(control: Control, clock: FakeClock) -> None:
    context = control.office.context
    await context.writer.do(beat_unit("main", context.new_id(), clock.now()))
    control.links["sim"] = LinkState("connecting", 0, "node b has the connection", node="b")
    assert (await control.examination.now()).well


async def test_a_database_that_is_away_is_a_line_and_no_error(control: Control) -> None:
    control.office.reader.close()
    health = await control.examination.now()
    assert (health.stored, health.well, health.nodes) == (False, False, [])
    assert health.doors


async def test_a_disk_that_hangs_is_a_line_and_takes_one_thread(
    control: Control, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine_health, "EXAMINING", 0.05)
    hangs, looked = Event(), list[int]()

    def machine() -> list[Finding]:
        looked.append(1)
        hangs.wait(30)
        return []

    monkeypatch.setattr(control.examination, "_machine", machine)
    for _ in range(3):
        (finding,) = (await control.examination.now()).findings
        assert (finding.state, finding.name) == ("fail", "machine")
    hangs.set()
    assert len(looked) == 1


async def test_customers_are_told_in_counts(control: Control, clock: FakeClock) -> None:
    office = control.office
    found, more = await Oversight(office.reader).customers(clock.now(), limit=10)
    assert ([one.name for one in found], more) == (["other", "acme"], False)
    key = next(one for one in office.holder.current().keys.values() if one.tenant_id == control.tenant())
    context = replace(office.context, new_id=Ids(clock, fixed_random().randbytes).new)  # moments are in ids
    submit = Submit(context, NoDispatcher(), Rules())
    for text in ("one", "two"):
        await submit.submit(Submission(key, "api", ("+48602000001",), text))
    part = InboundPart("+48602000001", "+48601000001", "three", "gsm7", bytes(32))
    await Receiver(context, "PL").receive("sim", part)
    full = await Oversight(office.reader).customer(control.tenant(), clock.now())
    assert (full.customer.today, full.month) == (Volume(2, 1), Volume(2, 1))
    assert (full.counts["numbers"], full.counts["sip_accounts"]) == (1, 1)
    clock.advance(2 * DAY / 1_000_000)
    full = await Oversight(office.reader).customer(control.tenant(), clock.now())
    assert (full.customer.today, full.month) == (Volume(0, 0), Volume(2, 1))
    with pytest.raises(Refusal, match="not_found"):
        await Oversight(office.reader).customer(bytes(16), clock.now())


# --- the audit log ------------------------------------------------------------------------------------------


async def sealed(control: Control) -> None:
    await control.network.put(SmppCarrier(name="sim", window=3), ROOT)
    await Seals().run(control.office.context)


async def test_a_log_that_nobody_touched_is_whole(control: Control, clock: FakeClock) -> None:
    await sealed(control)
    verified = await control.log.verify(clock.now)
    assert (verified.whole, verified.faults, len(verified.chains)) == (True, 0, 3)
    assert verified.entries > 3
    assert control.log.verified == verified
    own = await control.log.verify(clock.now, control.tenant())
    assert [one.tenant for one in own.chains] == [control.tenant_text()]


def forge(connection: Connection) -> None:
    mine = (audit_entry.c.tenant_id == NO_TENANT, audit_entry.c.seq == 2)
    connection.execute(update(audit_entry).where(*mine).values(who="nobody"))


async def test_an_entry_that_was_changed_is_found(control: Control, clock: FakeClock) -> None:
    await sealed(control)
    await control.office.writer.run(forge)
    verified = await control.log.verify(clock.now)
    (wrong,) = [one for one in verified.chains if one.faults]
    assert (wrong.tenant, wrong.faults[0].kind) == (None, "changed")


async def test_a_log_that_is_too_long_is_said_to_be_looked_at_in_part(
    control: Control, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    await sealed(control)

    def now() -> int:
        clock.advance(6)
        return clock.now()

    monkeypatch.setattr(engine_audit, "VERIFYING", 5 * SECOND)
    verified = await control.log.verify(now)
    assert (verified.whole, verified.faults) == (False, 0)
