"""What can be set on the carrier simulator."""

from typing import Annotated, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from voip_sms.wire.smpp.text import Alphabet, Long

_LAST_PORT = 0xFFFF


def endpoint(address: str) -> tuple[str, int]:
    """Host and port of `host:port` or `[v6]:port`. Raises ValueError."""
    host, colon, port = address.rpartition(":")
    if not (colon and host and port.isascii() and port.isdigit() and int(port) <= _LAST_PORT):
        raise ValueError(f"{address!r} is not host:port")
    return host.removeprefix("[").removesuffix("]"), int(port)


def _address(text: str) -> str:
    if text:
        endpoint(text)
    return text


Address = Annotated[str, AfterValidator(_address)]


class SimulatorSettings(BaseModel):
    """The `[simulator]` section, the options of `voip-sms smsc`. Addresses are `host:port`, `""` is off."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    smpp: Address = Field("", description="Where the SMPP server listens; port 0 picks one.")
    http: Address = Field("", description="Where its page and its HTTP API listen; port 0 picks one.")
    system_id: Annotated[str, Field(min_length=1, max_length=15)] = Field(
        "sim", description="The only account that may bind."
    )
    password: SecretStr = Field(SecretStr("sim"), description="Its password.")
    id_format: Literal["hex", "dec", "text"] = Field(
        "hex", description="How message ids look in submit_sm_resp; text is a hex id with a prefix."
    )
    receipt_id_format: Literal["same", "hex", "dec"] = Field(
        "same", description="How they look in receipts: some carriers switch between hex and decimal."
    )
    default_alphabet: Alphabet = Field(Alphabet.GSM7, description="What data_coding 0 means here.")
    long: Long = Field(Long.UDH, description="How handsets' long texts are marked: udh, sar or payload.")
    window: int = Field(100, ge=1, le=10_000, description="Outstanding deliver_sm per bind.")
    response_timeout: float = Field(
        10.0, gt=0, le=600, description="Seconds to wait for deliver_sm_resp before sending again."
    )
    max_attempts: int = Field(50, ge=1, le=1000, description="How often one deliver_sm is tried.")
    retry_delay: float = Field(
        0.5, gt=0, le=60, description="Seconds before the second try; doubles up to ten times as much."
    )
    idle_timeout: float = Field(
        600.0, gt=0, le=86_400, description="Seconds without an octet before a bind is closed."
    )
    log_size: int = Field(200_000, ge=100, le=5_000_000, description="PDUs kept for GET /log.")
    inbox_size: int = Field(50_000, ge=100, le=5_000_000, description="Messages kept on all handsets.")
