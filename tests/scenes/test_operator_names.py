"""A sender name is usable once somebody else than the requester has looked at it; look-alikes are pointed out."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from support.fakes import FakeClock
from support.operating import ROOT, Control
from voip_sms.core import ids
from voip_sms.core.audit import By
from voip_sms.core.directory import Id
from voip_sms.core.failures import Refusal
from voip_sms.core.resources import SenderName
from voip_sms.store.reader import Reader

ANN = By("user:ann@acme.test", "panel")


@pytest.fixture
async def control(database_url: str, clock: FakeClock) -> AsyncIterator[Control]:
    made = await Control.open(database_url, clock)
    yield made
    await made.close()


async def applied(control: Control, name: str, by: By = ANN) -> Id:
    made = await control.accounts.create(control.tenant(), "nam", SenderName(name=name), by)
    return ids.from_text("nam", made["id"])


async def test_a_name_waits_with_who_applied_and_is_approved(control: Control, clock: FakeClock) -> None:
    name_id = await applied(control, "Piekarnia")
    (waiting,), more = await control.names.listing("pending", limit=50)
    assert (waiting.name, waiting.tenant_name, waiting.by, waiting.at, more) == (
        "Piekarnia", "acme", ANN.who, clock.now(), False,
    )  # fmt: skip
    shown = await control.names.decide(name_id, "approved", "", ROOT)
    assert shown["status"] == "approved"
    assert control.office.holder.current().names[control.tenant(), "Piekarnia"].status == "approved"
    assert (await control.names.listing("pending", limit=50))[0] == []
    with pytest.raises(Refusal, match=r"conflict.*approved already"):
        await control.names.decide(name_id, "approved", "", ROOT)


async def test_a_list_is_one_read_however_many_wait(
    control: Control, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = []
    for number in range(5):
        clock.advance(1)
        made.append((f"Sklep {number}", f"user:{number}@acme.test", clock.now()))
        await applied(control, made[-1][0], By(made[-1][1], "panel"))
    reads, run = [], Reader.run

    async def counted(self: Reader, function: Any, *arguments: Any, **more: Any) -> Any:
        reads.append(function)
        return await run(self, function, *arguments, **more)

    monkeypatch.setattr(Reader, "run", counted)
    found, more = await control.names.listing("pending", limit=4)
    assert [(one.name, one.by, one.at) for one in found] == made[:0:-1]
    assert (more, len(reads)) == (True, 1)
    rest, more = await control.names.listing(
        "pending", limit=4, starting_after=ids.from_text("nam", found[-1].id)
    )
    assert ([(one.name, one.by, one.at) for one in rest], more) == (made[:1], False)


async def test_nobody_approves_what_they_applied_for(control: Control) -> None:
    name_id = await applied(control, "Piekarnia", ROOT)
    with pytest.raises(Refusal, match=r"forbidden.*somebody else"):
        await control.names.decide(name_id, "approved", "", ROOT)
    await control.names.decide(name_id, "approved", "", By("user:other@operator.test", "panel"))


async def test_a_rejection_says_why_to_the_customer(control: Control) -> None:
    name_id = await applied(control, "Policja")
    with pytest.raises(Refusal, match=r"invalid.*why"):
        await control.names.decide(name_id, "rejected", "  ", ROOT)
    await control.names.decide(name_id, "rejected", "Reserved for the police.", ROOT)
    shown = await control.accounts.get(control.tenant(), "nam", name_id)
    assert (shown["status"], shown["reason"]) == ("rejected", "Reserved for the police.")
    (entry, *_) = await control.told(kind="sender_names")
    assert (entry["who"], entry["after"]["status"]) == (ROOT.who, "rejected")


@pytest.mark.parametrize(
    ("name", "like", "how"),
    [
        ("name 2", "NAME2", "same"),
        ("N4ME2", "NAME2", "same"),
        ("MyNAME2", "NAME2", "inside"),
        ("NAMES", "NAME2", "slip"),
        ("Bramka SM5", "Bramka SMS", "same"),
    ],
)
async def test_what_looks_like_another_s_name_is_pointed_out(
    control: Control, name: str, like: str, how: str
) -> None:
    found = await control.names.get(await applied(control, name))
    assert (like, how) in [(one.name, one.how) for one in found.like]


async def test_own_names_are_no_look_alikes(control: Control) -> None:
    found = await control.names.get(await applied(control, "NAME1 info"))
    assert "NAME1" not in [one.name for one in found.like]
