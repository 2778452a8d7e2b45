"""Tries a forward out: one test text goes there for real, now and once, and what became of it is told."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import Connection

from voip_sms.core import ids
from voip_sms.core.directory import ForwardKind, ForwardRule, Id
from voip_sms.core.failures import Accepted, Outcome, Refusal, Temporary, Uncertain
from voip_sms.core.model import ForwardJob, Message
from voip_sms.core.ports import Forwarder
from voip_sms.core.resources import webhooks
from voip_sms.engine.context import Context
from voip_sms.engine.registrations import live
from voip_sms.store import catalog
from voip_sms.store.config import Row
from voip_sms.store.phones import bindings_of_tenant
from voip_sms.store.snapshot import forward_rule

HOOKS: Final[frozenset[ForwardKind]] = frozenset({"webhook"})
EVERY: Final[frozenset[ForwardKind]] = frozenset({"sip", "mail", "number", "webhook"})
SECONDS: Final = 20.0
"""For one target: a phone that doesn't answer is asked for longer, but nobody waits before a page for it."""
_SENDER: Final = "TEST"
_TEXTS: Final = {
    "webhook": {"en": "This is a test of your webhook."},
    "": {
        "en": "This is a test: texts that come in will arrive here.",
        "pl": "To jest test: przychodzące SMS-y będą trafiać tutaj.",
    },
}


class Trials:
    """Everything takes the tenant; what isn't there, or is another's, is Refusal `not_found`."""

    def __init__(self, context: Context, forwarder: Forwarder, kinds: frozenset[ForwardKind] = HOOKS) -> None:
        """`forwarder` hands jobs of these `kinds` over."""
        self._context = context
        self._forwarder = forwarder
        self._kinds = kinds
        self._testing: set[Id] = set()

    async def test(self, tenant_id: Id, rule_id: Id) -> dict[str, Any]:
        """Send a test to each target of the rule, also of one that is off; as `TestShown`.

        An SMS to another phone costs what an SMS costs. Refusals: `conflict` (it can't be tried out here),
        `rate_limited` (one at a time per tenant: nobody drives requests at others through us).
        """
        if tenant_id in self._testing:
            raise Refusal("rate_limited", "a test is on its way already")
        self._testing.add(tenant_id)
        try:
            rule = forward_rule(await self._context.reader.run(_row, tenant_id, rule_id))
            if rule.kind not in self._kinds:
                raise Refusal("conflict", f"it is a forward of kind {rule.kind}, no webhook")
            jobs = [await self._job(rule, target) for target in rule.targets]
            return _tested(jobs, await asyncio.gather(*map(self._deliver, jobs)))
        finally:
            self._testing.discard(tenant_id)

    async def _deliver(self, job: ForwardJob) -> Outcome:
        try:
            async with asyncio.timeout(SECONDS):
                return await self._forwarder.deliver(job)
        except TimeoutError:
            return Uncertain("timeout")

    async def _job(self, rule: ForwardRule, target: str) -> ForwardJob:
        now, new_id, hook = self._context.clock.now(), self._context.new_id, rule.kind == "webhook"
        tenant = self._context.directory().tenants.get(rule.tenant_id)
        job = ForwardJob(
            id=new_id(),
            tenant_id=rule.tenant_id,
            kind=rule.kind,
            target=target,
            event=webhooks.TEST_EVENT if hook else "message.received",
            message=self._message(rule, "en" if tenant is None else tenant.language),
            attempt=1,
            created_at=now,
            secret=rule.secret,
            secret_before=rule.secret_beside(now),
            mode=rule.mode,
            verified=rule.verified,
            language="en" if tenant is None else tenant.language,
            timezone="UTC" if tenant is None else tenant.timezone,
        )
        return await self._with_phones(job) if rule.kind == "sip" else job

    async def _with_phones(self, job: ForwardJob) -> ForwardJob:
        """The job for a SIP account, with where its phones are."""
        account = self._context.directory().sip.get(job.target)
        if account is None or account.account.tenant_id != job.tenant_id:
            return job
        found = await self._context.reader.run(
            bindings_of_tenant, job.tenant_id, job.created_at, account.account.id
        )
        bindings = live(found, job.created_at) if account.via == "direct" else ()
        return replace(job, bindings=bindings, via=account.via, language=account.account.language)

    def _message(self, rule: ForwardRule, language: str) -> Message:
        texts = _TEXTS.get(rule.kind, _TEXTS[""])
        return Message(
            id=self._context.new_id(),
            tenant_id=rule.tenant_id,
            direction="inbound",
            status="received",
            sender=_SENDER,
            to=rule.number or _SENDER,
            text=texts.get(language, texts["en"]),
            encoding="gsm7",
            parts=1,
            price=None,
            currency="",
            door="test",
            account="",
            client_ref=None,
            created_at=self._context.clock.now(),
        )


def _row(connection: Connection, tenant_id: Id, rule_id: Id) -> Row:
    row = catalog.get_row(connection, "forward", tenant_id, rule_id)
    if row is None:
        raise Refusal("not_found", "there is no such forward")
    return row


def _tested(jobs: Sequence[ForwardJob], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """All of them: delivered if each was; the cause is that of the first that wasn't."""
    each = [(job, _came_to(job, outcome)) for job, outcome in zip(jobs, outcomes, strict=True)]
    job, worst = next(((job, one) for job, one in each if not one["delivered"]), each[0])
    shown = {"id": ids.to_text(webhooks.DELIVERY, job.id), **worst}
    several = [{"to": job.target, **one} for job, one in each] if len(each) > 1 else None
    return shown if several is None else {**shown, "targets": several}


def _came_to(job: ForwardJob, outcome: Outcome) -> dict[str, Any]:
    if isinstance(outcome, Accepted):
        # A webhook's is its HTTP status; what others answer is a name of ours, or of a phone.
        answer = outcome.reference if job.kind == "webhook" else ""
        return {"delivered": True, "cause": answer, "detail": ""}
    detail = outcome.detail if isinstance(outcome, Temporary) else ""
    return {"delivered": False, "cause": outcome.cause, "detail": detail}
