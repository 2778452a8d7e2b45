"""Messages, their texts, histories and parts (the queue), and the record of idempotent requests."""

from typing import Final

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Table, Text, text

from voip_sms.store.tables.columns import flag, id_column, metadata, tenant_column, time_column, word

PEER: Final = "(CASE WHEN direction = 'inbound' THEN sender ELSE recipient END)"
"""Of a row of `message`: the number at the other end, written as `ix_message_peer` has it."""
RECEIVED: Final = "direction = 'inbound'"
WANTED: Final = "direction = 'inbound' AND error_code IS NULL"
"""Received, and not blocked."""
BAD: Final = "status IN ('undelivered','expired','failed')"

message = Table(
    "message",
    metadata,
    id_column(key=True),
    tenant_column(),
    id_column("submission_id"),
    word("direction"),
    word("status"),
    word("account"),  # "sip:101"
    word("door"),
    word("sender"),
    word("sender_kind"),
    word("recipient"),
    word("encoding"),
    Column("parts", SmallInteger, nullable=False),
    Column("price", BigInteger, nullable=True),
    word("currency", default=""),
    word("carrier", default=""),
    word("pool", default=""),
    Column(
        "reference", Integer, nullable=False, server_default=text("0")
    ),  # of its parts; 0: one row of part
    word("client_ref", null=True),
    Column("priority", SmallInteger, nullable=False),
    time_column("created_at"),
    time_column("send_at", null=True),
    time_column("expires_at"),
    flag("possible_duplicate", default=False),
    word("error_code", null=True),
    word("error_detail", null=True),
    word("flags", default=""),
    id_column("cause", null=True),
    Column("trace", Text, nullable=False),  # JSON [[step, decision, reason], …]
    Index(None, "tenant_id", "id"),
    Index(None, "submission_id"),
    Index(
        "ix_message_client_ref",
        "tenant_id",
        "client_ref",
        sqlite_where=text("client_ref IS NOT NULL"),
        postgresql_where=text("client_ref IS NOT NULL"),
    ),
    # what a tenant's rules kept from it
    Index(
        "ix_message_blocked",
        "tenant_id",
        "id",
        sqlite_where=text("error_code = 'blocked'"),
        postgresql_where=text("error_code = 'blocked'"),
    ),
    # housekeeping: what must reach a terminal state by itself
    Index(
        "ix_message_open",
        "expires_at",
        sqlite_where=text("status IN ('accepted','scheduled','queued','sending','sent')"),
        postgresql_where=text("status IN ('accepted','scheduled','queued','sending','sent')"),
    ),
    Index("ix_message_peer", "tenant_id", text(PEER), "id"),
    Index(
        "ix_message_received",
        "tenant_id",
        "id",
        sqlite_where=text(RECEIVED),
        postgresql_where=text(RECEIVED),
    ),
    Index(
        "ix_message_from",
        "tenant_id",
        "sender",
        "id",
        sqlite_where=text(WANTED),
        postgresql_where=text(WANTED),
    ),
    Index(
        "ix_message_bad",
        "tenant_id",
        "id",
        sqlite_where=text(BAD),
        postgresql_where=text(BAD),
    ),
    sqlite_with_rowid=False,
)

message_text = Table(
    "message_text",
    metadata,
    id_column("message_id", key=True),
    tenant_column(),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

message_event = Table(
    "message_event",
    metadata,
    id_column("message_id", key=True),
    id_column("id", key=True),
    tenant_column(),
    time_column("at"),
    word("status"),
    word("cause", default=""),
    Column("part", SmallInteger, nullable=False, server_default=text("0")),  # 0: the whole message
    sqlite_with_rowid=False,
)

_LIVE = "state IN ('queued','sending')"

part = Table(
    "part",
    metadata,
    id_column("message_id", key=True),
    Column("no", SmallInteger, primary_key=True),
    tenant_column(),
    word("carrier"),
    word("pair"),  # "originator>recipient": order holds within it
    Column("priority", SmallInteger, nullable=False),
    word("state"),  # queued, sending, then a status of core/status.py
    time_column("due_at"),
    time_column("expires_at"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    word("claimed_by", null=True),  # node name
    time_column("claimed_until", null=True),
    word("carrier_ref", null=True),  # the carrier's id in its canonical spelling
    word("carrier_raw", null=True),  # and as it came
    time_column("sent_at", null=True),
    flag("possible_duplicate", default=False),
    word("cause", default=""),
    Index(
        "ix_part_due",
        "carrier",
        "priority",
        "due_at",
        "message_id",
        "no",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_part_pair",
        "pair",
        "priority",
        "message_id",
        "no",
        sqlite_where=text(_LIVE),
        postgresql_where=text(_LIVE),
    ),
    Index(
        "ix_part_claimed",
        "claimed_by",
        "claimed_until",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
    Index(
        "ix_part_carrier_ref",
        "carrier",
        "carrier_ref",
        sqlite_where=text("carrier_ref IS NOT NULL"),
        postgresql_where=text("carrier_ref IS NOT NULL"),
    ),
    sqlite_with_rowid=False,
)

idempotency = Table(
    "idempotency",
    metadata,
    Column("key", LargeBinary(32), primary_key=True),
    tenant_column(),
    Column("fingerprint", LargeBinary(32), nullable=False),
    id_column("submission_id"),
    time_column("created_at"),
    Column("items", Text, nullable=False),  # JSON [[to, message id hex or null, code, detail], …]
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)
