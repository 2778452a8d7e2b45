"""What the simulator is asked by its API and by its page."""

from typing import Annotated, Final

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from voip_sms.simulator.handsets import MAX_PARTS

_DIGITS: Final = r"^\+?[0-9]{2,20}$"


class SendRequest(BaseModel):
    """The body of POST /handsets/{n}/send."""

    model_config = ConfigDict(extra="forbid")

    to: str = Field(pattern=_DIGITS)
    text: str
    parts_order: Annotated[list[int], Field(min_length=1, max_length=4 * MAX_PARTS)] | None = None


class NewHandset(BaseModel):
    """A handset by its number: digits then, `+` was optional."""

    number: Annotated[str, Field(pattern=_DIGITS), AfterValidator(lambda number: number.removeprefix("+"))]
