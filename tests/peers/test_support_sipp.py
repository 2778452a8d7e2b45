"""sipp runs a scenario and its outcome is read rightly, good or bad."""

import asyncio
from pathlib import Path

import pytest

from support.sipp import SippRun, run_sipp

pytestmark = pytest.mark.peer("sipp")

OPTIONS = """
<?xml version="1.0" encoding="UTF-8"?>
<scenario name="options">
  <send retrans="200"><![CDATA[
OPTIONS sip:[service]@[remote_ip]:[remote_port] SIP/2.0
Via: SIP/2.0/[transport] [local_ip]:[local_port];branch=[branch]
From: <sip:[name]@sms.test>;tag=[call_number]
To: <sip:[service]@sms.test>
Call-ID: [call_id]
CSeq: 1 OPTIONS
Max-Forwards: 70
Content-Length: 0

]]></send>
  <recv response="200"/>
</scenario>
"""
COPIED = ("via:", "from:", "to:", "call-id:", "cseq:")


class Answerer(asyncio.DatagramProtocol):
    """Answers every request with one status, copying what must be copied (RFC 3261 8.2.6)."""

    def __init__(self, status: str) -> None:
        self.status = status
        self.seen: list[str] = []

    def connection_made(self, transport: asyncio.DatagramTransport) -> None:
        self.transport = transport

    def datagram_received(self, data: bytes, address: tuple[str, int]) -> None:
        self.seen.append(data.decode())
        if self.status:
            headers = [line for line in self.seen[-1].split("\r\n") if line.lower().startswith(COPIED)]
            answer = "\r\n".join([f"SIP/2.0 {self.status}", *headers, "Content-Length: 0", "", ""])
            self.transport.sendto(answer.encode(), address)


async def _run(folder: Path, status: str, **settings: object) -> tuple[Answerer, object]:
    loop = asyncio.get_running_loop()
    transport, answerer = await loop.create_datagram_endpoint(
        lambda: Answerer(status), local_addr=("127.0.0.1", 0)
    )
    try:
        target = "127.0.0.1:{}".format(transport.get_extra_info("sockname")[1])
        return answerer, await run_sipp(SippRun(OPTIONS, target, keys={"name": "101"}, **settings), folder)
    finally:
        transport.close()


async def test_calls_that_go_well_are_counted(tmp_path: Path) -> None:
    answerer, result = await _run(tmp_path, "200 OK", calls=3, service="601123456")
    assert (result.exit_code, result.successful, result.failed) == (0, 3, 0)
    assert answerer.seen[0].startswith("OPTIONS sip:601123456@127.0.0.1")
    assert "From: <sip:101@sms.test>" in result.messages


async def test_an_unexpected_answer_fails_the_call(tmp_path: Path) -> None:
    _, result = await _run(tmp_path, "403 Forbidden")
    assert (result.exit_code, result.successful, result.failed) == (1, 0, 1)
    assert "403" in result.errors


async def test_silence_is_retransmitted_and_ends_in_time(tmp_path: Path) -> None:
    answerer, result = await _run(tmp_path, "", within=2)
    assert result.exit_code != 0
    assert result.successful == 0
    assert len(answerer.seen) > 1
