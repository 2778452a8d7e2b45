"""Whether a tenant's blacklist names the sender of an inbound message."""

import unicodedata
from collections.abc import Iterable

from voip_sms.core.directory import BlockRule
from voip_sms.core.segments import without_accents


def blocked_by(rules: Iterable[BlockRule], sender: str) -> BlockRule | None:
    """The first rule that names `sender` (E.164, short code or a name), or None.

    `exact` and `prefix` compare numbers without their separators, `name` compares names without case, spaces
    and accents. An empty rule names nobody.
    """
    number, name = compact(sender), fold(sender)
    for rule in rules:
        if _names(rule, number, name):
            return rule
    return None


def _names(rule: BlockRule, number: str, name: str) -> bool:
    if rule.match == "name":
        return bool(fold(rule.value)) and fold(rule.value) == name
    value = compact(rule.value)
    if not value:
        return False
    if rule.match == "prefix":
        return number.startswith(value)
    return value == number


def compact(number: str) -> str:
    """A number without the separators that people write into it; a name in lower case likewise."""
    return "".join(char for char in number if char.isalnum() or char == "+").casefold()


def fold(name: str) -> str:
    """A name as the eye takes it: no case, accents, spaces or punctuation ("m BANK" is "mbank")."""
    composed = unicodedata.normalize("NFKC", name)
    pieces = unicodedata.normalize("NFKD", without_accents(composed))
    return "".join(char for char in pieces if char.isalnum()).casefold()
