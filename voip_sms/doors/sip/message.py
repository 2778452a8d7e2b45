"""MESSAGE: a phone's text becomes a submission; the reply is given when it is stored (RFC 3428)."""

import hashlib
from typing import Final

import structlog

from voip_sms.core.directory import Account
from voip_sms.core.failures import Code, Refusal
from voip_sms.core.model import Idempotency, Item, Submission
from voip_sms.core.ports import Submitter
from voip_sms.doors.sip.replies import accepted, refused
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.wire.sip.content import ACCEPT, CharsetError, decode_text, parse_media_type
from voip_sms.wire.sip.headers import Headers

log = structlog.get_logger(__name__)

DOOR: Final = "sip"


class Messages:
    """Serves MESSAGE of an authenticated account that owns From."""

    def __init__(self, submitter: Submitter) -> None:
        self._submitter = submitter

    async def serve(self, incoming: Incoming, account: Account) -> Reply:
        """Store it, then 202; a refusal's status and reason as in docs/contract.md, table of codes."""
        request = incoming.read.request
        text = _text(request.headers, request.body)
        if isinstance(text, Reply):
            return text
        if not request.body:
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
            return _refusal(refusal.code, account)
        return _result(submitted.items[0], account)


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


def _result(item: Item, account: Account) -> Reply:
    if item.message is not None:
        return accepted(account.language)
    assert item.refused is not None
    return _refusal(item.refused.code, account)


def _refusal(code: Code, account: Account) -> Reply:
    log.info("sip_message_refused", user=account.name, code=code.name)
    return refused(code, account.language)
