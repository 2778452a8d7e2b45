"""What belongs to a pair of numbers: pool leases, the number last texted, threads of mail, people's marks."""

from sqlalchemy import Column, Index, Table, Text

from voip_sms.store.tables.columns import id_column, metadata, tenant_column, time_column, word

lease = Table(
    "lease",
    metadata,
    word("number", key=True),
    word("peer", key=True),
    tenant_column(),
    word("account"),
    word("pool"),  # which the number was in when it last texted; it may have moved since
    time_column("until"),  # replies count until then
    time_column("rest_until"),  # and nobody else gets the pair until then
    Index(None, "peer"),
    Index(None, "rest_until"),
    sqlite_with_rowid=False,
)

conversation = Table(
    "conversation",
    metadata,
    id_column("tenant_id", key=True),
    word("account", key=True),
    word("peer", key=True),
    word("number"),  # the own number last texted
    time_column("until"),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

mail_thread = Table(
    "mail_thread",
    metadata,
    id_column("tenant_id", key=True),
    word("account", key=True),  # "mail:address"
    word("peer", key=True),
    word("number", default=""),  # what the peer was texted from: an answer to it belongs here
    word("message_id"),  # of the thread's last mail: <…> as it came, or "fwd_…" of one of ours
    word("refs", default=""),  # its References, by blanks
    word("subject", default=""),
    time_column("until"),
    Index(None, "tenant_id", "peer"),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

peer_claim = Table(
    "peer_claim",
    metadata,
    id_column("tenant_id", key=True),
    word("peer", key=True),
    id_column("user_id"),  # who looks after the conversation
    time_column("at"),
    Index(None, "tenant_id", "user_id"),
    sqlite_with_rowid=False,
)

peer_reading = Table(
    "peer_reading",
    metadata,
    id_column("tenant_id", key=True),
    id_column("user_id", key=True),
    word("peer", key=True),
    id_column("upto"),  # the newest message that this person has seen
    Index(None, "upto"),
    sqlite_with_rowid=False,
)

peer_note = Table(
    "peer_note",
    metadata,
    id_column(key=True),
    tenant_column(),
    word("peer"),
    id_column("user_id"),
    word("author"),  # as its writer was called then
    Column("body", Text, nullable=False),
    time_column("at"),
    Index(None, "tenant_id", "peer", "id"),
)
