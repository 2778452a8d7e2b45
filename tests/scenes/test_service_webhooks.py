"""`voip-sms webhooks` beside a running service, as processes: what the command queues, the service tells."""

import json
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from standardwebhooks import Webhook

from support.service import DATABASES, service_on
from voip_sms.demo.clients import until
from voip_sms.demo.process import run
from voip_sms.demo.stage import OWN, Stage

pytestmark = pytest.mark.asyncio(loop_scope="module")

PEER = "48777123456"


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=DATABASES)
async def stage(request: pytest.FixtureRequest) -> AsyncIterator[Stage]:
    async with service_on(request) as made:
        yield made


async def webhooks(stage: Stage, *arguments: str) -> str:
    done = await run("webhooks", *arguments, "--config", str(stage.config))
    assert done.code == 0, done.err
    return done.out


async def arrives(stage: Stage, text: str) -> None:
    """A handset writes to the number that has a webhook."""
    await stage.simulator.post(f"/handsets/{PEER}/send", {"to": OWN, "text": text})


async def test_replayed_by_the_command_and_told_by_the_service(stage: Stage) -> None:
    stage.hooks.answer_next(410)
    await arrives(stage, "nobody is there")
    first = await stage.hooks.hook_of("message.received")

    async def failed() -> bool:
        page = await stage.api.get("/v1/webhooks/deliveries?state=failed")
        return [one["id"] for one in page["data"]] == [first.headers["webhook-id"]]

    await until(failed, "it was not given up")
    event = first.headers["webhook-id"]
    shown = json.loads(await webhooks(stage, "show", event, "--json"))
    assert [one["cause"] for one in shown["attempts"]] == ["410"]
    refused = await run("webhooks", "replay", event, "--config", str(stage.config))
    assert refused.code == 1
    assert "switch it on" in refused.err
    status, _, _ = await stage.api.call("PATCH", f"/v1/forwards/{shown['forward']}", {"enabled": True})
    assert status == 200
    before = len(stage.hooks.hooks)
    assert "queued" in await webhooks(stage, "replay", event)
    again = await stage.hooks.hook_of("message.received", after=before)
    assert (again.headers["webhook-id"], again.body) == (event, first.body)

    async def done() -> bool:
        return (await stage.api.get(f"/v1/webhooks/deliveries/{event}"))["state"] == "done"

    await until(done, "its end was not recorded")


async def test_rotated_by_the_command_both_secrets_sign(stage: Stage) -> None:
    rules = (await stage.api.get("/v1/forwards"))["data"]
    rule = next(one for one in rules if one["kind"] == "webhook" and one["number"] == OWN)
    new = (await webhooks(stage, "rotate", rule["id"])).strip()

    async def both_sign() -> bool:
        before = len(stage.hooks.hooks)
        await arrives(stage, f"text {before}")
        hook = await stage.hooks.hook_of("message.received", after=before)
        return hook.headers["webhook-signature"].count("v1,") == 2

    await until(both_sign, "the new secret did not come into force")
    hook = stage.hooks.hooks.items[-1]
    Webhook(new).verify(hook.body, dict(hook.headers))
    assert new not in stage.serve.log_text()
    assert (await webhooks(stage, "test", rule["id"])).startswith("ok evt_")
