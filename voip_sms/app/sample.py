"""Settings as TOML: the commented sample, and what is in force with its secrets hidden."""

import json
import textwrap
from collections.abc import Iterator
from enum import Enum
from typing import Any, Final

from pydantic import BaseModel, SecretStr
from sqlalchemy.engine import make_url

from voip_sms.app.settings import PREFIX, Settings

HIDDEN: Final = "********"
_WIDTH: Final = 110
_URLS: Final = frozenset({("database", "url"), ("mail", "relay")})
"""Settings whose value may hold a password."""


def sample() -> str:
    """A configuration file of all defaults, each key with what it does."""
    return "\n".join(_document(Settings.model_construct(), comments=True))


def shown(settings: Settings) -> str:
    """What is in force, without secrets."""
    return "\n".join(_document(settings, comments=False))


def _document(settings: Settings, *, comments: bool) -> Iterator[str]:
    if comments:
        yield "# Settings of voip-sms; what is left out has the value shown here."
        yield f"# Each can also come from the environment: {PREFIX}SIP__UDP=0.0.0.0:5060; lists as JSON."
        yield "# Carriers, prices and tenants are not here but in the database: see `voip-sms apply`."
    for name in Settings.model_fields:
        section: BaseModel = getattr(settings, name)
        yield f"\n[{name}]"
        for key, field in type(section).model_fields.items():
            if comments and field.description:
                yield from textwrap.wrap(
                    field.description, _WIDTH, initial_indent="# ", subsequent_indent="# "
                )
            value = getattr(section, key)
            yield f"{field.alias or key} = {_literal(value if comments else _hidden(name, key, value))}"
    yield ""


def _hidden(section: str, key: str, value: Any) -> Any:
    if isinstance(value, SecretStr):
        return HIDDEN
    if (section, key) in _URLS and value:
        return make_url(value).render_as_string(hide_password=True)
    return value


def _literal(value: Any) -> str:
    """A TOML value; JSON's texts, numbers and lists are TOML's too."""
    if isinstance(value, SecretStr):
        return json.dumps(value.get_secret_value())
    if isinstance(value, bool | int | float):
        return json.dumps(value)
    if isinstance(value, list | tuple):
        return "[" + ", ".join(_literal(item) for item in value) + "]"
    return json.dumps(str(value.value if isinstance(value, Enum) else value), ensure_ascii=False)
