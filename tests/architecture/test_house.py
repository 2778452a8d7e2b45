"""House rules that a person would otherwise have to remember."""

import ast
import re
import subprocess
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

import voip_sms

ROOT = Path(__file__).parents[2]
MODULES = sorted((ROOT / "voip_sms").rglob("*.py"))
MAX_LINES = 400
# Where a long module says why it is long: near its top.
REASON = "Why so long:"
REASON_WITHIN = 30
# The foreign stack is GPL: it stays in the one process that is its own, and in what only that process loads.
PHONE = ROOT / "voip_sms" / "demo" / "phone_worker.py"
PHONE_ONLY = ROOT / "voip_sms" / "demo" / "call_worker.py"
# Spelt apart so that this file does not break its own rule.
REGISTRIES = (
    "pypi" + ".org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "deb.debian" + ".org",
    "crates" + ".io",
)
MACHINE_PATHS = re.compile(r"(?<![\w.])/(?:work|root|opt/(?:wheels|pypi))/[\w.]")


def tracked() -> Iterator[tuple[Path, str]]:
    """Every text file that git keeps; those of others' words and of fuzz octets aside."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True, timeout=20)
    for name in listed.stdout.decode().split("\0"):
        path = ROOT / name
        if name and path.is_file() and path.name != "LICENSE":
            try:
                yield path, path.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def _of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def test_a_long_module_says_why() -> None:
    long = []
    for path in MODULES:
        lines = path.read_text(encoding="utf-8").splitlines()
        if len(lines) > MAX_LINES and REASON not in "\n".join(lines[:REASON_WITHIN]):
            long.append(f"{_of(path)}: {len(lines)} lines")
    assert not long, f"over {MAX_LINES} lines needs a `{REASON}` in the opening: {long}"


def test_every_module_opens_with_its_purpose() -> None:
    silent = []
    for path in MODULES:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if tree.body and not ast.get_docstring(tree):
            silent.append(_of(path))
    assert not silent


def test_there_is_no_drawer_for_everything() -> None:
    drawers = {"utils", "util", "helpers", "misc", "common"}
    assert not [_of(path) for path in MODULES if path.stem in drawers or path.parent.name in drawers]


def test_the_gpl_phone_is_loaded_by_its_own_process_only() -> None:
    assert _importing("pjsua2") == {PHONE, PHONE_ONLY}
    assert _importing("voip_sms.demo.call_worker") == {PHONE}
    assert not _importing("voip_sms.demo.phone_worker")


def _importing(name: str) -> set[Path]:
    said = re.compile(rf"^\s*(?:import|from) {re.escape(name)}\b", re.MULTILINE)
    return {path for path in MODULES if said.search(path.read_text(encoding="utf-8"))}


def test_no_file_names_a_registry_or_a_place_on_somebodys_machine() -> None:
    found = []
    for path, text in tracked():
        found += [f"{_of(path)}: {host}" for host in REGISTRIES if host in text]
        found += [f"{_of(path)}: {match.group()}" for match in MACHINE_PATHS.finditer(text)]
    assert not found


def test_nothing_unfinished_is_left_behind() -> None:
    mark = re.compile(r"#\s*(?:TODO|FIXME|XXX|HACK)\b")
    assert not [f"{_of(path)}: {mark.search(text)}" for path, text in tracked() if mark.search(text)]


def test_the_version_stands_in_one_voice() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    assert getattr(voip_sms, "__version__", project["version"]) == project["version"]
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in changes


@pytest.mark.parametrize("name", ["runtime", "dev", "phone", "fuzz"])
def test_every_locked_requirement_has_hashes_and_covers_the_project(name: str) -> None:
    text = (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8")
    entries = re.findall(
        r"^([a-z0-9._-]+)==[^\\\n]*((?:\\\n\s+--hash=sha256:[0-9a-f]{64}\s*)*)", text, re.MULTILINE
    )
    assert entries
    assert not [package for package, hashes in entries if not hashes]
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    wanted = {re.match(r"[\w.-]+", entry).group().lower() for entry in project["dependencies"]}
    missing = wanted - {package for package, _ in entries}
    assert not missing, f"make lock: {missing} stand in pyproject.toml but not in the lock"
