"""What can be set on the panel."""

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field


def _address(text: str) -> str:
    try:
        parts = urlsplit(text)
        usable = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if text and (not usable or parts.query or parts.fragment or "@" in parts.netloc):
        raise ValueError("must be an address such as https://sms.example.com/panel")
    return text.rstrip("/")


class PanelSettings(BaseModel):
    """The `[panel]` section."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    enabled: bool = Field(
        default=True, description="Whether it is served, at http.listen; / then leads to it."
    )
    url: Annotated[str, AfterValidator(_address)] = Field(
        default="",
        description=(
            "Where people reach the panel: https://sms.example.com/panel. Links in mails begin with it; with"
            " https cookies go nowhere else. Empty: /panel at http.listen."
        ),
    )
    name: str = Field(
        default="SMS",
        min_length=1,
        max_length=64,
        description="What the service is called there, and in authenticator programs.",
    )

    rate: float = Field(
        default=0,
        ge=0,
        le=10_000,
        description=(
            "Times a second that one person may press Send, four seconds' worth at once; beyond it they are"
            " asked to wait. 0: no limit."
        ),
    )

    def address(self, listen: str) -> str:
        """The panel's address, without a slash at the end. `listen`: `http.listen`."""
        return self.url or f"http://{listen}/panel"
