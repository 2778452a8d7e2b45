"""Every make of phone over every transport: to a handset and back, and each to each."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass

import pytest
import pytest_asyncio

from support.peers import find_command
from support.phones import SEATS, AnyPhone, Place, Seat, seated, whole
from support.service import opened
from support.tls import Authority
from voip_sms.demo.clients import Handsets, until
from voip_sms.demo.stage import Stage

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    *(pytest.mark.peer(name) for name in ("pjsua2", "baresip", "linphone", "sipp")),
]

HANDSET, HANDSET_NUMBER = "601123456", "+48601123456"
SHORT = "Zażółć gęślą jaźń 😀👍🏽"
PLAIN = ("The parcel waits at the desk until six o'clock. " * 21)[:1000]
RICH = ("Zażółć gęślą jaźń 😀 " * 56)[:999] + "!"
"""1,000 characters: in the GSM alphabet (seven parts), and with Polish letters and emoji."""
TAKES_TCP_TOO = ("baresip",)
"""Registered over UDP, it takes TCP at the same port: a long text goes there (RFC 3428 8)."""
WITHIN = 8.0
"""Seconds for what takes a fraction of one; a datagram that got lost is sent again for 32 (RFC 3261, timer F)."""
SEATED = [pytest.param(seat, id=str(seat)) for seat in SEATS]


@dataclass(frozen=True, slots=True)
class Room:
    """The running service with everybody registered."""

    stage: Stage
    phones: Mapping[str, AnyPhone]

    @property
    def handsets(self) -> Handsets:
        return self.stage.handsets


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def room(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Room]:
    folder = tmp_path_factory.mktemp("phones")
    certified = Authority(folder).issue()
    settings = {f"VOIP_SMS_SIP__{name.upper()}": value for name, value in certified.settings().items()}
    settings["VOIP_SMS_SIP__TLS"] = "127.0.0.1:0"
    async with opened(change=seated, **settings) as stage, AsyncExitStack() as doors:
        ports = {name: stage.serve.address(f"sip_{name}")[1] for name in ("udp", "tcp", "tls")}
        place = Place(ports, certified.ca, (HANDSET, *(seat.user for seat in SEATS)), folder)
        phones = {str(seat): place.phone(seat) for seat in SEATS}
        for phone in phones.values():
            doors.push_async_callback(phone.close)
        answers = await asyncio.gather(*(phone.register(WITHIN) for phone in phones.values()))
        assert {name: answer.status for name, answer in zip(phones, answers, strict=True)} == dict.fromkeys(
            phones, 200
        )
        yield Room(stage, phones)


@pytest.mark.parametrize("text", [SHORT, PLAIN], ids=["letters and emoji", "1000 characters"])
@pytest.mark.parametrize("seat", SEATED)
async def test_a_text_reaches_a_handset_letter_by_letter(room: Room, seat: Seat, text: str) -> None:
    sent = await room.phones[str(seat)].send(HANDSET, text, WITHIN)
    assert sent.status == 202, sent

    async def shown() -> list[str]:
        inbox = await room.handsets.messages(HANDSET_NUMBER)
        return [one["text"] for one in inbox if one["from"] == seat.number and one["text"][:9] == text[:9]]

    assert await until(shown, f"nothing came from {seat.number}", WITHIN) == [text]


@pytest.mark.parametrize("text", [SHORT, RICH], ids=["letters and emoji", "1000 characters"])
@pytest.mark.parametrize("seat", SEATED)
async def test_an_answer_rings_on_that_phone_letter_by_letter(room: Room, seat: Seat, text: str) -> None:
    phone = room.phones[str(seat)]
    seen = len(phone.messages)
    await room.handsets.send(HANDSET_NUMBER, seat.number, text)
    got, pieces = await whole(phone, text, seen, WITHIN)
    assert got == text
    assert all(f"sip:{HANDSET_NUMBER}@" in one.sender for one in phone.messages.items[seen:])
    long_for_udp = len(text) == len(RICH) and seat.transport == "udp" and seat.make not in TAKES_TCP_TOO
    assert (pieces > 1) == long_for_udp, "cut only where there is nothing but datagrams"


async def test_debian_s_sipp_has_no_tls() -> None:
    """Why a small phone of our own sits in its place there; when this fails, let sipp have it."""
    program = find_command("sipp")
    assert program
    process = await asyncio.create_subprocess_exec(
        *(program, "-t", "l1", "127.0.0.1:9", "-sn", "uac", "-m", "1"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    async with asyncio.timeout(WITHIN):
        told, _ = await process.communicate()
    assert process.returncode
    assert b"TLS" in told


@pytest.mark.parametrize("receiver", SEATED)
@pytest.mark.parametrize("sender", SEATED)
async def test_each_to_each(room: Room, sender: Seat, receiver: Seat) -> None:
    phone = room.phones[str(receiver)]
    seen, text = len(phone.messages), f"{RICH[:980]} {sender}"[:1000]
    sent = await room.phones[str(sender)].send(receiver.user, text, WITHIN)
    assert sent.status == 202, sent
    got, _ = await whole(phone, text, seen, WITHIN)
    assert got == text
    assert all(f"sip:{sender.user}@" in one.sender for one in phone.messages.items[seen:])
