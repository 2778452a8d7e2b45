"""Whether a text will do as a password: long enough, not what everybody tries first, not one's own name."""

import unicodedata
from typing import Final

SHORTEST: Final = 10
LONGEST: Final = 256
"""Characters; longer ones make work and no more safety (NIST SP 800-63B 5.1.1.2 asks for at least 64)."""
_TELLING: Final = 4
"""Characters of a name or address that a password mustn't be made of; shorter ones are in any sentence."""
_REPEATED: Final = 3
"""Different characters that a password has at least more than: `aaaaaaaaaa`, `abababababab`."""

# Own list: what is tried first of ten characters and more, folded; digits and punctuation at the ends apart.
_COMMON: Final = frozenset(
    """
    abcd abcdefgh abcdefghij abcdefghijk abcdefghijkl adminadmin adminadminadmin administrador
    administrator asdf asdfghjkl asdfghjklzxcv baseball basketball batman bialystok changeme changemenow
    computer czestochowa default defaultpassword dragon dupa dupadupa facebook football google guest
    haslo haslohaslo iloveyou iloveyouso internet kochamcie kochamciebie kochanie krakow lechpoznan
    legiawarszawa letmein letmeinnow linkedin master mastermaster matrix microsoft misiaczek mnbvcxz
    mojehaslo monkey p@ssw0rd p@ssword passw0rd password passwordpassword passwort poiuytrewq polska
    polskapolska princess qazwsxedc qazwsxedcrfv qqwweerrtt qweasdzxc qwerty qwertyqwerty qwertyuiop
    qwertyuiopasdf qwertz qwertzuiop rootroot samsung secret secretsecret starwars starwarsfan sunshine
    superadmin superman superuser tajnehaslo telefon testowe testowehaslo testtest testtesttest trustno
    voip voipsms warszawa welcome welcomeback whatsapp windows wislakrakow wroclaw zaq zmienhaslo
    zmienmnie zxcvbnm
    """.split()  # noqa: SIM905 - a list that people read
)
_RUNS: Final = ("0123456789", "9876543210", "1234567890", "0987654321", "abcdefghijklmnopqrstuvwxyz")


class PasswordUnfitError(ValueError):
    """Why it won't do: `why` is short, long, common, personal or simple."""

    def __init__(self, why: str) -> None:
        self.why = why
        super().__init__(WHY[why])


WHY: Final = {
    "short": f"a password has at least {SHORTEST} characters",
    "long": f"a password has at most {LONGEST} characters",
    "common": "this password is among those that are tried first",
    "personal": "a password must not be made of the name or the mail address",
    "simple": "a password must not be one thing repeated or a row of digits or letters",
}


def check(password: str, mail: str, name: str) -> None:
    """PasswordUnfitError unless it will do for this person. Nobody is told to mix digits and capitals.

    Composition rules make passwords that people write down (NIST SP 800-63B 5.1.1.2).
    """
    if len(password) < SHORTEST:
        raise PasswordUnfitError("short")
    if len(password) > LONGEST:
        raise PasswordUnfitError("long")
    folded = _folded(password)
    if len(set(folded)) <= _REPEATED or any(folded in run * 3 for run in _RUNS):
        raise PasswordUnfitError("simple")
    core = folded.strip("0123456789!?.,-_ #@$*+=")
    if core in _COMMON or folded in _COMMON or not core:
        raise PasswordUnfitError("common" if core else "simple")
    if _is_personal(folded, mail, name):
        raise PasswordUnfitError("personal")


def prepared(password: str) -> str:
    """As it is hashed: one form for what looks the same, whatever the keyboard (NFKC; RFC 8265 4.2.2)."""
    return unicodedata.normalize("NFKC", password)


def _is_personal(folded: str, mail: str, name: str) -> bool:
    """Whether little is left of it without the person's address and name."""
    local, _, domain = _folded(mail).partition("@")
    own = {local, domain, domain.partition(".")[0], local + domain, *local.replace("_", ".").split(".")}
    own |= {_folded(name), _folded(name).replace(" ", ""), *_folded(name).split()}
    left = folded
    for one in sorted((one for one in own if len(one) >= _TELLING), key=len, reverse=True):
        left = left.replace(one, "")
    return left != folded and len(left) < SHORTEST - _TELLING


def _folded(text: str) -> str:
    """Without case and accents: `Żółw` and `zolw` are one to whoever guesses."""
    decomposed = unicodedata.normalize("NFKD", text.casefold().replace("ł", "l"))
    return "".join(char for char in decomposed if not unicodedata.combining(char))
