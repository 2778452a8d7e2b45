"""Refusals as problem documents (RFC 9457)."""

from collections.abc import Iterable, Sequence
from typing import Any, Final

from pydantic import BaseModel, Field

from voip_sms.core.failures import CODES, Refusal
from voip_sms.core.resources.complaints import Complaint

MEDIA_TYPE: Final = "application/problem+json"
_TYPE: Final = "urn:voip-sms:problem:"
ERRORS_SHOWN: Final = 100
"""Of a long list of recipients or a broken body: enough to see what is wrong."""


class InvalidError(Refusal):
    """A request of the wrong shape or with references to nothing: `complaints` say where and what."""

    def __init__(self, complaints: Sequence[Complaint]) -> None:
        super().__init__("invalid", complaints[0].what if len(complaints) == 1 else "")
        self.complaints = tuple(complaints)


def problem(refusal: Refusal, errors: Iterable[Complaint] = ()) -> dict[str, Any]:
    """`{type, title, status, detail, code, errors?}`; `errors` point into the request's body."""
    code = refusal.code
    if isinstance(refusal, InvalidError):
        errors = refusal.complaints
    shown: dict[str, Any] = {
        "type": _TYPE + code.name,
        "title": code.title,
        "status": code.http,
        "detail": refusal.detail,
        "code": code.name,
    }
    listed = [
        {"pointer": error.pointer, "code": "invalid", "detail": error.what}
        for error, _ in zip(errors, range(ERRORS_SHOWN), strict=False)
    ]
    if listed:
        shown["errors"] = listed
    return shown


def invalid(errors: Iterable[Complaint]) -> dict[str, Any]:
    """The 422 for a body of the wrong shape."""
    return problem(Refusal("invalid"), errors)


class ProblemErrorShown(BaseModel):
    """One error in the body: where (RFC 6901) and what."""

    pointer: str
    code: str
    detail: str


class ProblemShown(BaseModel):
    """RFC 9457, with our `code`."""

    type: str
    title: str
    status: int
    detail: str
    code: str = Field(examples=sorted(CODES)[:3])
    errors: list[ProblemErrorShown] | None = None
