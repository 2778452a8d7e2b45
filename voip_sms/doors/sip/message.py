"""MESSAGE: a phone's text becomes a submission; the reply is given when it is stored (RFC 3428)."""

import hashlib
from typing import Final

import structlog

from voip_sms.core.directory import Account
from voip_sms.core.failures import Code, Refusal
from voip_sms.core.model import Idempotency, Submission, Submitted
from voip_sms.core.ports import Submitter
from voip_sms.doors.sip.replies import accepted, refused
from voip_sms.engine.metrics import Metrics
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.wire.sip.content import ACCEPT, CharsetError, decode_text, parse_media_type
from voip_sms.wire.sip.headers import Headers

log = structlog.get_logger(__name__)

DOOR: Final = "sip"


class Messages:
    """Serves MESSAGE of an authenticated account that owns From."""

    def __init__(self, submitter: Submitter, metrics: Metrics) -> None:
        self._submitter = submitter
        self._metrics = metrics

    async def serve(self, incoming: Incoming, account: Account) -> Reply:
        """Store it, then 202; a refusal's status and reason as in docs/contract.md, table of codes."""
        request = incoming.read.request
        text = _text(request.headers, request.body)
        if isinstance(text, Reply):
            self._metrics.answered(DOOR, "malformed")
            return text
        if not request.body:
            self._metrics.answered(DOOR, "text_empty")
            return Reply(200)
        submission = Submission(
            account=account,
            door=DOOR,
            recipients=(request.uri,),
            text=text,
            idempotency=idempotency(incoming, account),
        )
        try:
            submitted = await self._submitter.submit(submission)
        except Refusal as refusal:
            return self.refuse(refusal.code, account)
        return self._result(submitted, account)

    def refuse(self, code: Code, account: Account) -> Reply:
        """The answer to what is not taken."""
        log.info("sip_message_refused", user=account.name, code=code.name)
        self._metrics.answered(DOOR, code.name)
        return refused(code, account.language)

    def _result(self, submitted: Submitted, account: Account) -> Reply:
        (item,) = submitted.items
        if item.message is None:
            assert item.refused is not None
            return self.refuse(item.refused.code, account)
        if not submitted.replayed:
            self._metrics.answered(DOOR, "accepted")
        return accepted(account.language)


def idempotency(incoming: Incoming, account: Account) -> Idempotency:
    """One SMS per transaction, also across a restart: account, Call-ID, From-tag, CSeq, R-URI and body."""
    read = incoming.read
    content = read.request.uri.encode("utf-8", "surrogateescape") + b"\0" + read.request.body
    fingerprint = hashlib.sha256(content).digest()
    transaction = "\0".join((DOOR, read.call_id, read.sender.tag, str(read.cseq.number)))
    scope = account.tenant_id + account.id
    key = hashlib.sha256(scope + transaction.encode("utf-8", "surrogateescape") + fingerprint).digest()
    return Idempotency(key, fingerprint)


def _text(headers: Headers, body: bytes) -> str | Reply:
    """The text, or the refusal of a body that we can't read."""
    encoding = headers.get("content-encoding").strip().lower()
    if encoding not in {"", "identity"}:
        return Reply(415, headers=(("accept-encoding", "identity"),))
    media = parse_media_type(headers.get("content-type"))
    if media is None:
        return Reply(400, "Bad Content-Type")
    if media.name not in ACCEPT and body:
        return _unsupported()
    try:
        decoded = decode_text(body, media.params.get("charset", ""))
    except CharsetError:
        return _unsupported()
    if decoded.damaged:
        log.info("sip_text_damaged", charset=media.params.get("charset", "")[:20])
    return decoded.text


def _unsupported() -> Reply:
    return Reply(415, headers=(("accept", ", ".join(ACCEPT)),))
