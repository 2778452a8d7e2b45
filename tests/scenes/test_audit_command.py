"""`voip-sms audit`: lists who changed what, and finds what was done to the record of it."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result

from support.received import receive
from voip_sms.cli.main import main
from voip_sms.store.database import open_database

Json = dict[str, Any]
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
HOOK = "http://127.0.0.1:9/hook"


def customer(name: str, digit: int) -> Json:
    return {
        "name": name,
        "blacklist": [{"match": "name", "value": f"Spam{number}"} for number in range(5)],
        "numbers": [
            {
                "number": f"+4860100000{digit}",
                "kind": "own_mobile",
                "carrier": "sim",
                "forwards": [{"kind": "webhook", "url": HOOK, "secret": SECRET}],
            }
        ],
    }


CUSTOMERS: Json = {
    "version": 1,
    "carriers": [{"name": "sim", "kind": "smpp", "host": "127.0.0.1", "system_id": "sim"}],
    "tenants": [customer("acme", 1), customer("bolt", 2)],
}
ENTRIES = 1 + 2 + 2 * 7
"""A carrier, two tenants; of each a number, its forward, five block rules."""


class Installation:
    """A database with two customers, made by `apply`; `serve` does not run."""

    def __init__(self, folder: Path, url: str) -> None:
        self.folder = folder
        self.url = url
        self.config = folder / "voip-sms.toml"
        self.config.write_text(f'[database]\nurl = "{url}"\n[webhooks]\nallow = ["http://127.0.0.0/8"]\n')

    def run(self, *arguments: str, exit_code: int = 0) -> Result:
        result = CliRunner().invoke(main, [*arguments, "--config", str(self.config)], catch_exceptions=False)
        assert result.exit_code == exit_code, result.output
        return result

    def apply(self, document: Json, *options: str) -> str:
        file = self.folder / "customers.yaml"
        file.write_text(yaml.safe_dump(document))
        return self.run("apply", str(file), *options).stdout

    def verify(self, *options: str, exit_code: int = 0) -> str:
        return self.run("audit", "verify", *options, exit_code=exit_code).stdout

    def chains(self, *options: str, exit_code: int = 0) -> dict[str, Json]:
        found = json.loads(self.verify("--json", *options, exit_code=exit_code))
        assert found["whole"] == (exit_code == 0)
        return {chain["name"]: chain for chain in found["chains"]}

    def list(self, *options: str) -> list[Json]:
        data: list[Json] = json.loads(self.run("audit", "list", "--json", *options).stdout)["data"]
        return data

    def sql(self, *statements: str) -> None:
        """What somebody with a shell does to the database."""
        database = open_database(self.url)
        with database.writer.begin() as connection:
            for statement in statements:
                done = connection.exec_driver_sql(statement)
                assert done.rowcount > 0, statement
        database.close()


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Installation:
    made = Installation(tmp_path, database_url)
    made.apply(CUSTOMERS)
    return made


OF_ACME = "tenant_id = (SELECT id FROM tenant WHERE name = 'acme')"


def test_what_apply_did_is_sealed_and_whole(place: Installation) -> None:
    chains = place.chains()
    assert {name: (one["entries"], one["unsealed"]) for name, one in chains.items()} == {
        "operator": (3, 0),
        "acme": (7, 0),
        "bolt": (7, 0),
    }
    lines = place.verify().splitlines()
    assert [line.partition(",")[0] for line in lines] == ["ok operator: 3 entries", "ok acme: 7 entries",
                                                          "ok bolt: 7 entries"]  # fmt: skip
    assert lines[1].endswith(f"head {chains['acme']['head']}")
    assert place.verify("--tenant", "acme").splitlines() == lines[1:2]


def test_a_plan_and_a_file_that_changes_nothing_leave_nothing(place: Installation) -> None:
    heads = place.chains()
    changed = {"version": 1, "tenants": [{"name": "acme", "credit": "9.00"}]}
    assert "~ tenants[acme]: credit" in place.apply(changed, "--plan")
    place.apply(CUSTOMERS)
    assert place.chains() == heads
    assert len(place.list()) == ENTRIES
    place.apply(changed)
    assert len(place.list()) == ENTRIES + 1


def test_the_list_tells_who_did_what(place: Installation) -> None:
    place.apply({"version": 1, "tenants": [{"name": "acme", "credit": "9.00"}]})
    [newest, *_] = place.list()
    assert newest["who"].startswith("operator:apply@")
    assert (newest["door"], newest["action"], newest["label"]) == ("apply", "changed", "tenants[acme]")
    assert (newest["before"], newest["after"]) == ({"credit": "0.00"}, {"credit": "9.00"})
    [line] = place.run("audit", "list", "--action", "changed").stdout.splitlines()
    assert line.endswith('changed tenants[acme]: credit "0.00" > "9.00"')
    assert {one["kind"] for one in place.list("--tenant", "acme")} == {"numbers", "forwards", "blacklist"}
    assert len(place.list("--tenant", "acme", "--kind", "blacklist")) == 5
    assert len(place.list("--object", "tenants[acme]")) == 2
    assert len(place.list("--who", newest["who"], "--limit", "4")) == 4
    assert place.list("--since", "2100-01-01T00:00:00Z") == []
    assert len(place.list("--until", "2100-01-01T00:00:00Z")) == ENTRIES + 1
    page = place.run("audit", "list", "--limit", "2")
    after = page.stderr.split()[-1]
    assert place.list("--after", after, "--limit", "1")[0] == place.list()[2]


def test_a_customer_that_is_gone_still_has_its_chain(place: Installation) -> None:
    acme = place.list("--tenant", "acme")[0]["tenant"]
    place.apply({**CUSTOMERS, "tenants": [customer("bolt", 2)]}, "--prune")
    chains = place.chains()
    assert (chains[acme]["entries"], chains["bolt"]["entries"]) == (14, 7)
    assert len(place.list("--tenant", acme)) == 14
    assert place.verify("--tenant", acme).startswith(f"ok {acme}: 14 entries")


# --- tampering ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("statements", "kind", "text"),
    [
        ((f"UPDATE audit_entry SET who = 'key:x' WHERE seq = 3 AND {OF_ACME}",), "changed", "entry 3 ("),
        ((f"UPDATE audit_entry SET after = '{{}}' WHERE seq = 7 AND {OF_ACME}",), "changed", "entry 7 ("),
        ((f"UPDATE audit_entry SET at = at + 1 WHERE seq = 1 AND {OF_ACME}",), "changed", "entry 1 ("),
        ((f"DELETE FROM audit_entry WHERE seq = 4 AND {OF_ACME}",), "removed", "entry 4 is missing before"),
        ((f"DELETE FROM audit_entry WHERE seq < 4 AND {OF_ACME}",), "removed", "entries 1 to 3 are missing"),
        ((f"DELETE FROM audit_entry WHERE seq > 5 AND {OF_ACME}",), "removed",
         "entries 6 to 7 are missing at the end"),
        ((f"DELETE FROM audit_entry WHERE {OF_ACME}",), "removed", "entries 1 to 7 are missing at the end"),
        ((f"DELETE FROM audit_chain WHERE {OF_ACME}",), "removed", "where the chain ends"),
        (
            (
                f"UPDATE audit_entry SET seq = 99 WHERE seq = 3 AND {OF_ACME}",
                f"UPDATE audit_entry SET seq = 3 WHERE seq = 4 AND {OF_ACME}",
                f"UPDATE audit_entry SET seq = 4 WHERE seq = 99 AND {OF_ACME}",
            ),
            "order",
            "entry 3 (",
        ),
        ((f"UPDATE audit_entry SET seq = NULL WHERE seq = 7 AND {OF_ACME}",), "removed", "entry 7 is missing"),
        (
            (f"UPDATE audit_entry SET hash = NULL WHERE seq = 2 AND {OF_ACME}",),
            "changed",
            "entry 2 (",
        ),
    ],
)  # fmt: skip
def test_what_was_done_to_a_chain_is_found_and_only_there(
    place: Installation, statements: tuple[str, ...], kind: str, text: str
) -> None:
    place.sql(*statements)
    chains = place.chains(exit_code=1)
    faults = chains["acme"]["faults"]
    assert (faults[0]["kind"], faults[0]["text"][: len(text)]) == (kind, text)
    assert [chains[name]["faults"] for name in ("operator", "bolt")] == [[], []]
    place.verify("--tenant", "bolt")
    assert "BROKEN acme: " in place.verify(exit_code=1)
    place.apply(
        {"version": 1, "tenants": [{"name": "acme", "blacklist": [{"match": "name", "value": "more"}]}]}
    )
    assert place.chains(exit_code=1)["acme"]["faults"], "going on does not mend it"


def test_a_tail_cut_with_its_end_needs_a_hash_noted_elsewhere(place: Installation) -> None:
    noted = place.chains()["acme"]["head"]
    other = place.chains()["bolt"]["head"]
    place.verify("--expect", noted, "--expect", other)
    place.apply(
        {"version": 1, "tenants": [{"name": "acme", "blacklist": [{"match": "name", "value": "more"}]}]}
    )
    place.verify("--expect", noted)  # the chain has only grown
    place.sql(
        f"DELETE FROM audit_entry WHERE seq > 5 AND {OF_ACME}",
        f"UPDATE audit_chain SET seq = 5, hash = (SELECT hash FROM audit_entry WHERE seq = 5 AND {OF_ACME})"
        f" WHERE {OF_ACME}",
    )
    place.verify()
    assert f"BROKEN expected: no whole chain has the entry {noted}" in place.verify(
        "--expect", noted, exit_code=1
    )
    place.verify("--tenant", "bolt", "--expect", other)
    place.verify("--tenant", "acme", "--expect", other, exit_code=1)


def test_an_entry_that_nobody_seals_is_found(place: Installation) -> None:
    """Nothing seals while neither `serve` runs nor a command changes something."""
    hour = 3_600_000_000
    place.sql(
        "INSERT INTO audit_entry (id, tenant_id, at, who, door, action, kind, label, before, after)"
        f" SELECT id, tenant_id, at - {hour}, who, door, action, kind, label, before, after FROM ("
        f" SELECT * FROM audit_entry WHERE seq = 1 AND {OF_ACME}) AS one".replace(
            "SELECT id,", "SELECT (SELECT id FROM tenant WHERE name = 'bolt'),"
        )
    )
    faults = place.chains(exit_code=1)["acme"]["faults"]
    assert [fault["kind"] for fault in faults] == ["unsealed"]
    assert "60 minutes" in faults[0]["text"]


def test_what_cannot_be_says_why(place: Installation) -> None:
    assert "no such tenant" in place.run("audit", "verify", "--tenant", "nobody", exit_code=1).stderr
    gone = "ten_" + "0" * 26
    assert "no such tenant" in place.run("audit", "list", "--tenant", gone, exit_code=1).stderr
    for wrong in (
        ("audit", "verify", "--expect", "abc"),
        ("audit", "list", "--after", "msg_x"),
        ("audit", "list", "--since", "now"),
    ):
        place.run(*wrong, exit_code=2)


# --- what else administrators do ----------------------------------------------------------------------------


async def test_new_secrets_and_replays_by_command(place: Installation) -> None:
    await receive(place.config, "+48601000001", "one", "two")
    rule = (await asyncio.to_thread(place.list, "--kind", "forwards", "--tenant", "acme"))[0]["object"]
    secret = (await asyncio.to_thread(place.run, "webhooks", "rotate", rule)).stdout.strip()
    [rotated, *_] = await asyncio.to_thread(place.list, "--tenant", "acme")
    assert (rotated["door"], rotated["action"], rotated["object"]) == ("cli", "rotated", rule)
    assert rotated["who"].startswith("operator:webhooks@")
    assert secret not in str(rotated)
    await asyncio.to_thread(place.sql, "UPDATE forward_job SET state = 'failed'")
    assert (
        await asyncio.to_thread(place.run, "webhooks", "replay", "--tenant", "acme")
    ).stdout == "replayed: 2\n"
    [many, *_] = await asyncio.to_thread(place.list, "--tenant", "acme")
    assert (many["action"], many["label"], many["after"]) == (
        "replayed",
        "tenants[acme].webhook_deliveries",
        {"replayed": 2},
    )
    listed = (await asyncio.to_thread(place.run, "webhooks", "list", "--tenant", "acme")).stdout
    event = listed.split()[0]
    await asyncio.to_thread(place.run, "webhooks", "replay", event)
    [one, *_] = await asyncio.to_thread(place.list, "--tenant", "acme")
    assert (one["label"], one["object"]) == (f"tenants[acme].webhook_deliveries[{event}]", event)
    assert (await asyncio.to_thread(place.chains))["acme"]["entries"] == 10
