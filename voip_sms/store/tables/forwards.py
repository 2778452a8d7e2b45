"""What goes to customers: SIP bindings, jobs with their attempts, and the guard against loops."""

from sqlalchemy import JSON, BigInteger, Column, Index, Integer, LargeBinary, SmallInteger, Table, text

from voip_sms.store.tables.columns import flag, id_column, metadata, tenant_column, time_column, word

binding = Table(
    "binding",
    metadata,
    id_column("account_id", key=True),
    word("contact", key=True),
    tenant_column(),
    word("user"),
    word("source"),
    word("transport"),
    word("flow", default=""),
    word("call_id"),
    Column("cseq", BigInteger, nullable=False),
    Column("q", Integer, nullable=False, server_default=text("1000")),  # thousandths
    time_column("expires_at"),
    time_column("updated_at"),
    word("agent", default=""),  # User-Agent of the REGISTER
    flag("cpim", default=False),  # it has written in message/cpim, so it can read it
    word("host", default=""),  # what it calls us where that isn't sip.domain
    Index(None, "flow"),
    Index(None, "expires_at"),
)

_WAITING = "state IN ('queued','sending')"
_GIVEN_UP = "state IN ('failed','expired')"
_WEBHOOK = "kind = 'webhook'"

forward_job = Table(
    "forward_job",
    metadata,
    id_column(key=True),
    tenant_column(),
    id_column("message_id"),
    id_column("rule_id", null=True),
    word("kind"),
    word("target"),
    word("event"),
    word("state"),  # queued, sending, done, failed, expired, fell_back
    time_column("due_at"),
    time_column("expires_at"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    word("order_key", null=True),  # jobs with the same key go one after the other
    word("claimed_by", null=True),
    time_column("claimed_until", null=True),
    word("cause", default=""),
    time_column("created_at"),
    time_column("displayed_at", null=True),  # when a phone told that it was read (IMDN)
    # attempts before the last replay: the schedule began anew after them
    Column("tries_before", SmallInteger, nullable=False, server_default=text("0")),
    # {contact: characters}: of a text in pieces, what each phone has read so far
    Column("taken", JSON(none_as_null=True)),
    word("instead_of", null=True),  # the SIP user whose phones did not take it in time
    # what a mail says beside its message: its thread; or all of it, where it is about no message
    Column("payload", JSON(none_as_null=True)),
    Index(
        "ix_forward_job_due",
        "due_at",
        sqlite_where=text("state = 'queued'"),
        postgresql_where=text("state = 'queued'"),
    ),
    Index(
        "ix_forward_job_order",
        "order_key",
        "id",
        sqlite_where=text(_WAITING),
        postgresql_where=text(_WAITING),
    ),
    Index(
        "ix_forward_job_claimed",
        "claimed_until",
        sqlite_where=text("state = 'sending'"),
        postgresql_where=text("state = 'sending'"),
    ),
    Index(
        "ix_forward_job_given_up",
        "tenant_id",
        "kind",
        "id",
        sqlite_where=text(_GIVEN_UP),
        postgresql_where=text(_GIVEN_UP),
    ),
    # only webhooks are listed by their rule; the jobs for phones, of which there are more, do without
    Index(
        "ix_forward_job_rule",
        "tenant_id",
        "rule_id",
        "id",
        sqlite_where=text(_WEBHOOK),
        postgresql_where=text(_WEBHOOK),
    ),
    Index(None, "message_id"),
    Index(None, "tenant_id", "kind", "id"),
)

loop_guard = Table(
    "loop_guard",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),  # SHA-256 of a text that a paid forward sent out
    time_column("until"),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

forward_attempt = Table(
    "forward_attempt",
    metadata,
    id_column("job_id", key=True),
    Column("no", SmallInteger, primary_key=True),
    tenant_column(),
    time_column("at"),
    word("outcome"),
    word("cause", default=""),
    Column("contacts", JSON(none_as_null=True)),  # [[contact, cause], …]: what each phone answered
)

disposition = Table(
    "disposition",
    metadata,
    id_column("message_id", key=True),
    tenant_column(),
    word("imdn_id"),  # Message-ID of the sender's CPIM (RFC 5438 6.3): receipts name it
    word("peer", default=""),  # the URI it was written to: receipts come from there
    word("wants"),  # of delivered, failed, displayed: those asked for, by blanks
)
