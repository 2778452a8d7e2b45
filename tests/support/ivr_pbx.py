"""A real Asterisk in front of a real service: phones call into flows, and the sounds are tones."""

import asyncio
import wave
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from support.asterisk import phone_on, running_asterisk, seconds_of_tone, write_tone
from support.service import opened
from support.waiting import eventually
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk
from voip_sms.demo.call import Call
from voip_sms.demo.clients import Json, until
from voip_sms.demo.stage import SQLITE, Stage

SHIPPED: Final = Path(__file__).parents[2] / "dialplan"
TONES: Final = {
    "sms-welcome": 400,
    "sms-ask": 600,
    "sms-sent": 900,
    "sms-refused": 1300,
    "sms-failed": 1700,
    "sms-fallback": 2300,
}
"""Sound to hertz: far enough apart, and no whole multiples of one another."""
CUT: Final = {"sms-welcome", "sms-ask"}
LENGTH: Final = 0.6
"""Seconds of each."""
FULL: Final = 0.4
PACE: Final = 0.25
"""Seconds from key to key."""
DIALPLAN: Final = """\
#include "voip-sms-flow.conf"
[phones]
; 9 and the number to call from: the flow "address"; 8 likewise: "spoken"; 7: a flow that nobody knows
exten => _9X.,1,Answer()
 same => n,Set(CALLERID(num)=${EXTEN:1})
 same => n,Set(SMS_VAR_OFFICE=ul. "Polna" 3, lok. 2)
 same => n,Gosub(voip-sms-flow,address,1)
 same => n,Goto(after,s,1)
exten => _8X.,1,Set(CALLERID(num)=${EXTEN:1})
 same => n,Gosub(voip-sms-flow,spoken,1)
 same => n,Goto(after,s,1)
exten => _7X.,1,Answer()
 same => n,Gosub(voip-sms-flow,nosuch,1)
 same => n,Goto(after,s,1)
[after]
exten => s,1,NoOp(after ${SMS_FLOW_STATUS} ${SMS_FLOW_CODE} ${STASISSTATUS})
 same => n,Playback(sms-fallback)
 same => n,Hangup()
[out]
exten => _X.,1,Dial(PJSIP/${EXTEN})
[messages]
exten => _.,1,NoOp()
"""
FLOW: Final = """
version: 1
tenant: acme
identity: {kind: name, value: ACME}
limits: {caller: 1}
expects: [office]
start: welcome
on_failure: sorry
steps:
  welcome:
    {do: menu, prompt: {sound: sms-welcome}, keys: {"1": send, "2": number}, timeout: 10, tries: 2, on_none: bye}
  number:
    {do: gather, prompt: {sound: sms-ask}, into: number, digits: {min: 9, max: 9}, kind: mobile, on_digits: send2, on_none: bye}
  send:
    {do: send_sms, to: caller, text: "Adres: {{ office }} €😀ż", on_accepted: ok, on_refused: no, on_error: sorry, on_no_number: number}
  send2:
    {do: send_sms, to: "{{ number }}", text: "Adres: {{ office }}", on_accepted: ok, on_refused: no, on_error: sorry}
  ok: {do: hangup, prompt: {sound: sms-sent}}
  "no": {do: hangup, prompt: {sound: sms-refused}}
  sorry: {do: hangup, prompt: {sound: sms-failed}}
  bye: {do: transfer, to: {context: after}}
"""


@contextmanager
def pbx() -> Iterator[Asterisk]:
    """An Asterisk with the shipped dialplan and the tones."""
    shipped = {"voip-sms-flow.conf": (SHIPPED / "voip-sms-flow.conf").read_text(encoding="utf-8")}
    with running_asterisk(DIALPLAN, files=shipped) as asterisk:
        for name, hertz in TONES.items():
            write_tone(asterisk.sounds / f"{name}.wav", hertz, LENGTH)
        yield asterisk


@asynccontextmanager
async def served(
    asterisk: Asterisk, folder: Path, flows: dict[str, str] | None = None, **environment: str
) -> AsyncIterator[Stage]:
    """A service whose flows these calls go through; connected. `environment` overrides settings."""
    folder.mkdir(exist_ok=True)
    for name, text in (flows or {"address": FLOW}).items():
        (folder / f"{name}.yaml").write_text(text, encoding="utf-8")
    settings = {
        "VOIP_SMS_ASTERISK__URL": asterisk.ari_url,
        "VOIP_SMS_ASTERISK__USER": ARI_USER,
        "VOIP_SMS_ASTERISK__PASSWORD": ARI_PASSWORD,
        "VOIP_SMS_IVR__FLOWS": str(folder),
    }
    async with opened(SQLITE, _unchanged, **settings | environment) as stage:
        await connected(stage)
        yield stage


def _unchanged(document: dict[str, Any]) -> None:
    """The customer as it is."""


class Cable:
    """Between the service and Asterisk's HTTP server; `cut` ends every connection, `mend` lets new ones in."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._whole = True
        self._ends: set[asyncio.StreamWriter] = set()

    async def carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, until either side ends it."""
        if not self._whole:
            return
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", self._port)
        self._ends |= {writer, far_writer}
        try:
            await asyncio.gather(_pour(reader, far_writer), _pour(far_reader, writer))
        finally:
            self._ends -= {writer, far_writer}
            far_writer.close()

    def cut(self) -> None:
        self._whole = False
        for end in self._ends:
            end.transport.abort()

    def mend(self) -> None:
        self._whole = True


async def _pour(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while octets := await reader.read(65536):
        writer.write(octets)
        await writer.drain()
    writer.close()


async def connected(stage: Stage) -> None:
    """Until calls come in."""

    async def now() -> bool:
        return "voip_sms_asterisk_connected 1.0" in await stage.api.text("/metrics")

    await until(now, "the service never connected to Asterisk")


@dataclass(frozen=True)
class Caller:
    """Somebody on the phone. What was heard is told by `heard`, from the recording, once the call is over."""

    call: Call
    asterisk: Asterisk
    since: int

    async def hears(self, sound: str) -> None:
        """Until Asterisk plays this to them."""
        await eventually(
            lambda: f"Playing '{sound}" in self.asterisk.log_text()[self.since :], f"{sound} was never played"
        )

    async def press(self, keys: str) -> None:
        """As a person does, key by key; a phone that dials them at once leaves 40 ms between them."""
        for key in keys:
            await self.call.press(key)
            await asyncio.sleep(PACE)

    async def heard(self, *sounds: str) -> None:
        """The call ends, and of the last words these were heard in full, and no others.

        What is said before is cut short by keys.
        """
        await self.call.over(20)
        await eventually(self._is_whole, "the recording was never whole")
        found = {name: seconds_of_tone(self.call.recording, hertz) for name, hertz in TONES.items()}
        ends = {name for name, seconds in found.items() if seconds > FULL} - CUT
        assert ends == set(sounds), found

    def _is_whole(self) -> bool:
        """The phone closes its file a moment after the call."""
        try:
            with wave.open(str(self.call.recording)) as file:
                return bool(file.getnframes() > 0)
        except (wave.Error, EOFError):
            return False


@asynccontextmanager
async def calling(asterisk: Asterisk, number: str, folder: Path, user: str = "101") -> AsyncIterator[Caller]:
    """A phone that dialled this and was answered."""
    since = len(asterisk.log_text())
    async with phone_on(asterisk, user) as phone:
        call = await phone.call(number, folder / f"{number}-{user}.wav")
        await call.up()
        try:
            yield Caller(call, asterisk, since)
        finally:
            if not call.states.items or call.states.items[-1].state != "over":
                await call.hang_up()


async def messages(stage: Stage, number: str) -> list[Json]:
    """What a handset has got, once one has come."""

    async def some() -> bool:
        return bool(await stage.handsets.messages(number))

    await until(some, f"{number} got nothing")
    return await stage.handsets.messages(number)
