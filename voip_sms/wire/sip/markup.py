"""The text of HTML, where a phone sends nothing plainer: tags go, lines stay. Linear in its input."""

import html
import re
from typing import Final

_BREAKS: Final = frozenset({"br", "p", "div", "li", "tr", "h1", "h2", "h3", "h4", "h5", "h6", "/p", "/div"})
"""Tags at which a reader sees a new line."""
_HIDDEN: Final = frozenset({"script", "style", "head", "title"})
"""Tags whose content nobody sees."""
_NAME: Final = re.compile(r"/?[a-z][a-z0-9]*")
_BLANKS: Final = re.compile(r"[ \t\r\n\f]+")
_LINES: Final = re.compile(r" ?\n[ \n]*")


def text_of(markup: str) -> str:
    """What a reader would see of it; `<` that opens no tag is text."""
    first, *rest = markup.split("<")
    shown = [_BLANKS.sub(" ", first)]
    hidden = ""
    for piece in rest:
        name = _NAME.match(piece[:12].lower())
        inside, closed, after = piece.partition(">")
        if hidden:
            if name is None or name[0] != f"/{hidden}":
                continue
            hidden = ""
        elif name is None and not piece.startswith(("!", "?")):
            shown.append("<" + _BLANKS.sub(" ", piece))
            continue
        elif name is not None and name[0] in _HIDDEN and not inside.endswith("/"):
            hidden = name[0]
            continue
        elif name is not None and name[0] in _BREAKS:
            shown.append("\n")
        if closed:
            shown.append(_BLANKS.sub(" ", after))
    return _LINES.sub("\n", html.unescape("".join(shown))).strip()
