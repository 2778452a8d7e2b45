"""Keeps the panel's catalogues: every text of its code and templates is in `locale/<language>/<family>.po`.

    python tools/messages.py [FAMILY...]

A family is a screen with its templates: the first words of a file's name that are a screen's or a folder's
of templates. `screens/send.py`, `send_form.py`, `send/anything.html` are `send`, `account/done.html` is
`account`, but `account/sign_in_code.html` is `sign_in`; a folder of screens is one family, so is `frame/`;
any other module is its own. English is filled in, what is missing in another language stays empty, what
nobody says any more goes.
"""

import ast
import re
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Final

from babel.core import Locale
from babel.messages.catalog import Catalog
from babel.messages.pofile import read_po, write_po
from jinja2.ext import babel_extract

from voip_sms.core.failures import CODES

PANEL: Final = Path(__file__).parents[1] / "voip_sms" / "doors" / "panel"
LANGUAGES: Final = ("en", "pl")
PLAIN: Final = "en"
FRAME: Final = "frame"
_WIDTH: Final = 110
_ONE: Final = ("_", "words", "marked")
_SEVERAL: Final = ("ngettext", "several")
_HEADER: Final = """\
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\\n"
"Language: {language}\\n"
"Plural-Forms: {plural}\\n"

"""

Id = str | tuple[str, str]
"""A text, or its singular and plural."""


@dataclass(frozen=True, slots=True)
class Text:
    """One translated text: `string` is empty where it is missing, a tuple of all forms where it counts."""

    id: Id
    string: str | tuple[str, ...]
    fuzzy: bool = False

    @property
    def key(self) -> str:
        """What it is found by."""
        return self.id if isinstance(self.id, str) else self.id[0]

    @property
    def forms(self) -> tuple[str, ...]:
        """All its translations."""
        return (self.string,) if isinstance(self.string, str) else self.string


def said() -> Mapping[str, list[Id]]:
    """All texts of the panel by family, in the order of their files."""
    found: dict[str, dict[str, Id]] = {}
    for file in sorted(PANEL.rglob("*.html")) + sorted(PANEL.rglob("*.py")):
        for one in _texts(file):
            texts = found.setdefault(family(file), {})
            key = one if isinstance(one, str) else one[0]
            if isinstance(texts.get(key, ""), str):  # a text that also counts is kept as one that counts
                texts[key] = one
    frame = found.setdefault(FRAME, {})
    frame.update((code.title, code.title) for code in CODES.values())
    return {name: list(texts.values()) for name, texts in found.items()}


def family(file: Path) -> str:
    """Whose catalogue has the texts of a file."""
    room, *inside = file.relative_to(PANEL).parts
    if FRAME in (room, *inside) or room in {"door.py", "rooms.py", "settings.py"}:
        return FRAME
    if room == "screens" and len(inside) > 1:
        return inside[0]
    if file.stem == "__init__":
        return FRAME
    screens = {one.stem for one in (PANEL / "screens").iterdir()}
    if inside and inside[0] in screens:
        return inside[0]
    folders = {one.name for one in (PANEL / "templates").iterdir()}
    words = file.stem.split("_")
    names = ("_".join(words[:count]) for count in range(1, len(words) + 1))
    return next((name for name in names if name in screens | folders), inside[0] if inside else file.stem)


def catalogue(language: str, name: str) -> list[Text]:
    """What a family's catalogue says; nothing if there is none."""
    file = PANEL / "locale" / language / f"{name}.po"
    if not file.exists():
        return []
    read = read_po(BytesIO(file.read_bytes()), locale=language, abort_invalid=True)
    if read.obsolete:
        raise ValueError(f"{file}: {len(read.obsolete)} obsolete texts")
    return [_text(message) for message in read if message.id]


def families(language: str) -> list[str]:
    """Whose catalogues there are."""
    return sorted(file.stem for file in (PANEL / "locale" / language).glob("*.po"))


def keep(names: Iterable[str]) -> Iterator[str]:
    """Bring the catalogues of these families up to date; lines that say what is missing."""
    texts = said()
    for language in LANGUAGES:
        elsewhere = {
            one.key: one for name in families(language) for one in catalogue(language, name) if all(one.forms)
        }
        for name in names:
            file = PANEL / "locale" / language / f"{name}.po"
            if name not in texts:
                file.unlink(missing_ok=True)
                continue
            known = elsewhere | {one.key: one for one in catalogue(language, name) if all(one.forms)}
            written = [_translated(language, one, known) for one in texts[name]]
            _write(file, language, written)
            missing = [one for one in written if one.fuzzy or not all(one.forms)]
            yield from (f"{file.relative_to(PANEL)}: {one.key!r}" for one in missing)


def _texts(file: Path) -> Iterator[Id]:
    yield from _of_template(file) if file.suffix == ".html" else _of_module(file)


def _of_template(file: Path) -> Iterator[Id]:
    keywords = [*_ONE, *_SEVERAL]
    for _, function, messages, _ in babel_extract(
        BytesIO(file.read_bytes()), keywords, [], {"silent": "false"}
    ):
        parts = [messages] if isinstance(messages, str) else list(messages or ())
        texts = [one for one in parts if one]
        if function in _SEVERAL and len(texts) > 1:
            yield texts[0], texts[1]
        elif function in _ONE and texts:
            yield texts[0]


def _of_module(file: Path) -> Iterator[Id]:
    """What stands as a text in a call, also with an `if` between two; and `menu="…"` of a route."""
    calls = [node for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Call)]
    for call in sorted(calls, key=lambda node: (node.lineno, node.col_offset)):
        name = getattr(call.func, "attr", getattr(call.func, "id", ""))
        if name in _ONE and call.args:
            yield from _literals(call.args[0])
        elif name in _SEVERAL and len(call.args) > 1:
            one, many = (next(_literals(arg), "") for arg in call.args[:2])
            if one and many:
                yield one, many
        for keyword in call.keywords:
            if keyword.arg == "menu":
                yield from _literals(keyword.value)


def _literals(node: ast.expr) -> Iterator[str]:
    if isinstance(node, ast.Constant) and isinstance(node.value, str) and node.value:
        yield node.value
    elif isinstance(node, ast.IfExp):
        yield from _literals(node.body)
        yield from _literals(node.orelse)


def _text(message: object) -> Text:
    ident, string = message.id, message.string  # type: ignore[attr-defined]
    fuzzy = bool(message.fuzzy)  # type: ignore[attr-defined]
    if isinstance(ident, str):
        return Text(ident, str(string or ""), fuzzy)
    return Text(tuple(ident), tuple(str(one or "") for one in string), fuzzy)


def _translated(language: str, one: Id, known: Mapping[str, Text]) -> Text:
    key = one if isinstance(one, str) else one[0]
    there = known.get(key)
    if there is not None and isinstance(there.id, str) == isinstance(one, str):
        return Text(one, there.string, there.fuzzy) if language != PLAIN else Text(one, one)
    if language == PLAIN:
        return Text(one, one)
    return Text(one, "" if isinstance(one, str) else ("",) * Catalog(locale=language).num_plurals)


def _write(file: Path, language: str, texts: Iterable[Text]) -> None:
    made = Catalog(locale=Locale.parse(language), fuzzy=False)
    for one in texts:
        made.add(one.id, one.string, flags={"fuzzy"} if one.fuzzy else ())
    buffer = BytesIO()
    write_po(buffer, made, width=_WIDTH, no_location=True, omit_header=True)
    header = _HEADER.format(language=language, plural=made.plural_forms)
    whole = (header + buffer.getvalue().decode()).encode()
    file.parent.mkdir(parents=True, exist_ok=True)
    if not file.exists() or file.read_bytes() != whole:
        file.write_bytes(whole)


def placeholders(text: str) -> list[str]:
    """What values stand in a text: `%(name)s`."""
    return sorted(set(re.findall(r"%\(\w+\)[a-z]", text)))


def main(names: list[str]) -> None:
    """Keep the families that are named, or all."""
    known = {*said(), *families("en"), *families("pl")}
    strangers = set(names) - known
    if strangers:
        sys.exit(f"no such family: {', '.join(sorted(strangers))}; known: {', '.join(sorted(known))}")
    for line in keep(names or sorted(known)):
        print(f"missing: {line}")


if __name__ == "__main__":
    main(sys.argv[1:])
