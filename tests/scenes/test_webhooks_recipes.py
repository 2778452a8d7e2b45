"""The recipes of docs/operate/webhooks.md verify what is really sent, and nothing else."""

import json
import re
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.peers import find_command
from support.sip_engine import message
from voip_sms.core.clock import SystemClock
from voip_sms.core.model import ForwardJob
from voip_sms.demo.hook_sink import Hook, HookSink
from voip_sms.forwards.webhook import WebhookForwarder
from voip_sms.net.http.guarded import GuardedClient

PAGE = Path(__file__).parents[2] / "docs" / "operate" / "webhooks.md"
OLD, NEW = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
STRANGER = "whsec_c3RyYW5nZXJzdHJhbmdlcnN0cmFuZ2Vy"

Verify = Callable[[str, str, str, str, bytes], bool]


def recipe(language: str) -> str:
    found = re.search(rf"```{language}\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    return found[1]


def by_python(secret: str, identifier: str, stamp: str, signatures: str, body: bytes) -> bool:
    place: dict[str, Any] = {}
    exec(recipe("python"), place)
    headers = {"webhook-id": identifier, "webhook-timestamp": stamp, "webhook-signature": signatures}
    return bool(place["ours"](secret, headers, body))


def by_shell(secret: str, identifier: str, stamp: str, signatures: str, body: bytes) -> bool:
    command = ["sh", "-c", recipe("sh"), "sh", secret, identifier, stamp, signatures]
    done = subprocess.run(command, check=False, input=body, capture_output=True, timeout=20)
    assert done.stderr == b""
    assert done.stdout in (b"ours\n", b"not ours\n")
    return done.returncode == 0


def by_php(secret: str, identifier: str, stamp: str, signatures: str, body: bytes) -> bool:
    program = (
        recipe("php")
        + "\n$a = json_decode($argv[1]); echo ours($a[0], $a[1], $a[2], $a[3], file_get_contents('php://stdin')) ? 1 : 0;"
    )
    asked = json.dumps([secret, identifier, stamp, signatures])
    command = [find_command("php") or "php", "-r", program, "--", asked]
    done = subprocess.run(command, input=body, capture_output=True, timeout=20, check=True)
    return done.stdout == b"1"


@pytest.fixture
async def hook(hook_sink: HookSink) -> Hook:
    """A real one, signed with both secrets, with a text that is more than ASCII."""
    one = ForwardJob(
        b"j" * 16,
        b"T" * 16,
        "webhook",
        hook_sink.url(),
        "message.received",
        message(text="Zażółć 🦊\n'\"$(x)"),
        1,
        SystemClock().now(),
        secret=NEW,
        secret_before=OLD,
    )
    client = GuardedClient(["http://127.0.0.0/8"])
    await WebhookForwarder(client, SystemClock()).deliver(one)
    await client.close()
    return hook_sink.hooks.items[0]


@pytest.mark.parametrize("verify", [by_python, by_shell, pytest.param(by_php, marks=pytest.mark.peer("php"))])
async def test_a_recipe_takes_ours_and_nothing_else(hook: Hook, verify: Verify) -> None:
    identifier, stamp = hook.headers["webhook-id"], hook.headers["webhook-timestamp"]
    signatures = hook.headers["webhook-signature"]
    assert verify(OLD, identifier, stamp, signatures, hook.body)
    assert verify(NEW, identifier, stamp, signatures, hook.body)
    assert not verify(STRANGER, identifier, stamp, signatures, hook.body)
    assert not verify(NEW, identifier, stamp, signatures, hook.body + b" ")
    assert not verify(NEW, "evt_other", stamp, signatures, hook.body)
    assert not verify(NEW, identifier, stamp, "", hook.body)
    if verify is not by_shell:  # that one leaves the time to whoever looks
        old = str(int(time.time()) - 301)
        assert not verify(NEW, identifier, old, signatures, hook.body)
