"""Sends an SMS to a phone number that the tenant pays for: an inbound one goes on, or people are told."""

import hashlib
from typing import Final

from voip_sms.core.directory import Account, Identity
from voip_sms.core.failures import Accepted, Nature, Outcome, Permanent, Refusal, Temporary
from voip_sms.core.loops import forwarded
from voip_sms.core.mail import notices
from voip_sms.core.model import ForwardJob, Idempotency, Options, Submission
from voip_sms.core.notices import fallen_back, wished
from voip_sms.core.ports import Submitter

DOOR: Final = "forward"
DEFAULT_PARTS: Final = 10


class NumberForwarder:
    """`ports.Forwarder` for phone numbers. The job's id makes it one SMS, however often it is tried."""

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    async def deliver(self, job: ForwardJob) -> Outcome:
        """Submit once; refusals for good end the job with their code as the cause."""
        if job.event in notices.WISHED:  # to somebody who proved the number when they wished it
            return await self._submit(notice_of(job))
        if not job.verified:
            return Permanent("not_verified")
        if job.message.text is None:
            return Permanent("text_gone")
        return await self._submit(submission_of(job, job.message.text))

    async def _submit(self, submission: Submission) -> Outcome:
        try:
            submitted = await self._submitter.submit(submission)
        except Refusal as refusal:
            return _refused(refusal)
        item = submitted.items[0]
        if item.refused is not None:
            return _refused(item.refused)
        return Accepted("" if item.message is None else item.message.id.hex())


def submission_of(job: ForwardJob, text: str) -> Submission:
    """`<sender>: <text>`, from the number that was texted.

    In a phone's place: with the time of the SMS, from what that phone's account shows.
    """
    message = job.message
    if job.instead_of is not None:
        account, sender, body = job.instead_of, None, fallen_back(message, job.timezone)
    else:
        identity = Identity("number", message.to)
        account = Account(job.id, job.tenant_id, "forward", message.to, identity)
        sender, body = message.to, forwarded(message.sender, text)
    # What stands before the text may make one part more of what came.
    options = Options(sender=sender, max_parts=max(DEFAULT_PARTS, message.parts + 1))
    return _submission(job, account, body, options)


def notice_of(job: ForwardJob) -> Submission:
    """What somebody wished to be told of, from the service's own name."""
    account = Account(job.id, job.tenant_id, "forward", "notice", Identity("default"))
    return _submission(job, account, wished(job.event, job.payload), Options(max_parts=DEFAULT_PARTS))


def _submission(job: ForwardJob, account: Account, body: str, options: Options) -> Submission:
    return Submission(
        account=account,
        door=DOOR,
        recipients=(job.target,),
        text=body,
        options=options,
        idempotency=Idempotency(
            hashlib.sha256(b"\0".join((DOOR.encode(), job.tenant_id, job.id))).digest(),
            hashlib.sha256(b"\0".join((job.target.encode(), body.encode("utf-8", "replace")))).digest(),
        ),
        cause=job.id,
    )


def _refused(refusal: Refusal) -> Outcome:
    if refusal.nature is Nature.PERMANENT:
        return Permanent(refusal.code.name, refusal.detail)
    return Temporary(refusal.code.name, refusal.detail)
