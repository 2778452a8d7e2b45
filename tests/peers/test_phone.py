"""The PJSIP phone registers with digest, sends, receives and reports refusals, over UDP and TCP."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from voip_sms.demo.phone import Phone, PhoneAccount

pytestmark = pytest.mark.peer("pjsua2")

COPIED = ("via:", "from:", "to:", "call-id:", "cseq:")


class TinyRegistrar(asyncio.DatagramProtocol):
    """Challenges every request once, then answers 200 to REGISTER and the planned status to MESSAGE."""

    def __init__(self) -> None:
        self.requests: list[str] = []
        self.contact: tuple[str, int] | None = None
        self.status = "202 Accepted"

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport
        self.port = transport.get_extra_info("sockname")[1]

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        request = data.decode()
        if not request.strip() or request.startswith("SIP/2.0"):
            return
        self.requests.append(request)
        self.transport.sendto(self._answer(request, address).encode(), address)

    def _answer(self, request: str, address: tuple[str, int]) -> str:
        lines = [line for line in request.split("\r\n") if line.lower().startswith(COPIED)]
        extra = []
        if "\r\nAuthorization:" not in request:
            status = "401 Unauthorized"
            extra = ['WWW-Authenticate: Digest realm="sms.test", nonce="n1", algorithm=MD5, qop="auth"']
        elif request.startswith("REGISTER"):
            status = "200 OK"
            self.contact = address
            extra = [line for line in request.split("\r\n") if line.startswith("Contact:")]
        else:
            status = self.status
        return "\r\n".join([f"SIP/2.0 {status}", *lines, *extra, "Content-Length: 0", "", ""])

    def deliver(self, text: str) -> None:
        assert self.contact is not None
        body = text.encode()
        head = (
            "MESSAGE sip:101@127.0.0.1 SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP 127.0.0.1:{self.port};branch=z9hG4bK-1;rport\r\n"
            "From: <sip:+48601123456@sms.test>;tag=1\r\nTo: <sip:101@sms.test>\r\nCall-ID: c1\r\n"
            "CSeq: 1 MESSAGE\r\nMax-Forwards: 70\r\nDate: Sun, 22 Nov 2026 10:00:00 GMT\r\n"
            f"Content-Type: text/plain;charset=UTF-8\r\nContent-Length: {len(body)}\r\n\r\n"
        )
        self.transport.sendto(head.encode() + body, self.contact)


@pytest.fixture
async def registrar() -> AsyncIterator[TinyRegistrar]:
    transport, registrar = await asyncio.get_running_loop().create_datagram_endpoint(
        TinyRegistrar, local_addr=("127.0.0.1", 0)
    )
    yield registrar
    transport.close()


@pytest.fixture
async def phone(registrar: TinyRegistrar, tmp_path: Path) -> AsyncIterator[Phone]:
    account = PhoneAccount("101", "pw101", "sms.test", "127.0.0.1", registrar.port)
    async with Phone(account, log=tmp_path / "phone.log") as phone:
        yield phone


async def test_it_registers_with_digest_and_sends(registrar: TinyRegistrar, phone: Phone) -> None:
    assert (await phone.register()).status == 200
    assert await phone.send("601123456", "Zażółć gęślą jaźń") == (202, "Accepted")

    first, last = registrar.requests[0], registrar.requests[-1]
    assert first.startswith("REGISTER sip:sms.test SIP/2.0")
    assert last.startswith("MESSAGE sip:601123456@sms.test SIP/2.0")
    assert re.search(r'Authorization: Digest username="101"', last)
    assert last.endswith("\r\n\r\nZażółć gęślą jaźń")


async def test_a_refusal_reaches_the_hand_with_its_reason(registrar: TinyRegistrar, phone: Phone) -> None:
    registrar.status = "403 recipient forbidden"
    assert await phone.send("112", "pomocy") == (403, "recipient forbidden")


async def test_several_leave_in_order_each_with_its_own_answer(
    registrar: TinyRegistrar, phone: Phone
) -> None:
    answers = await asyncio.gather(*(phone.send(f"60112345{n}", f"text {n}") for n in range(5)))
    assert [answer.status for answer in answers] == [202] * 5
    sent = [request for request in registrar.requests if "\r\nAuthorization:" in request]
    assert [request[-1] for request in sent] == list("01234")


async def test_what_arrives_is_shown_with_its_headers(registrar: TinyRegistrar, phone: Phone) -> None:
    await phone.register()
    registrar.deliver("Odpowiedź")
    message = await phone.next_message(within=5)
    assert (message.body, message.content_type) == ("Odpowiedź", "text/plain;charset=UTF-8")
    assert "sip:+48601123456@sms.test" in message.sender
    assert message.header("date") == "Sun, 22 Nov 2026 10:00:00 GMT"
    with pytest.raises(TimeoutError):
        await phone.next_message(within=0.05)


@pytest.mark.parametrize("transport", ["udp", "tcp"])
async def test_two_phones_reach_each_other(transport: str) -> None:
    nobody = PhoneAccount("101", "x", "sms.test", "127.0.0.1", 9, transport)
    async with Phone(nobody) as other:
        host, _, port = other.address.rpartition(":")
        me = PhoneAccount("102", "x", "sms.test", host, int(port), transport)
        async with Phone(me) as phone:
            suffix = ";transport=tcp" if transport == "tcp" else ""
            answer = await phone.send(f"sip:101@{other.address}{suffix}", "halo")
            assert answer.status == 200
            assert (await other.next_message(within=5)).body == "halo"


async def test_hanging_up_takes_the_binding_away(registrar: TinyRegistrar, phone: Phone) -> None:
    await phone.register()
    await phone.close()
    assert "Expires: 0" in registrar.requests[-1]


async def test_without_a_registrar_it_says_so() -> None:
    # Nobody listens there: over TCP that is known at once.
    async with Phone(PhoneAccount("101", "x", "sms.test", "127.0.0.1", 9, "tcp")) as phone:
        assert (await phone.register(within=10)).status in range(400, 700)


async def test_in_the_terminal_it_sends_what_is_typed_and_shows_the_answer(registrar: TinyRegistrar) -> None:
    command = [sys.executable, "-c", "from voip_sms.cli.phone import phone; phone()"]
    arguments = ["--user", "101", "--password", "pw101", "--registrar", f"127.0.0.1:{registrar.port}"]
    process = await asyncio.create_subprocess_exec(
        *command, *arguments, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )

    async def shown(text: str) -> None:
        async with asyncio.timeout(15):
            while text not in (await process.stdout.readline()).decode():
                assert process.returncode is None

    await shown("registered as 101@sms.test")
    process.stdin.write("601123456 Dzień dobry\n".encode())
    await shown("> 601123456: 202 Accepted")
    registrar.deliver("Witam")
    await shown("< +48601123456: Witam")
    process.stdin.write(b"/Do widzenia\n")
    await shown("> +48601123456: 202 Accepted")
    process.stdin.write_eof()
    assert await asyncio.wait_for(process.wait(), 15) == 0
    assert any(request.endswith("Do widzenia") for request in registrar.requests)
