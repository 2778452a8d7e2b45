"""Torture cases as data: a folder of messages, and a list of how each must be treated.

A `.msg` file is a message with LF for CRLF; what follows the first empty line is the body, whose last line end
doesn't count. `\\xNN` is an octet. In braces: `{n}` a number of its own for each use, `{t}` the transport,
`{addr}` host and port that it is sent from, `{port}` that port, `{len}` the body's length, `{auth 101}` right
credentials of that user, `{20*long}` a repetition.

The list beside the folder says for each case where it comes from, what is hard about it, and its treatment:
statuses in the order of the requests (`-` for silence), then `closed` where the connection must end or `waits`
where more octets are due.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import yaml

FOLDER: Final = Path(__file__).parents[1] / "torture"
SETS: Final = ("rfc4475", "rfc5118", "wild")
_PLACE: Final = re.compile(r"\{(n|t|addr|port|len|auth \w+|\d+\*[^{}]*)\}")
_OCTET: Final = re.compile(rb"\\x([0-9A-Fa-f]{2})")
_LINE_ENDS: Final = re.compile(r"\A(?:\\x0[ad])*")
_KEYS: Final = {"id", "section", "hard", "why", "answer", "udp", "tcp", "headers", "sends", "binds"}


@dataclass(frozen=True, slots=True)
class Treatment:
    """Statuses that come back, in order; whether the connection then ends, or waits for more."""

    statuses: tuple[int, ...]
    closed: bool = False
    waits: bool = False


@dataclass(frozen=True, slots=True)
class Case:
    """One message. `sends` is (recipient in E.164, text), `binds` the contacts that are stored."""

    name: str
    section: str
    hard: str
    text: str
    udp: Treatment
    tcp: Treatment
    headers: dict[str, str] = field(default_factory=dict)
    sends: tuple[str, str] | None = None
    binds: tuple[str, ...] | None = None

    def octets(
        self, *, number: int, transport: str, address: tuple[str, int], auth: Callable[[str, str], str]
    ) -> bytes:
        """As it goes out; `auth(user, method)` gives an Authorization value."""
        head, gap, body = self.text.partition("\n\n")
        method = _LINE_ENDS.sub("", head, count=1).partition(" ")[0]
        plain = {
            "n": str(number),
            "t": transport,
            "addr": f"{address[0]}:{address[1]}",
            "port": str(address[1]),
            "len": "",
        }

        def place(match: re.Match[str]) -> str:
            word = match[1]
            if word.startswith("auth "):
                return auth(word[5:], method)
            times, star, what = word.partition("*")
            return what * int(times) if star else plain[word]

        content = _octets(_PLACE.sub(place, body.removesuffix("\n"))) if gap else b""
        plain["len"] = str(len(content))
        return _octets(_PLACE.sub(place, head.removesuffix("\n"))) + b"\r\n\r\n" + content


def _octets(text: str) -> bytes:
    octets = text.replace("\n", "\r\n").encode()
    return _OCTET.sub(lambda match: bytes([int(match[1], 16)]), octets)


def _treatment(text: object) -> Treatment:
    words = str(text).split()
    statuses = tuple(int(word) for word in words if word.isdigit())
    rest = {word for word in words if not word.isdigit()}
    assert words, "a treatment has at least one word"
    assert rest <= {"-", "closed", "waits"}, text
    return Treatment(statuses, "closed" in rest, "waits" in rest)


def _case(folder: Path, entry: dict[str, Any]) -> Case:
    assert set(entry) <= _KEYS, f"{entry['id']}: {set(entry) - _KEYS}"
    answer = entry.get("answer")
    sends = entry.get("sends")
    return Case(
        name=entry["id"],
        section=str(entry["section"]),
        hard=entry["hard"],
        text=(folder / f"{entry['id']}.msg").read_text(encoding="utf-8"),
        udp=_treatment(entry.get("udp", answer)),
        tcp=_treatment(entry.get("tcp", answer)),
        headers={name.lower(): str(pattern) for name, pattern in entry.get("headers", {}).items()},
        sends=(sends["to"], sends["text"]) if sends else None,
        binds=tuple(entry["binds"]) if "binds" in entry else None,
    )


def cases(of: str) -> list[Case]:
    """The cases of one set, in the order of their list."""
    entries = yaml.safe_load((FOLDER / f"{of}.yaml").read_text(encoding="utf-8"))
    return [_case(FOLDER / of, entry) for entry in entries]


def every_case() -> list[Case]:
    """All sets."""
    return [case for of in SETS for case in cases(of)]
