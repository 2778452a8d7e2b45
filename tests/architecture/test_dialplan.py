"""What no dialplan that we ship may do: texts in Stasis or in a shell, waits behind one text, secrets in the log."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest

from voip_sms.doors.api.operations import OPERATIONS

DIALPLAN = Path(__file__).parents[2] / "dialplan"
FILES = sorted(DIALPLAN.glob("*.conf"))
SHELLS = {"System", "TrySystem", "AGI", "EAGI", "DeadAGI", "ExternalIVR", "SHELL"}
WAITS = {
    "Wait",
    "WaitExten",
    "Playback",
    "Background",
    "Read",
    "Answer",
    "Dial",
    "Queue",
    "Originate",
    "Sleep",
}
"""On a text's channel nothing is heard, and all other texts stand behind it."""
TEXTS = re.compile(r"\$\{(?:MESSAGE\(body\)|SMS_TEXT|VOIP_SMS_TEXT|VOIP_SMS_JSON|VOIP_SMS_ANSWER)\}")
SECRET = re.compile(r"AST_CONFIG\([^)]*,key\)")
QUIET = re.compile(
    r"^Set\(VOIP_SMS_LENGTH=\$\{LEN\(\$\{SET\(.*\)\}\)\}\)$|^Set\(VOIP_SMS_ONCE=pbx-[^,]*MD5\("
)
JUMP = re.compile(r"\b(?:Goto|GotoIf|Gosub|GosubIf)\(([^)]*)")


class Line(NamedTuple):
    """One step: where it stands, its context, and what is run there."""

    file: str
    number: int
    context: str
    step: str


def lines(path: Path, text: str | None = None) -> Iterator[Line]:
    """Every step of a file, comments left out."""
    context = ""
    for number, raw in enumerate((text or path.read_text(encoding="utf-8")).splitlines(), start=1):
        line = re.split(r"(?<!\\);", raw)[0].strip()
        if found := re.fullmatch(r"\[([\w-]+)\](?:\(.*\))?", line):
            context = found[1]
        elif found := re.match(r"(?:exten|same)\s*=>\s*(?:[^,]+,)?(?:\d+|n)(?:\([\w-]+\))?,(.*)", line):
            yield Line(path.name, number, context, found[1])


ALL = [line for path in FILES for line in lines(path)]
CONTEXTS = {line.context for line in ALL}


def reached(start: str, steps: list[Line]) -> set[str]:
    """The contexts that a text may come to from `start`, by whatever jumps lead out of each."""
    found, look = set(), [start]
    names = {line.context for line in steps}
    while look:
        context = look.pop()
        found.add(context)
        for line in steps:
            if line.context == context:
                targets = {
                    name for jump in JUMP.findall(line.step) for name in names if jump_names(jump, name)
                }
                look += targets - found - set(look)
    return found


def jump_names(jump: str, context: str) -> bool:
    """Whether the arguments of a jump name this context, a variable in its name standing for anything."""
    first = jump.rpartition("?")[2].split(",")[0]
    return re.fullmatch(re.sub(r"\\\$\\\{\w+\\\}", ".*", re.escape(first)), context) is not None


MESSAGES = reached("voip-sms-messages", ALL)


def applications(step: str) -> set[str]:
    """Every name that is called in a step, functions and what stands in ExecIf among them."""
    return set(re.findall(r"(\w+)\(", step))


def never_in_stasis(line: Line) -> bool:
    return not (line.context in MESSAGES and applications(line.step) & {"Stasis", "StasisBroadcast"})


def never_in_a_shell(line: Line) -> bool:
    return not applications(line.step) & SHELLS


def never_waits(line: Line) -> bool:
    return not (line.context in MESSAGES and applications(line.step) & WAITS)


def never_logged(line: Line) -> bool:
    """Asterisk prints each step with its variables filled in."""
    return not (TEXTS.search(line.step) or SECRET.search(line.step)) or _stays_inside(line.step)


def _stays_inside(step: str) -> bool:
    if QUIET.match(step):
        return True
    return not TEXTS.search(re.sub(r"\$\{LEN\(\$\{[^}]*\}\)\}", "", step)) and not SECRET.search(step)


RULES = (never_in_stasis, never_in_a_shell, never_waits, never_logged)


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.__name__)
def test_the_shipped_dialplan_keeps_the_rules(rule) -> None:
    assert len(ALL) > 100
    assert [f"{line.file}:{line.number}: {line.step}" for line in ALL if not rule(line)] == []


@pytest.mark.parametrize(
    ("rule", "step"),
    [
        (never_in_stasis, "Stasis(voip-sms,text)"),
        (never_in_stasis, "ExecIf($[1]?Stasis(voip-sms,text))"),
        (never_in_a_shell, "System(curl -d '${MESSAGE(body)}' http://127.0.0.1/)"),
        (never_in_a_shell, "Set(x=${SHELL(echo ${EXTEN})})"),
        (never_waits, "Wait(3)"),
        (never_logged, "Set(SMS_TEXT=${MESSAGE(body)})"),
        (never_logged, "NoOp(${SMS_TEXT})"),
        (never_logged, "Set(CURLOPT(httpheader)=Bearer ${AST_CONFIG(voip-sms-settings.conf,service,key)})"),
    ],
)
def test_each_rule_finds_what_it_is_for(rule, step: str) -> None:
    (line,) = lines(DIALPLAN / "x.conf", f"[voip-sms-messages]\nexten => _X.,1,{step}\n")
    assert not rule(line)


def test_texts_come_to_the_contexts_that_handle_them_and_to_no_flow() -> None:
    assert {"voip-sms", "voip-sms-inside", "voip-sms-writer", "voip-sms-notice"} <= MESSAGES
    assert {"voip-sms-words-en", "voip-sms-words-pl"} <= MESSAGES
    assert "voip-sms-flow" not in MESSAGES
    assert "voip-sms-flow" in CONTEXTS


def test_every_refusal_of_the_api_has_words_in_both_languages() -> None:
    (sending,) = [one for one in OPERATIONS if one.name == "send_message"]
    idempotency = {"idempotency_key_invalid", "idempotency_mismatch"}  # our own key is neither
    common = {"malformed", "unauthorized", "forbidden", "rate_limited", "store_unavailable"}
    assert said("en") >= (set(sending.refusals) - idempotency) | common
    assert said("en") == said("pl")


def said(language: str) -> set[str]:
    text = (DIALPLAN / "voip-sms-messages.conf").read_text(encoding="utf-8")
    section = text.partition(f"\n[voip-sms-words-{language}]\n")[2].partition("\n[")[0]
    return set(re.findall(r"^exten => (\S+?),1,Return", section, re.MULTILINE))
