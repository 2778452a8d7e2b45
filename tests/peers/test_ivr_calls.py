"""Real calls with real keys through a real Asterisk into flows; what callers hear is in the recordings."""

import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from pathlib import Path

import pytest
import pytest_asyncio

from support.ivr_pbx import FLOW, calling, messages, pbx, served
from support.waiting import eventually
from voip_sms.demo.asterisk import ARI_PASSWORD, ARI_USER, Asterisk
from voip_sms.demo.stage import Stage
from voip_sms.net.ari import Ari, AsteriskSettings

pytestmark = [
    pytest.mark.peer("asterisk"),
    pytest.mark.peer("pjsua2"),
    pytest.mark.asyncio(loop_scope="module"),
]


@pytest.fixture(scope="module")
def asterisk() -> Iterator[Asterisk]:
    with pbx() as found:
        yield found


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def stage(asterisk: Asterisk, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    async with served(asterisk, tmp_path_factory.mktemp("flows")) as found:
        yield found


async def test_key_1_sends_one_sms_to_the_caller(stage: Stage, asterisk: Asterisk, tmp_path: Path) -> None:
    async with calling(asterisk, "9601000001", tmp_path) as caller:
        await caller.hears("sms-welcome")
        await caller.press("1")
        await caller.heard("sms-sent")
    (message,) = await messages(stage, "+48601000001")
    assert message["text"] == 'Adres: ul. "Polna" 3, lok. 2 €😀ż'
    assert message["from"] == "ACME"


async def test_key_2_sends_one_sms_to_the_entered_number(
    stage: Stage, asterisk: Asterisk, tmp_path: Path
) -> None:
    """Each press is one digit, though the phone's endpoint takes texts too, and somebody subscribed to it."""
    pbx = AsteriskSettings.model_validate(
        {"url": asterisk.ari_url, "user": ARI_USER, "password": ARI_PASSWORD}
    )
    ari = Ari(pbx)
    await ari.post("applications", "voip-sms", "subscription", eventSource="endpoint:PJSIP/101")
    try:
        async with calling(asterisk, "9601000002", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await caller.press("2")
            await caller.hears("sms-ask")
            await caller.press("602333444")
            await caller.heard("sms-sent")
    finally:
        await ari.delete("applications", "voip-sms", "subscription", eventSource="endpoint:PJSIP/101")
        await ari.close()
    (message,) = await messages(stage, "+48602333444")
    assert message["text"] == 'Adres: ul. "Polna" 3, lok. 2'
    assert not await stage.handsets.messages("+48601000002")


async def test_a_landline_is_asked_for_a_mobile(stage: Stage, asterisk: Asterisk, tmp_path: Path) -> None:
    async with calling(asterisk, "9222000001", tmp_path) as caller:
        await caller.hears("sms-welcome")
        await caller.press("1")
        await caller.hears("sms-ask")
        await caller.press("602333445")
        await caller.heard("sms-sent")
    assert len(await messages(stage, "+48602333445")) == 1


async def test_a_refusal_is_heard_as_one(stage: Stage, asterisk: Asterisk, tmp_path: Path) -> None:
    """A caller may cause one SMS a day, says the flow."""
    for sound in ("sms-sent", "sms-refused"):
        async with calling(asterisk, "9601000010", tmp_path) as caller:
            await caller.hears("sms-welcome")
            await caller.press("1")
            await caller.heard(sound)
    assert len(await messages(stage, "+48601000010")) == 1


async def test_a_store_that_is_away_is_heard_as_a_failure(
    stage: Stage, asterisk: Asterisk, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(stage.folder / "var/voip-sms.db", isolation_level=None)) as other:
        async with calling(asterisk, "9601000003", tmp_path) as caller:
            await caller.hears("sms-welcome")
            other.execute("BEGIN IMMEDIATE")
            await caller.press("1")
            await caller.heard("sms-failed")
    assert not await stage.handsets.messages("+48601000003")


async def test_a_sound_that_is_gone_is_heard_as_a_failure(
    stage: Stage, asterisk: Asterisk, tmp_path: Path
) -> None:
    sound = asterisk.sounds / "sms-ask.wav"
    octets = sound.read_bytes()
    async with calling(asterisk, "9601000004", tmp_path) as caller:
        await caller.hears("sms-welcome")
        sound.unlink()
        try:
            await caller.press("2")
            await caller.heard("sms-failed")
        finally:
            sound.write_bytes(octets)


async def test_a_flow_that_nobody_knows_goes_on_in_the_dialplan(
    stage: Stage, asterisk: Asterisk, tmp_path: Path
) -> None:
    async with calling(asterisk, "7601000005", tmp_path) as caller:
        await caller.heard("sms-fallback")
    assert "after failed unknown" in asterisk.log_text()


async def test_two_calls_at_once_do_not_mix(stage: Stage, asterisk: Asterisk, tmp_path: Path) -> None:
    async with (
        calling(asterisk, "9601000006", tmp_path, "101") as one,
        calling(asterisk, "9601000007", tmp_path, "102") as other,
    ):
        await one.hears("sms-welcome")
        await one.press("2")
        await other.press("1")
        await other.heard("sms-sent")
        await one.hears("sms-ask")
        await one.press("602333446")
        await one.heard("sms-sent")
    assert len(await messages(stage, "+48601000007")) == 1
    assert len(await messages(stage, "+48602333446")) == 1
    assert not await stage.handsets.messages("+48601000006")


async def test_a_flow_is_changed_while_the_service_runs(
    stage: Stage, asterisk: Asterisk, tmp_path: Path
) -> None:
    folder = Path(stage.serve._environment["VOIP_SMS_IVR__FLOWS"])
    good = FLOW.replace("{sound: sms-welcome}", "{sound: sms-ask}")
    try:
        (folder / "address.yaml").write_text(good.replace("on_none: bye", "on_none: nowhere"))
        await _logged(stage, "there is no step nowhere")
        async with calling(asterisk, "9601000008", tmp_path) as caller:
            await caller.hears("sms-welcome")  # the running flow stays
        since = len(stage.serve.log_text())
        (folder / "address.yaml").write_text(good)
        await _logged(stage, "ivr_flows", since)
        async with calling(asterisk, "9601000009", tmp_path) as caller:
            await caller.hears("sms-ask")
    finally:
        (folder / "address.yaml").write_text(FLOW)


async def _logged(stage: Stage, text: str, since: int = 0) -> None:
    await eventually(lambda: text in stage.serve.log_text()[since:], f"never logged: {text}")
