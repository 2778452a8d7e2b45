"""The documents name only what exists: capabilities with their files and tests, specifications, links."""

import ast
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FEATURES = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
SPECIFICATIONS = (ROOT / "docs" / "specifications.md").read_text(encoding="utf-8")
# How many capabilities there are under each letter.
COUNTS: Mapping[str, int] = {
    "S": 15, "E": 11, "V": 6, "I": 4, "N": 8, "K": 7, "M": 3, "P": 3, "B": 6, "A": 4, "W": 6, "C": 5, "T": 4, "O": 3,
}  # fmt: skip
ROW = re.compile(
    r"^\| (?P<id>[A-Z][0-9]+) \| [^|]+ \| (?P<status>[^|]+) \| (?P<where>[^|]*) ?\|(?P<proof>[^|]*)\|$",
    re.MULTILINE,
)
ROWS = list(ROW.finditer(FEATURES))
QUOTED = re.compile(r"`([^`]+)`")
LINK = re.compile(r"\]\((?!\w+:)([^)#]+)(?:#[^)]*)?\)")
# Examples may hold what only looks like a link.
FENCED = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
PLACE = re.compile(r"`((?:voip_sms|tests)/[^`]+)`")


@cache
def functions_of(path: Path) -> frozenset[str]:
    """Names of all functions of a file."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


def test_every_capability_stands_there_once() -> None:
    wanted = [f"{letter}{number}" for letter, most in COUNTS.items() for number in range(1, most + 1)]
    assert [row["id"] for row in ROWS] == wanted


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_what_a_capability_names_exists(row: re.Match[str]) -> None:
    proofs = QUOTED.findall(row["proof"])
    for place in QUOTED.findall(row["where"]):
        assert (ROOT / place).exists(), place
    for proof in proofs:
        file, _, test = proof.partition("::")
        assert test in functions_of(ROOT / "tests" / file), proof
    status = row["status"].strip()
    assert status.split(":")[0] in {"works", "partly", "planned"}
    assert status != "partly", "it says what is missing"
    assert proofs or status == "planned", "what no test shows is not claimed"


def test_what_the_specifications_name_exists() -> None:
    missing = [place for place in PLACE.findall(SPECIFICATIONS) if not (ROOT / place).exists()]
    assert not missing


@pytest.mark.parametrize(
    "page", [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")], ids=lambda page: str(page.relative_to(ROOT))
)
def test_links_lead_somewhere(page: Path) -> None:
    links = LINK.findall(FENCED.sub("", page.read_text(encoding="utf-8")))
    assert not [link for link in links if not (page.parent / link).exists()]
