"""The corpus of texts that a careless page would run, and what shows that a page took one for more than text."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from support.html import Element

MARK: Final = "zuq"
"""In every payload and nothing else of the house: ids have no `u` (`core/ids.py`)."""
_CHARACTER: Final = re.compile(r"\\u\{([0-9a-f]+)\}|\\(r|n)")
_FORBIDDEN: Final = frozenset(
    ["iframe", "object", "embed", "base", "style", "marquee", "applet", "frame", "foreignobject", "math"]
)
"""Elements that no page of ours has."""
_ADDRESSES: Final = frozenset(
    ["href", "src", "action", "formaction", "xlink:href", "data", "poster", "srcset", "ping", "cite"]
)
_SCHEMES: Final = frozenset(["", "http", "https", "mailto", "tel", "sms", "otpauth"])
_PLAIN: Final = re.compile(r"[\w.~%+@:=&,/?#!$'()*;\[\]-]*", re.ASCII)
"""An address holds what a person wrote only percent-encoded."""
_TEXTS: Final = frozenset(["value", "title", "alt", "placeholder", "content", "datetime", "label"])
"""Attributes that are read, not followed or run; those of `aria-` and `data-` too."""


def payloads() -> tuple[str, ...]:
    """All of the corpus."""
    lines = (Path(__file__).parents[1] / "corpus" / "xss.txt").read_text(encoding="utf-8").splitlines()
    return tuple(_CHARACTER.sub(_character, one) for one in lines if one and not one.startswith("# "))


def _character(found: re.Match[str]) -> str:
    if found[2]:
        return {"r": "\r", "n": "\n"}[found[2]]
    return chr(int(found[1], 16))


def faults(page: Element) -> Iterator[str]:
    """What of a page could run, load or lead elsewhere though nobody of ours wrote it."""
    for one in page.walk():
        yield from _of_element(one)
        for name, value in one.attributes.items():
            why = _of_attribute(one, name, value)
            if why:
                yield f"<{one.tag} {name}={value[:80]!r}>: {why}"


def _of_element(one: Element) -> Iterator[str]:
    if one.tag in _FORBIDDEN or MARK in one.tag:
        yield f"<{one.tag}>"
    if one.tag == "script" and (one.raw.strip() or not one["src"].startswith("/panel/static/")):
        yield f"<script src={one['src']!r}>{one.raw[:60]}"
    if one.tag == "meta" and one["http-equiv"]:
        yield f"<meta http-equiv={one['http-equiv']!r}>"


def _of_attribute(one: Element, name: str, value: str) -> str:
    if name.startswith("on") or name in ("style", "srcdoc"):
        return "runs"
    if MARK in name:
        return "nobody of ours wrote this attribute"
    if name in _ADDRESSES:
        return _of_address(one, value)
    if name == "id" and re.match(r"[a-z]+-", value):
        return ""  # of what it stands for; whatever follows the word, it is no name of anything in a window
    if MARK in value and not (name in _TEXTS or name.startswith(("aria-", "data-"))):
        return "a text where none belongs"
    return ""


def _of_address(one: Element, value: str) -> str:
    if re.match(r"[\s\x00-\x20]", value) or "\\" in value or urlsplit(value).scheme not in _SCHEMES:
        return "an address of another kind"
    ours = value.startswith(("/", "#", "?")) and not value.startswith("//")
    if not ours and one.tag != "a":
        return "loads or posts elsewhere"
    return "" if _PLAIN.fullmatch(value) else "not encoded"
