"""A trace in plain words: whatever the planner, the mail door and the receiver write down has words in both languages."""

import re
from pathlib import Path

import pytest

import voip_sms
from voip_sms.core.model import Step
from voip_sms.doors.panel.frame.words import Catalogues, Words
from voip_sms.doors.panel.screens.history.trace_words import TITLES
from voip_sms.doors.panel.screens.history.tracing import told

CATALOGUES = Catalogues.load()
STEPS = [
    Step("recipient", "+48601123456", "mobile in PL"),
    Step("recipient", "sip:102", "an extension of this customer"),
    Step("screening", "allowed"),
    Step("screening", "allowed", "rules for numbers do not count"),
    Step("text", "gsm7, 1 part"),
    Step("text", "ucs2, 3 parts", "'ł' is not in the GSM alphabet"),
    Step("text", "ucs2, 2 parts", '"\'" is not in the GSM alphabet'),
    Step("text", "gsm7, 2 parts", "accents were given up to save parts"),
    Step("text", "refused"),
    Step("identity", "ACME", "identity of key:app"),
    Step("identity", "+48601000001", "asked for"),
    Step("identity", "+48601000005", "identity of sip:101; +48601000001 can't send abroad: 2way instead"),
    Step("identity", "+48601000005", "answers leave from the number that was texted"),
    Step("identity", "sip:101", "itself"),
    Step("route", "sim", "prefix +48"),
    Step("route", "sim", "prefix any, in one piece"),
    Step("route", "internal", "straight to its phones, no carrier"),
    Step("price", "0.29 PLN", "0.29 a part, price list std, prefix +48"),
    Step("price", "free", "the account has no price list"),
    Step("lease", "sip:101", "an answer within the window of pool two"),
    Step("keyword", "ORDER", "it is bound to a mailbox on +48601000001"),
    Step("number", "own_mobile", "+48601000001 belongs to the tenant"),
    Step("tenant", "blocked", "the tenant is disabled"),
    Step("tenant", "blocked", "the tenant has blocked all inbound messages"),
    Step("blacklist", "blocked", "the blacklist names the sender: prefix +48600666"),
    Step("loop", "no paid forwards", "this text was forwarded before and came back"),
    Step("joining", "partial", "parts 2, 3 of 4 never came"),
    Step("thread", "ann@acme.test", "an answer to what was sent by mail"),
    Step("forward", "mail ann@acme.test", "queued"),
    Step("forward", "none", "forwarding is off for this number"),
    Step("forward", "none", "there is no sip:101 any more"),
    Step("mail", "accepted", "from ann@acme.test"),
    Step("attachments", "left out", "an SMS has none"),
    Step("subject", "is the text", "as the sender is set"),
    Step("subject", "is the text", "the mail has no other"),
    Step("subject", "goes first", "its first 40 characters"),
    Step("body", "is the text", "the subject is that of the mail it answers"),
    Step("format", "html", "the mail has no plain text"),
    Step("charset", "repaired", "the mail's label was not true"),
    Step("charset", "damaged", "characters of the mail are lost"),
    Step("cut", "too long", "the first 120 of 400 characters are sent"),
    Step("premium", "one part", "without accents"),
    Step("refused", "no_route", "no route to +48601123456"),
]


def english() -> Words:
    return CATALOGUES.of("en")


@pytest.mark.parametrize("step", STEPS, ids=lambda step: f"{step.step} {step.reason or step.decision}"[:40])
def test_polish_is_not_english(step: Step) -> None:
    """Where a line has words, both languages have their own."""
    one, other = told(step, CATALOGUES.of("pl")), told(step, english())
    assert one.title != other.title or step.step in ("body", "format"), one
    if step.reason and step.step != "refused":
        assert one.note != other.note or re.fullmatch(r"[\w ]+, [A-Z]{2}", one.note), one


def test_a_line_says_what_and_why() -> None:
    line = told(
        Step("identity", "+48601000005", "identity of sip:101; +48601000001 can't send abroad: 2way instead"),
        english(),
    )
    assert (line.title, line.text) == ("Sender", "+48 601 000 005")
    assert (
        line.note
        == "as set up for sip:101; +48 601 000 001 can't send abroad: a number that can be answered instead"
    )


def test_what_stopped_it_stands_out() -> None:
    assert (
        told(Step("blacklist", "blocked", "the blacklist names the sender: name SPAM"), english()).tone
        == "bad"
    )
    assert told(Step("refused", "no_route"), english()).tone == "bad"
    assert told(Step("route", "sim", "prefix +48"), english()).tone == ""


def test_a_step_of_a_call_and_one_nobody_knows_are_shown_as_they_are() -> None:
    assert told(Step("ivr menu", "1", "pressed"), english()).title == "In the call: menu"
    line = told(Step("newest", "thing", "because <b>of</b> %(x)s"), english())
    assert (line.title, line.text, line.note) == ("newest", "thing", "because <b>of</b> %(x)s")


def test_every_step_that_is_written_down_has_a_title() -> None:
    """Of a call's flow the steps are whatever its author calls them."""
    folder = Path(voip_sms.__file__).parent
    said = {
        name
        for room in ("core", "engine", "doors/mail")
        for file in (folder / room).rglob("*.py")
        for name in re.findall(r'\bStep\("(\w+)"', file.read_text())
    }
    assert said - set(TITLES) - {"refused"} == set()
