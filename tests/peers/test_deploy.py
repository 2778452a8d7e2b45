"""deploy/: the systemd unit as systemd itself judges it, the service under its confinement, the container file."""

import asyncio
import os
import platform
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tomllib
from fnmatch import fnmatch
from pathlib import Path

import pytest

from support import confined, peers
from voip_sms.app.settings import load
from voip_sms.demo.clients import until
from voip_sms.demo.ports import quiet_port
from voip_sms.demo.process import Service, command

ROOT = Path(__file__).parents[2]
UNIT = ROOT / "deploy" / "systemd" / "voip-sms.service"
# In tenths: `systemd-analyze security` calls up to 2.0 "OK" at its best.
EXPOSURE = 20
NUMBERS = Path("/usr/include") / f"{platform.machine()}-linux-gnu" / "asm" / "unistd_64.h"
CONFIG = '[http]\nlisten = "127.0.0.1:0"\n[sip]\nudp = "127.0.0.1:0"\ntcp = "127.0.0.1:0"\n'


def unit() -> dict[str, list[str]]:
    """Every key of the unit with its values, in order."""
    found: dict[str, list[str]] = {}
    for line in UNIT.read_text().splitlines():
        key, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            found.setdefault(key, []).append(value)
    return found


def analyze(*arguments: str) -> subprocess.CompletedProcess[str]:
    peers.need("systemd")
    return subprocess.run(
        ["systemd-analyze", "--no-pager", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture
def installed(tmp_path):
    """The unit as it would be found, with the program where this machine has it."""
    path = tmp_path / UNIT.name
    program = command()[0]
    path.write_text(UNIT.read_text().replace("/opt/voip-sms/venv/bin/voip-sms", program))
    return path


# --- the unit ------------------------------------------------------------------------------------------------


@pytest.mark.peer("systemd")
def test_systemd_finds_it_well_enclosed(installed):
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(installed))
    assert done.returncode == 0, done.stdout[-2000:] + done.stderr


@pytest.mark.peer("systemd")
def test_the_judgement_can_fail(installed):
    text = installed.read_text()
    installed.write_text(
        re.sub(r"^(SystemCallFilter|CapabilityBoundingSet|Protect\w+)=.*\n", "", text, flags=re.MULTILINE)
    )
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE}", str(installed))
    assert done.returncode != 0


@pytest.mark.peer("systemd")
def test_systemd_reads_it_without_a_complaint(installed):
    done = analyze("verify", "--man=no", str(installed))
    complaints = [line for line in done.stderr.splitlines() if UNIT.name in line]
    assert (done.returncode, complaints) == (0, [])
    installed.write_text(installed.read_text().replace("Type=notify", "Type=notfy"))
    assert "notfy" in analyze("verify", "--man=no", str(installed)).stderr


def test_it_serves_as_the_install_page_says():
    page = (ROOT / "docs" / "operate" / "install.md").read_text()
    (program, *arguments) = shlex.split(unit()["ExecStart"][0])
    assert program == "/opt/voip-sms/venv/bin/voip-sms"
    assert f"{Path(program).parent}/python -m pip install" in page
    assert arguments == ["serve", "--config", "/etc/voip-sms/voip-sms.toml"]
    user = unit()["User"][0]
    sysusers = (ROOT / "deploy" / "systemd" / "voip-sms.sysusers.conf").read_text()
    assert f"u {user} " in sysusers
    state = f"/var/lib/{unit()['StateDirectory'][0]}"
    assert f'data_dir = "{state}"' in page
    assert f'url = "sqlite:///{state}/voip-sms.db"' in page
    # A wrong configuration ends with 2, and is not tried again and again.
    assert unit()["RestartPreventExitStatus"] == ["2"]


# --- the service under it ------------------------------------------------------------------------------------


def allowed_calls() -> list[int]:
    """Numbers of the system calls that the unit's filter leaves, as systemd expands its groups."""
    names = expanded("@default")
    for value in unit()["SystemCallFilter"]:
        groups = expanded(*value.removeprefix("~").split())
        names = names - groups if value.startswith("~") else names | groups
    numbers = dict(re.findall(r"#define __NR_(\w+) (\d+)", NUMBERS.read_text()))
    return [int(numbers[name]) for name in sorted(names) if name in numbers]


def expanded(*groups: str) -> set[str]:
    names: set[str] = set()
    for group in groups:
        lines = analyze("syscall-filter", group).stdout.splitlines()
        words = {
            line.strip() for line in lines if line.startswith("    ") and not line.strip().startswith("#")
        }
        nested = {word for word in words if word.startswith("@")}
        names |= (words - nested) | (expanded(*nested) if nested else set())
    return names


@pytest.mark.peer("systemd")
async def test_the_service_lives_under_the_units_system_call_filter(tmp_path):
    """Serves, stores, answers and ends in order, with W^X enforced and everything else refused (EPERM)."""
    peers.need("systemd")
    if platform.machine() != "x86_64" or not NUMBERS.exists():
        peers.missing("linux-libc-dev", "x86-64 with apt-get install linux-libc-dev")
    assert unit()["MemoryDenyWriteExecute"] == ["yes"]
    calls = tmp_path / "calls"
    calls.write_text("\n".join(map(str, allowed_calls())))
    confining = [sys.executable, confined.__file__, str(calls)]
    probe = [*confining, sys.executable, "-c", "import os; os.sched_setaffinity(0, {0})"]
    refused = subprocess.run(probe, capture_output=True, text=True, timeout=30, check=False)
    if "prctl" in refused.stderr:
        pytest.skip(f"this kernel can't confine so: {refused.stderr.splitlines()[-1]}")
    assert "PermissionError" in refused.stderr, "the filter must be in force"
    config = tmp_path / "voip-sms.toml"
    config.write_text(CONFIG)
    service = Service(
        "serve", "--config", str(config), log=tmp_path / "log", program=[*confining, command()[0]]
    )
    async with service:
        reader, writer = await asyncio.open_connection(*service.address("http"))
        writer.write(b"GET /health/ready HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
        assert b" 200 " in await reader.readline()
        writer.close()
        await writer.wait_closed()
        applied = await asyncio.create_subprocess_exec(
            *confining, *command("apply", str(ROOT / "docs/examples/acme.yaml"), "--config", str(config)),
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
        )  # fmt: skip
        out, _ = await asyncio.wait_for(applied.communicate(), 60)
        assert applied.returncode == 0, out.decode()
        assert await service.stop() == 0, service.log_text()
    assert "Operation not permitted" not in service.log_text()


async def test_the_service_manager_hears_when_it_is_ready_alive_and_stopping(tmp_path):
    config = tmp_path / "voip-sms.toml"
    config.write_text(CONFIG)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.setblocking(False)
        environment = {"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
        service = Service("serve", "--config", str(config), log=tmp_path / "log", environment=environment)
        heard: list[str] = []

        async def beats() -> bool:
            heard.extend(listen(manager))
            return sum("WATCHDOG=1" in one for one in heard) >= 4

        async with service:
            await until(beats, "no signs of life")
            assert await service.stop() == 0
        heard.extend(listen(manager))
    assert heard[0] == f"READY=1\nSTATUS=serving as pid {service.ready['pid']}"
    assert "STOPPING=1\nSTATUS=draining" in heard
    assert sum("READY=1" in one for one in heard) == 1


def listen(manager: socket.socket) -> list[str]:
    heard = []
    while True:
        try:
            heard.append(manager.recv(4096).decode())
        except BlockingIOError:
            return heard


async def test_secrets_come_from_credentials(tmp_path):
    """LoadCredential= puts each into a file of `$CREDENTIALS_DIRECTORY`; faults name it."""
    config, folder = tmp_path / "voip-sms.toml", tmp_path / "credentials"
    config.write_text(CONFIG)
    folder.mkdir()
    for line in re.findall(r"# LoadCredential=([\w.]+):", UNIT.read_text()):
        (folder / line).write_text(
            {"database.url": "sqlite:///secret.db", "mail.relay": "smtp://a:b@c.test"}[line]
        )
    (folder / "tls.key").write_text("somebody else's")
    environment = os.environ | {"CREDENTIALS_DIRECTORY": str(folder)}
    shown = subprocess.run(
        command("config", "show", "--config", str(config)),
        env=environment | {"VOIP_SMS_SIP__DOMAIN": "voip.example"},
        capture_output=True, text=True, timeout=60, check=True,
    ).stdout  # fmt: skip
    settings = tomllib.loads(shown)
    assert settings["database"]["url"] == f"sqlite:///{tmp_path}/secret.db"
    assert settings["mail"]["relay"] == "smtp://a:***@c.test"
    assert settings["sip"]["domain"] == "voip.example"
    (folder / "mail.relay").write_text("http://nonsense")
    done = subprocess.run(
        command("config", "check", "--config", str(config)),
        env=environment, capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("credential mail.relay: mail.relay: must be smtp://")


# --- the container file --------------------------------------------------------------------------------------


def instructions() -> list[tuple[str, str]]:
    """(instruction, its text), continued lines joined."""
    text = re.sub(r"\\\n", " ", (ROOT / "deploy" / "Containerfile").read_text())
    lines = (line.strip() for line in text.splitlines())
    return [
        (word.upper(), rest)
        for word, _, rest in (line.partition(" ") for line in lines if line and line[0] != "#")
    ]


def stages() -> list[list[tuple[str, str]]]:
    found: list[list[tuple[str, str]]] = []
    for one in instructions():
        if one[0] == "FROM":
            found.append([])
        found[-1].append(one)
    return found


def copied(stage: list[tuple[str, str]]) -> list[str]:
    """What a stage takes from the checkout."""
    sources: list[str] = []
    for word, rest in stage:
        if word == "COPY" and "--from=" not in rest:
            *some, _ = [part for part in rest.split() if not part.startswith("--")]
            sources += some
    return sources


def test_the_container_runs_as_nobody_and_needs_no_root():
    build, final = stages()
    words = dict(final)
    assert {word for word, _ in build + final} <= {
        *("FROM", "WORKDIR", "COPY", "RUN", "LABEL", "ENV", "USER", "VOLUME", "EXPOSE", "STOPSIGNAL"),
        *("HEALTHCHECK", "ENTRYPOINT", "CMD"),
    }
    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", words["USER"])
    order = [word for word, _ in final]
    assert order.index("USER") > max(number for number, word in enumerate(order) if word in {"RUN", "COPY"})
    assert all(
        "--require-hashes" in rest or "--no-deps" in rest for _, rest in build if "pip install" in rest
    )
    assert "pip" not in "".join(rest for word, rest in final if word == "RUN")
    release = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["requires-python"]
    assert all(re.search(r"python:3\.1[1-3]-slim", rest) for word, rest in build + final if word == "FROM"), (
        release
    )


def test_what_it_copies_is_there_and_not_ignored():
    ignored = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and line[0] != "#"]
    for source in [one for stage in stages() for one in copied(stage)]:
        assert (ROOT / source).exists(), source
        assert not [pattern for pattern in ignored if fnmatch(source.split("/")[0], pattern)], source


def test_its_settings_are_ours():
    settings = load(ROOT / "deploy" / "container.toml")
    words = dict(stages()[1])
    assert str(settings.data_dir) == words["VOLUME"] == words["WORKDIR"]
    ports = {f"{settings.sip.udp.rpartition(':')[2]}/udp", f"{settings.http.listen.rpartition(':')[2]}/tcp"}
    assert ports <= set(words["EXPOSE"].split())


def test_what_it_builds_can_serve(tmp_path):
    """Without an engine: what it copies, installed as it installs it, is a whole program with its data files."""
    source, place = tmp_path / "source", tmp_path / "place"
    source.mkdir()
    for name in copied(stages()[0]):
        target = source / name
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, target, ignore=shutil.ignore_patterns("__pycache__", "*.so"))
        else:
            shutil.copy(ROOT / name, target)
    (line,) = [rest for word, rest in stages()[0] if word == "RUN" and "--no-deps" in rest]
    arguments = shlex.split(line)[1:-1]
    subprocess.run(
        [sys.executable, *arguments, "--quiet", "--target", str(place), "."],
        cwd=source, check=True, timeout=300, env=os.environ | {"PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )  # fmt: skip
    config = tmp_path / "voip-sms.toml"
    config.write_text(CONFIG)
    for words in (["db", "upgrade"], ["config", "check"]):
        done = subprocess.run(
            [sys.executable, "-m", "voip_sms.cli.main", *words, "--config", str(config)],
            cwd=tmp_path, env=os.environ | {"PYTHONPATH": str(place)}, capture_output=True, text=True, timeout=120,
            check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
    ours = {str(path.relative_to(source)) for path in (source / "voip_sms").rglob("*") if _is_data(path)}
    theirs = {str(path.relative_to(place)) for path in (place / "voip_sms").rglob("*") if _is_data(path)}
    assert ours <= theirs


def _is_data(path: Path) -> bool:
    return path.is_file() and "__pycache__" not in path.parts


async def test_its_health_check_asks_for_readiness(tmp_path):
    (text,) = [rest for word, rest in instructions() if word == "HEALTHCHECK"]
    check = text.partition("CMD ")[2]
    config = tmp_path / "voip-sms.toml"
    port = quiet_port()
    config.write_text(CONFIG.replace("127.0.0.1:0", f"127.0.0.1:{port}", 1))
    words = [
        sys.executable,
        "-c",
        check.partition('"-c", "')[2].removesuffix('"]').replace(":8080", f":{port}"),
    ]
    async with Service("serve", "--config", str(config), log=tmp_path / "log") as service:
        assert (await asyncio.to_thread(subprocess.run, words, timeout=30, check=False)).returncode == 0
        await service.stop()
    gone = await asyncio.to_thread(subprocess.run, words, timeout=30, check=False, stderr=subprocess.DEVNULL)
    assert gone.returncode != 0
