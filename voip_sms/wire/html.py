"""HTML to its text, read once from front to back: what mails and phones say, not what browsers show.

A quotation that the markup knows as one gets "> " before its lines, so that it is cut as in a text mail. What
a reader doesn't see (style, comments, hidden elements) isn't text.
"""

import html
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

MAX_SOURCE: Final = 512 * 1024
"""Characters of HTML that are read: Outlook wraps ten lines in 100,000."""
MAX_TOKENS: Final = 15_000
"""Texts and tags that are read: twice what a long newsletter has, 30 ms of processor time."""
MAX_PIECE: Final = 200_000
"""Characters between two tags that are read."""
MAX_TEXT: Final = 100_000
"""Characters of text: the ten parts of an SMS are 1,530."""
_FAR: Final = 4_096
"""How far a quoted value is searched for its end."""

_TAG: Final = re.compile(r"<(/?)([a-zA-Z][a-zA-Z0-9:]{0,20})")
_ATTRIBUTE: Final = re.compile(
    r"""(?<![a-zA-Z-])([a-zA-Z-]{1,20})\s{0,9}=\s{0,9}(?:"([^"]{0,4000})"|'([^']{0,4000})'|([^\s"'>]{1,500}))"""
)
_SPACE: Final = re.compile(r"[ \t\r\n\f\xa0\u2000-\u200a\u202f\u3000]+")
_NEVER_SEEN: Final = {
    name: re.compile(f"</{name}", re.IGNORECASE)
    for name in (
        "script",
        "style",
        "title",
        "template",
        "noembed",
        "noframes",
        "iframe",
        "object",
        "svg",
        "textarea",
    )
}
"""What has no text, by how it ends."""
_VOID: Final = frozenset(
    ("area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr")
)
_BLOCKS: Final = frozenset(
    (
        *("address", "article", "aside", "blockquote", "body", "center", "dd", "div", "dl", "dt", "fieldset"),
        *(
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
            "hr",
            "html",
            "li",
            "main",
        ),
        *("nav", "ol", "p", "pre", "section", "table", "tbody", "tfoot", "thead", "tr", "ul"),
    )
)
_CELLS: Final = frozenset(("td", "th"))
_HIDDEN: Final = re.compile(
    r"display\s{0,5}:\s{0,5}none|visibility\s{0,5}:\s{0,5}hidden|mso-hide\s{0,5}:\s{0,5}all", re.IGNORECASE
)
_EMOJI: Final = re.compile(r"[^\x00-\x7f]{1,8}")


@dataclass(frozen=True, slots=True)
class Seen:
    """What a reader sees; whether there was more than was read; how many texts and tags were read."""

    text: str
    clipped: bool
    tokens: int


def to_text(source: str, most: int = MAX_TOKENS, *, links: bool = True) -> Seen:
    """The text of `source`, of which at most `most` texts and tags are read.

    `links`: one that stands under other words is written out behind them; without, the words alone are.
    """
    page = _Page(links=links)
    clipped = len(source) > MAX_SOURCE
    number = 0
    for number, token in enumerate(_tokens(source[:MAX_SOURCE]), 1):
        if number > most or page.length > MAX_TEXT:
            clipped = True
            break
        if isinstance(token, str):
            page.text(token[:MAX_PIECE])
            clipped = clipped or len(token) > MAX_PIECE
        else:
            page.tag(token)
    return Seen(page.end()[:MAX_TEXT], clipped or page.broken, number)


@dataclass(frozen=True, slots=True)
class _Tag:
    name: str
    closing: bool
    inside: str


def _tokens(source: str) -> Iterator[str | _Tag]:
    """Texts and tags in turn. Each search goes on where the last one ended: linear."""
    at, end = 0, len(source)
    while at < end:
        opened = source.find("<", at)
        if opened < 0:
            yield source[at:]
            return
        if opened > at:
            yield source[at:opened]
        found = _TAG.match(source, opened)
        if found is None:
            at = _past_odd(source, opened)
            if at == opened:
                yield "<"
                at += 1
            continue
        closed = _tag_end(source, found.end())
        if closed < 0:
            return  # a tag that never ends: the rest isn't text
        name = found[2].lower()
        yield _Tag(name, bool(found[1]), source[found.end() : min(closed, found.end() + _FAR)])
        at = closed + 1
        if name in _NEVER_SEEN and not found[1] and source[closed - 1] != "/":
            swallowed = _NEVER_SEEN[name].search(source, at)
            if swallowed is None:
                return  # as browsers do: what is never closed swallows the rest
            at = swallowed.start()


def _past_odd(source: str, at: int) -> int:
    """Behind a comment, a declaration or a conditional; `at` itself if "<" is only a sign."""
    if source.startswith("<!--", at):
        closed = source.find("-->", at + 4)
        return closed + 3 if closed >= 0 else len(source)
    if source.startswith(("<!", "<?", "</"), at):
        closed = source.find(">", at)
        return closed + 1 if closed >= 0 else len(source)
    return at


def _tag_end(source: str, at: int) -> int:
    """Where the tag ends: the first ">" outside a quoted value, as far as that shows near by."""
    closed = source.find(">", at)
    if closed < 0 or closed - at > _FAR:
        return closed
    inside = source[at:closed]
    if inside.count('"') % 2:
        quote = source.find('"', closed, closed + _FAR)
        later = source.find(">", quote, quote + _FAR) if quote >= 0 else -1
        return later if later >= 0 else closed
    return closed


@dataclass(slots=True)
class _Page:
    """Lines as they come about."""

    links: bool
    lines: list[str] = field(default_factory=list)
    here: list[str] = field(default_factory=list)
    length: int = 0
    broken: bool = False
    hidden: str = ""
    hidden_depth: int = 0
    quote: str = ""
    quote_depth: int = 0
    pre: int = 0
    link: str = ""
    link_from: int = 0

    def text(self, raw: str) -> None:
        if self.hidden:
            return
        try:
            text = html.unescape(raw) if "&" in raw else raw
        except ValueError:  # a character reference of thousands of digits
            text, self.broken = raw, True
        if self.pre:
            for number, line in enumerate(text.split("\n", MAX_TOKENS)):
                if number:
                    self.flush(always=True)
                self.add(line)
        else:
            self.add(_SPACE.sub(" ", text))

    def add(self, text: str) -> None:
        self.here.append(text)
        self.length += len(text)

    def flush(self, *, always: bool = False) -> None:
        """End the line; an empty one only counts if it was asked for."""
        line = "".join(self.here)
        if not line and not always:
            return
        self.here.clear()
        self.link = ""
        line = line.rstrip() if self.pre else _SPACE.sub(" ", line).strip(" ")
        self.length += 1
        self.lines.append(f"> {line}" if self.quote else line)

    def tag(self, tag: _Tag) -> None:
        if self.hidden:
            self._hidden(tag)
        elif tag.closing:
            self._close(tag.name)
        else:
            self._open(tag)

    def _hidden(self, tag: _Tag) -> None:
        if tag.name == self.hidden:
            self.hidden_depth += -1 if tag.closing else 1
            if self.hidden_depth == 0:
                self.hidden = ""

    def _open(self, tag: _Tag) -> None:
        name = tag.name
        attributes = _attributes(tag.inside) if "=" in tag.inside else {}
        if name not in _VOID and (_HIDDEN.search(attributes.get("style", ""))):
            self.hidden, self.hidden_depth = name, 1
            return
        if name in _BLOCKS:
            self.flush()
        self._quote(name, attributes)
        if name == "br":
            self.flush(always=True)
        elif name == "li":
            self.add("- ")
        elif name in _CELLS and self.here:
            self.add(" ")
        elif name == "pre":
            self.pre += 1
        elif name == "a":
            self.link = attributes.get("href", "") if self.links else ""
            self.link_from = len(self.here)
        elif name == "img" and _EMOJI.fullmatch(attributes.get("alt", "")):
            self.add(attributes["alt"])

    def _quote(self, name: str, attributes: dict[str, str]) -> None:
        if self.quote:
            self.quote_depth += name == self.quote
        elif name == "blockquote" and (
            attributes.get("type", "").lower() == "cite"
            or "cite" in attributes
            or "quote" in attributes.get("class", "").lower()
        ):
            self.quote, self.quote_depth = name, 1

    def _close(self, name: str) -> None:
        if name == "a" and self.link:
            self._link()
        if name in _BLOCKS:
            self.flush()
        if name == "pre" and self.pre:
            self.pre -= 1
        if name == self.quote:
            self.quote_depth -= 1
            if self.quote_depth == 0:
                self.quote = ""

    def _link(self) -> None:
        """A link under other words is written out: an SMS has nothing to click on."""
        href, self.link = html.unescape(self.link[:300]).strip(), ""
        shown = "".join(self.here[self.link_from :]).strip()
        if not shown or not href.startswith(("http://", "https://")) or len(href) > MAX_LINK:
            return
        bare = href.partition("//")[2].rstrip("/")
        if bare.removeprefix("www.").lower() not in shown.lower() and "://" not in shown:
            self.add(f" ({href})")

    def end(self) -> str:
        self.pre = 0
        self.flush()
        return "\n".join(self.lines)


MAX_LINK: Final = 200
"""Characters of a link that is written out; what is longer is made for machines."""


def _attributes(inside: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, double, single, bare in _ATTRIBUTE.findall(inside):
        found.setdefault(name.lower(), double or single or bare)
    return found
