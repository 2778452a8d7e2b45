"""A text of nobody's finds its owner by the operator's hand, with all that follows; or it is deleted."""

from collections.abc import AsyncIterator
from hashlib import sha256

import pytest

from support.fakes import FakeClock
from support.operating import ROOT, Control
from voip_sms.core import ids
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.model import InboundPart
from voip_sms.engine.messages import Messages
from voip_sms.engine.oversight import Oversight
from voip_sms.engine.receive import Receiver

STRANGE, OWNED, SENDER = "+48601999999", "+48601000001", "+48602333444"
TEXT = "Zażółć gęślą jaźń"


@pytest.fixture
async def control(database_url: str, clock: FakeClock) -> AsyncIterator[Control]:
    made = await Control.open(database_url, clock)
    yield made
    await made.close()


async def quarantined(control: Control, sender: str = SENDER, text: str = TEXT) -> Id:
    part = InboundPart(sender, STRANGE, text, "ucs2", sha256(text.encode() + sender.encode()).digest())
    await Receiver(control.office.context, "PL").receive("sim", part)
    (row,), _ = await Oversight(control.office.reader).quarantine(limit=1, starting_after=None)
    return ids.from_text("qua", row["id"])


async def left(control: Control) -> int:
    return len((await Oversight(control.office.reader).quarantine(limit=10, starting_after=None))[0])


async def test_it_arrives_at_the_number_it_is_given_to(control: Control) -> None:
    assert await control.quarantine.assign(await quarantined(control), OWNED, ROOT) == "stored"
    messages = Messages(control.office.reader)
    (message,), _ = await messages.list(control.tenant(), limit=5)
    assert (message.sender, message.to, message.text, message.encoding) == (SENDER, OWNED, TEXT, "ucs2")
    steps = await messages.trace(control.tenant(), message.id)
    assert steps is not None
    assert (steps[0].step, steps[0].decision) == ("quarantine", "assigned")
    assert STRANGE in steps[0].reason
    assert await left(control) == 0


async def test_its_owner_s_blacklist_counts(control: Control) -> None:
    unwanted = await quarantined(control, "+48600661234")
    assert await control.quarantine.assign(unwanted, OWNED, ROOT) == "blocked"


async def test_only_a_customer_s_number_can_take_it_and_only_once(control: Control) -> None:
    there = await quarantined(control)
    with pytest.raises(Refusal, match=r"invalid.*no customer"):
        await control.quarantine.assign(there, STRANGE, ROOT)
    await control.quarantine.assign(there, OWNED, ROOT)
    with pytest.raises(Refusal, match=r"not_found"):
        await control.quarantine.assign(there, OWNED, ROOT)
    with pytest.raises(Refusal, match=r"not_found"):
        await control.quarantine.delete(there, ROOT)


async def test_the_log_tells_of_both_without_the_text(control: Control) -> None:
    await control.quarantine.assign(await quarantined(control), OWNED, ROOT)
    await control.quarantine.delete(await quarantined(control, text="another"), ROOT)
    deleted, assigned = await control.told(kind="quarantine")
    assert (deleted["action"], assigned["action"], assigned["after"]) == (
        "removed", "changed", {"number": OWNED},
    )  # fmt: skip
    assert TEXT not in str(assigned)
    assert "another" not in str(deleted)
    assert await left(control) == 0
