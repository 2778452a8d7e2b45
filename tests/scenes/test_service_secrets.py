"""What must not stay behind: no text, password or key in the log, no removed text in the database's files."""

import asyncio
import re

import aiohttp
import pytest

from support.service import everything, final, opened, phone_of
from voip_sms.demo.clients import Answered, Http, until
from voip_sms.demo.hook_sink import Answer
from voip_sms.demo.stage import HOOK_SECRET, OWN, TOKEN

# Words that occur nowhere else, so that finding one is finding it in the wrong place.
SENT, RUNG, ANSWERED, BROKEN, LOST = (
    "Marzipankartoffel",
    "Sahnehaeubchen",
    "Blaubeerkuchen",
    "Zimtschnecke",
    "Pflaumenmus",
)
PASSWORDS = ("pw101", "pw102", "wrong-pw-7d3f")
WRONG_KEY = "wrong-key-5e0b1c9a8f7d6e3c"


@pytest.mark.parametrize("form", ["json", "console"])
async def test_the_log_tells_nobodys_secrets(form):
    """A run in which much goes wrong, logged in every detail."""
    async with opened(VOIP_SMS_LOG__LEVEL="debug", VOIP_SMS_LOG__FORMAT=form) as stage:
        await much_goes_wrong(stage)
        assert await stage.serve.stop() == 0
        log = stage.serve.log_text()
    for event in ("sip_message_refused", "forward", "ready", "stopping"):
        assert event in log
    for secret in (
        SENT,
        RUNG,
        ANSWERED,
        BROKEN,
        LOST,
        *PASSWORDS,
        WRONG_KEY,
        TOKEN,
        HOOK_SECRET,
        HOOK_SECRET[6:],
    ):
        assert secret not in log, [line for line in log.splitlines() if secret in line][:3]
    assert "Traceback" not in log


async def much_goes_wrong(stage):
    await stage.handsets.fault("reject", command_status="RINVDSTADR", count=1)
    await stage.handsets.fault("no_response", count=1)
    stage.hooks.answer_next(500, Answer(0))
    sent = [
        await stage.api.post("/v1/messages", {"to": f"+4860500000{n}", "text": f"{SENT} {n}"})
        for n in range(4)
    ]
    wrong = Http(stage.http_address, WRONG_KEY)
    await wrong.call("POST", "/v1/messages", {"to": "+48605000000", "text": SENT})
    await wrong.close()
    for body in (b'{"to": "+48605000000", "text": "' + BROKEN.encode(), b'{"text": "%s"}' % BROKEN.encode()):
        headers = {"Authorization": f"Bearer {TOKEN}"}
        async with stage.api._session.post(
            f"http://{stage.http_address}/v1/messages", data=body, headers=headers
        ) as answer:
            assert answer.status in (400, 422)
    for user, password, status in (("101", "", 202), ("102", "wrong-pw-7d3f", 401), ("101", "", 403)):
        async with phone_of(stage, user, password) as phone:
            to = "112" if status == 403 else "+48605000009"
            assert (await phone.send(to, RUNG)).status == status
            phone.octets(f"MESSAGE sip:1@sms.test SIP/2.0\r\nX: {BROKEN}\r\n\r\n{BROKEN}".encode())
    await stage.handsets.send("+48605000009", OWN, ANSWERED)
    await stage.mail.mail_to("biuro@example.test", containing=ANSWERED)
    await stage.hooks.hooks.first(lambda hook: ANSWERED.encode() in hook.body, 10)
    with pytest.raises((aiohttp.ClientError, Answered, OSError)):
        await asyncio.gather(
            *(stage.api.post("/v1/messages", {"to": "+48605000008", "text": LOST}) for _ in range(20)),
            kill(stage),
        )
    await stage.serve.start()
    await final(stage, [one["id"] for one in sent])


async def kill(stage):
    await asyncio.sleep(0)
    await stage.serve.kill()
    raise Answered("killed")


async def test_removed_texts_are_gone_from_the_files():
    """A customer who keeps no texts: once delivered, nothing of them is left, not even after a crash."""

    def change(document):
        document["tenants"][0]["keep_sent_text"] = False

    async with opened(change=change) as stage:
        sent = [
            await stage.api.post("/v1/messages", {"to": f"+4860500000{n}", "text": f"{SENT} {n}"})
            for n in range(5)
        ]
        waiting = await stage.api.post(
            "/v1/messages", {"to": "+48605000009", "text": LOST, "send_at": "2099-01-01T00:00:00Z"}
        )
        for number in range(5):
            await stage.handsets.received(f"+4860500000{number}", f"{SENT} {number}")

        async def removed():
            texts = {one["id"]: one["text"] for one in await everything(stage)}
            return all(texts[one["id"]] is None for one in sent)

        await until(removed, "the texts are still shown")
        await stage.serve.kill()
        assert waiting["status"] == "scheduled"
        assert LOST in files_of(stage)  # what is still to be sent is there: this is where to look
        await stage.serve.start()

        async def gone():
            return SENT not in files_of(stage)

        await until(gone, "the texts are still in the files", 10)
        assert (await stage.api.get(f"/v1/messages/{waiting['id']}"))["text"] == LOST


def files_of(stage) -> str:
    """Everything in the data folder, and the log."""
    folder = stage.folder / "var"
    names = [path.name for path in folder.iterdir()]
    assert any(re.fullmatch(r"voip-sms\.db-wal", name) for name in names), names
    found = [path.read_bytes() for path in folder.iterdir() if path.is_file()]
    return b"".join(found).decode("latin-1") + stage.serve.log_text()
