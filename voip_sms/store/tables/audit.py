"""The audit log: one chain of entries for each tenant and one for the operator, and where each chain ends."""

from sqlalchemy import JSON, BigInteger, Column, Index, LargeBinary, Table, UniqueConstraint, text

from voip_sms.store.tables.columns import id_column, metadata, tenant_column, time_column, word

_UNSEALED = "seq IS NULL"

audit_entry = Table(
    "audit_entry",
    metadata,
    id_column(key=True),
    tenant_column(),  # empty: the operator's
    time_column("at"),
    word("who"),  # key:app, user:anna@acme.test, operator:apply@host
    word("door"),  # api, apply, cli, panel
    word("action"),  # added, changed, removed, rotated, replayed
    word("kind"),  # sip_accounts
    word("label"),  # tenants[acme].sip_accounts[101]
    word("object_id", default=""),  # sip_…
    Column("before", JSON, nullable=False),
    Column("after", JSON, nullable=False),
    Column("seq", BigInteger),  # its number in the chain; this and both hashes come with its seal
    Column("prev", LargeBinary(32)),
    Column("hash", LargeBinary(32)),
    UniqueConstraint("tenant_id", "seq"),
    Index(None, "tenant_id", "id"),
    Index(
        "ix_audit_entry_unsealed",
        "tenant_id",
        "id",
        sqlite_where=text(_UNSEALED),
        postgresql_where=text(_UNSEALED),
    ),
)

audit_chain = Table(
    "audit_chain",
    metadata,
    Column("tenant_id", LargeBinary(16), primary_key=True, nullable=False),
    Column("seq", BigInteger, nullable=False),  # of the entry that was sealed last
    Column("hash", LargeBinary(32), nullable=False),
)
