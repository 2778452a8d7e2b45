"""Plays the SIP sessions in tests/dialogues/sip: what a client sends, octet for octet, and what it must get.

A file is a list of steps. `--- send` is followed by a message, whose lines end in CRLF on the wire, body
included; `{n}` becomes a number that is new in each step, and `Content-Length: auto` is filled in.
`--- send as 101 pw101` adds credentials for the last challenge. `--- expect 400` is followed by header
patterns that the reply must match; `--- silence` and `--- closed` are what they say. The first line of the file
is what it shows, the second names the transport.
"""

import re
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.fakes import FakeClock
from support.sip_raw import RawTcp, RawUdp
from support.sip_service import Service
from voip_sms.wire.sip.digest import answer, parse_challenge
from voip_sms.wire.sip.messages import Response

FOLDER = Path(__file__).parent / "sip"
FILES = sorted(FOLDER.glob("*.txt"))


@dataclass(frozen=True, slots=True)
class Step:
    verb: str
    words: list[str]
    lines: list[str]


def steps(text: str) -> Iterator[Step]:
    for block in text.split("\n--- ")[1:]:
        first, _, rest = block.partition("\n")
        verb, *words = first.split()
        yield Step(verb, words, rest.rstrip("\n").split("\n") if verb == "send" else rest.split("\n"))


class Player:
    """One client's side of a session."""

    def __init__(self, peer: RawUdp | RawTcp) -> None:
        self.peer = peer
        self.number = 0
        self.challenge: Response | None = None

    async def play(self, step: Step) -> None:
        match step.verb:
            case "send":
                self.send(step)
            case "expect":
                await self.expect(step)
            case "silence":
                assert isinstance(self.peer, RawUdp)
                assert await self.peer.quiet()
            case "closed":
                assert isinstance(self.peer, RawTcp)
                assert await self.peer.closed()
            case other:
                pytest.fail(f"unknown step {other}")

    def send(self, step: Step) -> None:
        self.number += 1
        lines = [line.replace("{n}", str(self.number)) for line in step.lines]
        gap = lines.index("") if "" in lines else len(lines)
        body = "\r\n".join(lines[gap + 1 :]).encode()
        head = [
            re.sub(r"^((?:Content-Length|l)\s*:) auto$", rf"\1 {len(body)}", line) for line in lines[:gap]
        ]
        if step.words:
            head.append(self.credentials(head[0], *step.words[1:]))
        self.peer.send("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def credentials(self, start: str, user: str, password: str) -> str:
        assert self.challenge is not None
        method, uri, _ = start.split(" ")
        value = parse_challenge(self.challenge.headers.get("www-authenticate"))
        return f"Authorization: {answer(value, method, uri, user, password, cnonce='c', count=self.number)}"

    async def expect(self, step: Step) -> None:
        reply = await self.peer.reply()
        assert reply.status == int(step.words[0]), f"{reply.status} {reply.reason}"
        if reply.status == 401:
            self.challenge = reply
        for line in filter(None, step.lines):
            name, _, pattern = line.partition(": ")
            assert pattern, f"nothing to hold the reply against: {line}"
            assert name.lower() in reply.headers, f"no {name}"
            assert re.search(pattern, reply.headers.get(name.lower())), (
                f"{name}: {reply.headers.get(name.lower())}"
            )


@pytest.fixture
async def service(clock: FakeClock) -> AsyncIterator[Service]:
    running = await Service(clock).start()
    yield running
    await running.stop()


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
async def test_dialogue(service: Service, file: Path) -> None:
    text = file.read_text(encoding="utf-8")
    transport = text.split("\n")[1]
    peer = {"udp": RawUdp(*service.udp), "tcp": RawTcp(*service.tcp)}[transport]
    async with peer:
        player = Player(peer)
        played = list(steps(text))
        for step in played:
            await player.play(step)
        assert {step.verb for step in played} & {"expect", "silence", "closed"}, "it expects nothing"


def test_there_are_dialogues() -> None:
    assert len(FILES) >= 5
