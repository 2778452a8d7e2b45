"""All settings of a process, from one TOML file and the environment: the only reader of either."""

import os
import tomllib
from pathlib import Path
from typing import Any, Final, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_settings import (
    BaseSettings,
    InitSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    SettingsError,
)

from voip_sms.app import credentials
from voip_sms.app.sections import (
    DatabaseSettings,
    DispatchSettings,
    LogSettings,
    Section,
    ServiceSettings,
    WebhookSettings,
)
from voip_sms.core.resources.complaints import Path as Where
from voip_sms.core.resources.complaints import complaints
from voip_sms.doors.ivr.settings import IvrSettings
from voip_sms.doors.mail.settings import MailSettings
from voip_sms.doors.panel.settings import PanelSettings
from voip_sms.doors.sip.settings import SipSettings
from voip_sms.net.ari.settings import AsteriskSettings
from voip_sms.net.http.settings import HttpSettings
from voip_sms.simulator.settings import SimulatorSettings

PREFIX: Final = "VOIP_SMS_"
_NEST: Final = "__"
_SQLITE: Final = "sqlite:///"
LARGEST: Final = 1_000_000
"""Octets of a configuration file: a thousand times what one needs."""


Model = TypeVar("Model", bound=BaseModel)


def _default(section: type[Model]) -> Model:
    return section.model_validate({})


class SettingsInvalidError(Exception):
    """The configuration can't be used; `lines` say for each fault `file: section.key: what, what to do`."""

    def __init__(self, lines: list[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(lines))


class Settings(BaseSettings):
    """One section per component. After `load`, every path is absolute."""

    model_config = SettingsConfigDict(
        extra="forbid", frozen=True, env_prefix=PREFIX, env_nested_delimiter=_NEST, hide_input_in_errors=True
    )

    service: ServiceSettings = _default(ServiceSettings)
    database: DatabaseSettings = _default(DatabaseSettings)
    http: HttpSettings = _default(HttpSettings)
    sip: SipSettings = _default(SipSettings)
    mail: MailSettings = _default(MailSettings)
    asterisk: AsteriskSettings = _default(AsteriskSettings)
    ivr: IvrSettings = _default(IvrSettings)
    panel: PanelSettings = _default(PanelSettings)
    webhooks: WebhookSettings = _default(WebhookSettings)
    dispatch: DispatchSettings = _default(DispatchSettings)
    simulator: SimulatorSettings = _default(SimulatorSettings)
    log: LogSettings = _default(LogSettings)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment wins over credentials, and both over the file, key by key."""
        del dotenv_settings, file_secret_settings
        secret = credentials.read(os.environ, cls.model_fields)
        return env_settings, InitSettingsSource(settings_cls, secret), init_settings

    @property
    def data_dir(self) -> Path:
        """Where everything is kept."""
        return Path(self.service.data_dir)


def load(path: Path) -> Settings:
    """The settings in `path` with the environment's overrides. SettingsInvalidError names every fault."""
    document = _read(path)
    strangers = [
        f"environment: {name}: no such section; known: {', '.join(s.lower() for s in Settings.model_fields)}"
        for name in _overrides()
        if _section_of(name) not in Settings.model_fields
    ]
    if strangers:
        raise SettingsInvalidError(strangers)
    try:
        settings = Settings(**document)
    except credentials.CredentialError as error:
        raise SettingsInvalidError([str(error)]) from None
    except ValidationError as error:
        raise SettingsInvalidError(_lines(error, path)) from None
    except SettingsError as error:
        cause = error.__cause__ or error
        raise SettingsInvalidError([f"environment: {error}: {cause}; lists are written as JSON"]) from None
    return _with_absolute_paths(settings, path.resolve().parent)


def _read(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            octets = file.read(LARGEST + 1)
    except OSError as error:
        hint = f"`voip-sms config sample > {path}` makes one" if isinstance(error, FileNotFoundError) else ""
        raise SettingsInvalidError([f"{path}: {error.strerror}; {hint or 'check its rights'}"]) from None
    if len(octets) > LARGEST:
        raise SettingsInvalidError([f"{path}: larger than {LARGEST} octets; is it the right file?"])
    try:
        return tomllib.loads(octets.decode())
    except UnicodeDecodeError:
        raise SettingsInvalidError([f"{path}: not UTF-8; save it as UTF-8"]) from None
    except tomllib.TOMLDecodeError as error:
        raise SettingsInvalidError([f"{path}: not TOML: {error}"]) from None


# --- saying what is wrong -----------------------------------------------------------------------------------


def _lines(error: ValidationError, path: Path) -> list[str]:
    return [
        f"{_origin(found.path, path)}: {found.where}: {found.what}" for found in complaints(error, Settings)
    ]


def _origin(where: Where, path: Path) -> str:
    """The environment variable or credential that set the key, or else the file."""
    variable = PREFIX + _NEST.join(str(step) for step in where[:2])
    if variable.upper() in _overrides():
        return f"environment {variable.upper()}"
    section, *keys = map(str, where[:2])
    if keys and keys[0] in credentials.read(os.environ, Settings.model_fields).get(section, {}):
        return f"credential {section}.{keys[0]}"
    return str(path)


def _overrides() -> list[str]:
    """The variables that mean a key; others with our prefix (for the tests) have no `__`."""
    return [name.upper() for name in os.environ if name.upper().startswith(PREFIX) and _NEST in name]


def _section_of(variable: str) -> str:
    return variable.removeprefix(PREFIX).partition(_NEST)[0].lower()


# --- paths --------------------------------------------------------------------------------------------------


def _with_absolute_paths(settings: Settings, base: Path) -> Settings:
    changed = {
        name: section.model_copy(update=_absolute(section, base))
        for name in Settings.model_fields
        if isinstance(section := getattr(settings, name), Section | SipSettings | MailSettings | IvrSettings)
    }
    return settings.model_copy(update=changed)


_PATHS: Final = frozenset(
    {"data_dir", "tls_cert", "tls_key", "tls_ca", "dkim_key", "subscribers", "flows", "prompts"}
)


def _absolute(section: Any, base: Path) -> dict[str, str]:
    changed = {
        key: str(base / getattr(section, key))
        for key in _PATHS
        if getattr(section, key, "") not in ("", None)
    }
    if isinstance(section, DatabaseSettings) and section.url.startswith(_SQLITE):
        changed["url"] = _SQLITE + str(base / section.url.removeprefix(_SQLITE))
    return changed
