"""What tenants may spend and what was spent: the balance, the ledger, messages counted against limits."""

from sqlalchemy import BigInteger, Column, Index, SmallInteger, Table, text

from voip_sms.store.tables.columns import count, flag, id_column, metadata, tenant_column, time_column, word

balance = Table(
    "balance",
    metadata,
    id_column("tenant_id", key=True),
    word("currency"),
    Column("credit", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    Column("settled", BigInteger, nullable=False, server_default=text("0")),
    flag("low_told", default=False),  # people were told that it is low, and it has not recovered since
)

ledger = Table(
    "ledger",
    metadata,
    # UNIQUE(message, part, phase) makes charging exactly-once: a part is reserved once (part 0: all parts
    # together) and finished once, by settling or by releasing.
    id_column("message_id", key=True),
    Column("part", SmallInteger, primary_key=True),
    word("phase", key=True),  # reserve | final
    tenant_column(),
    word("kind"),  # reserve | settle | release
    Column("amount", BigInteger, nullable=False),
    word("currency"),
    time_column("at"),
    sqlite_with_rowid=False,
)

usage = Table(
    "usage",
    metadata,
    id_column("tenant_id", key=True),
    # "mail:address", or "mail" for all addresses together; "ivr:flow", "ivr:flow:caller"
    word("scope", key=True),
    word("period", key=True),  # 2026-11-22 or 2026-11, in the tenant's zone
    count("n"),
    flag("told", default=False),  # somebody was told that it is used up
    time_column("until"),  # when the period ends
    Index(None, "until"),
    sqlite_with_rowid=False,
)
