"""What is wrong with a flow as a whole: where steps lead, what they know, and whether callers get out."""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from voip_sms.core.resources.complaints import Complaint
from voip_sms.core.resources.complaints import Path as Where
from voip_sms.doors.ivr.flow import FlowFile
from voip_sms.doors.ivr.parts import BUILT_IN
from voip_sms.doors.ivr.steps import Branch, Exit, SendSms, Step, templates_of
from voip_sms.doors.ivr.templates import Template

_STEPS: Final = "steps"

Known = Mapping[str, frozenset[str]]


def check(file: FlowFile) -> list[Complaint]:
    """Every fault of a flow whose steps are each well written."""
    lost = [*_unknown_steps(file), *_unknown_templates(file), *_unknown_variables(file)]
    return lost or [*_unreachable(file), *_loops(file), *_too_early(file)]


# --- names that nothing has ---------------------------------------------------------------------------------


def _unknown_steps(file: FlowFile) -> Iterator[Complaint]:
    named: list[tuple[Where, str]] = [(("start",), file.start)]
    if file.on_failure is not None:
        named.append((("on_failure",), file.on_failure))
    for name, step in file.steps.items():
        named += [((_STEPS, name, *one.where), one.target) for one in step.exits()]
    for where, target in named:
        if target not in file.steps:
            yield Complaint(where, f"there is no step {target}{_near(target, file.steps)}")


def _unknown_templates(file: FlowFile) -> Iterator[Complaint]:
    for name, step in file.steps.items():
        if isinstance(step, SendSms) and step.template is not None and step.template not in file.templates:
            what = f"there is no template {step.template}{_near(step.template, file.templates)}"
            yield Complaint((_STEPS, name, "template"), what)


def _unknown_variables(file: FlowFile) -> Iterator[Complaint]:
    known = _from_the_start(file).union(*(one.gives for step in file.steps.values() for one in step.exits()))
    for where, asked in _asked(file):
        for name in sorted(asked - known):
            yield Complaint(
                where, f"there is no variable {name}{_near(name, known)}; expects names those of the dialplan"
            )


def _asked(file: FlowFile) -> Iterator[tuple[Where, frozenset[str]]]:
    for name, template in file.templates.items():
        yield ("templates", name), template.asked
    for name, step in file.steps.items():
        for where, template in templates_of(step):
            yield (_STEPS, name, *where), template.asked
        if isinstance(step, Branch):
            for place, condition in enumerate(step.when):
                if condition.variable is not None:
                    yield (_STEPS, name, "when", place, "variable"), frozenset({condition.variable})


def _near(name: str, known: Iterable[str]) -> str:
    near = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {near[0]}?" if near else ""


def _from_the_start(file: FlowFile) -> frozenset[str]:
    return BUILT_IN.union(file.variables, file.expects)


# --- ways through -------------------------------------------------------------------------------------------


def _unreachable(file: FlowFile) -> Iterator[Complaint]:
    entries = [file.start] + ([file.on_failure] if file.on_failure is not None else [])
    reached = set(entries)
    while entries:
        for one in file.steps[entries.pop()].exits():
            if one.target not in reached:
                reached.add(one.target)
                entries.append(one.target)
    for name in file.steps:
        if name not in reached:
            yield Complaint(
                (_STEPS, name), "no call ever gets here; lead to it from another step, or drop it"
            )


def _loops(file: FlowFile) -> Iterator[Complaint]:
    """Rounds that a caller who presses nothing would be led for ever: repeating is what `tries` is for."""
    unkeyed = {name: [one for one in step.exits() if not one.keyed] for name, step in file.steps.items()}
    done: set[str] = set()
    for name in file.steps:
        round_ = _round(name, unkeyed, done)
        if round_:
            where = (_STEPS, round_[0], *_way(unkeyed[round_[0]], round_[1 % len(round_)]).where)
            yield Complaint(where, f"a loop without input: {' > '.join([*round_, round_[0]])}")


def _way(exits: Iterable[Exit], target: str) -> Exit:
    return next(one for one in exits if one.target == target)


def _round(start: str, exits: Mapping[str, list[Exit]], done: set[str]) -> list[str]:
    """The first circle met on the way from `start`; [] if there is none. `done` grows by what was seen."""
    path: list[str] = []
    ways: list[Iterator[str]] = [iter((start,))]
    while ways:
        following = next(ways[-1], None)
        if following is None:
            ways.pop()
            if path:
                done.add(path.pop())
        elif following in path:
            circle = path[path.index(following) :]
            done.update(path)
            return circle
        elif following not in done:
            path.append(following)
            ways.append(iter([one.target for one in exits[following]]))
    return []


# --- variables on the way -----------------------------------------------------------------------------------


def _too_early(file: FlowFile) -> Iterator[Complaint]:
    """Texts with a variable that some way to them does not set."""
    known = _known(file)
    for name, step in file.steps.items():
        if name not in known:  # no call gets there
            continue
        for where, template in _filled_in(file, step):
            for missing in sorted(template.names - known[name]):
                what = (
                    f"a call can get here without {missing}; set it before, or write {missing} | default('')"
                )
                yield Complaint((_STEPS, name, *where), what)


def _filled_in(file: FlowFile, step: Step) -> Iterator[tuple[Where, Template]]:
    yield from templates_of(step)
    if isinstance(step, SendSms) and step.template is not None:
        yield ("template",), file.templates[step.template]


def _known(file: FlowFile) -> Known:
    """By step: the variables that are set whichever way a call came."""
    base = _from_the_start(file)
    known: dict[str, frozenset[str]] = {file.start: base}
    if file.on_failure is not None:  # from any step, the first one too
        known[file.on_failure] = base
    waiting = list(known)
    while waiting:
        name = waiting.pop()
        for one in file.steps[name].exits():
            here = known[name] | one.gives
            before = known.get(one.target)
            after = here if before is None else before & here
            if after != before:
                known[one.target] = after
                waiting.append(one.target)
    return known
