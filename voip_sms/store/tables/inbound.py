"""What carriers brought: repeats, loose parts, texts of nobody, receipts without a message."""

from sqlalchemy import Column, Index, Integer, LargeBinary, SmallInteger, Table, Text

from voip_sms.store.tables.columns import id_column, metadata, time_column, word

inbound_seen = Table(
    "inbound_seen",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    time_column("seen_at"),
    Index(None, "seen_at"),
    sqlite_with_rowid=False,
)

inbound_part = Table(
    "inbound_part",
    metadata,
    word("carrier", key=True),
    word("sender", key=True),
    word("recipient", key=True),
    Column("reference", Integer, primary_key=True),
    Column("total", SmallInteger, primary_key=True),
    Column("no", SmallInteger, primary_key=True),
    word("encoding"),
    Column("body", Text, nullable=False),
    time_column("received_at"),
    Index(None, "received_at"),
)

quarantine = Table(
    "quarantine",
    metadata,
    id_column(key=True),
    word("carrier"),
    word("sender"),
    word("recipient"),
    Column("body", Text, nullable=False),
    word("reason"),
    time_column("received_at"),
    Index(None, "received_at"),
)

orphan_receipt = Table(
    "orphan_receipt",
    metadata,
    id_column(key=True),
    word("carrier"),
    word("carrier_ref"),
    word("status", null=True),
    word("cause", default=""),
    time_column("at", null=True),
    word("raw", default=""),
    time_column("received_at"),
    Index(None, "carrier", "carrier_ref"),
    Index(None, "received_at"),
)
