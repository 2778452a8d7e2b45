"""Which part of a mail is its text, and that text: decoded, cleaned and cut (RFC 2045, 2046, 2387)."""

import binascii
import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from voip_sms.wire import html
from voip_sms.wire.mail.charsets import decode
from voip_sms.wire.mail.flowed import unflow
from voip_sms.wire.mail.model import Body
from voip_sms.wire.mail.parts import Part
from voip_sms.wire.mail.quotes import cut_quotes

MAX_OCTETS: Final = 600 * 1024
"""Octets of one text part after its transfer encoding, a little more than the HTML that is read."""
MAX_TEXT: Final = html.MAX_TEXT
"""Characters of text that are read."""
MAX_TEXTS: Final = 20
"""Text parts that are put together: Apple Mail makes one between every two pictures."""

_TEXTS: Final = frozenset(("text/plain", "text/html", "text/enriched", "text/richtext"))
_FURNITURE: Final = frozenset(
    (
        *("application/pgp-signature", "application/pkcs7-signature", "application/x-pkcs7-signature"),
        *("application/ms-tnef", "application/vnd.ms-tnef", "message/delivery-status"),
        *("message/disposition-notification", "text/rfc822-headers", "text/x-amp-html"),
    )
)
"""What comes along without being an attachment for a reader: signatures, Outlook's winmail.dat, reports."""
_SEALED: Final = frozenset(("multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"))


@dataclass(frozen=True, slots=True)
class _Text:
    text: str
    html: bool = False
    repaired: bool = False
    damaged: bool = False
    clipped: bool = False


def read_body(octets: bytes, root: Part, *, forwarded: bool, overflow: bool) -> tuple[Body, bool]:
    """The text of the mail whose parts hang below `root`; and whether it carries anything else.

    `forwarded`: by its subject it passes on another mail. `overflow`: it has more parts than were looked at.
    """
    found = _Reader(octets).choose(root)[:MAX_TEXTS]
    whole = "\n".join(one.text for one in found if one.text.strip())
    clipped = len(whole) > MAX_TEXT or any(one.clipped for one in found)
    text, attached = _without_uuencoded(whole[:MAX_TEXT])
    text, sealed = _opened(text)
    new, cuts = cut_quotes(text, forwarded=forwarded)
    lost = clipped and new.endswith(text.rstrip()[-40:])
    sealed = sealed or any(part.kind in _SEALED for part in root.walk())
    body = Body(
        text=new,
        html=any(one.html for one in found),
        repaired=any(one.repaired for one in found),
        damaged=overflow or lost or (sealed and not new) or any(one.damaged for one in found),
        cuts=cuts,
    )
    return body, attached or _attachments(root)


@dataclass(slots=True)
class _Reader:
    """Chooses and reads the texts of one mail, all of them within one allowance."""

    octets: bytes
    left: int = MAX_OCTETS
    tokens: int = html.MAX_TOKENS

    def choose(self, part: Part) -> list[_Text]:
        """What this part says to a reader."""
        if not part.children:
            return [self._read(part)] if _is_text(part) else []
        if part.kind == "multipart/alternative":
            return self._alternative(part)
        if part.kind == "multipart/encrypted":
            return []
        if part.kind in {"multipart/related", "multipart/signed", "multipart/report"}:
            return self.choose(part.children[0])
        return self._several(part.children)

    def _several(self, children: tuple[Part, ...]) -> list[_Text]:
        found: list[_Text] = []
        for child in children:
            if len(found) >= MAX_TEXTS:
                break
            if child.disposition != "attachment" and not (child.named and found):
                found += self.choose(child)
        return found

    def _alternative(self, part: Part) -> list[_Text]:
        """The plain one, if it says anything; else what does (RFC 2046 5.1.4)."""
        best: list[_Text] = []
        for option in sorted(part.children, key=_richness)[:4]:
            found = self.choose(option)
            text = "".join(one.text for one in found)
            if text.strip() and not (len(text) < _EXCUSE_LENGTH and _EXCUSE.search(text)):
                return found
            best = best or found
        return best

    def _read(self, part: Part) -> _Text:
        raw, garbled, clipped = transfer_decode(self.octets, part, self.left)
        self.left -= len(raw)
        is_html = part.kind != "text/plain"
        label = part.params.get("charset", "") or (_declared(raw) if is_html else "")
        read = decode(raw, label)
        text, odd = _cleaned(read.text)
        if is_html:
            seen = html.to_text(text, self.tokens)
            self.tokens -= seen.tokens
            text, worse = _cleaned(seen.text)
            clipped, odd = clipped or seen.clipped, odd or worse
        elif part.params.get("format", "").lower() == "flowed":
            text = unflow(text[: 2 * MAX_TEXT], delsp=part.params.get("delsp", "").lower() == "yes")
        return _Text(
            text=_composed(text[:MAX_TEXT]),
            html=is_html,
            repaired=read.repaired,
            damaged=read.damaged or garbled or odd,
            clipped=clipped or len(text) > MAX_TEXT,
        )


def _is_text(part: Part) -> bool:
    return part.kind in _TEXTS


def _richness(part: Part) -> int:
    plain = all(leaf.kind == "text/plain" for leaf in part.walk() if not leaf.children)
    return 0 if plain else 1


_EXCUSE_LENGTH: Final = 400
_EXCUSE: Final = re.compile(
    r"(?:not|n't) (?:support|display|show|view) html|nie obs[lł]uguje .{0,30}html|"
    r"html (?:version|e-?mail) .{0,30}view|w[lł][aą]cz .{0,30}html|"
    r"requires? .{0,20}html|wymaga .{0,30}html",
    re.IGNORECASE,
)
"""A plain part that only says that there is another one."""


_META: Final = re.compile(rb"<meta[^>]{0,200}charset\s{0,5}=\s{0,5}[\"']?([\w:-]{1,40})", re.IGNORECASE)


def _declared(raw: bytes) -> str:
    found = _META.search(raw, 0, 4096)
    return found[1].decode("ascii") if found else ""


def transfer_decode(octets: bytes, part: Part, most: int) -> tuple[bytes, bool, bool]:
    """At most `most` octets of a part; whether they are garbled, and whether there are more."""
    raw = octets[part.start : min(part.end, part.start + _EXPANSION.get(part.encoding, 1) * most)]
    decoded, garbled = _DECODERS.get(part.encoding, _as_is)(raw)
    clipped = len(raw) < part.end - part.start or len(decoded) > most
    return decoded[:most], garbled, clipped


def _as_is(raw: bytes) -> tuple[bytes, bool]:
    return raw, False


def _quoted_printable(raw: bytes) -> tuple[bytes, bool]:
    return binascii.a2b_qp(raw), False


def _base64(raw: bytes) -> tuple[bytes, bool]:
    """Base64 up to its end, where lists append in plain; a text that isn't base64 is taken as it is."""
    coded, _, _ = raw.partition(b"=")
    sound = coded.translate(None, _NOT_BASE64)
    strange = len(coded.translate(None, b" \t\r\n")) - len(sound)
    if strange > len(sound) // 20:
        return raw, False
    usable = len(sound) - (len(sound) % 4 == 1)
    try:
        return binascii.a2b_base64(sound[:usable] + b"=" * (-usable % 4)), bool(strange)
    except binascii.Error:
        return raw, True


_ALPHABET: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
_NOT_BASE64: Final = bytes(octet for octet in range(256) if octet not in _ALPHABET)
_EXPANSION: Final = {"quoted-printable": 3, "base64": 2}
_DECODERS: Final[dict[str, Callable[[bytes], tuple[bytes, bool]]]] = {
    "base64": _base64,
    "quoted-printable": _quoted_printable,
}


_UNUSUAL: Final = re.compile("[^\n -~\xa1-\xac\xae-\u02ff\u2010-\u2027\u20ac]")
"""Anything that is not usual in Polish and English: a text without it is clean as it came."""
_LINE_ENDS: Final = re.compile("[\r\x0b\x0c\x85\u2028\u2029]")
_STRAY: Final = re.compile(r"[\x00-\x08\x0e-\x1f\x7f\ud800-\udfff]")
_INVISIBLE: Final = re.compile("[\xad\u034f\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
_JOINERS: Final = re.compile("(?<=[ \xa0\n])\u200c|\u200c(?=[ \xa0\n]|$)")


def _cleaned(text: str) -> tuple[str, bool]:
    """`text` with one kind of line end and nothing that can't be seen; and whether it held controls."""
    text = text.replace("\r\n", "\n")
    if _UNUSUAL.search(text) is None:
        return text, False
    text = _LINE_ENDS.sub("\n", text)
    whole = _STRAY.sub("", text)
    shown = _JOINERS.sub("", _INVISIBLE.sub("", whole))
    return shown.replace("\t", " "), len(whole) != len(text)


def _composed(text: str) -> str:
    """Letters and their marks as one character: Apple's programs write an a and an ogonek.

    Letter by letter: Unicode's NFC takes quadratic time for a row of marks.
    """
    if _UNUSUAL.search(text) is None:
        return text
    whole = _MARKED.sub(lambda found: unicodedata.normalize("NFC", found[0]), text)
    return whole.replace("\xa0", " ")


_MARKED: Final = re.compile("[^\\W\\d_][\u0300-\u036f]{1,4}")


_UUENCODED: Final = re.compile(r"^begin [0-7]{3} \S.{0,200}$", re.MULTILINE)


def _without_uuencoded(text: str) -> tuple[str, bool]:
    """`text` without a file that an old program put into it, and whether there was one."""
    opened = _UUENCODED.search(text) if "begin " in text else None
    if opened is None:
        return text, False
    closed = text.find("\nend", opened.end())
    return text[: opened.start()] + (text[closed + 4 :] if closed >= 0 else ""), True


_SIGNED: Final = "-----BEGIN PGP SIGNED MESSAGE-----"


def _opened(text: str) -> tuple[str, bool]:
    """The text within a clear-signed message (RFC 9580 7); or nothing, and True, for a sealed one."""
    start = text.lstrip()[:80]
    if start.startswith("-----BEGIN PGP MESSAGE-----"):
        return "", True
    if start.startswith(_SIGNED):
        inside = text.partition(_SIGNED)[2].partition("\n\n")[2]
        inside = inside.partition("\n-----BEGIN PGP SIGNATURE-----")[0]
        return inside.replace("\n- -", "\n-"), False
    return text, False


def _attachments(root: Part) -> bool:
    return any(_attached(root, part) for part in root.walk() if not part.children)


def _attached(root: Part, part: Part) -> bool:
    if part.kind in _FURNITURE or part.kind in _SEALED:
        return False
    if part is root:
        return not _is_text(part)
    if part.disposition == "attachment":
        return True
    if part.kind.startswith("image/") and part.disposition != "inline":
        return not _related(root, part)
    if part.kind == "text/calendar":
        return part.named
    return part.named or not (_is_text(part) or _related(root, part))


def _related(root: Part, part: Part) -> bool:
    """Whether `part` belongs to a page: a picture in a signature."""
    return any(part in whole.children[1:] for whole in root.walk() if whole.kind == "multipart/related")
