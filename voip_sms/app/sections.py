"""Sections of the configuration file that belong to no component alone."""

from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voip_sms.core import addresses, originators
from voip_sms.core.identity import DEFAULT_NAME


def _country(text: str) -> str:
    if not addresses.is_country(text):
        raise ValueError(f"{text!r} is no country; write two capital letters such as PL")
    return text


def _name(text: str) -> str:
    try:
        originators.check_name(text)
    except originators.OriginatorInvalidError as error:
        raise ValueError(str(error)) from None
    return text


def _database_url(text: str) -> str:
    scheme = urlsplit(text).scheme
    if scheme not in ("sqlite", "postgresql", "postgresql+psycopg"):
        raise ValueError("must be sqlite:///file or postgresql://user@host:5432/name")
    return text


def _exception(text: str) -> str:
    scheme, _, network = text.partition("://")
    try:
        ip_network(network, strict=False)
    except ValueError:
        scheme = ""
    if scheme not in ("http", "https"):
        raise ValueError("must be scheme://network such as http://192.168.0.0/16")
    return text


class Section(BaseModel):
    """Unknown keys are errors; nothing changes after the start."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ServiceSettings(Section):
    """The service as a whole."""

    data_dir: str = Field(
        "var", min_length=1, description="Folder of everything kept, relative to this file; made 0700."
    )
    country: Annotated[str, AfterValidator(_country)] = Field(
        "PL", description="Numbers without a country code are read as this country's (ISO 3166)."
    )
    default_name: Annotated[str, AfterValidator(_name)] = Field(
        DEFAULT_NAME,
        description="Sender of accounts without an identity of their own; networks must know it.",
    )
    node: str = Field(
        "",
        max_length=64,
        description="This process's name among several on one database; empty: of host and data folder.",
    )


class DatabaseSettings(Section):
    """Where everything is stored."""

    url: Annotated[str, AfterValidator(_database_url)] = Field(
        "sqlite:///var/voip-sms.db",
        description="sqlite:///file (relative to this file) or postgresql://user@host:5432/name.",
    )


class WebhookSettings(Section):
    """Where webhooks may go."""

    allow: tuple[Annotated[str, AfterValidator(_exception)], ...] = Field(
        (),
        description="Exceptions to https-and-public-addresses-only, such as http://127.0.0.0/8.",
    )


class DispatchSettings(Section):
    """Handing parts to carriers."""

    response_timeout: float = Field(
        10, gt=0, le=120, description="Seconds to wait for a carrier's answer; then the outcome is uncertain."
    )
    uncertain: Literal["resend", "hold"] = Field(
        "resend",
        description="What to do then: resend, flagged possible_duplicate, or hold: failed, money released.",
    )


class LogSettings(Section):
    """The log on stderr."""

    format: Literal["json", "console"] = Field("json", description="json for machines, console for people.")
    level: Literal["debug", "info", "warning", "error"] = Field(
        "info", description="The least that is logged."
    )
