"""Sections of the configuration file that belong to no component alone."""

from ipaddress import ip_network
from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voip_sms.core import addresses, originators
from voip_sms.core.identity import DEFAULT_NAME

PORT_MAX = 65535


def _listener(text: str) -> str:
    """`host:port`, `[v6]:port` or '' for none."""
    if text:
        split_listener(text)
    return text


def split_listener(text: str) -> tuple[str, int]:
    """Host (v6 without brackets) and port of `host:port`; ValueError that says what to write."""
    host, colon, port = text.rpartition(":")
    bare = host.removeprefix("[").removesuffix("]")
    bracketed = host == f"[{bare}]"
    if not (colon and bare and port.isascii() and port.isdigit()) or (":" in bare) != bracketed:
        raise ValueError("must be host:port such as 127.0.0.1:8080; empty switches it off, port 0 picks one")
    if int(port) > PORT_MAX:
        raise ValueError(f"{port} is no port; write 0 to {PORT_MAX}")
    return bare, int(port)


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


def _relay(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if text and not usable:
        raise ValueError("must be smtp://host:port or smtps://host:port, with user:password@ if it asks")
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


Listener = Annotated[str, AfterValidator(_listener)]


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


class MailSettings(Section):
    """Mail in both directions."""

    listen: Listener = Field("", description="Where SMTP listens; not served yet: it is said at the start.")
    domain: str = Field("sms.test", min_length=1, description="Mail to number@domain becomes an SMS.")
    sender: str = Field(
        "sms@sms.test", alias="from", min_length=3, description="What our mails show as their sender."
    )
    relay: Annotated[str, AfterValidator(_relay)] = Field(
        "smtp://127.0.0.1:1025", description="Server that takes our mails: smtp:// or smtps://."
    )
    tls_listen: Listener = Field(
        "", description="Where SMTP over implicit TLS listens; not served yet: it is said at the start."
    )
    tls_cert: str = Field("", description="PEM file of the certificate chain; with tls_key: STARTTLS.")
    tls_key: str = Field("", description="PEM file of the private key.")
    auth_without_tls: Literal["never", "loopback", "always"] = Field(
        "loopback", description="Whether passwords are taken on unencrypted connections."
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
