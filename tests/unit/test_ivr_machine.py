"""What callers hear, press and get sent: the machine of a call, event by event."""

from datetime import timedelta
from pathlib import Path

import pytest

from support.flows import LANDLINE, MOBILE, NOON, Caller, flow_of
from voip_sms.doors.ivr.events import (
    Digit,
    Digits,
    HangUp,
    Leave,
    Number,
    Play,
    Played,
    Say,
    Send,
    Sent,
    Silence,
    Sound,
    TimedOut,
    Wait,
)
from voip_sms.doors.ivr.flow import Flow

MENU = """
first: {do: menu, prompt: {say: "press one"}, keys: {"1": send, "2": bye, "#": first}, timeout: 4, tries: 2,
  wrong: {say: "no such key"}, on_none: bye}
send: {do: send_sms, to: caller, text: "hello {{ caller }}", on_accepted: ok, on_refused: no, on_error: fault,
  on_no_number: hidden}
ok: {do: hangup, prompt: {say: "sent"}}
no: {do: hangup, prompt: {say: "refused"}}
fault: {do: hangup, prompt: {say: "error"}}
hidden: {do: hangup, prompt: {say: "no number"}}
bye: {do: hangup}
"""
NUMBER = """
first: {do: gather, prompt: {say: "number"}, into: number, digits: {min: 4, max: 6}, timeout: 7, tries: 2,
  wrong: {say: "wrong"}, on_digits: echo, on_none: bye}
echo: {do: menu, prompt: {digits: "{{ number }}"}, keys: {"1": bye}, on_none: bye}
bye: {do: hangup}
"""


@pytest.fixture
def menu(tmp_path: Path) -> Flow:
    return flow_of(tmp_path, MENU)


@pytest.fixture
def number(tmp_path: Path) -> Flow:
    return flow_of(tmp_path, NUMBER)


@pytest.mark.parametrize(("to", "fixed"), [("caller", False), ("{{ caller }}", False), ("601000002", True)])
def test_who_is_named_in_the_file_is_told_apart_from_whom_the_call_chose(
    tmp_path: Path, to: str, *, fixed: bool
) -> None:
    caller = Caller(flow_of(tmp_path, MENU.replace("to: caller", f'to: "{to}"')))
    caller.listen()
    caller.press("1")
    number = "+48601000002" if fixed else MOBILE
    assert caller.actions[-1] == Send("send", number, f"hello {MOBILE}", fixed)


# --- menus --------------------------------------------------------------------------------------------------


def test_a_key_after_the_prompt_sends_to_the_caller(menu: Flow) -> None:
    caller = Caller(menu)
    assert caller.actions == [Play((Say("press one", "en"),))]
    caller.listen()
    assert caller.actions[-1] == Wait(4)
    caller.press("1")
    assert caller.actions[-1] == Send("send", MOBILE, f"hello {MOBILE}")
    assert Silence() not in caller.actions
    caller.stored()
    assert caller.heard == ["press one", "sent"]
    caller.listen()
    assert caller.actions[-1] == HangUp()
    assert caller.machine.ended


def test_a_key_into_the_prompt_stops_it(menu: Flow) -> None:
    caller = Caller(menu)
    caller.press("1")
    assert Silence() in caller.actions
    assert len(caller.sms) == 1


def test_wrong_keys_are_told_and_counted(menu: Flow) -> None:
    caller = Caller(menu)
    caller.answer("7")
    assert caller.heard == ["press one", "no such key", "press one"]
    caller.answer("7")
    assert caller.hung_up_on
    assert caller.sms == []


def test_silence_repeats_the_prompt_then_leads_on(menu: Flow) -> None:
    caller = Caller(menu)
    caller.say_nothing()
    assert caller.heard == ["press one", "press one"]
    caller.say_nothing()
    assert caller.hung_up_on


def test_a_menu_may_lead_to_itself_and_counts_anew(menu: Flow) -> None:
    caller = Caller(menu)
    for _ in range(5):
        caller.say_nothing()
        caller.answer("#")
    caller.answer("1")
    assert len(caller.sms) == 1


def test_a_caller_who_hangs_up_ends_it(menu: Flow) -> None:
    caller = Caller(menu)
    caller.hang_up()
    assert caller.machine.ended
    caller.happens(Digit("1"), Played(), TimedOut(), Sent("accepted"))
    assert caller.sms == []


# --- the SMS ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("result", "said"), [("accepted", "sent"), ("refused", "refused"), ("error", "error")]
)
def test_each_result_has_its_prompt(menu: Flow, result: str, said: str) -> None:
    caller = Caller(menu)
    caller.answer("1")
    caller.stored(result)  # type: ignore[arg-type]
    assert caller.heard[-1] == said


@pytest.mark.parametrize("number", ["", "anonymous", LANDLINE, "112", "sip:x@y"])
def test_who_can_not_be_texted_goes_another_way(menu: Flow, number: str) -> None:
    caller = Caller(menu, number=number)
    caller.answer("1")
    assert caller.sms == []
    assert caller.heard[-1] == "no number"


def test_a_caller_s_number_may_be_shown_in_national_form(menu: Flow) -> None:
    caller = Caller(menu, number="601234567")
    caller.answer("1")
    assert caller.sms == [(MOBILE, "hello 601234567")]


def test_keys_while_an_sms_is_stored_are_dropped(menu: Flow) -> None:
    caller = Caller(menu)
    caller.answer("1")
    caller.press("1112#")
    caller.stored()
    assert len(caller.sms) == 1
    assert caller.heard[-1] == "sent"


def test_keys_during_an_announcement_are_dropped(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        "first: {do: play, prompt: {sound: hello}, next: menu}\n"
        'menu: {do: menu, prompt: {say: x}, keys: {"1": bye}, on_none: bye}\n'
        "bye: {do: hangup}",
    )
    caller = Caller(flow)
    caller.press("1")
    assert caller.heard == ["sound hello"]
    caller.listen()
    assert caller.heard == ["sound hello", "x"]
    assert not caller.hung_up_on


ROUND = """
first: {do: gather, prompt: {say: "number"}, into: number, kind: mobile, digits: {min: 9, max: 9}, on_digits: send, on_none: bye}
send: {do: send_sms, to: "{{ number }}", text: "x", on_accepted: again, on_refused: refused, on_error: failed}
again: {do: menu, prompt: {say: "sent"}, keys: {"1": first, "2": send}, on_none: bye}
refused: {do: menu, prompt: {say: "refused"}, keys: {"1": first}, on_none: bye}
failed: {do: menu, prompt: {say: "failed"}, keys: {"1": send}, on_none: bye}
bye: {do: hangup}
"""


def test_a_step_that_has_sent_does_not_send_again(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, ROUND))
    caller.answer("601234567")
    caller.stored()
    caller.answer("2")
    assert caller.heard[-1] == "sent"
    assert caller.sms == [(MOBILE, "x")]


def test_nobody_hears_that_it_was_sent_who_got_nothing(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, ROUND))
    caller.answer("601234567")
    caller.stored()
    caller.answer("1")
    caller.answer("602234567")
    assert caller.heard[-1] == "refused"
    assert caller.sms == [(MOBILE, "x")]


def test_what_was_refused_may_be_tried_with_another_number(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, ROUND))
    caller.answer("601234567")
    caller.stored("refused", "blocked")
    caller.answer("1")
    caller.answer("602234567")
    assert [to for to, _ in caller.sms] == [MOBILE, "+48602234567"]


def test_three_attempts_of_a_step_are_enough(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, ROUND))
    caller.answer("601234567")
    for _ in range(5):
        caller.stored("error")
        caller.answer("1")
    assert len(caller.sms) == 3
    assert caller.heard[-1] == "failed"


def test_an_empty_text_is_an_error(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: send_sms, to: "+48601234567", text: " {{ x }} ", on_accepted: a, on_refused: b, on_error: c}\n'
        "a: {do: hangup, prompt: {say: a}}\nb: {do: hangup, prompt: {say: b}}\nc: {do: hangup, prompt: {say: c}}",
        head="expects: [x]",
    )
    assert Caller(flow, variables={"x": " "}).heard == ["c"]
    assert Caller(flow).heard == ["c"]
    assert Caller(flow, variables={"x": "hi"}).sms == [(MOBILE, "hi")]


# --- digits -------------------------------------------------------------------------------------------------


def test_digits_end_with_the_hash_key(number: Flow) -> None:
    caller = Caller(number)
    caller.answer("12345#")
    assert caller.actions[-1] == Play((Digits("12345", "en"),))


def test_digits_end_when_there_are_enough_and_a_hash_after_them_is_not_the_next_answer(number: Flow) -> None:
    caller = Caller(number)
    caller.answer("123456#")
    assert caller.heard == ["number", "123456"]
    caller.press("1")
    assert caller.hung_up_on


def test_digits_end_when_nothing_follows(number: Flow) -> None:
    caller = Caller(number)
    caller.answer("1234")
    assert caller.actions[-1] == Wait(7)
    caller.happens(TimedOut())
    assert caller.heard[-1] == "1234"


@pytest.mark.parametrize("end", [[Digit("#")], [TimedOut()]])
def test_too_few_digits_are_told(number: Flow, end: list[Digit | TimedOut]) -> None:
    caller = Caller(number)
    caller.answer("123")
    caller.happens(*end)
    assert caller.heard == ["number", "wrong", "number"]
    caller.answer("12#")
    assert caller.hung_up_on


def test_star_starts_anew_and_letters_are_nothing(number: Flow) -> None:
    caller = Caller(number)
    caller.answer("99*12A34#")
    assert caller.heard[-1] == "1234"


def test_only_a_mobile_is_taken_where_one_is_asked_for(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, ROUND))
    caller.answer("225550100")
    assert caller.heard == ["number", "number"]
    caller.answer("601234567")
    assert caller.sms == [(MOBILE, "x")]


def test_what_was_keyed_is_in_no_trace(number: Flow) -> None:
    caller = Caller(number)
    caller.answer("4711#")
    assert not [note for note in caller.notes if "4711" in str(note)]


def test_a_code_that_is_compared_is_in_no_trace(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        "first: {do: gather, prompt: {say: code}, into: pin, on_digits: check, on_none: bye}\n"
        'check: {do: branch, when: [{days: mon-sun, variable: pin, is: "4711", then: in}], otherwise: bye}\n'
        "in: {do: hangup, prompt: {say: welcome}}\nbye: {do: hangup}",
    )
    caller = Caller(flow)
    caller.answer("4711#")
    assert caller.heard[-1] == "welcome"
    assert ("check", "in", "mon-sun, pin") in caller.notes
    assert not [note for note in caller.notes if "4711" in str(note)]


# --- the others ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("keys", "agreed"), [("1", True), ("2", False), ("#", False), ("", False)])
def test_consent_is_one_key_and_nothing_else(tmp_path: Path, keys: str, *, agreed: bool) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: consent, prompt: {say: "agree?"}, tries: 1, on_yes: yes_, on_no: no_}\n'
        "yes_: {do: hangup, prompt: {say: agreed}}\nno_: {do: hangup}",
    )
    caller = Caller(flow)
    caller.listen()
    caller.press(keys) if keys else caller.happens(TimedOut())
    assert (caller.heard[-1] == "agreed") is agreed
    assert caller.notes[0][:2] == ("first", "yes" if agreed else "no")


BRANCH = """
first: {do: branch, when: [
  {holiday: true, then: holiday}, {caller: ["+48602*", hidden], then: known}, {days: mon-fri, hours: "08:00-16:00", then: open},
  {variable: vip, is: ["yes", "1"], then: vip}], otherwise: closed}
holiday: {do: hangup, prompt: {say: holiday}}
known: {do: hangup, prompt: {say: known}}
open: {do: hangup, prompt: {say: open}}
vip: {do: hangup, prompt: {say: vip}}
closed: {do: hangup, prompt: {say: closed}}
"""


@pytest.mark.parametrize(
    ("at", "number", "vip", "way"),
    [
        ("2026-11-23 08:00", MOBILE, "", "open"),
        ("2026-11-23 15:59", MOBILE, "", "open"),
        ("2026-11-23 16:00", MOBILE, "", "closed"),
        ("2026-11-23 07:59", MOBILE, "yes", "vip"),
        ("2026-11-22 12:00", MOBILE, "no", "closed"),
        ("2026-11-11 12:00", MOBILE, "", "holiday"),
        ("2026-06-04 12:00", MOBILE, "", "holiday"),
        ("2026-11-23 12:00", "602000001", "", "known"),
        ("2026-11-23 12:00", "anonymous", "", "known"),
    ],
)
def test_the_first_condition_that_holds_is_the_way(
    tmp_path: Path, at: str, number: str, vip: str, way: str
) -> None:
    flow = flow_of(tmp_path, BRANCH, head="holidays: [pl]\nexpects: [vip]")
    moment = NOON.fromisoformat(f"{at}+01:00")
    assert Caller(flow, number=number, at=moment, variables={"vip": vip}).heard == [way]


def test_values_are_set_and_prompts_filled_in(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: set, values: {name: "{{ who | upper }}", n: "{{ who | length }}"}, next: bye}\n'
        'bye: {do: hangup, prompt: [{say: "  {{ name }}\\n of {{ firm }} at {{ now }} on {{ today }} "}, {number: "{{ n }}"},\n'
        '  {sound: silence/1}, {say: "{{ \'\' }}"}, {digits: "+48 601", language: en}]}',
        head="language: pl\nexpects: [who]\nvariables: {firm: Acme}",
    )
    caller = Caller(flow, variables={"who": "ola", "firm": "not from outside"})
    assert caller.actions[-1] == Play(
        (
            Say("OLA of Acme at 12:00 on 23.11.2026", "pl"),
            Number(3, "pl"),
            Sound("silence/1"),
            Digits("48601", "en"),
        )
    )


def test_a_transfer_says_where_and_what_became_of_the_sms(tmp_path: Path) -> None:
    flow = flow_of(
        tmp_path,
        'first: {do: send_sms, to: "+48601234567", text: x, on_accepted: desk, on_refused: desk, on_error: desk}\n'
        "desk: {do: transfer, to: {context: from-internal, extension: '200', priority: 2}, variables: {WHO: \"{{ caller }}\\nX: y\"}}",
    )
    caller = Caller(flow)
    caller.stored("refused", "blocked")
    assert caller.left == Leave(
        "from-internal",
        "200",
        2,
        {
            "WHO": f"{MOBILE} X: y",
            "SMS_FLOW_STATUS": "refused",
            "SMS_FLOW_ID": "",
            "SMS_FLOW_CODE": "blocked",
            "SMS_FLOW_STEP": "desk",
        },
    )
    assert caller.machine.ended


def test_a_transfer_to_nowhere_goes_back_where_the_call_came_from(tmp_path: Path) -> None:
    left = Caller(flow_of(tmp_path, "first: {do: transfer}")).left
    assert left is not None
    assert (left.context, left.extension, left.priority) == ("", "", 0)
    assert left.variables["SMS_FLOW_STATUS"] == "none"


# --- what nobody foresaw ------------------------------------------------------------------------------------

FAILING = """
first: {do: play, prompt: {sound: custom/hello}, next: second}
second: {do: hangup, prompt: {say: "{{ x }}"}}
sorry: {do: play, prompt: {say: sorry}, next: third}
third: {do: play, prompt: {sound: custom/gone}, next: second}
"""


def test_a_missing_sound_leads_to_on_failure_once_then_back_to_the_dialplan(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, FAILING, head="on_failure: sorry\nexpects: [x]"))
    caller.listen(ok=False)
    assert caller.heard[-1] == "sorry"
    caller.listen()
    caller.listen(ok=False)
    assert caller.left is not None
    assert caller.left.variables["SMS_FLOW_STATUS"] == "failed"


def test_a_variable_that_the_dialplan_did_not_give_leads_there_too(tmp_path: Path) -> None:
    caller = Caller(flow_of(tmp_path, FAILING, head="on_failure: sorry\nexpects: [x]"))
    caller.listen()
    assert caller.heard[-1] == "sorry"


def test_without_on_failure_the_dialplan_has_the_call_again(menu: Flow) -> None:
    caller = Caller(menu)
    caller.listen(ok=False)
    assert caller.left is not None
    assert caller.left.context == ""


def test_a_last_word_that_can_not_be_played_is_not_waited_for(menu: Flow) -> None:
    caller = Caller(menu)
    caller.answer("1")
    caller.stored()
    caller.listen(ok=False)
    assert caller.hung_up_on


def test_ten_minutes_are_enough(menu: Flow) -> None:
    caller = Caller(menu)
    caller.at += timedelta(minutes=9, seconds=59)
    caller.answer("#")
    caller.listen()
    assert caller.actions[-1] == Wait(1)
    caller.at += timedelta(seconds=1)
    caller.happens(TimedOut())
    assert caller.left is not None
    assert caller.machine.ended


def test_an_sms_that_was_accepted_late_is_no_failed_one(menu: Flow) -> None:
    """Else the dialplan sends it once more."""
    caller = Caller(menu)
    caller.answer("1")
    caller.at += timedelta(minutes=11)
    caller.stored()
    assert caller.heard[-1] == "sent"
