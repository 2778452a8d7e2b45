"""What the claim of a mail adds to that of any hand-over: its thread, its mailbox, mails about no message."""

from collections.abc import Mapping
from typing import Any

from voip_sms.core.directory import Directory
from voip_sms.core.mail import notices
from voip_sms.core.model import MailThread
from voip_sms.engine.mail_rows import thread_in


def about_nothing(job: Mapping[str, Any]) -> Mapping[str, Any]:
    """In the place of a message, where a mail is about none."""
    empty = dict.fromkeys(("sender", "recipient", "currency", "flags", "status"), "")
    return {
        **empty,
        "id": job["message_id"],
        "tenant_id": job["tenant_id"],
        "direction": "outbound",
        "encoding": "gsm7",
        "parts": 0,
        "price": None,
        "door": "mail",
        "account": f"mail:{job['target']}",
        "client_ref": None,
        "created_at": job["created_at"],
        "send_at": None,
        "possible_duplicate": False,
        "error_code": None,
        "error_detail": None,
    }


def thread_for(job: Mapping[str, Any], message: Mapping[str, Any]) -> MailThread | None:
    """The mail that a mail answers: what the job says, or else the mail that the message came as."""
    carried = thread_in(job["payload"])
    if carried is not None or job["kind"] != "mail" or message["door"] != "mail":
        return carried
    return MailThread(message["client_ref"]) if message["client_ref"] else None


def answers_itself(directory: Directory, job: Mapping[str, Any]) -> bool:
    """Whether the mailbox's own server may answer whoever texted: a premium sender's may (E10)."""
    sender = directory.mail.get(job["target"].lower()) if job["kind"] == "mail" else None
    return sender is not None and sender.mode == "premium" and sender.account.tenant_id == job["tenant_id"]


def is_ours(directory: Directory, job: Mapping[str, Any]) -> bool:
    """Whether the mailbox is one of the customer's: mails go nowhere else."""
    if job["event"] in notices.PEOPLE:
        return True
    if job["rule_id"] is not None or job["instead_of"] is not None:
        return True  # that the rule or account is still there is looked at beside
    return job["target"].lower() in directory.mailboxes.get(job["tenant_id"], ())
