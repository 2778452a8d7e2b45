"""HTML as a test looks at it: a tree of elements, their text, and the forms with what a browser would post."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = frozenset(
    ["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"]
)
"""Elements without an end tag (HTML Living Standard, 13.1.2)."""
BUTTONS = ("submit", "image", "button", "reset")


@dataclass(slots=True)
class Element:
    """One element; `inside` is what it holds, in order: elements and texts."""

    tag: str
    attributes: Mapping[str, str]
    inside: list["Element | str"] = field(default_factory=list)

    def __getitem__(self, name: str) -> str:
        """An attribute; empty when there is none."""
        return self.attributes.get(name, "")

    def walk(self) -> Iterator["Element"]:
        """This one and all below, in the order of the document."""
        yield self
        for one in self.inside:
            if isinstance(one, Element):
                yield from one.walk()

    def all(self, *tags: str, **attributes: str) -> list["Element"]:
        """All below of these tags with these attributes; none given means any."""
        return [one for one in self.walk() if one is not self and one.fits(tags, attributes)]

    def fits(self, tags: tuple[str, ...], attributes: Mapping[str, str]) -> bool:
        """Whether it is one of these, with these attributes."""
        named = {name.rstrip("_").replace("_", "-"): value for name, value in attributes.items()}
        return (not tags or self.tag in tags) and all(self[name] == value for name, value in named.items())

    @property
    def text(self) -> str:
        """What one reads, white space folded; scripts and styles are not read."""
        return " ".join("".join(self._texts()).split())

    @property
    def raw(self) -> str:
        """The text as it stands there."""
        return "".join(self._texts())

    def _texts(self) -> Iterator[str]:
        for one in self.inside:
            if isinstance(one, str):
                yield one
            elif one.tag not in ("script", "style"):
                yield from one._texts()
                yield "" if one.tag in INLINE else " "

    # --- forms ---

    @property
    def forms(self) -> list["Element"]:
        """All forms."""
        return self.all("form")

    def posted(self) -> list[tuple[str, str]]:
        """What a browser would post of this form as it stands, buttons left out."""
        return [
            (one["name"], value)
            for one in self.all("input", "textarea", "select")
            if one["name"] and "disabled" not in one.attributes
            for value in _values(one)
        ]


INLINE = frozenset(
    [
        "a",
        "abbr",
        "b",
        "bdi",
        "code",
        "em",
        "i",
        "kbd",
        "mark",
        "q",
        "s",
        "small",
        "span",
        "strong",
        "sub",
        "sup",
        "time",
        "u",
        "var",
        "wbr",
    ]
)


def _values(control: Element) -> Iterator[str]:
    if control.tag == "textarea":
        yield control.raw.removeprefix("\n")
    elif control.tag == "select":
        options = control.all("option")
        chosen = [one for one in options if "selected" in one.attributes] or options[:1]
        yield from (one.attributes.get("value", one.text) for one in chosen)
    elif control["type"] in ("checkbox", "radio"):
        if "checked" in control.attributes:
            yield control.attributes.get("value", "on")
    elif control["type"] not in BUTTONS:
        yield control["value"]


def parsed(document: str) -> Element:
    """The root: an element without a tag that holds the document."""
    reader = _Reader()
    reader.feed(document)
    reader.close()
    return reader.root


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Element("", {})
        self._open = [self.root]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self._open[-1].inside.append(made)
        if tag not in VOID:
            self._open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._open[-1].inside.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == tag:
                del self._open[depth:]
                return

    def handle_data(self, data: str) -> None:
        self._open[-1].inside.append(data)
