"""A customer as a whole over HTTP, as data: its switches, and the codes that prove phones."""

from typing import Final

from voip_sms.core.resources import company
from voip_sms.doors.api import shapes
from voip_sms.doors.api.access import ADMIN
from voip_sms.doors.api.operations.operation import PLANNING, WRITE_SECONDS, Operation, change

OPERATIONS: Final[tuple[Operation, ...]] = (
    Operation(
        "get_company",
        "GET",
        "/v1/company",
        "company",
        "Show what you decide for yourself as a whole",
        ADMIN,
        200,
        company.CompanyShown,
        refusals=("not_found",),
    ),
    change(
        "change_company",
        "PATCH /v1/company",
        "Block all inbound messages, choose zone, language, accents",
        body=shapes.COMPANY_PATCH,
        shown=company.CompanyShown,
    ),
    Operation(
        "send_number_code",
        "POST",
        "/v1/verified-numbers",
        "verified-numbers",
        "Send a code to a phone that texts shall be forwarded to",
        ADMIN,
        202,
        company.NumberProofShown,
        shapes.NUMBER_TO_PROVE,
        (),
        (*PLANNING, "rate_limited"),
        WRITE_SECONDS,
        "Charged as any SMS. Good for ten minutes and three tries; one a minute, five a day to one phone. A"
        " phone that was verified already is sent nothing.",
    ),
    Operation(
        "prove_number",
        "POST",
        "/v1/verified-numbers/code",
        "verified-numbers",
        "Say the code that the phone was sent",
        ADMIN,
        200,
        company.NumberProofShown,
        shapes.CODE_OF_NUMBER,
        (),
        ("invalid", "too_late"),
        WRITE_SECONDS,
        "For an hour then, forwards and fallbacks take the phone; where it was entered, it stays verified."
        " `invalid`: another code; `too_late`: none is waited for, send one anew.",
    ),
)
