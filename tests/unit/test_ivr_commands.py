"""`voip-sms ivr check`, `draw` and `try`, as somebody who writes a flow meets them."""

from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from voip_sms.cli.ivr import ivr

FOLDER = Path(__file__).parents[2] / "ivr_flows"
BROKEN = Path(__file__).parents[1] / "bad_configs" / "ivr" / "what_if_it_fails.yaml"


def run(*words: str, typed: str = "") -> Result:
    return CliRunner().invoke(ivr, words, input=typed)


def test_check_tells_of_files_and_folders() -> None:
    checked = run("check", str(FOLDER), str(BROKEN))
    assert checked.exit_code == 1
    assert f"{FOLDER}/adres.yaml: ok: flow adres of acme, steps: 8" in checked.stdout
    assert f"{BROKEN}:5: steps.first.on_error: missing; it is required" in checked.stderr
    assert run("check", str(FOLDER)).exit_code == 0


def test_check_of_nothing_is_no_success(tmp_path: Path) -> None:
    assert run("check", str(tmp_path)).exit_code == 1
    assert run("check", str(tmp_path / "none.yaml")).exit_code == 1
    assert run("check").exit_code == 2


def test_draw_to_a_file_or_to_stdout(tmp_path: Path) -> None:
    path, flow = tmp_path / "adres.svg", str(FOLDER / "adres.yaml")
    assert run("draw", flow, "-o", str(path)).exit_code == 0
    assert path.read_text(encoding="utf-8") == run("draw", flow).stdout
    assert run("draw", flow, "-o", str(tmp_path / "none" / "x.svg")).exit_code == 1
    refused = run("draw", str(BROKEN))
    assert refused.exit_code == 1
    assert "on_error: missing" in refused.stderr


def test_try_plays_a_call() -> None:
    tried = run("try", str(FOLDER / "adres.yaml"), typed="7\n\n1\n")
    assert tried.exit_code == 0
    assert "    “Nie ma takiej pozycji.”\n" in tried.stdout
    assert "    SMS to +48601234567 (1 part, gsm7): ACME: ul. Polna 3" in tried.stdout
    assert tried.stdout.endswith("    → hangup\n")


def test_try_as_somebody_else_at_another_time() -> None:
    flow = str(FOLDER / "opening-hours.yaml")
    tried = run("try", flow, "--caller", "", "--at", "2026-11-11 09:00", typed="1\n601234567#\n")
    assert "→ closed (holiday)" in tried.stdout
    assert "SMS to +48601234567" in tried.stdout
    transferred = run("try", flow, "--at", "2026-11-23 09:00", typed="0\n")
    assert "on in the dialplan: from-internal,200,1" in transferred.stdout


def test_try_what_happens_if_it_is_not_sent() -> None:
    tried = run("try", str(FOLDER / "adres.yaml"), "--sms", "error", typed="1\n")
    assert "Przepraszamy" in tried.stdout
    assert "został wysłany" not in tried.stdout


def test_the_end_of_what_is_typed_is_hanging_up() -> None:
    for typed in ("", "h\n"):
        tried = run("try", str(FOLDER / "adres.yaml"), typed=typed)
        assert tried.exit_code == 0
        assert tried.stdout.endswith("→ hung up\n")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "cod=1"], "does not expect cod"),
        (["--set", "code"], "name=value"),
        (["--country", "Poland"], "two capital letters"),
        (["--at", "noon"], "does not match"),
    ],
)
def test_try_refuses_what_makes_no_sense(words: list[str], said: str) -> None:
    tried = run("try", str(FOLDER / "code.yaml"), *words)
    assert tried.exit_code == 2
    assert said in tried.stderr


def test_a_code_is_read_out_in_either_language() -> None:
    for language, said in (("pl", "Twój kod to:” [pl]"), ("en", "Your code is:”")):
        tried = run("try", str(FOLDER / "code.yaml"), "--set", "code=482913", "--set", f"language={language}")
        assert said in tried.stdout
        assert "4 8 2 9 1 3" in tried.stdout
