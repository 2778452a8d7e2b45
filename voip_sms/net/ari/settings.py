"""The `[asterisk]` section of the configuration file: the PBX that calls come from."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr, model_validator

from voip_sms.net.http.addresses import read_base

_APP: Final = re.compile(r"[A-Za-z0-9_.-]{1,64}", re.ASCII)
_ENDPOINT: Final = re.compile(r"[A-Za-z0-9]{1,20}/[A-Za-z0-9_.-]*\{user\}[A-Za-z0-9_.-]*", re.ASCII)


def _url(text: str) -> str:
    try:
        return read_base(text) if text else ""
    except ValueError:
        raise ValueError(
            "must be http://host:port as http.conf says, without user, password and query"
        ) from None


def _app(text: str) -> str:
    if not _APP.fullmatch(text):
        raise ValueError("must be a word of letters, digits, _ . -, as Stasis() in the dialplan names it")
    return text


def _endpoint(text: str) -> str:
    if not _ENDPOINT.fullmatch(text):
        raise ValueError("must be technology/name with {user} in it, such as PJSIP/{user}")
    return text


def _user(text: str) -> str:
    if ":" in text or not text.isprintable():  # RFC 7617 section 2
        raise ValueError("must be the name of a section of ari.conf, without a colon")
    return text


class AsteriskSettings(BaseModel):
    """The Asterisk whose calls run flows, and whose phones are texted."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    url: Annotated[str, AfterValidator(_url)] = Field(
        "", description="Asterisk's HTTP server with ARI, such as http://127.0.0.1:8088; empty: no Asterisk."
    )
    user: Annotated[str, AfterValidator(_user)] = Field("", description="The user in its ari.conf.")
    password: SecretStr = Field(SecretStr(""), description="That user's password.")
    app: Annotated[str, AfterValidator(_app)] = Field(
        "voip-sms",
        description="What Stasis() in the dialplan calls us; each node of several has a name of its own.",
    )
    endpoint: Annotated[str, AfterValidator(_endpoint)] = Field(
        "PJSIP/{user}", description="What a SIP account with via: asterisk is called there."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.url and not (self.user and self.password.get_secret_value()):
            raise ValueError("url needs user and password, as in ari.conf; set them, or leave url empty")
        return self
