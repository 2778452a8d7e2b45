"""Settings from files named `section.key`: systemd's credentials (systemd.exec(5)), secrets of containers."""

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

VARIABLE: Final = "CREDENTIALS_DIRECTORY"
LARGEST: Final = 64 * 1024
"""Octets of one: a URL with a password has a hundred."""


class CredentialError(ValueError):
    """A credential that can't be read; the text says which."""


def read(environment: Mapping[str, str], sections: Iterable[str]) -> dict[str, dict[str, Any]]:
    """What `$CREDENTIALS_DIRECTORY` holds of these sections, key by key; other files are somebody else's.

    A list is written as JSON. White space around the value is no part of it. CredentialError.
    """
    folder = environment.get(VARIABLE, "")
    found: dict[str, dict[str, Any]] = {}
    if not folder or not Path(folder).is_dir():
        return found
    known = set(sections)
    for path in sorted(Path(folder).iterdir()):
        section, dot, key = path.name.partition(".")
        if dot and key.isidentifier() and section in known and path.is_file():
            found.setdefault(section, {})[key] = _value(path)
    return found


def _value(path: Path) -> Any:
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
        text = octets.decode().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CredentialError(f"credential {path.name}: {error}") from None
    if len(octets) > LARGEST:
        raise CredentialError(f"credential {path.name}: larger than {LARGEST} octets")
    if text.startswith("["):
        try:
            return json.loads(text)
        except ValueError:
            return text
    return text
