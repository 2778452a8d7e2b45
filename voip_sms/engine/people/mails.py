"""Mails to people: jobs of the queue that all mails to customers take (`forward_job`, kind `mail`)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from voip_sms.core.directory import NO_TENANT, Id, Micros
from voip_sms.core.mail import notices
from voip_sms.core.people import LINK_PATH
from voip_sms.engine.mail_rows import notice_row
from voip_sms.store.units import Row

WAKES: Final = "forwards"
"""The topic of the queue."""


@dataclass(frozen=True, slots=True)
class Stamp:
    """A mail's moment and id. `tenant_id`: whose it is; of who is nobody's yet NO_TENANT."""

    now: Micros
    job_id: Id
    tenant_id: Id = NO_TENANT


@dataclass(frozen=True, slots=True)
class Opening:
    """A link in a mail, and until when it opens."""

    url: str
    until: Micros


def link_url(panel: str, token: str) -> str:
    """Where a one-time link leads. `panel`: the panel's address, without a slash at the end."""
    return panel + LINK_PATH + token


def invitation(person: Mapping[str, Any], opening: Opening, stamp: Stamp, by: str) -> Row:
    """To somebody who was made: where to set the password. `by`: the name of whoever invites."""
    payload: notices.InvitationPayload = {
        "language": person["language"],
        "name": person["name"],
        "by": by,
        "link": opening.url,
        "until": opening.until,
    }
    return _until(opening, _job(stamp, (person["mail"], notices.INVITATION), payload))


def forgotten(person: Mapping[str, Any], opening: Opening, stamp: Stamp, address: str) -> Row:
    """To somebody whose password is forgotten. `address`: where that was said."""
    payload: notices.ForgottenPayload = {
        "language": person["language"],
        "name": person["name"],
        "address": address,
        "link": opening.url,
        "until": opening.until,
    }
    return _until(opening, _job(stamp, (person["mail"], notices.FORGOTTEN), payload))


def received(asked: Mapping[str, Any], stamp: Stamp) -> Row:
    """To whoever asked to become a customer: it came, and this is the code.

    Nothing of what was typed: anybody may type anything, and anybody's address.
    """
    payload: notices.RegistrationPayload = {"language": asked["language"], "code": asked["code"]}
    return _job(stamp, (asked["mail"], notices.REGISTERED), payload)


def approved(asked: Mapping[str, Any], opening: Opening, stamp: Stamp) -> Row:
    """The company is a customer now, and this is where its first administrator sets the password."""
    payload: notices.ApprovedPayload = {
        "language": asked["language"],
        "name": asked["name"],
        "company": asked["company"],
        "code": asked["code"],
        "link": opening.url,
        "until": opening.until,
    }
    return _until(opening, _job(stamp, (asked["mail"], notices.APPROVED), payload))


def refused(asked: Mapping[str, Any], reason: str, stamp: Stamp) -> Row:
    """It was refused, and why."""
    payload: notices.RefusedRegistrationPayload = {
        "language": asked["language"],
        "name": asked["name"],
        "company": asked["company"],
        "reason": reason,
    }
    return _job(stamp, (asked["mail"], notices.NOT_ACCEPTED), payload)


def _job(stamp: Stamp, to: tuple[str, str], payload: Any) -> Row:
    return notice_row(stamp.tenant_id, to, payload, stamp.now, stamp.job_id)


def _until(opening: Opening, job: Row) -> Row:
    """A mail whose link is over needn't be sent any more."""
    return {**job, "expires_at": min(opening.until, job["expires_at"])}
