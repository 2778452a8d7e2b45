"""Whatever happens in whatever order, in any flow: nothing raises, calls end, and no step sends twice."""

from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from support.flows import MOBILE, NOON, mobile
from voip_sms.doors.ivr import events
from voip_sms.doors.ivr.checking import check
from voip_sms.doors.ivr.drawing import draw
from voip_sms.doors.ivr.events import Call, Digit, HungUp, Played, Sent, TimedOut
from voip_sms.doors.ivr.flow import Flow, FlowFile, flow_of
from voip_sms.doors.ivr.machine import Machine
from voip_sms.doors.ivr.orders import ATTEMPTS
from voip_sms.doors.ivr.reading import read_flows

EXAMPLES, PROBLEMS = read_flows(Path(__file__).parents[2] / "ivr_flows")

KEYS = "0123456789*#ABCDx"
ANYTHING = st.one_of(
    st.sampled_from(KEYS).map(Digit),
    st.booleans().map(Played),
    st.just(TimedOut()),
    st.sampled_from(["accepted", "refused", "error"]).map(Sent),
)
# A key stands for what comes next by itself, and for the key that is pressed where one is waited for.
HAPPENINGS = st.one_of(st.sampled_from("0011112*#"), st.sampled_from("0011112*#"), ANYTHING)
CALLERS = st.sampled_from([MOBILE, "", "anonymous", "225550100", "+48602000001"])
VARIABLES = st.dictionaries(
    st.sampled_from(["code", "order", "language", "patient", "visit", "caller"]), st.text(max_size=600)
)


@st.composite
def flows(draw_: st.DrawFn) -> Flow:
    """Flows that are right: without a key there is only a way forward."""
    count = draw_(st.integers(1, 8))
    steps: dict[str, dict[str, Any]] = {}
    for place in range(count):
        anywhere = st.integers(0, count).map(lambda n: f"s{n}")
        forward = st.integers(place + 1, count).map(lambda n: f"s{n}")
        steps[f"s{place}"] = draw_(_step(anywhere, forward))
    steps[f"s{count}"] = draw_(st.sampled_from([{"do": "hangup"}, {"do": "transfer"}]))
    written = {
        "version": "1",
        "tenant": "acme",
        "name": "any",
        "start": "s0",
        "on_failure": draw_(st.sampled_from(sorted(steps))),
        "variables": {"v": "0"},
        "steps": steps,
    }
    _prune(written)
    file = FlowFile.model_validate(written)
    assert check(file) == []
    return flow_of(Path("any.yaml"), file, {(): 1})


def _step(anywhere: st.SearchStrategy[str], forward: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    prompt = st.sampled_from([{"say": "x"}, {"say": "{{ v }}"}, {"sound": "a"}, {"digits": "{{ v }}"}])
    return st.one_of(
        st.fixed_dictionaries({"do": st.just("play"), "prompt": prompt, "next": forward}),
        st.fixed_dictionaries(
            {
                "do": st.just("menu"),
                "prompt": prompt,
                "keys": st.dictionaries(st.sampled_from("012*#"), anywhere, min_size=1),
                "tries": st.integers(1, 3),
                "on_none": forward,
            }
        ),
        st.fixed_dictionaries(
            {
                "do": st.just("gather"),
                "prompt": prompt,
                "into": st.just("v"),
                "digits": st.just({"min": 2, "max": 3}),
                "end": st.sampled_from(["#", "*", ""]),
                "on_digits": anywhere,
                "on_none": forward,
            }
        ),
        st.fixed_dictionaries(
            {"do": st.just("consent"), "prompt": prompt, "on_yes": anywhere, "on_no": forward}
        ),
        st.fixed_dictionaries(
            {
                "do": st.just("set"),
                "values": st.just({"v": "{{ v ~ v }}"}),
                "next": forward,
            }
        ),
        st.fixed_dictionaries(
            {
                "do": st.just("branch"),
                "when": st.just([{"variable": "v", "is": ["0", "00"], "then": "s"}]),
                "otherwise": forward,
            }
        ).flatmap(lambda step: forward.map(lambda then: step | {"when": [step["when"][0] | {"then": then}]})),
        st.fixed_dictionaries(
            {
                "do": st.just("send_sms"),
                "to": st.sampled_from(["caller", "+48601234567", "{{ v }}"]),
                "text": st.sampled_from(["x", "{{ v }}"]),
                "on_accepted": forward,
                "on_refused": forward,
                "on_error": forward,
                "on_no_number": forward,
            }
        ),
    )


def _prune(written: dict[str, Any]) -> None:
    """Leave out what no call gets to."""
    steps, reached, waiting = written["steps"], set(), [written["start"], written["on_failure"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting += [word for word in _words(steps[name]) if word in steps]
    written["steps"] = {name: step for name, step in steps.items() if name in reached}


def _words(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [word for inner in value.values() for word in _words(inner)]
    if isinstance(value, list):
        return [word for inner in value for word in _words(inner)]
    return [value] if isinstance(value, str) else []


def natural(key: str, actions: list[events.Action]) -> events.Event:
    """What follows by itself after these actions; the key, where nothing does."""
    for action in reversed(actions):
        if isinstance(action, events.Send):
            return Sent("accepted")
        if isinstance(action, events.Play):
            return Played()
    return Digit(key)


AGAIN = FlowFile.model_validate(
    {
        "version": "1",
        "tenant": "acme",
        "name": "again",
        "start": "send",
        "steps": {
            "send": {
                "do": "send_sms",
                "to": "caller",
                "text": "{{ x | default('') }}x",
                **dict.fromkeys(("on_accepted", "on_refused", "on_error", "on_no_number"), "menu"),
            },
            "menu": {
                "do": "menu",
                "prompt": {"say": "again?"},
                "keys": {"0": "send", "1": "more"},
                "on_none": "bye",
            },
            "more": {"do": "set", "values": {"x": "{{ x | default('') }}x"}, "next": "send"},
            "bye": {"do": "hangup"},
        },
    }
)
"""A flow that comes back to its SMS as often as the caller likes."""

ANY_FLOW = st.one_of(
    st.sampled_from([*EXAMPLES.values(), flow_of(Path("again.yaml"), AGAIN, {(): 1})]), flows()
)


def machine_of(flow: Flow, caller: str, variables: dict[str, str]) -> Machine:
    return Machine(flow, Call("1.1", caller, "+48225550100", variables), lambda: NOON, mobile)


@given(flow=ANY_FLOW, caller=CALLERS, variables=VARIABLES, happenings=st.lists(HAPPENINGS, max_size=60))
@settings(deadline=None, max_examples=200)
def test_any_call(
    flow: Flow, caller: str, variables: dict[str, str], happenings: list[events.Event | str]
) -> None:
    machine = machine_of(flow, caller, variables)
    accepted: set[str] = set()
    attempts: dict[str, int] = {}
    sending = ""
    ends = 0
    latest = actions = list(machine.begin())
    for happening in [None, *happenings]:
        happened = natural(happening, latest) if isinstance(happening, str) else happening
        if happened is not None:
            was_ended = machine.ended
            if isinstance(happened, Sent) and sending:
                accepted |= {sending} if happened.result == "accepted" else set()
                sending = ""
            actions = list(machine.on(happened))
            assert not (was_ended and actions)
            latest = actions or latest
        for action in actions:
            match action:
                case events.Send(step, to, text):
                    assert not sending
                    assert step not in accepted
                    assert mobile(to) == to
                    assert 0 < len(text) <= 1530
                    attempts[step] = attempts.get(step, 0) + 1
                    sending = step
                case events.Wait(seconds):
                    assert 1 <= seconds <= 60
                case events.Play(prompts):
                    assert prompts
                case events.HangUp() | events.Leave():
                    ends += 1
        assert machine.step in flow.steps
    assert ends == machine.ended
    assert all(count <= ATTEMPTS for count in attempts.values())


@given(flow=ANY_FLOW, caller=CALLERS, keys=st.text("01#", max_size=12))
@settings(deadline=None)
def test_a_call_ends_when_the_caller_presses_nothing_any_more(flow: Flow, caller: str, keys: str) -> None:
    machine = machine_of(flow, caller, {})
    actions = list(machine.begin())
    pressed = [Digit(key) for key in keys]
    for _ in range(500):  # ten tries of each of two hundred steps never come together in these
        if machine.ended:
            return
        last = [one for one in actions if isinstance(one, events.Play | events.Wait | events.Send)][-1]
        match last:
            case events.Send():
                actions = list(machine.on(Sent("accepted")))
            case events.Play():
                actions = list(machine.on(Played()))
            case _ if pressed:
                actions = list(machine.on(pressed.pop())) or actions
            case _:
                actions = list(machine.on(TimedOut()))
    raise AssertionError("it does not end")


@given(flow=ANY_FLOW, happenings=st.lists(ANYTHING, max_size=10))
@settings(deadline=None, max_examples=50)
def test_hanging_up_is_the_end(flow: Flow, happenings: list[events.Event]) -> None:
    machine = machine_of(flow, MOBILE, {})
    machine.begin()
    for happened in [*happenings, HungUp()]:
        machine.on(happened)
    assert machine.ended


@given(flow=flows())
@settings(deadline=None, max_examples=50)
def test_any_flow_can_be_drawn(flow: Flow) -> None:
    assert all(f">{name}<" in draw(flow) for name in flow.steps)


def test_the_examples_are_right() -> None:
    assert PROBLEMS == ()
    assert len(EXAMPLES) >= 5
