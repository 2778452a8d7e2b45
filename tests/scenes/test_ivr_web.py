"""Spoken texts as a PBX on another host fetches them."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from support.ivr import FakeSpeech
from voip_sms.doors.ivr import web
from voip_sms.doors.ivr.events import Say
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.net.http.server import HttpServer
from voip_sms.net.http.settings import HttpSettings


@pytest.fixture
def prompts(tmp_path: Path) -> Prompts:
    return Prompts(FakeSpeech(), tmp_path / "prompts", "http://pbx.test/ivr/prompts", b"k" * 32)


@pytest.fixture
async def address(prompts: Prompts) -> AsyncIterator[str]:
    server = HttpServer(HttpSettings(listen="127.0.0.1:0"), drain=1.0)
    web.register(server, prompts)
    yield f"http://{await server.start()}/ivr/prompts/"
    await server.stop()


async def test_a_sound_is_fetched_by_its_name(prompts: Prompts, address: str) -> None:
    (medium,) = await prompts.media(Say("Hello", "en"))
    name = medium.rpartition("/")[2]
    async with aiohttp.ClientSession() as session, session.get(address + name) as answer:
        assert (answer.status, answer.content_type) == (200, "audio/wav")
        assert "max-age" in answer.headers["Cache-Control"]
        assert await answer.read() == b"RIFFHello"


@pytest.mark.parametrize("name", [f"{'0' * 32}.wav", "..%2Fsecret.wav", "%2Fetc%2Fpasswd", "x"])
async def test_what_was_never_spoken_is_not_there(
    prompts: Prompts, address: str, tmp_path: Path, name: str
) -> None:
    (tmp_path / "secret.wav").write_bytes(b"secret")
    await prompts.media(Say("Hello", "en"))
    async with aiohttp.ClientSession() as session, session.get(address + name) as answer:
        assert answer.status == 404
        assert b"secret" not in await answer.read()
