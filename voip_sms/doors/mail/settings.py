"""The `[mail]` section of the configuration file: mail in both directions."""

import re
from typing import Annotated, Final, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from voip_sms.net.dns import check_server
from voip_sms.net.listeners import Listener
from voip_sms.net.tls import TlsContexts, TlsFiles

_DOMAIN: Final = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9.-]{0,251}[A-Za-z0-9])?", re.ASCII)


def _relay(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("smtp", "smtps") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if text and not usable:
        raise ValueError("must be smtp://host:port or smtps://host:port, with user:password@ if it asks")
    return text


def _domain(text: str) -> str:
    if not _DOMAIN.fullmatch(text):
        raise ValueError("must be a host name such as sms.example.com; others in punycode (xn--…)")
    return text.lower()


class MailSettings(BaseModel):
    """Mail in both directions."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    listen: Listener = Field("", description="Where SMTP listens, such as 127.0.0.1:2525; empty: nowhere.")
    domain: Annotated[str, AfterValidator(_domain)] = Field(
        "sms.test", description="Mail to number@domain becomes an SMS."
    )
    sender: str = Field(
        "sms@sms.test", alias="from", min_length=3, description="What our mails show as their sender."
    )
    relay: Annotated[str, AfterValidator(_relay)] = Field(
        "smtp://127.0.0.1:1025", description="Server that takes our mails: smtp:// or smtps://."
    )
    tls_listen: Listener = Field(
        "", description="Where SMTP over implicit TLS listens, with tls_cert and tls_key (465)."
    )
    tls_cert: str = Field(
        "",
        description="PEM file of the certificate chain; with tls_key: STARTTLS. Renewed ones are taken.",
    )
    tls_key: str = Field("", description="PEM file of the private key, without a passphrase.")
    auth_without_tls: Literal["never", "loopback", "always"] = Field(
        "loopback", description="Whether passwords are taken on unencrypted connections."
    )
    size: int = Field(
        10_485_760, ge=65_536, le=52_428_800, description="Octets of the largest mail that is taken."
    )
    recipients: int = Field(
        100, ge=1, le=10_000, description="Recipients of one mail; a server sends the rest in another mail."
    )
    rate: float = Field(
        0,
        ge=0,
        le=10_000,
        description="Mails a second of one sender, four seconds' worth at once; beyond it 450. 0: no limit.",
    )
    idle_timeout: float = Field(
        60,
        gt=0,
        le=600,
        description="Seconds to wait for a client's next command; a mail may take five minutes.",
    )
    max_connections: int = Field(
        500, ge=1, le=20_000, description="Connections at one time; one more is answered 421 and closed."
    )
    max_per_address: int = Field(
        50, ge=1, le=20_000, description="Of these, so many from one address (IPv6: one /64)."
    )
    dns: Annotated[str, AfterValidator(check_server)] = Field(
        "", description="Name server asked for SPF, DKIM and DMARC, as address:port; empty: this machine's."
    )
    dkim_selector: str = Field(
        "", description="Our mails are signed by DKIM as selector._domainkey.domain; with dkim_key."
    )
    dkim_key: str = Field("", description="PEM file of the private key that signs, RSA of 2048 bits.")

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.tls_listen and not (self.tls_cert and self.tls_key):
            raise ValueError("tls_listen needs tls_cert and tls_key; set them, or leave tls_listen empty")
        if bool(self.tls_cert) != bool(self.tls_key):
            raise ValueError("tls_cert and tls_key need each other; set both or none")
        if bool(self.dkim_selector) != bool(self.dkim_key):
            raise ValueError("dkim_selector and dkim_key need each other; set both or none")
        return self

    def tls_contexts(self) -> TlsContexts | None:
        """What STARTTLS and implicit TLS use, None without files. TlsFileError when they can't be used."""
        if not (self.tls_cert and (self.listen or self.tls_listen)):
            return None
        return TlsContexts(TlsFiles(self.tls_cert, self.tls_key, section="mail"))
