"""What recipients see of whoever sends, as every account's resource says it."""

from typing import Annotated, Literal

from pydantic import Field, ValidationInfo, field_validator

from voip_sms.core.directory import IdentityKind
from voip_sms.core.resources.values import (
    Resource,
    complaint,
    country_of,
    read_digits,
    read_number,
    read_sender_name,
)

Abroad = Literal["2way", "random"]


class Identity(Resource):
    """What a recipient sees: an own number, a pool's number (2way, random), a name, or the default name.

    For 2way and random `value` is a pool; empty, any pool that reaches the recipient.
    """

    kind: IdentityKind
    value: Annotated[str, Field(max_length=64, validate_default=True)] = ""

    @field_validator("value")
    @classmethod
    def _fits_the_kind(cls, value: str, info: ValidationInfo) -> str:
        kind = info.data.get("kind")
        if kind in ("number", "name") and not value:
            raise complaint(f"kind {kind} needs the {kind} as value")
        if kind == "default" and value:
            raise complaint("kind default takes no value")
        if kind == "number":
            return read_digits(value) or read_number(value, country_of(info))
        return read_sender_name(value) if kind == "name" else value


DEFAULT_IDENTITY = Identity(kind="default")
