"""Which pool number belongs to which pair for how long, what a peer was last texted from, threads of mail."""

from sqlalchemy import Index, Table

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
