"""`voip-sms doctor` over an installation in which real things are broken."""

import asyncio
import os
import re
import resource
import shutil
import socket
import tempfile
import threading
import time
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
import pytest
import trustme
from aiosmtpd.smtp import SMTP
from click.testing import CliRunner
from sqlalchemy import text

from support.smsc import ScriptedSmsc
from voip_sms.app.doctor import Options, examine, machine, names
from voip_sms.app.doctor.findings import Check, Finding, run
from voip_sms.app.doctor.listeners import served_by
from voip_sms.app.settings import Settings, load
from voip_sms.cli.main import main
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import Service
from voip_sms.store.database import open_database

NOBODY = 65534


@pytest.fixture
def config(tmp_path):
    path = tmp_path / "voip-sms.toml"
    path.write_text(
        '[http]\nlisten = "127.0.0.1:0"\n[sip]\nudp = "127.0.0.1:0"\ntcp = "127.0.0.1:0"\n[mail]\nrelay = ""\n'
    )
    return path


def command(*arguments):
    return CliRunner().invoke(main, [str(one) for one in arguments], catch_exceptions=False)


@dataclass
class Report:
    """What doctor said, by name."""

    code: int
    findings: dict[str, dict[str, str]]

    def state(self, name):
        return self.findings[name]["state"]

    def found(self, name):
        return self.findings[name]["found"]

    def advice(self, name):
        return self.findings[name]["advice"]


def doctor(config, *arguments) -> Report:
    result = command("doctor", "--config", config, "--json", *arguments)
    document = orjson.loads(result.stdout)
    findings = {one["name"]: one for one in document["findings"]}
    assert result.exit_code == (1 if document["fail"] else 0)
    return Report(result.exit_code, findings)


async def doctor_beside(config, *arguments) -> Report:
    """The same while servers of this test's loop answer."""
    return await asyncio.to_thread(doctor, config, *arguments)


def apply(config, document):
    file = config.parent / "customers.yaml"
    file.write_text("version: 1\n" + document)
    done = command("apply", file, "--config", config)
    assert done.exit_code == 0, done.stderr


# --- as a whole ----------------------------------------------------------------------------------------------


def test_before_the_first_start_nothing_is_wrong_and_nothing_is_made(config):
    result = command("doctor", "--config", config)
    assert result.exit_code == 0, result.stdout
    states = dict(reversed(line.partition(":")[0].split(" ", 1)) for line in result.stdout.splitlines())
    expected = {
        "config": "ok",
        "data_dir": "skip",
        "database": "skip",
        "http.listen": "ok",
        "sip.udp": "ok",
        "sip.tcp": "ok",
        "sip.domain": "ok",
        "panel.url": "warn",
        "open_files": "ok",
        "carriers": "skip",
    }
    assert {name: states[name] for name in expected} == expected
    assert set(states) - set(expected) == {"clock"}  # the machine's own affair
    assert list(config.parent.iterdir()) == [config]


def test_each_finding_that_is_not_well_says_what_to_do(config):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(
            f'[http]\nlisten = "127.0.0.1:{taken.getsockname()[1]}"\n[sip]\nudp = "192.0.2.77:5060"\n'
        )
        result = command("doctor", "--config", config)
    assert result.exit_code == 1
    wrong = [line for line in result.stdout.splitlines() if line.startswith(("FAIL", "warn"))]
    assert len(wrong) >= 2
    assert all("; " in line for line in wrong)
    assert "wrong" in result.stderr


def test_a_check_that_hangs_or_breaks_does_not_hold_up_the_others():
    hangs = threading.Event()

    def broken():
        raise ZeroDivisionError("nothing left")

    began = time.monotonic()
    found = list(
        run(
            [
                Check("hangs", lambda: [Finding("ok", "hangs", str(hangs.wait(30)))], seconds=0.2),
                Check("broken", broken),
                Check("well", lambda: [Finding("ok", "well", "yes")]),
            ]
        )
    )
    hangs.set()
    assert time.monotonic() - began < 5
    assert [(one.name, one.state) for one in found] == [("hangs", "fail"), ("broken", "fail"), ("well", "ok")]
    assert "no answer within 0.2 s" in found[0].found
    assert "ZeroDivisionError: nothing left" in found[1].found


# --- the machine ---------------------------------------------------------------------------------------------


def test_a_folder_that_others_can_look_into(config):
    folder = config.parent / "var"
    folder.mkdir(mode=0o700)
    assert doctor(config).state("data_dir") == "ok"
    folder.chmod(0o755)
    report = doctor(config)
    assert report.state("data_dir") == "fail"
    assert report.advice("data_dir") == f"chmod 700 {folder}"


def test_a_folder_that_this_user_may_not_write():
    """root may write everywhere: then the doctor is somebody else for a moment."""
    place = Path(tempfile.mkdtemp(prefix="voip-sms-doctor-"))
    was, uid = os.geteuid(), os.geteuid() or NOBODY
    try:
        os.chown(place, uid, -1)
        place.chmod(0o500)
        os.seteuid(uid)
        (finding,) = machine.folder(place)
    finally:
        os.seteuid(was)
        shutil.rmtree(place)
    assert str(finding).startswith(f"FAIL data_dir: {place}: not writable for uid {uid}; chown")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root sees into a folder that is another's alone")
def test_root_sees_what_the_services_user_may_not(config):
    folder = config.parent / "var"
    folder.mkdir(mode=0o700)
    os.chown(folder, NOBODY, -1)
    report = doctor(config)
    assert report.state("data_dir") == "warn"
    assert f"belongs to uid {NOBODY}" in report.found("data_dir")


def test_settings_with_a_password_are_not_for_everybody(config):
    text_ = config.read_text()
    config.write_text(text_ + 'sender = "a@b.test"\n'.replace("sender", "from"))
    config.chmod(0o644)
    assert doctor(config).state("config") == "ok"
    config.write_text(text_.replace('relay = ""', 'relay = "smtp://me:secret@127.0.0.1:1"'))
    report = doctor(config)
    assert report.state("config") == "warn"
    assert "chmod 640" in report.advice("config")
    config.chmod(0o640)
    assert doctor(config).state("config") == "ok"


def test_few_open_files(config):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (512, hard))
    try:
        report = doctor(config)
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    assert report.state("open_files") == "warn"
    assert "LimitNOFILE" in report.advice("open_files")


# --- listeners -----------------------------------------------------------------------------------------------


def test_a_port_in_use_names_who_has_it(config):
    with (
        socket.create_server(("127.0.0.1", 0)) as tcp,
        socket.socket(type=socket.SOCK_DGRAM) as udp,
    ):
        udp.bind(("127.0.0.1", 0))
        config.write_text(
            f'[http]\nlisten = "127.0.0.1:{tcp.getsockname()[1]}"\n'
            f'[sip]\ntcp = ""\nudp = "127.0.0.1:{udp.getsockname()[1]}"\n'
        )
        report = doctor(config)
    for name in ("http.listen", "sip.udp"):
        assert report.state(name) == "fail"
        assert f"(pid {os.getpid()})" in report.found(name)


def test_an_address_that_this_machine_does_not_have(config):
    config.write_text('[sip]\nudp = "203.0.113.7:5060"\ntcp = ""\n')
    report = doctor(config)
    assert report.state("sip.udp") == "fail"
    assert "no such address" in report.found("sip.udp")


async def test_ports_of_the_running_service_are_well(config, tmp_path):
    http, sip = quiet_port(), quiet_port()
    config.write_text(
        f'[http]\nlisten = "127.0.0.1:{http}"\n[sip]\nudp = "127.0.0.1:{sip}"\ntcp = "127.0.0.1:{sip}"\n[mail]\nrelay = ""\n'
    )
    async with Service("serve", "--config", str(config), log=tmp_path / "log") as service:
        report = await doctor_beside(config)
        for name in ("http.listen", "sip.udp", "sip.tcp"):
            assert report.state(name) == "ok"
            assert report.found(name).endswith(f"is served by pid {service.pid}")
        assert report.found("service") == f"runs as pid {service.pid} and is ready"
        assert report.code == 0
        await service.stop()
    # The lock's file is still there, and names a process that is not.
    assert (tmp_path / "var" / "serve.lock").exists()
    settings = load(config)
    with closing(open_database(settings.database.url)) as database:
        assert served_by(settings, database) is None
    assert "service" not in (await doctor_beside(config)).findings


def test_what_is_open_to_others(config):
    config.write_text(
        '[http]\nlisten = "0.0.0.0:0"\n[simulator]\nhttp = "0.0.0.0:0"\n'
        '[sip]\nudp = "127.0.0.1:0"\ntcp = ""\ntrusted_peers = ["0.0.0.0/0", "10.0.0.0/8", "192.0.2.4"]\n'
    )
    report = doctor(config)
    assert report.state("http.exposed") == "warn"
    assert report.state("simulator.http") == "fail"
    lines = command("doctor", "--config", config).stdout
    assert "FAIL sip.trusted_peers: 0.0.0.0/0 is everybody" in lines
    assert "warn sip.trusted_peers: 10.0.0.0/8 is 16777216 addresses" in lines
    assert "ok sip.trusted_peers: 192.0.2.4/32" in lines


# --- names ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("domain", "addresses", "state", "says"),
    [
        ("sms.test", [], "ok", "outbound proxy"),
        ("sms.example.com", [], "warn", "_sip._udp.sms.example.com. SRV 10 0 5060 sms.example.com."),
        ("sms.example.com", ["127.0.0.1"], "ok", ""),
        ("sms.example.com", ["203.0.113.9"], "warn", "NAT"),
    ],
)
def test_the_domain_of_the_phones(domain, addresses, state, says):
    settings = Settings(sip={"domain": domain})
    (finding,) = names.look(settings, lambda _: addresses)
    assert finding.state == state
    assert says in finding.advice


def test_records_for_every_listener():
    settings = Settings(sip={"domain": "sms.example.com", "udp": "0.0.0.0:5080", "tcp": ""})
    assert list(names.records(settings))[1:] == ["_sip._udp.sms.example.com. SRV 10 0 5080 sms.example.com."]


def test_names_are_really_looked_up():
    assert "127.0.0.1" in names.resolve("localhost")
    assert names.resolve("no-such-host.invalid") == []


# --- database ------------------------------------------------------------------------------------------------


@pytest.mark.peer("postgresql")
def test_postgresql_not_at_head_and_not_durable(config, pg_server, pg_url):
    config.write_text(config.read_text() + f'[database]\nurl = "{pg_url}"\n')
    report = doctor(config)
    assert report.state("database") == "fail"
    assert "voip-sms db upgrade" in report.advice("database")
    assert command("db", "upgrade", "--config", config).exit_code == 0
    report = doctor(config)
    assert report.state("database") == "ok"
    assert "PostgreSQL" in report.found("database")
    assert report.state("database.write") == "ok"
    assert report.state("database.clock") == "ok"
    # The tests' own server leaves out what their speed can't afford: just what an operator must hear of.
    assert report.state("database.durable") == "fail"
    assert "fsync = off" in report.found("database.durable")


@pytest.mark.peer("postgresql")
def test_a_postgresql_role_that_may_only_read(config, pg_url):
    config.write_text(config.read_text() + f'[database]\nurl = "{pg_url}"\n')
    assert command("db", "upgrade", "--config", config).exit_code == 0
    database = open_database(pg_url)
    with database.writer.begin() as connection:
        name = pg_url.rpartition("/")[2]
        connection.execute(text(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on'))
    database.close()
    report = doctor(config)
    assert report.state("database.write") == "fail"
    assert "read-only" in report.found("database.write")


def test_a_database_server_that_is_away(config):
    config.write_text(
        config.read_text() + f'[database]\nurl = "postgresql://u:hush@127.0.0.1:{quiet_port()}/x"\n'
    )
    report = doctor(config)
    assert report.state("database") == "fail"
    assert "hush" not in str(report.findings)
    assert report.state("carriers") == "skip"


def test_sqlite_from_a_newer_version_and_held_by_somebody(config):
    assert command("db", "upgrade", "--config", config).exit_code == 0
    report = doctor(config)
    assert [report.state(name) for name in ("database", "database.write", "disk")] == ["ok"] * 3
    database = open_database(f"sqlite:///{config.parent}/var/voip-sms.db")
    with database.writer.begin():
        held = doctor(config)
    with database.writer.begin() as connection:
        connection.exec_driver_sql("UPDATE alembic_version SET version_num = '9999'")
    database.close()
    assert held.state("database") == "fail"
    assert "locked" in held.found("database")
    assert "no other program" in held.advice("database")
    newer = doctor(config)
    assert newer.state("database") == "fail"
    assert "newer version" in newer.found("database")


# --- carriers ------------------------------------------------------------------------------------------------


def carrier(name, port, **more):
    extra = "".join(f", {key}: {value}" for key, value in more.items())
    return f"- {{name: {name}, kind: smpp, host: 127.0.0.1, port: {port}, system_id: sim, password: sim{extra}}}\n"


async def test_carriers_that_answer_refuse_or_are_away(config, tmp_path):
    async def smtp_server(reader, writer):
        writer.write(b"220 mail.example ESMTP\r\n")
        await writer.drain()
        await reader.read(4096)
        writer.close()

    smsc = Service(
        *(
            "smsc",
            "--smpp",
            "127.0.0.1:0",
            "--http",
            "127.0.0.1:0",
            "--system-id",
            "sim",
            "--password",
            "sim",
        ),
        log=tmp_path / "log",
    )
    other = await asyncio.start_server(smtp_server, "127.0.0.1", 0)
    async with smsc, other:
        port, wrong = smsc.address("simulator_smpp")[1], other.sockets[0].getsockname()[1]
        document = "carriers:\n" + carrier("away", quiet_port()) + carrier("here", port)
        document += carrier("locked", port, password="other").replace("password: sim, ", "")
        document += (
            carrier("off", 1, enabled="false") + carrier("odd", wrong) + carrier("tls", port, tls="true")
        )
        await asyncio.to_thread(apply, config, document)
        plain = await doctor_beside(config)
        bound = await doctor_beside(config, "--bind")
    states = {
        name: plain.state(f"carrier {name}") for name in ("away", "here", "locked", "off", "odd", "tls")
    }
    assert states == {"away": "fail", "here": "ok", "locked": "ok", "off": "skip", "odd": "ok", "tls": "fail"}
    assert "--bind" in plain.advice("carrier here")
    states = {name: bound.state(f"carrier {name}") for name in ("here", "locked", "odd")}
    assert states == {"here": "ok", "locked": "fail", "odd": "fail"}
    assert "ESME_R" in bound.found("carrier locked")
    assert "TLS" in plain.found("carrier tls")


async def test_no_bind_unless_asked_and_a_goodbye_after_it(config):
    async with ScriptedSmsc() as smsc:
        await asyncio.to_thread(apply, config, "carriers:\n" + carrier("sim", smsc.port))
        await doctor_beside(config)
        connection = await smsc.connection(1)
        await connection.gone()
        assert connection.pdus == []
        await doctor_beside(config, "--bind")
        connection = await smsc.connection(2)
        await connection.gone()
        assert [type(pdu).__name__ for pdu in connection.pdus] == ["Bind", "Unbind"]


# --- mail ----------------------------------------------------------------------------------------------------


async def _relay(**options):
    class Handler:
        async def handle_DATA(self, server, session, envelope):  # noqa: N802
            raise AssertionError("the doctor sends no mail")

    return await asyncio.get_running_loop().create_server(lambda: SMTP(Handler(), **options), "127.0.0.1", 0)


async def test_the_relay_and_its_size(config):
    forward = (
        "tenants: [{name: acme, numbers: [{number: '+48601000001', kind: own_mobile, carrier: sim,"
        " forwards: [{kind: mail, to: [a@b.test]}]}]}]\n"
    )
    await asyncio.to_thread(apply, config, "carriers:\n" + carrier("sim", 1) + forward)
    none = await doctor_beside(config)
    assert none.state("mail.relay") == "fail"
    plain = config.read_text()
    relay = await _relay(data_size_limit=1000)
    async with relay:
        port = relay.sockets[0].getsockname()[1]
        config.write_text(plain.replace('relay = ""', f'relay = "smtp://127.0.0.1:{port}"'))
        small = await doctor_beside(config)
        config.write_text(plain.replace('relay = ""', f'relay = "smtp://me:wrong@127.0.0.1:{port}"'))
        login = await doctor_beside(config)
    assert small.state("mail.relay") == "ok"
    assert small.found("mail.relay_size") == "it takes 1000 octets at most"
    assert login.state("mail.relay_login") == "fail"
    away = await doctor_beside(config)
    assert away.state("mail.relay") == "fail"
    assert "wrong" not in str(away.findings)


# --- webhooks and passwords ----------------------------------------------------------------------------------


def test_webhooks_that_nobody_can_call(config):
    rule = "{{kind: webhook, url: '{}', secret: whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw}}"
    with socket.create_server(("127.0.0.1", 0)) as here, closing(socket.socket()) as closed:
        closed.bind(("127.0.0.1", 0))
        urls = [
            f"http://127.0.0.1:{here.getsockname()[1]}/hook?key=hush",
            f"http://127.0.0.1:{closed.getsockname()[1]}/",
            "https://no-such-host.invalid/",
            "https://127.0.0.2/",
        ]
        rules = ", ".join(rule.format(url) for url in urls)
        config.write_text(config.read_text() + '[webhooks]\nallow = ["http://127.0.0.0/8"]\n')
        numbers = (
            f"numbers: [{{number: '+48601000001', kind: own_mobile, carrier: sim, forwards: [{rules}]}}]"
        )
        apply(config, "carriers:\n" + carrier("sim", 1) + f"tenants: [{{name: acme, {numbers}}}]\n")
        report = doctor(config)
    assert report.found("webhooks") == "1 of 4 hosts may be called and answer"
    wrong = {name: one for name, one in report.findings.items() if name.startswith("webhook ")}
    assert len(wrong) == 3
    assert all(one["state"] == "warn" for one in wrong.values())
    assert wrong["webhook https://no-such-host.invalid:443"]["found"] == "no such host"
    assert "not a public address" in wrong["webhook https://127.0.0.2:443"]["found"]
    assert "hush" not in str(report.findings)


@pytest.mark.parametrize("password", ["101", "pw101", "1234", "password", "101101", "haslo"])
def test_passwords_that_anybody_guesses(config, password):
    good = "rU7x+2bq/0nK4wSd"
    users = f"[{{user: '101', password: '{password}'}}, {{user: '102', password: '{good}'}}]"
    apply(config, f"tenants: [{{name: acme, sip_accounts: {users}}}]\n")
    report = doctor(config)
    assert report.state("sip.passwords") == "warn"
    assert report.found("sip.passwords") == "2 of 2 looked at: 101 easily guessed"
    apply(config, f"tenants: [{{name: acme, sip_accounts: [{{user: '101', password: '{good}'}}]}}]\n")
    assert doctor(config).state("sip.passwords") == "ok"


def test_the_keys_of_our_documents_are_known_to_everybody(config):
    """Every token that the examples and the demo have, read from where they stand."""
    root = Path(__file__).parents[2]
    words = [*(root / "docs").rglob("*.yaml"), root / "voip_sms" / "demo" / "stage.py"]
    tokens = {
        found for path in words for found in re.findall(r"\w+-key-\w+-0123456789abcdef", path.read_text())
    }
    assert len(tokens) >= 3
    for token in sorted(tokens):
        apply(config, f"tenants: [{{name: acme, keys: [{{name: app, token: {token}}}]}}]\n")
        report = doctor(config)
        assert (report.state("api.keys"), report.found("api.keys")) == (
            "warn",
            "app: the token of our examples",
        )
    apply(config, "tenants: [{name: acme, keys: [{name: app, token: 7d1e0a5b9c3f48e2a6}]}]\n")
    assert doctor(config).state("api.keys") == "ok"


def test_a_tls_listener_with_a_certificate_that_has_expired(config, tmp_path):
    long_ago = datetime.now(UTC) - timedelta(400)
    made = trustme.CA().issue_cert("sms.test", not_before=long_ago, not_after=long_ago + timedelta(90))
    key, chain = tmp_path / "own.key", tmp_path / "own.pem"
    key.touch(mode=0o600)
    made.private_key_pem.write_to_path(str(key))
    made.cert_chain_pems[0].write_to_path(str(chain))
    config.write_text(
        '[http]\nlisten = ""\n[sip]\nudp = ["127.0.0.1:0", "[::1]:0"]\ntcp = ""\ntls = "127.0.0.1:0"\n'
        'tls_cert = "own.pem"\ntls_key = "own.key"\n'
    )
    result = command("doctor", "--config", config)
    assert result.exit_code == 1
    lines = result.stdout.splitlines()
    assert [line for line in lines if line.startswith("FAIL sip.tls_cert: expired on ")]
    assert "ok sip.tls_host: it is for sms.test" in lines
    assert {"ok sip.udp: 127.0.0.1:0 is free", "ok sip.udp: [::1]:0 is free"} <= set(lines)


def test_the_api_of_the_package(config):
    findings = list(examine(load(config), Options(config)))
    assert findings[0] == Finding("ok", "config", str(config))
