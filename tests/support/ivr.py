"""The IVR door between a fake PBX and an engine that records, and that can fail at every stage."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from support.ari import FakeAri, fake_ari
from voip_sms.core import addresses
from voip_sms.core.calls import CallOrder
from voip_sms.core.directory import Account, Identity
from voip_sms.core.failures import Refusal
from voip_sms.core.model import Item, Message
from voip_sms.doors.ivr.door import Ids, IvrDoor
from voip_sms.doors.ivr.prompts import Prompts
from voip_sms.doors.ivr.runner import Engine
from voip_sms.doors.ivr.shelf import Shelf
from voip_sms.doors.ivr.speech import SpeechError
from voip_sms.engine.metrics import Metrics
from voip_sms.net.ari import Ari

ACCOUNT = Account(b"account-ivr-0001", b"tenant-acme-0001", "ivr", "address", Identity("name", "ACME"))

FLOW = """
version: 1
tenant: acme
language: pl
expects: [office]
start: welcome
on_failure: sorry
steps:
  welcome:
    {do: menu, prompt: {sound: welcome}, keys: {"1": send, "2": number, "*": twice}, timeout: 5, tries: 2, on_none: bye}
  twice: {do: play, prompt: [{sound: first}, {sound: second}], next: welcome}
  number:
    {do: gather, prompt: {sound: ask}, into: number, digits: {min: 9, max: 9}, kind: mobile, on_digits: send2, on_none: bye}
  send:
    {do: send_sms, to: caller, text: "Adres: {{ office }}", on_accepted: ok, on_refused: no, on_error: sorry, on_no_number: number}
  send2:
    {do: send_sms, to: "{{ number }}", text: "Adres: {{ office }}", on_accepted: ok, on_refused: no, on_error: sorry}
  ok: {do: hangup, prompt: {sound: sent}}
  "no": {do: hangup, prompt: {sound: refused}}
  sorry: {do: hangup, prompt: {sound: failed}}
  bye: {do: transfer, to: {context: office, extension: "7"}}
"""
SOUNDS = {"welcome", "first", "second", "ask", "sent", "refused", "failed"}


class FakeSpeech:
    """Says nothing, at once; `broken` says why not."""

    voice = "fake"
    broken = ""

    def __init__(self) -> None:
        self.said: list[tuple[str, str]] = []

    def speak(self, text: str, language: str) -> bytes:
        if self.broken:
            raise SpeechError(self.broken)
        self.said.append((language, text))
        return b"RIFF" + text.encode()


@dataclass
class FakeCalling:
    """`ports.Calling`. `refuse`: the code of a refusal; `fail`: what is raised; `hold`: answers wait for it."""

    known: bool = True
    refuse: str = ""
    fail: Exception | None = None
    hold: asyncio.Event | None = None
    orders: list[CallOrder] = field(default_factory=list)
    asked: list[tuple[str, str, Identity | None]] = field(default_factory=list)

    def account(self, tenant: str, flow: str, identity: Identity | None) -> Account | None:
        self.asked.append((tenant, flow, identity))
        return ACCOUNT if self.known else None

    async def send(self, order: CallOrder) -> Item:
        self.orders.append(order)
        if self.hold is not None:
            await self.hold.wait()
        if self.fail is not None:
            raise self.fail
        if self.refuse:
            return Item(order.to, refused=Refusal(self.refuse))
        return Item(order.to, message=_message(order))


class _Noted(Metrics):
    """Notes how calls end."""

    def __init__(self, ended: list[tuple[str, str]]) -> None:
        super().__init__()
        self._ended = ended

    def called(self, flow: str, end: str) -> None:
        super().called(flow, end)
        self._ended.append((flow, end))


@dataclass
class Exchange:
    """A door that listens to a fake PBX."""

    pbx: FakeAri
    door: IvrDoor
    ari: Ari
    calling: FakeCalling
    speech: FakeSpeech
    folder: Path
    ended: list[tuple[str, str]]
    shelf: list[Shelf]

    def write(self, name: str, text: str = FLOW) -> None:
        (self.folder / f"{name}.yaml").write_text(text, encoding="utf-8")


@asynccontextmanager
async def exchange(
    tmp_path: Path, *, most: int = 50, calling: FakeCalling | None = None, deadline: float = 1.0
) -> AsyncIterator[Exchange]:
    """With the flow `address`, connected."""
    async with fake_ari() as pbx:
        pbx.sounds |= SOUNDS
        made = _made(tmp_path, pbx, calling or FakeCalling(), most, deadline)
        made.folder.mkdir()
        made.write("address")
        await made.door.start()
        await pbx.connected()
        try:
            yield made
        finally:
            await made.door.stop(0)
            await made.ari.close()


def _made(tmp_path: Path, pbx: FakeAri, calling: FakeCalling, most: int, deadline: float) -> Exchange:
    speech, folder = FakeSpeech(), tmp_path / "flows"
    ended: list[tuple[str, str]] = []
    shelves: list[Shelf] = []
    prompts = Prompts(speech, tmp_path / "prompts", "", b"k" * 32)

    def shelf(has_sound: Callable[..., object]) -> Shelf:
        shelves.append(partial(Shelf, folder, "PL", prompts)(has_sound))  # type: ignore[arg-type]
        return shelves[-1]

    count = itertools.count()
    engine = Engine(
        calling,
        lambda _: datetime.now(UTC),
        _mobile,
        _Noted(ended),
    )
    ari = Ari(pbx.settings(), deadline=deadline)
    door = IvrDoor(
        ari,
        shelf,
        prompts,
        engine,
        most=most,
        ids=Ids(lambda: f"playback-{next(count)}", lambda: 0.0),
    )
    return Exchange(pbx, door, ari, calling, speech, folder, ended, shelves)


def _mobile(text: str) -> str:
    try:
        return addresses.recipient(text, "PL").e164
    except Refusal:
        return ""


def _message(order: CallOrder) -> Message:
    return Message(
        id=b"message-00000001", tenant_id=order.account.tenant_id, direction="outbound", status="accepted",
        sender="ACME", to=order.to, text=order.text, encoding="gsm7", parts=1, price=None, currency="PLN",
        door="ivr", account=order.account.ref, client_ref=None, created_at=0,
    )  # fmt: skip
