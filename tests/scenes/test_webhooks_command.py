"""`voip-sms webhooks`: the operator sees, repeats, renews and tries what customers' URLs are told."""

import asyncio
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from standardwebhooks import Webhook

from support.received import receive
from voip_sms.app.settings import load
from voip_sms.cli.main import main
from voip_sms.demo.hook_sink import HookSink
from voip_sms.store.database import open_database

OWN = "+48601000001"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
CUSTOMERS = """
version: 1
carriers: [{{name: sim, kind: smpp, host: 127.0.0.1, port: 2775, system_id: sim, password: sim}}]
tenants:
- name: acme
  numbers:
  - number: "+48601000001"
    kind: own_mobile
    carrier: sim
    forwards: [{{kind: webhook, url: "{url}", secret: "{secret}", mode: standard}}]
"""


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


class Installation:
    """A configuration with one customer, whose number got two texts; `serve` does not run."""

    def __init__(self, folder: Path, url: str) -> None:
        self.config = folder / "voip-sms.toml"
        self.config.write_text('[webhooks]\nallow = ["http://127.0.0.0/8"]\n')
        self._customers = folder / "customers.yaml"
        self._customers.write_text(CUSTOMERS.format(url=url, secret=SECRET))
        self.url = url

    async def made(self) -> "Installation":
        assert (await self.run("apply", self._customers)).exit_code == 0
        await receive(self.config, OWN, "one", "two")
        return self

    async def run(self, *arguments: str | Path) -> Result:
        return await asyncio.to_thread(run, *arguments, "--config", self.config)

    async def webhooks(self, *arguments: str, exit_code: int = 0) -> Result:
        result = await self.run("webhooks", *arguments)
        assert result.exit_code == exit_code, result.output
        return result

    async def json(self, *arguments: str) -> dict:
        return json.loads((await self.webhooks(*arguments, "--json")).stdout)

    def sql(self, statement: str) -> list[tuple]:
        database = open_database(load(self.config).database.url)
        with database.writer.begin() as connection:
            done = connection.exec_driver_sql(statement)
            rows = [tuple(row) for row in done] if done.returns_rows else []
        database.close()
        return rows


@pytest.fixture
async def installation(tmp_path: Path, hook_sink: HookSink) -> Installation:
    return await Installation(tmp_path, hook_sink.url()).made()


async def test_what_was_told_is_listed_and_shown(installation: Installation) -> None:
    newer, older = (await installation.webhooks("list")).stdout.splitlines()
    assert newer.split("  ")[2:] == ["queued", "message.received", installation.url]
    event = older.split("  ")[0]
    shown = (await installation.webhooks("show", event)).stdout
    assert shown.splitlines() == [older]
    page = await installation.json("list", "--tenant", "acme", "--limit", "1")
    assert (len(page["data"]), page["has_more"]) == (1, True)
    after = page["data"][0]["id"]
    assert [one["id"] for one in (await installation.json("list", "--after", after))["data"]] == [event]
    assert (await installation.json("list", "--state", "failed"))["data"] == []
    assert SECRET not in shown


async def test_failed_ones_are_told_again(installation: Installation) -> None:
    installation.sql("UPDATE forward_job SET state = 'failed', cause = '500', attempts = 10")
    page = await installation.json("list", "--state", "failed")
    one = page["data"][0]["id"]
    assert (await installation.webhooks("list")).stdout.count("failed (500)") == 2
    assert "queued" in (await installation.webhooks("replay", one)).stdout
    assert (await installation.webhooks("replay")).stdout == "replayed: 1\n"
    assert await installation.json("replay", "--since", "2026-01-01T00:00:00Z") == {
        "replayed": 0,
        "has_more": False,
    }
    assert installation.sql("SELECT DISTINCT state, attempts, tries_before FROM forward_job") == [
        ("queued", 10, 10)
    ]


async def test_a_new_secret_signs_beside_the_old_one(installation: Installation, hook_sink: HookSink) -> None:
    rule = (await installation.json("list"))["data"][0]["forward"]
    rotated = await installation.webhooks("rotate", rule)
    new = rotated.stdout.strip()
    assert "until" in rotated.stderr
    assert (await installation.webhooks("test", rule)).stdout.startswith("ok evt_")
    [hook] = hook_sink.hooks.items
    for secret in (SECRET, new):
        Webhook(secret).verify(hook.body, dict(hook.headers))
    # What the file says is what apply brings back.
    again = await installation.run("apply", installation.config.parent / "customers.yaml")
    assert "~ " in again.stdout


async def test_a_test_that_was_not_taken_ends_with_one(
    installation: Installation, hook_sink: HookSink
) -> None:
    rule = (await installation.json("list"))["data"][0]["forward"]
    hook_sink.answer_next(404)
    failed = await installation.webhooks("test", rule, exit_code=1)
    assert failed.stdout.startswith("FAIL evt_")
    assert failed.stdout.endswith(": 404\n")


async def test_what_cannot_be_says_why(installation: Installation) -> None:
    nothing = "0" * 26
    for arguments, complaint in (
        (("show", f"evt_{nothing}"), "no such hand-over"),
        (("replay", f"evt_{nothing}"), "no such hand-over"),
        (("rotate", f"fwd_{nothing}"), "no such forward"),
        (("list", "--tenant", "nobody"), "no such tenant"),
        (("replay", "--forward", f"fwd_{nothing}"), "no such forward"),
    ):
        assert complaint in (await installation.webhooks(*arguments, exit_code=1)).stderr
    for wrong in (("show", "msg_x"), ("replay", "--since", "yesterday"), ("list", "--state", "lost")):
        await installation.webhooks(*wrong, exit_code=2)
    event = (await installation.json("list"))["data"][0]["id"]
    await installation.webhooks("replay", event, "--tenant", "acme", exit_code=2)


async def test_with_several_customers_one_says_whose(installation: Installation, tmp_path: Path) -> None:
    more = tmp_path / "more.yaml"
    more.write_text("version: 1\ntenants: [{name: bolt}]\n")
    assert (await installation.run("apply", more)).exit_code == 0
    assert "acme, bolt" in (await installation.webhooks("list", exit_code=1)).stderr
    assert (await installation.json("list", "--tenant", "bolt"))["data"] == []
    assert len((await installation.json("list", "--tenant", "acme"))["data"]) == 2
