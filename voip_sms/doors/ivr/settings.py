"""The `[ivr]` section of the configuration file: where flows lie, and how their texts become sounds."""

import re
from typing import Annotated, Final, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, model_validator

from voip_sms.net.http.addresses import read_base

_DIAL: Final = re.compile(r"[A-Za-z0-9]{1,20}/[A-Za-z0-9_.@:/+-]*\{number\}[A-Za-z0-9_.@:/;=+-]*", re.ASCII)


def _url(text: str) -> str:
    try:
        return read_base(text) if text else ""
    except ValueError:
        raise ValueError(
            "must be a URL such as http://192.0.2.10:8080/ivr/prompts, as the PBX reaches it"
        ) from None


def _dial(text: str) -> str:
    if not _DIAL.fullmatch(text):
        raise ValueError("must be a channel with {number} in it, such as PJSIP/{number}@trunk")
    return text


class IvrSettings(BaseModel):
    """Flows of calls on an Asterisk (section [asterisk])."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    flows: str = Field(
        "", description="Folder of flows, *.yaml, relative to this file; what changes there is read again."
    )
    speech: str = Field(
        "espeak-ng", description="Program that speaks texts, called as espeak-ng is; empty: sounds only."
    )
    sox: str = Field("sox", min_length=1, description="Program that makes 8 kHz telephone sound of it.")
    prompts: str = Field(
        "",
        description="Folder for spoken texts, which Asterisk must be able to read; empty: data_dir/prompts.",
    )
    prompts_url: Annotated[str, AfterValidator(_url)] = Field(
        "",
        description="With an Asterisk on another host: how it reaches /ivr/prompts of our HTTP listener,"
        " such as http://192.0.2.10:8080/ivr/prompts.",
    )
    dial: Annotated[str, AfterValidator(_dial)] = Field(
        "Local/{number}@from-internal",
        description="How `voip-sms ivr call` calls a number: a channel as Dial() takes it.",
    )
    calls: int = Field(
        200, ge=1, le=5000, description="Calls in flows at one time; one more goes on in the dialplan."
    )

    @model_validator(mode="after")
    def _is_whole(self) -> Self:
        if self.prompts_url and not self.speech:
            raise ValueError("prompts_url needs speech: without it no sounds are made")
        return self
