"""MESSAGE: a phone's text becomes a submission; the reply is given when it is stored (RFC 3428)."""

import hashlib
from collections.abc import Callable
from dataclasses import replace
from typing import Final

import structlog

from voip_sms.core.directory import Account
from voip_sms.core.failures import Code, Refusal
from voip_sms.core.model import Idempotency, ReceiptRequest, Submission, Submitted
from voip_sms.core.ports import Dispositions, Submitter
from voip_sms.doors.sip.readers import Readers
from voip_sms.doors.sip.replies import accepted, refused
from voip_sms.engine.metrics import Metrics
from voip_sms.net.sip.traffic import Incoming, Reply
from voip_sms.wire.sip.content import ACCEPT, ACCEPT_ENCODING, Content, ContentError, Text, read_content
from voip_sms.wire.sip.uri import SipUri

log = structlog.get_logger(__name__)

DOOR: Final = "sip"
MAX_PEER: Final = 200
"""Characters of the URI that a receipt comes from: with it, a receipt still fits into a datagram."""


class Messages:
    """Serves MESSAGE of an authenticated account that owns From."""

    def __init__(
        self, submitter: Submitter, dispositions: Dispositions, metrics: Metrics, now: Callable[[], int]
    ) -> None:
        self._submitter = submitter
        self._dispositions = dispositions
        self._metrics = metrics
        self._readers = Readers(dispositions, now)

    async def serve(self, incoming: Incoming, account: Account) -> Reply:
        """Store it, then 202; a refusal's status and reason as in docs/contract.md, table of codes.

        Receipts are stored as well, then 200; so is what nobody would read (RFC 3994), without storing.
        """
        request = incoming.read.request
        try:
            content = read_content(request.headers, request.body)
        except ContentError as error:
            self._metrics.answered(DOOR, "malformed")
            return _not_taken(error)
        try:
            if content.cpim:
                await self._readers.note(incoming, account)
            if content.text is not None:
                return await self._submit(incoming, account, content, content.text)
            await self._dispositions.take(account, content.receipts)
        except Refusal as refusal:
            return self.refuse(refusal.code, account)
        self._metrics.answered(DOOR, "receipt" if content.receipts else "text_empty")
        return Reply(200)

    async def _submit(self, incoming: Incoming, account: Account, content: Content, text: Text) -> Reply:
        if text.damaged:
            log.info("sip_text_damaged", user=account.name)
        named = content.message_id and content.wants
        submission = Submission(
            account=account,
            door=DOOR,
            recipients=(incoming.read.request.uri,),
            text=text.text,
            idempotency=idempotency(incoming, account),
            receipts=_wish(incoming, content) if named else None,
        )
        return self._result(await self._submitter.submit(submission), account)

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


def _wish(incoming: Incoming, content: Content) -> ReceiptRequest:
    """The receipts wanted; phones look for the conversation by the To that they wrote to."""
    to = incoming.read.recipient.uri
    peer = str(replace(to, params={})) if isinstance(to, SipUri) else ""
    return ReceiptRequest(content.message_id, content.wants, peer if len(peer) <= MAX_PEER else "")


def _not_taken(error: ContentError) -> Reply:
    """The refusal of a body that we can't read, with what we could (RFC 3261 21.4.13)."""
    lists = {"type": ("accept", ACCEPT), "encoding": ("accept-encoding", ACCEPT_ENCODING)}
    headers = tuple(
        (name, ", ".join(values)) for kind, (name, values) in lists.items() if kind == error.missing
    )
    return Reply(error.status, error.reason, headers)
