"""What one SMPP carrier needs to know."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

SMPP_PORT = 2775


class SmppSettings(BaseModel):
    """One SMPP 3.4 account at a carrier (`carriers:` of an apply file)."""

    model_config = ConfigDict(extra="ignore", frozen=True)

    host: str
    port: int = Field(SMPP_PORT, ge=1, le=65535)
    system_id: str
    password: str = Field("", repr=False)
    system_type: str = ""
    bind: Literal["transceiver", "transmitter", "receiver", "pair"] = "transceiver"
    """`pair`: a transmitter and a receiver on connections of their own."""
    window: int = Field(10, ge=1, le=1000)
    """Submits that may wait for their responses at one time."""
    rate: int = Field(0, ge=0)
    """Parts a second; 0: no limit."""
    long: Literal["udh", "sar", "payload"] = "udh"
    default_alphabet: Literal["gsm7", "latin1", "ascii"] = "gsm7"
    """What data_coding 0 means to this carrier."""
    id_format: Literal["auto", "dec", "hex", "text"] = "auto"
    short_code_ton: int = Field(3, ge=0, le=7)
    short_code_npi: int = Field(0, ge=0, le=18)
    tls: bool = False
    tls_ca: str = ""
    """PEM file of the authorities to trust; '' = the system's."""
    receipts: bool = True
    """Ask for a delivery receipt."""
    enquire_interval: float = Field(30.0, gt=0)
    """Seconds of silence before enquire_link."""
    connect_timeout: float = Field(10.0, gt=0)
    response_timeout: float = Field(10.0, gt=0)
    """Seconds to wait for a response; then the submit's outcome is uncertain."""
