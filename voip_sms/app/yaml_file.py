"""Reads a YAML file of the operator's, and the secrets that lie in files beside it."""

import stat
from pathlib import Path
from typing import Any, Final

from voip_sms.core.resources import documents
from voip_sms.core.resources.complaints import Path as Where
from voip_sms.core.resources.documents import Document, NotYamlError

LARGEST: Final = 64 * 2**20
"""Octets of a file: ten thousand tenants of a page each."""
NODES: Final = 5_000_000
"""Values in it: what a file of that size holds."""
SECRET_LARGEST: Final = 4096
_SECRETS: Final = frozenset({"password", "secret", "token"})


def read(path: Path) -> Document:
    """The document in `path`; its complaints say what was wrong with keys and secrets in files."""
    try:
        with path.open("rb") as file:
            text = file.read(LARGEST + 1)
    except OSError as error:
        raise NotYamlError(f"{path}: {error.strerror}") from None
    if len(text) > LARGEST:
        raise NotYamlError(f"{path}: larger than {LARGEST} octets; split it")

    def resolve(found: dict[str, Any], where: Where) -> Any:
        if where and where[-1] in _SECRETS and set(found) == {"file"}:
            return _secret(path.parent / str(found["file"]))
        return found

    return documents.parse(str(path), text, nodes=NODES, resolve=resolve)


def _secret(path: Path) -> str:
    """What the file holds; ValueError says what is wrong with it."""
    try:
        with path.open("rb") as file:
            if file.fileno() and stat.S_IMODE(path.stat().st_mode) & stat.S_IROTH:
                raise PermissionError(0, "everybody can read it; chmod 600 it")
            text = file.read(SECRET_LARGEST + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not UTF-8"
        raise ValueError(f"{path}: {reason}") from None
    if len(text) > SECRET_LARGEST:
        raise ValueError(f"{path}: larger than a secret can be")
    return text.rstrip("\r\n")
