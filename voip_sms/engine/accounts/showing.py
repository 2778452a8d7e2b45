"""Configuration rows as `/v1` and the panel show them: no secret, ids with their prefix."""

from collections.abc import Mapping
from typing import Any, Final

from voip_sms.core import clock, ids
from voip_sms.core.rating import amount_text
from voip_sms.core.resources import answers, mail_gateway
from voip_sms.core.resources.customers import MailSender
from voip_sms.core.resources.values import span_text
from voip_sms.engine.accounts.kinds import (
    BLOCK,
    FORWARD,
    GROUP,
    IVR_FLOW,
    KEY,
    KEYWORD,
    MAIL_OPTIONS,
    MAIL_SENDER,
    NUMBER,
    SENDER_NAME,
    SIP_ACCOUNT,
    Kind,
    Row,
)

COLLECTIONS: Final[Mapping[str, Kind]] = {
    answers.NUMBER: NUMBER,
    answers.FORWARD: FORWARD,
    answers.BLOCK: BLOCK,
    answers.KEY: KEY,
    answers.SIP_ACCOUNT: SIP_ACCOUNT,
    answers.SENDER_NAME: SENDER_NAME,
    answers.IVR_FLOW: IVR_FLOW,
    mail_gateway.MAIL_SENDER: MAIL_SENDER,
    mail_gateway.GROUP: GROUP,
    mail_gateway.KEYWORD: KEYWORD,
}
"""What a tenant may see of its configuration, by the prefix of the objects' ids."""


def shown(collection: str, row: Row) -> dict[str, Any]:
    """A row of a collection as its `…Shown` model in `core/resources/answers.py` says."""
    return {"id": ids.to_text(collection, row["id"]), **_SHOWN[collection](row)}


def company_shown(row: Row) -> dict[str, Any]:
    """A row of `tenant` as `CompanyShown`."""
    names = (
        "name", "blocked_inbound", "transliterate", "keep_sent_text", "timezone", "language", "self_service",
    )  # fmt: skip
    return {**{name: row[name] for name in names}, "balance_low": amount_text(row["balance_low"])}


def _identity(row: Row) -> dict[str, str]:
    return {"kind": row["identity_kind"], "value": row["identity_value"]}


def _key(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "hint": row["hint"],
        "scopes": row["scopes"],
        "identity": _identity(row),
        "abroad": row["abroad"],
        "enabled": bool(row.get("enabled", True)),
        "created_at": clock.to_rfc3339(row["created_at"]),
    }


def _sip_account(row: Row) -> dict[str, Any]:
    return {
        "user": row["user"],
        "identity": _identity(row),
        "abroad": row["abroad"],
        "language": row["language"],
        "fallback": _fallback(row["fallback"]),
        "via": row["via"],
        "enabled": row["enabled"],
    }


def _fallback(value: Row | None) -> Row | None:
    if value is None:
        return None
    return {"after": span_text(value["after"] * clock.SECOND), value["kind"]: value["to"]}


def _ivr_flow(row: Row) -> dict[str, Any]:
    return {
        "name": row["name"],
        "identity": _identity(row),
        "abroad": row["abroad"],
        "language": row["language"],
        "limits": {name: row["limits"].get(name) for name in ("caller", "flow")},
        "enabled": row["enabled"],
    }


def _number(row: Row) -> dict[str, Any]:
    return {
        "number": row["e164"],
        "kind": row["kind"],
        "carrier": row["carrier"],
        "forwarding": row["forwarding"],
    }


def _forward(row: Row) -> dict[str, Any]:
    given: dict[str, Any] = {"number": row["number"], "kind": row["kind"]}
    if row["kind"] == "webhook":
        given |= {"url": row["targets"][0], "mode": row["mode"], "events": row["events"]}
        if row.get("secret_before_until"):
            given["secret_before_until"] = clock.to_rfc3339(row["secret_before_until"])
    else:
        given["to"] = row["targets"]
    if row["kind"] == "number":
        given["verified"] = row["verified"]
    return given | {
        "enabled": row["enabled"],
        "disabled_reason": row["disabled_reason"],
        "created_at": clock.to_rfc3339(row["created_at"]),
    }


def _block(row: Row) -> dict[str, Any]:
    return {
        "match": row["match"],
        "value": row["value"],
        "created_at": clock.to_rfc3339(row["created_at"]),
    }


def _sender_name(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "status": row["status"], "reason": row["reason"]}


def _mail_sender(row: Row) -> dict[str, Any]:
    options = {**_MAIL_DEFAULTS, **row["options"]}
    return {
        "address": row["address"],
        "secret_set": bool(row["secret_hash"]),
        "token_set": bool(row["token"]),
        "identity": _identity(row),
        "abroad": row["abroad"],
        "enabled": row["enabled"],
        **{name: options[name] for name in _MAIL_DEFAULTS if name != "limits"},
        "limits": {name: options["limits"].get(name) for name in ("day", "month")},
    }


_MAIL_DEFAULTS: Final = MailSender(address="somebody@example.com").model_dump(
    mode="json", include=set(MAIL_OPTIONS)
)
"""Of the options of a row that was written before there were as many."""


def _group(row: Row) -> dict[str, Any]:
    return {"name": row["name"], "numbers": row["numbers"]}


def _keyword(row: Row) -> dict[str, Any]:
    return {"number": row["number"], "word": row["word"], "mail": row["mail"]}


_SHOWN: Final = {
    answers.NUMBER: _number,
    answers.FORWARD: _forward,
    answers.BLOCK: _block,
    answers.KEY: _key,
    answers.SIP_ACCOUNT: _sip_account,
    answers.SENDER_NAME: _sender_name,
    answers.IVR_FLOW: _ivr_flow,
    mail_gateway.MAIL_SENDER: _mail_sender,
    mail_gateway.GROUP: _group,
    mail_gateway.KEYWORD: _keyword,
}
