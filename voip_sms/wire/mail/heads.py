"""The head of a mail or of a part: fields, encoded words, addresses, parameters (RFC 5322, RFC 2047)."""

import binascii
import re
from collections.abc import Iterable
from typing import Final

from voip_sms.wire.mail.charsets import Decoded, decode
from voip_sms.wire.mail.model import MailBroken

MAX_HEAD: Final = 256 * 1024
"""Octets of a head: forty hops with ARC seals and signatures have 60,000."""
MAX_FIELDS: Final = 2_000
MAX_VALUE: Final = 8 * 1024
"""Octets of one field that are read; of To and Cc eight times as many."""
MAX_ADDRESSES: Final = 1_000

_BLANK: Final = re.compile(rb"\n[ \t]*\r?\n")
_FIELD: Final = re.compile(rb"^([!-9;-~]{1,100})[ \t]{0,20}:(.*(?:\n[ \t].*)*+)", re.MULTILINE)
"""A field with the lines it is folded into; a line that is no field is passed over with its own."""
_CONTROLS: Final = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WORD: Final = re.compile(r"=\?([\w.:()+-]{1,40})(?:\*[\w-]{0,20})?\?([bBqQ])\?([^?]{0,4000})\?=")
_SPACES: Final = re.compile(r"\s{2,}")


class Fields:
    """The fields of one head in their order; names in lower case, values unfolded, still in encoded words."""

    __slots__ = ("_values", "pairs")

    def __init__(self, pairs: Iterable[tuple[str, bytes]]) -> None:
        self.pairs = tuple(pairs)
        self._values: dict[str, list[bytes]] = {}
        for name, value in self.pairs:
            self._values.setdefault(name, []).append(value)

    def all(self, name: str) -> list[str]:
        """Every value of `name`, undecoded."""
        return [_plain(value) for value in self._values.get(name, ())]

    def first(self, name: str, most: int = MAX_VALUE) -> str:
        """The first value of `name`, undecoded and at most `most` octets of it; "" if there is none."""
        values = self._values.get(name)
        return _plain(values[0][:most]) if values else ""

    def first_octets(self, name: str) -> bytes:
        """The first value of `name` as it came, at most `MAX_VALUE` octets of it."""
        values = self._values.get(name)
        return values[0][:MAX_VALUE] if values else b""

    def count(self, name: str) -> int:
        """How often `name` stands there."""
        return len(self._values.get(name, ()))

    def has(self, *names: str) -> bool:
        """Whether one of `names` is there."""
        return not self._values.keys().isdisjoint(names)


def split_head(octets: bytes, start: int = 0, end: int | None = None) -> tuple[Fields, int]:
    """The fields of `octets[start:end]`, and where the body begins. MailBroken: too large a head."""
    end = len(octets) if end is None else end
    if octets[start : start + 1] == b"\n":
        return Fields(()), start + 1
    if octets[start : start + 2] == b"\r\n":
        return Fields(()), start + 2
    blank = _BLANK.search(octets, start, min(end, start + MAX_HEAD))
    if blank is None and end - start > MAX_HEAD:
        raise MailBroken("the head is too large")
    stop, body = blank.span() if blank else (end, end)
    return Fields(_fields(octets[start:stop].removesuffix(b"\r"))), body


def _fields(head: bytes) -> list[tuple[str, bytes]]:
    lines = head.replace(b"\r\n", b"\n").replace(b"\r", b"\n")  # others break at CR too
    found: list[tuple[bytes, bytes]] = _FIELD.findall(lines)
    if len(found) > MAX_FIELDS:
        raise MailBroken("too many header fields")
    return [(name.lower().decode("ascii"), _unfolded(value)) for name, value in found]


def _unfolded(value: bytes) -> bytes:
    if b"\n" not in value:
        return value.strip()
    return b" ".join(piece.strip() for piece in value.split(b"\n"))


def _plain(value: bytes) -> str:
    return clean(value.decode("ascii") if value.isascii() else decode(value, "utf-8").text)


def clean(text: str) -> str:
    """`text` as one line without controls: what goes into a header of ours, or into a log."""
    if text.isprintable() and "  " not in text:
        return text.strip()
    return _SPACES.sub(" ", _CONTROLS.sub(" ", text)).strip()


def decode_words(raw: str) -> Decoded:
    """A value with its encoded words read (RFC 2047 6.2); flags as of `charsets.decode`."""
    raw = raw[:MAX_VALUE]
    if "=?" not in raw:
        text = clean(raw)
        return Decoded(text, damaged="\ufffd" in text)
    out: list[str] = []
    run: list[tuple[str, bytes]] = []
    flags = [False, False]
    at = 0
    for word in _WORD.finditer(raw):
        between = raw[at : word.start()]
        if not run or between.strip():
            _join(run, out, flags)
            out.append(between)
        octets = _octets(word[2], word[3])
        charset = word[1].lower()
        if run and run[-1][0] == charset:  # programs cut words in the middle of a letter
            run[-1] = (charset, run[-1][1] + octets)
        else:
            run.append((charset, octets))
        at = word.end()
    _join(run, out, flags)
    out.append(raw[at:])
    text = clean("".join(out))
    return Decoded(text, repaired=flags[0], damaged=flags[1] or "\ufffd" in text)


def _join(run: list[tuple[str, bytes]], out: list[str], flags: list[bool]) -> None:
    for charset, octets in run:
        read = decode(octets, charset)
        out.append(read.text)
        flags[0] |= read.repaired
        flags[1] |= read.damaged
    run.clear()


def _octets(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw, header=True)
    sound = re.sub(rb"[^A-Za-z0-9+/]", b"", raw)
    usable = len(sound) - (len(sound) % 4 == 1)
    try:
        return binascii.a2b_base64(sound[:usable] + b"=" * (-usable % 4))
    except binascii.Error:
        return b"\xff"  # shows as damage


def subject_of(fields: Fields) -> Decoded:
    """The subject as one line, and whether it had to be repaired or is damaged."""
    raw = fields.first_octets("subject")
    if raw.isascii():
        return decode_words(clean(raw.decode("ascii")))
    outer = decode(raw, "utf-8")
    inner = decode_words(clean(outer.text))
    return Decoded(
        inner.text,
        repaired=outer.repaired or inner.repaired,
        damaged=inner.damaged or outer.damaged,
    )


_TOKEN: Final = re.compile(r'"(?:[^"\\]|\\.)*+"?|<[^<>]*+>?|[(),;:]|\\.|[^"<(),;:\\]++', re.DOTALL)
_USUAL: Final = re.compile(
    r"(?:(?:([\w.-]{1,60}+(?: [\w.-]{1,60}+){0,8}+) ?)?(<))?"
    r"([A-Za-z0-9._+-]{1,64}@[A-Za-z0-9.-]{1,255})(?(2)>)"
)
"""One mailbox as nearly all programs write it, with nothing that would have to be read in another way."""
_ADDRESS: Final = re.compile(r"[^\s@<>()\[\]\",;:\\\x00-\x20]{1,64}@[^\s@<>()\",;:\\\x00-\x20]{1,255}")


def addresses(raw: str) -> list[tuple[str, str]]:
    """Mailboxes in `raw` as (name, address), at most a thousand; groups are dissolved (RFC 5322 3.4).

    The address is "" where something stands that isn't one, so that whoever counts sees it.
    """
    usual = _USUAL.fullmatch(raw)
    if usual is not None:
        return [(usual[1] or "", _folded(usual[3]))]
    found: list[tuple[str, str]] = []
    name: list[str] = []
    angles: list[str] = []
    depth = 0
    for piece in _TOKEN.findall(raw):
        if piece == "(" or depth:
            depth += (piece == "(") - (piece == ")")
        elif piece[0] == "<":
            angles.append(piece.strip("<> "))
        elif piece in {",", ";"}:
            _mailbox(name, angles, found)
        elif piece == ":" and not angles:
            name.clear()
        else:
            name.append(piece)
        if len(found) >= MAX_ADDRESSES:
            return found[:MAX_ADDRESSES]
    _mailbox(name, angles, found)
    return found


def _mailbox(name: list[str], angles: list[str], found: list[tuple[str, str]]) -> None:
    text = "".join(name).strip()
    if angles:
        shown = clean(decode_words(re.sub(r"\\(.)", r"\1", text).replace('"', "")).text)
        found += [(shown, _address(angle.rpartition(":")[2])) for angle in angles]
    elif text:
        found.append(("", _address(text)))
    name.clear()
    angles.clear()


def _address(text: str) -> str:
    return _folded(text) if _ADDRESS.fullmatch(text) else ""


def _folded(address: str) -> str:
    local, _, domain = address.rpartition("@")
    return f"{local}@{domain.lower().rstrip('.')}"


_MESSAGE_ID: Final = re.compile(r"<[^<>\s]{1,900}>")


def message_ids(raw: str) -> tuple[str, ...]:
    """Every `<id>` in `raw`; a bare word alone counts as one (RFC 5322 3.6.4)."""
    found = tuple(_MESSAGE_ID.findall(raw))
    if not found and raw and re.fullmatch(r"[^<>\s]{3,900}", raw):
        return (f"<{raw}>",)
    return found


_TYPE: Final = re.compile(r"\s{0,9}([\w.+-]{1,80})\s{0,9}/\s{0,9}([\w.+-]{1,120})")
_PARAMETER: Final = re.compile(
    r';\s*+([^\s=;"]{1,60}+)\s{0,9}=\s{0,9}("(?:[^"\\]|\\.)*+"?|[^;\s]*+)', re.DOTALL
)
_MAX_PARAMETERS: Final = 4_096


def media_type(raw: str) -> tuple[str, dict[str, str]]:
    """A Content-Type, "text/plain" if unreadable (RFC 2045 5.2), and its parameters by lower-case name."""
    raw = raw[:_MAX_PARAMETERS]
    found = _TYPE.match(raw)
    kind = f"{found[1]}/{found[2]}".lower() if found else "text/plain"
    return kind, parameters(raw)


def parameters(raw: str) -> dict[str, str]:
    """Parameters of a field; pieces of one value (RFC 2231 3) are joined."""
    if ";" not in raw:
        return {}
    given: dict[str, str] = {}
    for name, value in _PARAMETER.findall(raw[:_MAX_PARAMETERS]):
        key, star, _ = name.lower().partition("*")
        bare = re.sub(r"\\(.)", r"\1", value.strip('"')) if value.startswith('"') else value
        if star and bare.count("'") >= 2:  # noqa: PLR2004 - charset'language'value (RFC 2231 4)
            bare = bare.split("'", 2)[2]
        given[key] = given.get(key, "") + bare if star else given.get(key, bare)
    return given
