"""format=flowed: lines that were broken only for the screen are joined again (RFC 3676 4)."""

import re
from typing import Final

_SIGNATURE: Final = "-- "
_QUOTES: Final = re.compile(">*")


def unflow(text: str, *, delsp: bool = False) -> str:
    """`text` with its paragraphs whole; quoted ones keep their marks, ">" for each depth (RFC 3676 4.5)."""
    out: list[str] = []
    held: list[str] = []
    depth = 0
    for raw in text.split("\n"):
        marks = _QUOTES.match(raw)
        now = marks.end() if marks else 0
        line = raw[now:]
        line = line.removeprefix(" ")  # RFC 3676 4.4: one space was stuffed
        if held and now != depth:
            out.append(_whole(held, depth))
            held = []
        depth = now
        flows = line.endswith(" ") and line != _SIGNATURE
        if line == _SIGNATURE and held:
            out.append(_whole(held, depth))
            held = []
        held.append(line[:-1] if flows and delsp else line)
        if not flows:
            out.append(_whole(held, depth))
            held = []
    if held:
        out.append(_whole(held, depth))
    return "\n".join(out)


def _whole(pieces: list[str], depth: int) -> str:
    text = "".join(pieces)
    return f"{'>' * depth} {text}" if depth else text
