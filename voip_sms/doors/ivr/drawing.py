"""Draws a flow as SVG: a card for each step, its ways out down the right side, lines to where they lead."""

import html
import re
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from voip_sms.doors.ivr.flow import Flow
from voip_sms.doors.ivr.layout import Arrangement, Box, Line, arrange
from voip_sms.doors.ivr.parts import CALLER, Prompt
from voip_sms.doors.ivr.steps import Branch, Exit, Gather, SendSms, SetValues, Step, Transfer

_WIDTH: Final = 240
_BETWEEN: Final = 96
"""From card to card: room for lines to cross without a muddle."""
_MARGIN: Final = 32
_HEAD: Final = 62
"""The title's height."""
_BAR: Final = 30
"""The height of a card's head."""
_TEXT: Final = 17
_ROW: Final = 24
_PADDING: Final = 12
_LETTERS: Final = 31
"""Characters of a line of text in a card: wide fonts have letters of 7 px on average."""
_TEXT_LINES: Final = 3
_LABEL: Final = 27

_TONES: Final = {
    "play": "say",
    "menu": "ask",
    "gather": "ask",
    "consent": "ask",
    "branch": "think",
    "set": "think",
    "send_sms": "send",
    "transfer": "leave",
    "hangup": "leave",
}
_STYLE: Final = """
svg{--ground:#f6f7f9;--card:#fff;--edge:#d5dae1;--text:#1c2430;--soft:#5d6878;--line:#9aa5b4;--key:#eef1f5;
--say:#3b6fd4;--ask:#0f7f8c;--think:#7a55c7;--send:#15803d;--leave:#6b7280;--back:#b45309;
font:12px/1.4 system-ui,"Segoe UI",Roboto,"Helvetica Neue",Arial,sans-serif}
@media(prefers-color-scheme:dark){svg{--ground:#12161c;--card:#1b222c;--edge:#323c4a;--text:#e7ebf1;
--soft:#9aa6b6;--line:#64748b;--key:#2a3442;--say:#7ea6f5;--ask:#4fc3cf;--think:#b79cf2;--send:#5fcf86;
--leave:#a3adba;--back:#f0a85c}}
.ground{fill:var(--ground)}.card{fill:var(--card);stroke:var(--edge)}.name{font-weight:600;font-size:13px}
text{fill:var(--text)}.soft{fill:var(--soft)}.kind{font-size:11px;text-anchor:end}
.title{font-size:19px;font-weight:600}.rule{stroke:var(--edge)}.line{fill:none;stroke:var(--line);stroke-width:1.5}
.dot{fill:var(--line)}.key{fill:var(--key);stroke:var(--edge)}.cap{text-anchor:middle;font-weight:600}
.arrow{fill:var(--line)}.pill{fill:none;stroke:var(--back)}.back{fill:var(--back);font-size:11px}
.flag{font-size:11px;font-weight:600}
.say{fill:var(--say)}.ask{fill:var(--ask)}.think{fill:var(--think)}.send{fill:var(--send)}.leave{fill:var(--leave)}
"""
_VARIABLE: Final = re.compile(r"\{\{-?\s*(\w+).*?\}\}", re.DOTALL)
_UNPRINTABLE: Final = re.compile(r"[^\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class _Card:
    name: str
    step: Step
    text: tuple[str, ...]
    exits: tuple[Exit, ...]

    @property
    def rows(self) -> float:
        """Where the first way out is, below the top."""
        return _BAR + (len(self.text) * _TEXT + _PADDING if self.text else 0)

    @property
    def height(self) -> float:
        return self.rows + (len(self.exits) * _ROW + _PADDING / 2 if self.exits else 0)

    def box(self) -> Box:
        exits = tuple((one.target, self.row(place)) for place, one in enumerate(self.exits))
        return Box(self.name, self.height, _BAR / 2, exits)

    def row(self, place: int) -> float:
        """The middle of a way out, below the top."""
        return self.rows + _ROW * place + _ROW / 2 + _PADDING / 4


def draw(flow: Flow) -> str:
    """The picture of a flow: a whole SVG document, light or dark as the reader's screen is."""
    cards = {name: _card(flow, name, step) for name, step in flow.steps.items()}
    roots = [flow.start] + ([flow.on_failure] if flow.on_failure is not None else [])
    arranged = arrange([card.box() for card in cards.values()], roots)
    lowest = max(top + cards[name].height for name, (_, top) in arranged.at.items())
    lowest = max([lowest, *(height for line in arranged.lines for height in line.passes)])
    width = max(_left(column) for column, _ in arranged.at.values()) + _WIDTH
    lines = [
        *_opening(flow, width + 2 * _MARGIN, lowest + _HEAD + 2 * _MARGIN),
        f'<g transform="translate({_MARGIN} {_HEAD + _MARGIN})">',
        *(_line(cards, arranged, line) for line in arranged.lines if not line.back),
        *(part for card in cards.values() for part in _drawn(flow, card, arranged)),
        "</g>",
        "</svg>",
        "",
    ]
    return "\n".join(lines)


def _left(column: int) -> int:
    return column * (_WIDTH + _BETWEEN)


def _opening(flow: Flow, width: float, height: float) -> Iterator[str]:
    size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
    yield f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img">'
    yield f"<title>{_escaped(flow.name)}</title>"
    yield f"<style>{_STYLE}</style>"
    yield '<rect class="ground" width="100%" height="100%"/>'
    yield f'<text class="title" x="{_MARGIN}" y="{_MARGIN + 8}">{_escaped(flow.name)}</text>'
    yield f'<text class="soft" x="{_MARGIN}" y="{_MARGIN + 28}">{_escaped(_subtitle(flow))}</text>'


def _subtitle(flow: Flow) -> str:
    sends = f"sends as {flow.identity.value or flow.identity.kind}" if flow.identity is not None else ""
    expects = f"expects {', '.join(sorted(flow.expects))}" if flow.expects else ""
    return " · ".join(filter(None, (flow.tenant, flow.language, sends, expects)))


# --- cards --------------------------------------------------------------------------------------------------


def _card(flow: Flow, name: str, step: Step) -> _Card:
    text = [line for said in _said(flow, step) for line in _wrapped(said)]
    return _Card(name, step, tuple(text), tuple(step.exits()))


def _said(flow: Flow, step: Step) -> Iterator[str]:
    """What a card tells of its step, a paragraph each."""
    match step:
        case SendSms():
            yield f"to {step.to if step.to == CALLER else _plain(step.to.source)}"
            template = step.text or flow.templates[step.template or ""]
            yield _plain(template.source)
        case SetValues():
            yield from (f"{name} = {_plain(value.source)}" for name, value in step.values.items())
        case Transfer():
            place = step.to
            yield f"to {place.context}, {place.extension}" if place is not None else "back where it came from"
        case Branch():
            pass
        case _:
            yield _heard(step.prompt or ())
            if isinstance(step, Gather):
                yield f"{step.into}: {_counted(step)}"


def _heard(prompts: tuple[Prompt, ...]) -> str:
    return " ".join(
        f"♪ {prompt.sound}" if prompt.template is None else _plain(prompt.template.source)
        for prompt in prompts
    )


def _counted(step: Gather) -> str:
    low, high = step.digits.min, step.digits.max
    count = f"{low}" if low == high else f"{low}-{high}"
    return f"{count} digits" + (", mobile" if step.kind == "mobile" else "")


def _plain(source: str) -> str:
    """A template as people read it: ‹number› for {{ number[-4:] }}."""
    return " ".join(_VARIABLE.sub(r"‹\1›", source).split())


def _wrapped(text: str) -> list[str]:
    return textwrap.wrap(text, _LETTERS, max_lines=_TEXT_LINES, placeholder=" …") if text else []


def _drawn(flow: Flow, card: _Card, arranged: Arrangement) -> Iterator[str]:
    column, top = arranged.at[card.name]
    tone = _TONES[card.step.do]
    yield f'<g transform="translate({_left(column)} {top:.1f})">'
    yield f'<rect class="card" width="{_WIDTH}" height="{card.height:.1f}" rx="9"/>'
    yield f'<rect class="{tone}" x="0" y="7" width="4" height="{_BAR - 14}" rx="2"/>'
    yield f'<text class="name" x="{_PADDING + 2}" y="20">{_escaped(_cut(card.name, 22))}</text>'
    yield f'<text class="kind {tone}" x="{_WIDTH - _PADDING}" y="20">{card.step.do}</text>'
    yield from _flags(flow, card.name)
    for place, line in enumerate(card.text):
        y = _BAR + _PADDING / 2 + _TEXT * place + 10
        yield f'<text class="soft" x="{_PADDING + 2}" y="{y:.1f}">{_escaped(line)}</text>'
    if card.exits:
        yield f'<path class="rule" d="M0 {card.rows:.1f}H{_WIDTH}"/>'
    back = {line.place for line in arranged.lines if line.source == card.name and line.back}
    for place, one in enumerate(card.exits):
        yield from _exit(card.row(place), one, back=place in back)
    yield "</g>"


def _flags(flow: Flow, name: str) -> Iterator[str]:
    flags = [flag for flag, step in (("start", flow.start), ("on failure", flow.on_failure)) if step == name]
    if flags:
        yield f'<text class="flag soft" x="2" y="-7">{" · ".join(flags)}</text>'


def _exit(y: float, one: Exit, *, back: bool) -> Iterator[str]:
    left = _PADDING + 2
    if one.where[0] == "keys":
        yield f'<rect class="key" x="{left}" y="{y - 9:.1f}" width="18" height="18" rx="5"/>'
        yield f'<text class="cap" x="{left + 9}" y="{y + 4:.1f}">{_escaped(one.label)}</text>'
    else:
        label = _cut(one.label, _LABEL // 2 if back else _LABEL)
        yield f'<text x="{left}" y="{y + 4:.1f}">{_escaped(label)}</text>'
    if back:
        target = _escaped(_cut(one.target, _LABEL // 2))
        yield f'<text class="kind back" x="{_WIDTH - _PADDING}" y="{y + 4:.1f}">↩ {target}</text>'
    else:
        yield f'<circle class="dot" cx="{_WIDTH}" cy="{y:.1f}" r="3.5"/>'


def _cut(text: str, longest: int) -> str:
    return text if len(text) <= longest else f"{text[: longest - 1]}…"


# --- lines --------------------------------------------------------------------------------------------------


def _line(cards: dict[str, _Card], arranged: Arrangement, line: Line) -> str:
    """From a way out, straight through every column that is passed, to the head of a card."""
    column, top = arranged.at[line.source]
    x, y = _left(column) + _WIDTH, top + cards[line.source].row(line.place)
    path = [f"M{x} {y:.1f}"]
    for passed, height in enumerate(line.passes, column + 1):
        path += [_bend(x, y, _left(passed), height), f"H{_left(passed) + _WIDTH}"]
        x, y = _left(passed) + _WIDTH, height
    column, top = arranged.at[line.target]
    end, middle = _left(column), top + _BAR / 2
    path.append(_bend(x, y, end - 7, middle))
    arrow = f'<path class="arrow" d="M{end} {middle:.1f}l-8 -4.5v9z"/>'
    return f'<path class="line" d="{"".join(path)}"/>{arrow}'


def _bend(x: float, y: float, to_x: float, to_y: float) -> str:
    half = (to_x - x) / 2
    return f"C{x + half:.1f} {y:.1f} {to_x - half:.1f} {to_y:.1f} {to_x:.1f} {to_y:.1f}"


def _escaped(text: str) -> str:
    """Text for XML 1.0, which some characters may not even be escaped in (section 2.2)."""
    return html.escape(_UNPRINTABLE.sub("", text))
