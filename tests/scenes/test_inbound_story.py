"""One inbound SMS on its way to a mailbox, a number and two URLs at once, over real sockets and the real rules."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from standardwebhooks import Webhook

from support.fakes import FakeClock, NoDispatcher
from support.world import ACME, DIRECTORY, OWN, World, world
from voip_sms.core.clock import SystemClock
from voip_sms.core.identity import Rules
from voip_sms.core.model import InboundPart
from voip_sms.demo.hook_sink import HookSink
from voip_sms.demo.mail_sink import MailSink
from voip_sms.engine.forwarding import Forwarding
from voip_sms.engine.receive import Receiver
from voip_sms.engine.submit import Submit
from voip_sms.forwards.mail import MailForwarder
from voip_sms.forwards.number import NumberForwarder
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.http.guarded import GuardedClient
from voip_sms.store import snapshot

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
SENDER = "+48777000001"


@dataclass(frozen=True)
class Identity:
    relay: str
    domain: str = "sms.test"
    sender: str = "sms@sms.test"


@pytest.fixture
async def scene(
    database_url: str, clock: FakeClock, mail_sink: MailSink, hook_sink: HookSink
) -> AsyncIterator[World]:
    made = world(database_url, clock)
    await made.start()
    submit = Submit(made.context, NoDispatcher(), Rules())
    client = GuardedClient(["http://127.0.0.0/8"])
    forwarding = Forwarding(
        made.context,
        made.signals,
        {
            "mail": MailForwarder(Identity(mail_sink.url)),
            "number": NumberForwarder(submit),
            "webhook": WebhookForwarder(client, SystemClock()),  # the library that verifies looks at its own
        },
    )
    await made.update("generation", (1,), n=1)
    for n, (kind, targets, more) in enumerate(
        (
            ("mail", ["biuro@example.test"], {}),
            ("number", ["+48602000001"], {"verified": True}),
            ("webhook", [hook_sink.url("/number")], {"secret": SECRET}),
        )
    ):
        await made.insert("forward", rule(n, OWN, kind, targets, **more))
    own = rule(9, None, "webhook", [hook_sink.url("/tenant")], secret=SECRET, events=["message.received"])
    await made.insert("forward", own)
    await reload(made)
    await forwarding.start()
    yield made
    await forwarding.stop(5)
    await client.close()
    await made.stop()


def rule(n: int, number: str | None, kind: str, targets: list[str], **more: Any) -> dict[str, Any]:
    return {
        "id": bytes([n]) * 16,
        "tenant_id": ACME,
        "number": number,
        "kind": kind,
        "targets": targets,
        "verified": False,
        "secret": "",
        "mode": "standard",
        "events": ["message.received"],
        "enabled": True,
        "disabled_reason": "",
        "created_at": 0,
    } | more


async def reload(scene: World) -> None:
    """Take the rules as the service would load them."""
    loaded = await scene.reader.run(snapshot.load)
    scene.directory = replace(DIRECTORY, forwards=loaded.forwards, subscriptions=loaded.subscriptions)


async def receive(scene: World, text: str, n: int = 1) -> None:
    part = InboundPart(SENDER, OWN, text, "ucs2", bytes([n]) * 32)
    await Receiver(scene.context, "PL").receive("sim", part)


async def states(scene: World) -> set[str]:
    return {row["state"] for row in await scene.rows("forward_job")}


async def until(scene: World, wanted: set[str]) -> None:
    async with asyncio.timeout(10):
        while await states(scene) != wanted:
            await asyncio.sleep(0.01)


async def test_everybody_hears_of_it(scene: World, mail_sink: MailSink, hook_sink: HookSink) -> None:
    await receive(scene, "Zażółć gęślą jaźń")
    await until(scene, {"done"})
    assert (await mail_sink.mail_to("biuro@example.test")).text == "Zażółć gęślą jaźń"
    for path in ("/number", "/tenant"):
        (hook,) = (hook for hook in hook_sink.hooks.items if hook.path == path)
        data = Webhook(SECRET).verify(hook.body, dict(hook.headers))["data"]
        assert (data["from"], data["to"], data["text"]) == (SENDER, OWN, "Zażółć gęślą jaźń")
        assert (data["direction"], data["status"]) == ("inbound", "received")
    outbound = await scene.row("message", direction="outbound")
    assert (outbound["sender"], outbound["recipient"]) == (OWN, "+48602000001")
    body = await scene.row("message_text", message_id=outbound["id"])
    assert body["body"] == f"{SENDER}: Zażółć gęślą jaźń"


async def test_one_that_fails_keeps_nobody_waiting(
    scene: World, mail_sink: MailSink, hook_sink: HookSink, clock: FakeClock
) -> None:
    await mail_sink.stop()
    await receive(scene, "Hi")
    await until(scene, {"done", "queued"})
    assert len(hook_sink.hooks) == 2
    await mail_sink.start()
    clock.advance(70)
    scene.signals.wake(("forwards",))
    await until(scene, {"done"})
    assert len(await mail_sink.mails.count(1, 5)) == 1


async def test_a_url_that_is_gone_is_switched_off_and_the_others_go_on(
    scene: World, hook_sink: HookSink
) -> None:
    hook_sink.usual = replace(hook_sink.usual, status=410)
    await receive(scene, "one")
    await until(scene, {"done", "failed"})
    rules = {row["id"][0]: row for row in await scene.rows("forward")}
    assert [rules[n]["enabled"] for n in (0, 1, 2, 9)] == [True, True, False, False]
    assert rules[2]["disabled_reason"] == "410"
    assert (await scene.row("generation"))["n"] == 3
    await reload(scene)
    await receive(scene, "two", 2)
    await until(scene, {"done", "failed"})
    assert len(hook_sink.hooks) == 2
