"""What somebody had typed when their session was over: it goes along through signing in, and is not lost."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Annotated, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from voip_sms.doors.panel.frame.forms import Posted, is_secret
from voip_sms.doors.panel.frame.routes import Table
from voip_sms.doors.panel.frame.seal import FIELD

NAME: Final = "carry"
"""The hidden field."""
LONGEST: Final = 65_536
"""Characters: ten parts of SMS to a thousand numbers fit; what is more is sent by the API."""
_FIELDS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Carried:
    """A form to be posted once more. `path` takes forms; no password is among `fields`."""

    path: str
    fields: Sequence[tuple[str, str]]


class _Written(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)

    path: Annotated[str, Field(max_length=512)]
    fields: Annotated[tuple[tuple[str, str], ...], Field(max_length=_FIELDS)]


def written(path: str, posted: Posted) -> str:
    """As one hidden field; "" for what is too long."""
    fields = tuple((name, text) for name, text in posted.pairs if name != FIELD and not is_secret(name))
    if len(fields) > _FIELDS:
        return ""
    text = _Written(path=path, fields=fields).model_dump_json()
    return text if len(text) <= LONGEST else ""


def read(text: str, table: Table) -> Carried | None:
    """What `written` wrote; None for nothing, and for what no route of ours takes."""
    if not text or len(text) > LONGEST:
        return None
    try:
        found = _Written.model_validate_json(text)
    except ValidationError:
        return None
    if not table.takes(found.path):
        return None
    fields = tuple((name, value) for name, value in found.fields if name != FIELD and not is_secret(name))
    return Carried(found.path, fields)
