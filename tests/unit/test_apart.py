"""tools/apart.sh and tools/pbx.sh where nothing can be fetched: they say so, and what is there stays."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from voip_sms.demo.programs import find_program, root_of

pytestmark = pytest.mark.skipif(shutil.which("dpkg-deb") is None, reason="Debian's tools")

TOOLS = Path(__file__).parents[2] / "tools"
MIRROR = "'http://mirror.test/debian/dists/bookworm/InRelease' mirror_InRelease 0"
OTHERS = "'http://others.test/repo/dists/bookworm/InRelease' others_InRelease 0"


@pytest.fixture
def bare(tmp_path: Path) -> dict[str, str]:
    """The environment of a machine with apt but without the programs, its mirror or HOME."""
    programs = tmp_path / "programs"
    programs.mkdir()
    for name in ("bash", "awk", "sed", "grep", "dpkg", "dpkg-deb", "dirname", "cut", "id", "getent", "mkdir",
                 "flock", "mktemp", "touch", "timeout", "head", "tail", "rm", "cat"):  # fmt: skip
        found = shutil.which(name)
        assert found
        (programs / name).symlink_to(found)
    apt = programs / "apt-get"
    apt.write_text(
        f"""#!/bin/sh
        case $1 in --print-uris) echo "{OTHERS}"; echo "{MIRROR}"; exit 0;; esac
        echo "E: could not connect"; exit 100
        """
    )
    apt.chmod(0o755)
    return {"PATH": str(programs), "VOIP_SMS_PEERS": str(tmp_path / "peers")}


def run(environment: dict[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["bash", *command], env=environment, capture_output=True, text=True, check=False)


def test_what_cannot_be_fetched_is_said_with_the_mirror_of_debian(bare: dict[str, str]) -> None:
    done = run(bare, str(TOOLS / "apart.sh"), "thing", "forky", "thing:thing")
    assert done.returncode == 1
    assert "no thing: http://mirror.test/debian forky: E: could not connect" in done.stderr
    assert [one.name for one in Path(bare["VOIP_SMS_PEERS"]).iterdir()] == [".thing.lock"]


def test_a_newer_recipe_that_fails_leaves_the_old_folder(bare: dict[str, str]) -> None:
    program = Path(bare["VOIP_SMS_PEERS"]) / "thing" / "bin" / "thing"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    done = run(bare, str(TOOLS / "apart.sh"), "thing", "forky", "thing:thing")
    assert done.returncode == 1
    assert "stays" in done.stderr
    assert program.exists()


def test_fetching_goes_on_with_the_next_and_never_fails_the_demo(bare: dict[str, str]) -> None:
    """The server folders that tools/pbx.sh adds may hold a real one: then there is nothing to say of it."""
    done = run(bare, str(TOOLS / "pbx.sh"))
    assert done.returncode == 0
    assert "no asterisk: " in done.stderr


def test_a_fetched_program_is_found_with_its_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "thing" / "bin" / "thing"
    program.parent.mkdir(parents=True)
    program.touch(mode=0o755)
    monkeypatch.setenv("VOIP_SMS_PEERS", str(tmp_path))
    assert find_program("thing", apart="thing") == str(program)
    assert root_of(str(program)) == tmp_path / "thing" / "root"
    assert root_of("/usr/sbin/thing") == Path("/")


def test_a_program_of_the_machine_that_is_too_old_is_not_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "asterisk"
    old.write_text("#!/bin/sh\necho Asterisk 16.2.1\n")
    old.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.defpath}")
    monkeypatch.setenv("VOIP_SMS_PEERS", str(tmp_path / "none"))
    assert find_program("asterisk", apart="asterisk") is None
    old.write_text("#!/bin/sh\necho Asterisk certified/22.8-cert1\n")
    assert find_program("asterisk", apart="asterisk") == str(old)
