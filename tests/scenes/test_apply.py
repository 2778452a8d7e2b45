"""`voip-sms apply`: all or nothing, by natural keys, in force for whoever reads the database next."""

import copy
import hashlib
import json
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner, Result
from sqlalchemy import insert
from sqlalchemy.exc import IntegrityError

from support.fakes import START, FakeIds, fixed_random
from support.office import BY
from voip_sms.app import administration
from voip_sms.app.settings import load as load_settings
from voip_sms.cli.main import main
from voip_sms.core.clock import HOUR
from voip_sms.core.directory import Directory, Fallback
from voip_sms.core.resources import ConfigFile
from voip_sms.engine.accounts.applying import carry_out, prepare
from voip_sms.engine.accounts.planning import Maker
from voip_sms.engine.accounts.sealing import Vault, proves, sip_hashes
from voip_sms.store import migrate
from voip_sms.store.config import read_all
from voip_sms.store.database import open_database
from voip_sms.store.snapshot import load
from voip_sms.store.tables import ledger

CONTRACT = Path(__file__).parents[2] / "docs" / "contract.md"
TOKEN = "test-key-acme-0123456789abcdef"


@dataclass
class Installation:
    """A configuration file, a database, and files to apply to it."""

    folder: Path
    url: str

    @property
    def config(self) -> Path:
        return self.folder / "voip-sms.toml"

    def apply(self, document: Any, *options: str) -> Result:
        """Run the command on `document`; a text is taken as it is."""
        file = self.folder / "customers.yaml"
        text = document if isinstance(document, str) else yaml.safe_dump(document, allow_unicode=True)
        file.write_text(text, encoding="utf-8")
        return self.run("apply", str(file), *options)

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(main, [*arguments, "--config", str(self.config)], catch_exceptions=False)

    def read(self, read: Callable[[Any], Any]) -> Any:
        database = open_database(self.url)
        try:
            with database.reader.connect() as connection:
                return read(connection)
        finally:
            database.close()

    def directory(self) -> Directory:
        """What serve would load."""
        found: Directory = self.read(load)
        return found

    def rows(self, table: str) -> list[dict[str, Any]]:
        rows: list[dict[str, Any]] = self.read(lambda connection: read_all(connection, table))
        return rows


@pytest.fixture
def place(tmp_path: Path, database_url: str) -> Installation:
    installation = Installation(tmp_path, database_url)
    installation.config.write_text(f'[database]\nurl = "{database_url}"\n')
    return installation


@pytest.fixture
def example() -> dict[str, Any]:
    found = re.search(r"```yaml\n(.*?)```", CONTRACT.read_text(encoding="utf-8"), re.DOTALL)
    assert found is not None
    document: dict[str, Any] = yaml.safe_load(found[1])
    return document


def last(result: Result) -> str:
    return result.stdout.splitlines()[-1]


def test_the_contract_s_file_is_applied_and_then_unchanged(
    place: Installation, example: dict[str, Any]
) -> None:
    first = place.apply(example)
    assert (first.exit_code, last(first)) == (0, "apply: 18 added, 0 changed, 0 removed, 0 unchanged")
    again = place.apply(example)
    assert (again.exit_code, last(again)) == (0, "apply: 0 added, 0 changed, 0 removed, 18 unchanged")

    directory = place.directory()
    (tenant,) = directory.tenants.values()
    account = directory.keys[hashlib.sha256(TOKEN.encode()).digest()]
    assert (tenant.name, account.ref, account.scopes) == ("acme", "key:app", {"messages", "admin"})
    assert directory.sip["101"].ha1 == sip_hashes("101", "sms.test", "pw101")
    assert directory.sip["102"].account.identity.kind == "2way"
    assert directory.pools["pl"].numbers == ("+48799000001", "+48799000002")
    assert {rule.kind: rule.targets for rule in directory.forwards["+48601000001"]} == {
        "sip": ("101",),
        "mail": ("biuro@example.test",),
        "number": ("+48602000001",),
        "webhook": ("http://127.0.0.1:9000/hook",),
    }
    assert directory.groups[tenant.id, "staff"] == ("+48601000002", "+48601000003")
    (balance,) = place.rows("balance")
    assert (balance["credit"], balance["currency"], balance["reserved"]) == (100_000_000, "PLN", 0)


def test_no_secret_of_ours_is_stored_in_the_clear(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    kept = str([place.rows(table) for table in ("api_key", "sip_account", "mail_sender")])
    assert not [secret for secret in (TOKEN, "pw101", "s3cret") if secret in kept]
    assert proves("s3cret", place.rows("mail_sender")[0]["secret_hash"])
    assert not proves("wrong", place.rows("mail_sender")[0]["secret_hash"])


def test_only_the_fields_that_the_file_names_change(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    before = place.directory().sip["101"]
    result = place.apply(
        {
            "version": 1,
            "carriers": [{"name": "sim", "window": 25}],
            "tenants": [{"name": "acme", "sip_accounts": [{"user": "101", "language": "pl"}]}],
        }
    )
    assert result.stdout.splitlines() == [
        "~ carriers[sim]: settings",
        "~ tenants[acme].sip_accounts[101]: language",
        "apply: 0 added, 2 changed, 0 removed, 1 unchanged",
    ]
    directory = place.directory()
    assert directory.sip["101"].ha1 == before.ha1
    assert directory.sip["101"].account.identity == before.account.identity
    assert directory.carriers["sim"].settings["window"] == 25
    assert directory.carriers["sim"].settings["host"] == "127.0.0.1"
    assert set(directory.sip) == {"101", "102"}


def test_new_passwords_and_keys_replace_the_old(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    tenant = example["tenants"][0]
    tenant["sip_accounts"][0]["password"] = "other"
    tenant["keys"][0]["token"] = "another-key-0123456789"
    tenant["mail_senders"][0]["secret"] = "n3w"
    result = place.apply(example)
    assert last(result) == "apply: 0 added, 3 changed, 0 removed, 15 unchanged"
    directory = place.directory()
    assert directory.sip["101"].ha1 == sip_hashes("101", "sms.test", "other")
    assert hashlib.sha256(TOKEN.encode()).digest() not in directory.keys
    assert proves("n3w", place.rows("mail_sender")[0]["secret_hash"])


def test_a_fallback_is_set_changed_and_taken_away(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)

    def set_to(fallback: object) -> Result:
        accounts = [{"user": "101", "fallback": fallback}]
        tenants = [{"name": "acme", "sip_accounts": accounts}]
        return place.apply({"version": 1, "tenants": tenants})

    assert last(set_to({"after": "1h", "mail": "a@b.test"})).startswith("apply: 0 added, 1 changed")
    assert place.directory().sip["101"].fallback == Fallback(HOUR, "mail", "a@b.test")
    assert last(set_to({"after": "60m", "mail": "a@b.test"})).startswith("apply: 0 added, 0 changed")
    set_to({"after": "2h", "number": "602000009", "verified": True})
    assert place.directory().sip["101"].fallback == Fallback(2 * HOUR, "number", "+48602000009")

    unverified = set_to({"after": "2h", "number": "602000008"})
    assert unverified.exit_code == 1
    assert "tenants[0].sip_accounts[0].fallback.verified: other phones must be verified" in unverified.stderr
    circle = set_to({"after": "2h", "number": "+48601000001", "verified": True})
    assert "the text would come back here" in circle.stderr
    gone = set_to(None)
    assert last(gone).startswith("apply: 0 added, 1 changed"), gone.output
    assert place.directory().sip["101"].fallback is None


def test_nothing_is_applied_if_anything_is_wrong(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    generation = place.directory().generation
    example["tenants"][0]["credit"] = "999.00"
    example["tenants"][0]["sip_accounts"][1]["identity"]["value"] = "plx"
    result = place.apply(example)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert 'tenants[0].sip_accounts[1].identity.value: no pool "plx"; known pools: pl' in result.stderr
    assert place.rows("balance")[0]["credit"] == 100_000_000
    assert place.directory().generation == generation


def test_plan_shows_and_changes_nothing(place: Installation, example: dict[str, Any]) -> None:
    result = place.apply(example, "--plan")
    assert last(result) == "apply: 18 added, 0 changed, 0 removed, 0 unchanged"
    assert "+ tenants[acme].sip_accounts[101]" in result.stdout
    assert place.directory().tenants == {}


def test_absent_objects_stay_unless_pruned(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    del example["tenants"][0]["sip_accounts"][1]
    del example["tenants"][0]["blacklist"]
    assert last(place.apply(example)) == "apply: 0 added, 0 changed, 0 removed, 16 unchanged"
    assert "102" in place.directory().sip
    pruned = place.apply(example, "--prune")
    assert pruned.stdout.splitlines() == [
        "- tenants[acme].blacklist[prefix +48600666]",
        "- tenants[acme].sip_accounts[102]",
        "apply: 0 added, 0 changed, 2 removed, 16 unchanged",
    ]
    assert set(place.directory().sip) == {"101"}
    assert place.directory().blocks == {}


def test_pruning_everything_leaves_nothing(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    assert (
        last(place.apply({"version": 1}, "--prune")) == "apply: 0 added, 0 changed, 18 removed, 0 unchanged"
    )
    directory = place.directory()
    assert (directory.tenants, directory.carriers, directory.numbers) == ({}, {}, {})
    assert place.rows("balance") == []


def test_what_the_file_uses_is_not_pruned(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    example["carriers"] = []
    result = place.apply(example, "--prune")
    assert result.exit_code == 1
    assert 'routes[0].carrier: no carrier "sim"; known carriers: none' in result.stderr
    assert set(place.directory().carriers) == {"sim"}


def test_a_tenant_with_a_history_is_switched_off(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    (tenant,) = place.rows("tenant")
    database = open_database(place.url)
    charge = {"message_id": bytes(16), "part": 0, "phase": "reserve", "tenant_id": tenant["id"]}
    with database.writer.begin() as connection:
        connection.execute(
            insert(ledger), {**charge, "kind": "reserve", "amount": 1, "currency": "PLN", "at": 1}
        )
    database.close()
    assert last(place.apply({"version": 1}, "--prune")).endswith("18 removed, 0 unchanged")
    assert [row["enabled"] for row in place.rows("tenant")] == [False]
    assert place.rows("balance")[0]["credit"] == 100_000_000
    assert last(place.apply({"version": 1}, "--prune")).endswith("0 removed, 0 unchanged")


def test_forwards_are_matched_by_what_they_do(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    forwards = example["tenants"][0]["numbers"][0]["forwards"]
    forwards[0]["to"] = ["101", "102"]  # changes its rule
    forwards.reverse()  # order means nothing
    forwards.append({"kind": "mail", "to": ["second@example.test"]})  # a second one of its kind
    result = place.apply(example)
    assert last(result) == "apply: 1 added, 1 changed, 0 removed, 17 unchanged"
    rules = place.directory().forwards["+48601000001"]
    assert ("101", "102") in [rule.targets for rule in rules]
    assert sorted(rule.kind for rule in rules) == ["mail", "mail", "number", "sip", "webhook"]


def test_a_number_moves_to_another_tenant_with_prune(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    acme = example["tenants"][0]
    number = acme["numbers"].pop()
    number["forwards"] = []
    acme["sip_accounts"][0]["identity"] = {"kind": "2way", "value": "pl"}
    example["tenants"].append({"name": "other", "price_list": "std", "numbers": [number]})
    refused = place.apply(example)
    assert refused.exit_code == 1
    assert "belongs to somebody already: tenants[acme].numbers[+48601000001]" in refused.stderr
    assert place.apply(example, "--prune").exit_code == 0
    directory = place.directory()
    assert directory.tenants[directory.numbers["+48601000001"].tenant_id].name == "other"


def test_a_pool_gives_and_takes_numbers(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    example["pools"][0]["numbers"] = ["+48799000002", "+48799000003"]
    example["pools"].append({"name": "de", "carrier": "sim", "window": "2d", "numbers": ["+48799000001"]})
    assert last(place.apply(example)) == "apply: 1 added, 1 changed, 0 removed, 17 unchanged"
    pools = place.directory().pools
    assert pools["pl"].numbers == ("+48799000002", "+48799000003")
    assert pools["de"].numbers == ("+48799000001",)


def test_secrets_may_lie_in_files_beside(place: Installation, example: dict[str, Any]) -> None:
    secret = place.folder / "pw101"
    secret.write_text("from a file\n")
    secret.chmod(0o600)
    example["tenants"][0]["sip_accounts"][0]["password"] = {"file": "pw101"}
    assert place.apply(example).exit_code == 0
    assert place.directory().sip["101"].ha1 == sip_hashes("101", "sms.test", "from a file")
    secret.chmod(0o644)
    refused = place.apply(example)
    assert refused.exit_code == 1
    assert "tenants[0].sip_accounts[0].password" in refused.stderr
    assert "chmod 600" in refused.stderr


def test_the_currency_is_the_price_list_s(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    example["price_lists"].append(
        {"name": "eu", "currency": "EUR", "rates": [{"prefix": "+", "amount": "0.08"}]}
    )
    example["tenants"][0]["price_list"] = "eu"
    assert place.apply(example).exit_code == 0
    assert place.rows("balance")[0]["currency"] == "EUR"


def test_json_is_alone_on_stdout(place: Installation, example: dict[str, Any]) -> None:
    result = place.apply(example, "--json")
    report = json.loads(result.stdout)
    assert (len(report["added"]), report["unchanged"], report["errors"]) == (18, 0, [])
    wrong = copy.deepcopy(example)
    wrong["carriers"][0]["port"] = 0
    refused = place.apply(wrong, "--json")
    assert refused.exit_code == 1
    assert "carriers[0].port" in json.loads(refused.stdout)["errors"][0]


def test_a_busy_writer_is_waited_for(place: Installation, example: dict[str, Any]) -> None:
    """As with `serve` running: somebody else holds the database for a moment."""
    place.apply(example)
    database = open_database(place.url)
    release = threading.Event()
    held = threading.Event()

    def hold() -> None:
        with database.writer.begin() as connection:
            connection.exec_driver_sql("UPDATE generation SET n = n")
            held.set()
            release.wait(10)

    other = threading.Thread(target=hold)
    other.start()
    try:
        assert held.wait(10)
        threading.Timer(0.3, release.set).start()
        example["tenants"][0]["language"] = "pl"
        result = place.apply(example)
    finally:
        release.set()
        other.join()
        database.close()
    assert last(result) == "apply: 0 added, 1 changed, 0 removed, 17 unchanged"


def test_apply_makes_the_sqlite_database_but_not_the_server_s(tmp_path: Path, pg_url: str) -> None:
    config = tmp_path / "voip-sms.toml"
    config.write_text("")
    place = Installation(tmp_path, f"sqlite:///{tmp_path}/var/voip-sms.db")
    assert place.apply({"version": 1}).exit_code == 0
    assert (tmp_path / "var").stat().st_mode & 0o777 == 0o700
    config.write_text(f'[database]\nurl = "{pg_url}"\n')
    result = place.apply({"version": 1})
    assert result.exit_code == 3
    assert "voip-sms db upgrade" in result.stderr


def test_a_wrong_configuration_ends_with_two(tmp_path: Path) -> None:
    (tmp_path / "voip-sms.toml").write_text('[sip]\nudpp = ""\n')
    result = Installation(tmp_path, "").apply({"version": 1})
    assert result.exit_code == 2
    assert 'sip.udpp: unknown key; did you mean "udp"?' in result.stderr


def test_a_migration_never_runs_under_a_service(tmp_path: Path) -> None:
    (tmp_path / "voip-sms.toml").write_text("")
    place = Installation(tmp_path, f"sqlite:///{tmp_path}/var/voip-sms.db")
    settings = load_settings(place.config)
    database = open_database(place.url)
    administration.make_folders(settings, database)
    with administration.lock_folder(tmp_path / "var"):
        result = place.apply({"version": 1})
    assert result.exit_code == 3
    assert "another process" in result.stderr
    assert not migrate.at_head(database.writer)
    database.close()


def test_a_change_between_plan_and_write_is_seen(place: Installation, example: dict[str, Any]) -> None:
    """Somebody applies the same objects while ours are being planned: nothing is there twice."""
    place.apply({"version": 1})
    database = open_database(place.url)
    file = ConfigFile.model_validate(example)
    chance = fixed_random()
    maker = Maker("sms.test", Vault(chance.randbytes), FakeIds().new, START, BY)
    with database.reader.connect() as connection:
        prepared = prepare(connection, file, maker)
    assert len(prepared.report.added) == 18
    place.apply(example)
    with database.writer.begin() as connection:
        report = carry_out(connection, prepared)
    database.close()
    assert report.summary == "0 added, 0 changed, 0 removed, 18 unchanged"


def test_a_currency_does_not_change_under_a_message(place: Installation, example: dict[str, Any]) -> None:
    place.apply(example)
    example["price_lists"].append({"name": "eu", "currency": "EUR", "rates": []})
    example["tenants"][0]["price_list"] = "eu"
    database = open_database(place.url)
    file = ConfigFile.model_validate(example)
    maker = Maker("sms.test", Vault(fixed_random().randbytes), FakeIds().new, START, BY)
    with database.reader.connect() as connection:
        prepared = prepare(connection, file, maker)
    assert prepared.report.complaints == ()
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE balance SET reserved = 1")
    with pytest.raises(IntegrityError), database.writer.begin() as connection:
        carry_out(connection, prepared)
    database.close()
    result = place.apply(example)
    assert result.exit_code == 1
    assert "tenants[0]: has spent PLN and can't change to EUR" in result.stderr


def test_events_of_a_tenant_go_to_its_webhooks(place: Installation, example: dict[str, Any]) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    example["tenants"][0]["webhooks"] = [
        {"url": "https://x.test/all", "secret": secret},
        {"url": "https://x.test/get?f={from}", "mode": "get", "events": ["message.failed"]},
    ]
    assert last(place.apply(example)).startswith("apply: 20 added")
    assert last(place.apply(example)).endswith("20 unchanged")
    (rules,) = place.directory().subscriptions.values()
    assert {rule.targets[0]: (rule.mode, len(rule.events), rule.secret) for rule in rules} == {
        "https://x.test/all": ("standard", 6, secret),
        "https://x.test/get?f={from}": ("get", 1, ""),
    }
