"""Plays the SMTP sessions in tests/dialogues/smtp: what a client sends, and what it must be told.

A line `C: ` is sent with CRLF, `O: ` octet for octet with Python's escapes and without; `R: n ` before either
repeats it n times. `S: ` is a pattern that one whole reply must match, its lines joined by ` | `; a reply that
nothing was written for is an error. `X:` is the end of the connection. `T:` begins TLS. `= key value` are
settings of `[mail]`; `! code` is what the engine refuses the mail with, `!! n` the same for its nth recipient.
"""

import asyncio
import json
import re
import ssl
from pathlib import Path

import pytest

from support.mail_door import Hosted, SmtpClient, hosted
from support.tls import Authority
from voip_sms.core.failures import Refusal

FOLDER = Path(__file__).parent / "smtp"
FILES = sorted(FOLDER.glob("*.smtp"))


class Player:
    """One client's side."""

    def __init__(self, client: SmtpClient, host: Hosted, trusted: ssl.SSLContext) -> None:
        self.client, self.host, self.trusted = client, host, trusted

    async def play(self, line: str, times: int = 1) -> None:
        verb, _, rest = line.partition(" ")
        match verb:
            case "R:":
                count, _, line = rest.partition(" ")
                await self.play(line, int(count))
            case "C:":
                self.client.send(f"{rest}\r\n".encode() * times)
            case "O:":
                self.client.send(rest.encode().decode("unicode_escape").encode("latin-1") * times)
            case "S:":
                for _ in range(times):
                    said = " | ".join(await self.client.reply())
                    assert re.fullmatch(rest, said), f"expected {rest}, got {said}"
            case "X:":
                assert await self.client.reply() == [], "nothing was left to say"
            case "T:":
                await self.client.writer.start_tls(self.trusted, server_hostname="sms.test")
            case "!":
                self.host.engine.trouble = Refusal(rest) if rest else None
            case "!!":
                codes = iter(rest.split())
                self.host.engine.refuse = lambda _: Refusal(code) if (code := next(codes)) != "-" else None
            case _:
                pytest.fail(f"unknown step {line}")


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
async def test_dialogue(path: Path, tmp_path: Path) -> None:
    lines = [one for one in path.read_text().splitlines()[1:] if one and not one.startswith("#")]
    assert any(line.startswith(("S:", "R:", "X:")) for line in lines), "it expects nothing"
    settings = {}
    for line in lines:
        if line.startswith("= "):
            _, key, value = line.split(" ", 2)
            settings[key] = json.loads(value)
    authority = Authority(tmp_path)
    if settings.pop("tls", False):
        certified = authority.issue()
        settings |= {"tls_cert": str(certified.cert), "tls_key": str(certified.key)}
    async with asyncio.timeout(60), hosted(settings) as host, host.client() as client:
        player = Player(client, host, authority.client())
        for line in lines:
            if not line.startswith("= "):
                try:
                    await player.play(line)
                except AssertionError as error:
                    raise AssertionError(f"{path.name}: {line}: {error}") from None


def test_there_are_dialogues() -> None:
    assert len(FILES) >= 10
