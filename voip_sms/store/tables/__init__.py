"""Every table, as SQLAlchemy Core: the same on SQLite and PostgreSQL.

Ids are UUIDv7 in 16 octets, times epoch microseconds (UTC), money integers of 10^-6 currency unit.
A table has `tenant_id NOT NULL` or stands in `OPERATOR_TABLES`. Tables of the hot path have one B-tree where
they can (SQLite: WITHOUT ROWID), no foreign keys, and partial indexes over live rows only.
"""

from voip_sms.store.tables.audit import audit_chain, audit_entry
from voip_sms.store.tables.columns import metadata
from voip_sms.store.tables.conversations import (
    conversation,
    lease,
    mail_thread,
    peer_claim,
    peer_note,
    peer_reading,
)
from voip_sms.store.tables.forwards import binding, disposition, forward_attempt, forward_job, loop_guard
from voip_sms.store.tables.inbound import inbound_part, inbound_seen, orphan_receipt, quarantine
from voip_sms.store.tables.messages import idempotency, message, message_event, message_text, part
from voip_sms.store.tables.money import balance, ledger, usage
from voip_sms.store.tables.operator import (
    carrier,
    carrier_bind,
    generation,
    node,
    operator_key,
    pool,
    pool_number,
    price_list,
    rate,
    route,
    secret,
)
from voip_sms.store.tables.people import notice, one_time_link, panel_session, registration, user_account
from voip_sms.store.tables.tally import tally
from voip_sms.store.tables.tenants import (
    api_key,
    blacklist,
    contact_group,
    forward,
    ivr_flow,
    keyword,
    mail_sender,
    number,
    number_proof,
    sender_name,
    sip_account,
    tenant,
)

__all__ = [
    "OPERATOR_TABLES",
    "api_key",
    "audit_chain",
    "audit_entry",
    "balance",
    "binding",
    "blacklist",
    "carrier",
    "carrier_bind",
    "contact_group",
    "conversation",
    "disposition",
    "forward",
    "forward_attempt",
    "forward_job",
    "generation",
    "idempotency",
    "inbound_part",
    "inbound_seen",
    "ivr_flow",
    "keyword",
    "lease",
    "ledger",
    "loop_guard",
    "mail_sender",
    "mail_thread",
    "message",
    "message_event",
    "message_text",
    "metadata",
    "node",
    "notice",
    "number",
    "number_proof",
    "one_time_link",
    "operator_key",
    "orphan_receipt",
    "panel_session",
    "part",
    "peer_claim",
    "peer_note",
    "peer_reading",
    "pool",
    "pool_number",
    "price_list",
    "quarantine",
    "rate",
    "registration",
    "route",
    "secret",
    "sender_name",
    "sip_account",
    "tally",
    "tenant",
    "usage",
    "user_account",
]

OPERATOR_TABLES = frozenset(
    {
        "generation",
        "secret",
        "node",
        "operator_key",
        "tenant",
        "carrier",
        "carrier_bind",
        "route",
        "price_list",
        "rate",
        "pool",
        "pool_number",
        "inbound_seen",
        "inbound_part",
        "quarantine",
        "orphan_receipt",
        "loop_guard",
        "registration",
        "tally",
    }
)
"""Tables whose rows are the operator's, or not yet anybody's."""
