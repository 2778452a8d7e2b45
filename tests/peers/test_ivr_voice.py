"""Spoken texts that callers of a real Asterisk hear, and calls that the service makes itself."""

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
import pytest_asyncio

from support.asterisk import phone_on, seconds_of_sound
from support.ivr_pbx import calling, pbx, served
from support.peers import need
from support.waiting import eventually
from voip_sms.demo.asterisk import Asterisk
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import run
from voip_sms.demo.programs import find_program
from voip_sms.demo.stage import Stage

pytestmark = [
    pytest.mark.peer("asterisk"),
    pytest.mark.peer("pjsua2"),
    pytest.mark.asyncio(loop_scope="module"),
]

SPOKEN = """
version: 1
tenant: acme
language: pl
start: hello
steps:
  hello:
    do: hangup
    prompt:
    - {say: "Dzień dobry, dzwonisz do firmy z ulicy Polnej."}
    - {digits: "{{ caller[:3] }}"}
    - {number: "120"}
"""
CODE = """
version: 1
tenant: acme
language: en
expects: [code]
start: read
on_failure: bye
steps:
  read: {do: hangup, prompt: [{say: "Your code is"}, {digits: "{{ code }}"}]}
  bye: {do: hangup}
"""


class House(NamedTuple):
    stage: Stage
    asterisk: Asterisk


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    need("espeak-ng")
    with pbx() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=["folder", "http"])
async def house(
    request: pytest.FixtureRequest, asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[House]:
    """Asterisk reads the sounds in our folder, or fetches them from us."""
    environment = {
        "VOIP_SMS_IVR__SPEECH": str(find_program("espeak-ng", apart="asterisk")),
        "VOIP_SMS_IVR__SOX": str(find_program("sox", apart="asterisk")),
        "VOIP_SMS_IVR__DIAL": "Local/{number}@out",
    }
    if request.param == "http":
        port = quiet_port()
        environment["VOIP_SMS_HTTP__LISTEN"] = f"127.0.0.1:{port}"
        environment["VOIP_SMS_IVR__PROMPTS_URL"] = f"http://127.0.0.1:{port}/ivr/prompts"
    flows = {"spoken": SPOKEN, "code": CODE}
    async with served(asterisk, tmp_path_factory.mktemp("flows"), flows, **environment) as stage:
        yield House(stage, asterisk)


async def test_a_caller_hears_texts_digits_and_numbers(house: House, tmp_path: Path) -> None:
    async with calling(house.asterisk, "8601234567", tmp_path) as caller:
        await caller.heard()
    heard = house.asterisk.log_text()[caller.since :]
    assert len(re.findall(r"Playing '", heard)) == 1 + 3 + 1
    assert seconds_of_sound(caller.call.recording) > 3


async def test_a_code_is_read_out_to_somebody_whom_we_call(house: House, tmp_path: Path) -> None:
    async with phone_on(house.asterisk, "102") as phone:
        await phone.answer_calls(tmp_path)
        since = len(house.asterisk.log_text())
        done = await run(
            *("ivr", "call", "code", "102", "--set", "code=4711", "--config", str(_config(house.stage)))
        )
        assert (done.code, done.err) == (0, "")
        call = await phone.calls.first(lambda _: True, 10)
        assert (await call.over(20)).status == 200
    assert len(re.findall(r"Playing '", house.asterisk.log_text()[since:])) == 1 + 4
    await eventually(lambda: call.recording.stat().st_size > 0)
    assert await asyncio.to_thread(seconds_of_sound, call.recording) > 1.5


def _config(stage: Stage) -> Path:
    """The service's settings in a file, for a command beside it."""
    environment = {name: value for name, value in stage.serve._environment.items() if "__" in name}
    return stage.config if not environment else _written(stage, environment)


def _written(stage: Stage, environment: dict[str, str]) -> Path:
    lines: dict[str, list[str]] = {}
    for name, value in environment.items():
        section, _, key = name.removeprefix("VOIP_SMS_").lower().partition("__")
        if section in ("asterisk", "ivr"):
            lines.setdefault(section, []).append(f'{key} = "{value}"')
    path = stage.folder / "beside.toml"
    path.write_text("\n".join(f"[{section}]\n" + "\n".join(keys) for section, keys in lines.items()))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("nosuch", "102"), "there is no flow nosuch; known: code, spoken"),
        (("code", "102", "--set", "cod=1"), "the flow code expects code, not cod"),
        (("code", "102@evil"), "can't be dialled"),
        (("code", "102", "--set", "code"), "must be NAME=VALUE"),
    ],
)
async def test_calls_that_cannot_be_made(house: House, arguments: tuple[str, ...], said: str) -> None:
    done = await run("ivr", "call", *arguments, "--config", str(_config(house.stage)))
    assert done.code == 1
    assert said in done.err
