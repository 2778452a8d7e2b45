"""Linphone as it is: texts in CPIM, wishes for receipts, and its own receipts for what it gets."""

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
import pytest_asyncio

from support.service import opened
from voip_sms.demo.clients import until
from voip_sms.demo.linphone import Habits, Linphone
from voip_sms.demo.phone import Phone, PhoneAccount
from voip_sms.demo.stage import LINPHONE, Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.peer("linphone"),
    pytest.mark.peer("pjsua2"),
]

TYPED, HANDSET = "601123456", "+48601123456"
RICH = ("Zażółć gęślą jaźń 😀 " * 56)[:999] + "!"
WITHIN = 10.0
"""Seconds for what takes a fraction of one."""
REFUSALS = re.compile(r"^SIP/2\.0 (?!401)[4-6]\d\d .*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Room:
    stage: Stage
    linphone: Linphone  # 104, with CPIM
    other: Linphone  # 103, with CPIM
    desk: Phone  # 102, PJSIP


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    folder = tmp_path_factory.mktemp("linphone")

    def account(user: str) -> PhoneAccount:
        return PhoneAccount(user, f"pw{user}", "sms.test", "127.0.0.1", stage.sip_port, "tcp")

    def home(name: str) -> Path:
        (folder / name).mkdir()
        return folder / name

    async with opened() as stage, AsyncExitStack() as doors:
        made = Room(
            stage,
            Linphone(account("104"), home("104"), Habits(cpim=True)),
            Linphone(account("103"), home("103"), Habits(cpim=True)),
            Phone(account("102")),
        )
        for phone in (made.linphone, made.other, made.desk):
            doors.push_async_callback(phone.close)
            assert (await phone.register(WITHIN)).status == 200
        yield made


async def test_a_text_in_cpim_is_a_plain_sms_and_shown_as_delivered(room: Room) -> None:
    shown = room.linphone.delivered_so_far()
    assert (await room.linphone.send(TYPED, "Zażółć 😀 w kopercie", WITHIN)).status == 202
    assert "Content-Type: message/cpim" in room.linphone.log_text()
    seen = await room.stage.handsets.received(HANDSET, "Zażółć 😀 w kopercie")
    assert seen["from"] == LINPHONE
    await room.linphone.shows_delivered(shown + 1, WITHIN)


async def test_its_receipts_are_taken_and_never_sent_on(room: Room) -> None:
    before = len(await room.stage.handsets.messages(HANDSET))
    await room.stage.handsets.send(HANDSET, LINPHONE, RICH)
    assert (await room.linphone.message_with(RICH, WITHIN)).body == RICH

    async def receipted() -> bool:
        return "message/imdn+xml" in room.linphone.log_text()

    await until(receipted, "Linphone sent no receipt")
    assert (await room.linphone.send(TYPED, "po pokwitowaniu", WITHIN)).status == 202
    await room.stage.handsets.received(HANDSET, "po pokwitowaniu")
    assert len(await room.stage.handsets.messages(HANDSET)) == before + 1
    assert REFUSALS.findall(room.linphone.log_text()) == []


async def test_between_two_linphones_the_text_arrives_and_is_shown_as_delivered(room: Room) -> None:
    shown = room.linphone.delivered_so_far()
    assert (await room.linphone.send("103", RICH, WITHIN)).status == 202
    got = await room.other.message_with(RICH, WITHIN)
    assert (got.body, got.sender) == (RICH, "sip:104@sms.test")
    await room.linphone.shows_delivered(shown + 1, WITHIN)


async def test_a_phone_that_knows_plain_text_only_gets_plain_text(room: Room) -> None:
    assert (await room.linphone.send("102", RICH, WITHIN)).status == 202
    got = await room.desk.message_with(RICH, WITHIN)
    assert got.content_type == "text/plain;charset=UTF-8"
    assert (await room.desk.send("104", "i z powrotem ✓", WITHIN)).status == 202
    assert (await room.linphone.message_with("i z powrotem ✓", WITHIN)).sender == "sip:102@sms.test"
