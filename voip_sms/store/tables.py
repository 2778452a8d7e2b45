"""Every table, as SQLAlchemy Core: the same on SQLite and PostgreSQL.

Ids are UUIDv7 in 16 octets, times epoch microseconds (UTC), money integers of 10^-6 currency unit.
A table has `tenant_id NOT NULL` or stands in `OPERATOR_TABLES`. Tables of the hot path have one B-tree where
they can (SQLite: WITHOUT ROWID), no foreign keys, and partial indexes over live rows only.
"""

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _id(name: str = "id", *, key: bool = False, null: bool = False) -> Column[bytes]:
    return Column(name, LargeBinary(16), primary_key=key, nullable=null)


def _tenant() -> Column[bytes]:
    return _id("tenant_id")


def _time(name: str, *, null: bool = False) -> Column[int]:
    return Column(name, BigInteger, nullable=null)


def _word(name: str, *, key: bool = False, null: bool = False, default: str | None = None) -> Column[str]:
    return Column(
        name,
        String,
        primary_key=key,
        nullable=null,
        server_default=None if default is None else text(f"'{default}'"),
    )


def _flag(name: str, *, default: bool) -> Column[bool]:
    return Column(name, Boolean, nullable=False, server_default=text("true" if default else "false"))


def _count(name: str, default: int = 0) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default=text(str(default)))


# --- configuration: the operator's --------------------------------------------------------------------------

generation = Table(
    "generation",
    metadata,
    Column("id", Integer, primary_key=True),  # one row: 1
    Column("n", BigInteger, nullable=False),
)

secret = Table("secret", metadata, _word("name", key=True), Column("value", LargeBinary, nullable=False))

node = Table(
    "node",
    metadata,
    _word("name", key=True),
    _id("boot"),
    _time("seen_at"),
)

tenant = Table(
    "tenant",
    metadata,
    _id(key=True),
    _word("name"),
    _word("price_list", default=""),
    _flag("enabled", default=True),
    _flag("blocked_inbound", default=False),
    _word("timezone", default="UTC"),
    _word("language", default="en"),
    _word("transliterate", default="never"),
    _flag("keep_sent_text", default=True),
    UniqueConstraint("name"),
)

carrier = Table(
    "carrier",
    metadata,
    _word("name", key=True),
    _word("kind"),
    Column("settings", JSON, nullable=False),
    _flag("enabled", default=True),
)

route = Table(
    "route",
    metadata,
    _word("prefix", key=True),
    _word("carrier", key=True),
    _count("priority"),
)

price_list = Table(
    "price_list",
    metadata,
    _word("name", key=True),
    Column("valid_from", BigInteger, primary_key=True),
    _word("currency"),
)

rate = Table(
    "rate",
    metadata,
    _word("price_list", key=True),
    Column("valid_from", BigInteger, primary_key=True),
    _word("prefix", key=True),
    Column("amount", BigInteger, nullable=False),
)

pool = Table(
    "pool",
    metadata,
    _word("name", key=True),
    _word("carrier"),
    Column("window_us", BigInteger, nullable=False),
)

pool_number = Table("pool_number", metadata, _word("e164", key=True), _word("pool"))

# --- configuration: the tenants' ----------------------------------------------------------------------------

api_key = Table(
    "api_key",
    metadata,
    _id(key=True),
    _tenant(),
    _word("name"),
    Column("hash", LargeBinary(32), nullable=False),  # SHA-256 of the token
    _word("hint"),  # the token's first characters, to recognise it
    Column("scopes", JSON, nullable=False),
    _word("identity_kind"),
    _word("identity_value", default=""),
    _word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    _flag("enabled", default=True),
    _time("created_at"),
    UniqueConstraint("tenant_id", "name"),
    UniqueConstraint("hash"),
)

sip_account = Table(
    "sip_account",
    metadata,
    _id(key=True),
    _tenant(),
    _word("user"),
    Column("ha1", JSON, nullable=False),  # {"MD5": hex, "SHA-256": hex}
    _word("identity_kind"),
    _word("identity_value", default=""),
    _word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    _word("language", default="en"),
    _flag("enabled", default=True),
    UniqueConstraint("user"),
)

mail_sender = Table(
    "mail_sender",
    metadata,
    _id(key=True),
    _tenant(),
    _word("address"),
    _word("secret_hash", null=True),
    _word("token", null=True),
    _word("identity_kind"),
    _word("identity_value", default=""),
    _word("abroad", default="2way"),  # 2way | random: what an own number sends from to other countries
    Column("options", JSON, nullable=False),
    _flag("enabled", default=True),
    UniqueConstraint("address"),
)

sender_name = Table(
    "sender_name",
    metadata,
    _id(key=True),
    _tenant(),
    _word("name"),
    _word("status"),
    _word("reason", default=""),
    UniqueConstraint("tenant_id", "name"),
)

number = Table(
    "number",
    metadata,
    _id(key=True),
    _tenant(),
    _word("e164"),
    _word("kind"),
    _word("carrier"),
    _flag("forwarding", default=True),
    UniqueConstraint("e164"),
)

forward = Table(
    "forward",
    metadata,
    _id(key=True),
    _tenant(),
    _word("number", null=True),  # E.164; null: the tenant's own subscription to events
    _word("kind"),
    Column("targets", JSON, nullable=False),
    _flag("verified", default=False),
    _word("secret", default=""),
    _word("mode", default="standard"),
    Column("events", JSON, nullable=False),
    _flag("enabled", default=True),
    _word("disabled_reason", default=""),
    _time("created_at"),
    Index(None, "tenant_id", "number"),
)

blacklist = Table(
    "blacklist",
    metadata,
    _id(key=True),
    _tenant(),
    _word("match"),
    _word("value"),
    _time("created_at"),
    UniqueConstraint("tenant_id", "match", "value"),
)

contact_group = Table(
    "contact_group",
    metadata,
    _id(key=True),
    _tenant(),
    _word("name"),
    Column("numbers", JSON, nullable=False),
    UniqueConstraint("tenant_id", "name"),
)

# --- messages -----------------------------------------------------------------------------------------------

message = Table(
    "message",
    metadata,
    _id(key=True),
    _tenant(),
    _id("submission_id"),
    _word("direction"),
    _word("status"),
    _word("account"),  # "sip:101"
    _word("door"),
    _word("sender"),
    _word("sender_kind"),
    _word("recipient"),
    _word("encoding"),
    Column("parts", SmallInteger, nullable=False),
    Column("price", BigInteger, nullable=True),
    _word("currency", default=""),
    _word("carrier", default=""),
    _word("pool", default=""),
    Column("reference", Integer, nullable=False, server_default=text("0")),  # of its parts, 0-65535
    _word("client_ref", null=True),
    Column("priority", SmallInteger, nullable=False),
    _time("created_at"),
    _time("send_at", null=True),
    _time("expires_at"),
    _flag("possible_duplicate", default=False),
    _word("error_code", null=True),
    _word("error_detail", null=True),
    _word("flags", default=""),
    _id("cause", null=True),
    Column("trace", Text, nullable=False),  # JSON [[step, decision, reason], …]
    Index(None, "tenant_id", "id"),
    Index(None, "submission_id"),
    # housekeeping: what must reach a terminal state by itself
    Index(
        "ix_message_open",
        "expires_at",
        sqlite_where=text("status IN ('accepted','scheduled','queued','sending','sent')"),
        postgresql_where=text("status IN ('accepted','scheduled','queued','sending','sent')"),
    ),
    sqlite_with_rowid=False,
)

message_text = Table(
    "message_text",
    metadata,
    _id("message_id", key=True),
    _tenant(),
    Column("body", Text, nullable=False),
    sqlite_with_rowid=False,
)

message_event = Table(
    "message_event",
    metadata,
    _id("message_id", key=True),
    _id("id", key=True),
    _tenant(),
    _time("at"),
    _word("status"),
    _word("cause", default=""),
    Column("part", SmallInteger, nullable=False, server_default=text("0")),  # 0: the whole message
    sqlite_with_rowid=False,
)

_LIVE = "state IN ('queued','sending')"

part = Table(
    "part",
    metadata,
    _id("message_id", key=True),
    Column("no", SmallInteger, primary_key=True),
    _tenant(),
    _word("carrier"),
    _word("pair"),  # "originator>recipient": order holds within it
    Column("priority", SmallInteger, nullable=False),
    _word("state"),  # queued, sending, then a status of core/status.py
    _time("due_at"),
    _time("expires_at"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    _word("claimed_by", null=True),  # node name
    _time("claimed_until", null=True),
    _word("carrier_ref", null=True),  # the carrier's id in its canonical spelling
    _word("carrier_raw", null=True),  # and as it came
    _time("sent_at", null=True),
    _flag("possible_duplicate", default=False),
    _word("cause", default=""),
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
    _tenant(),
    Column("fingerprint", LargeBinary(32), nullable=False),
    _id("submission_id"),
    _time("created_at"),
    Column("items", Text, nullable=False),  # JSON [[to, message id hex or null, code, detail], …]
    Index(None, "created_at"),
    sqlite_with_rowid=False,
)

# --- money --------------------------------------------------------------------------------------------------

balance = Table(
    "balance",
    metadata,
    _id("tenant_id", key=True),
    _word("currency"),
    Column("credit", BigInteger, nullable=False),
    Column("reserved", BigInteger, nullable=False, server_default=text("0")),
    Column("settled", BigInteger, nullable=False, server_default=text("0")),
)

ledger = Table(
    "ledger",
    metadata,
    # UNIQUE(message, part, phase) makes charging exactly-once: a part is reserved once (part 0: all parts
    # together) and finished once, by settling or by releasing.
    _id("message_id", key=True),
    Column("part", SmallInteger, primary_key=True),
    _word("phase", key=True),  # reserve | final
    _tenant(),
    _word("kind"),  # reserve | settle | release
    Column("amount", BigInteger, nullable=False),
    _word("currency"),
    _time("at"),
    sqlite_with_rowid=False,
)

# --- 2way and conversations ---------------------------------------------------------------------------------

lease = Table(
    "lease",
    metadata,
    _word("number", key=True),
    _word("peer", key=True),
    _tenant(),
    _word("account"),
    _word("pool"),
    _time("until"),  # replies count until then
    _time("rest_until"),  # and nobody else gets the pair until then
    Index(None, "pool", "peer"),
    Index(None, "rest_until"),
    sqlite_with_rowid=False,
)

conversation = Table(
    "conversation",
    metadata,
    _id("tenant_id", key=True),
    _word("account", key=True),
    _word("peer", key=True),
    _word("number"),  # the own number last texted
    _time("until"),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

# --- inbound ------------------------------------------------------------------------------------------------

inbound_seen = Table(
    "inbound_seen",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),
    _time("seen_at"),
    Index(None, "seen_at"),
    sqlite_with_rowid=False,
)

inbound_part = Table(
    "inbound_part",
    metadata,
    _word("carrier", key=True),
    _word("sender", key=True),
    _word("recipient", key=True),
    Column("reference", Integer, primary_key=True),
    Column("total", SmallInteger, primary_key=True),
    Column("no", SmallInteger, primary_key=True),
    _word("encoding"),
    Column("body", Text, nullable=False),
    _time("received_at"),
    Index(None, "received_at"),
)

quarantine = Table(
    "quarantine",
    metadata,
    _id(key=True),
    _word("carrier"),
    _word("sender"),
    _word("recipient"),
    Column("body", Text, nullable=False),
    _word("reason"),
    _time("received_at"),
)

orphan_receipt = Table(
    "orphan_receipt",
    metadata,
    _id(key=True),
    _word("carrier"),
    _word("carrier_ref"),
    _word("status", null=True),
    _word("cause", default=""),
    _time("at", null=True),
    _word("raw", default=""),
    _time("received_at"),
    Index(None, "carrier", "carrier_ref"),
    Index(None, "received_at"),
)

# --- what goes to customers ---------------------------------------------------------------------------------

binding = Table(
    "binding",
    metadata,
    _id("account_id", key=True),
    _word("contact", key=True),
    _tenant(),
    _word("user"),
    _word("source"),
    _word("transport"),
    _word("flow", default=""),
    _word("call_id"),
    Column("cseq", BigInteger, nullable=False),
    Column("q", Integer, nullable=False, server_default=text("1000")),  # thousandths
    _time("expires_at"),
    _time("updated_at"),
    Index(None, "flow"),
    Index(None, "expires_at"),
)

_WAITING = "state IN ('queued','sending')"

forward_job = Table(
    "forward_job",
    metadata,
    _id(key=True),
    _tenant(),
    _id("message_id"),
    _id("rule_id", null=True),
    _word("kind"),
    _word("target"),
    _word("event"),
    _word("state"),  # queued, sending, done, failed, expired
    _time("due_at"),
    _time("expires_at"),
    Column("attempts", SmallInteger, nullable=False, server_default=text("0")),
    _word("order_key", null=True),  # jobs with the same key go one after the other
    _word("claimed_by", null=True),
    _time("claimed_until", null=True),
    _word("cause", default=""),
    _time("created_at"),
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
    Index(None, "message_id"),
    Index(None, "tenant_id", "id"),
)

loop_guard = Table(
    "loop_guard",
    metadata,
    Column("digest", LargeBinary(32), primary_key=True),  # SHA-256 of a text that a paid forward sent out
    _time("until"),
    Index(None, "until"),
    sqlite_with_rowid=False,
)

forward_attempt = Table(
    "forward_attempt",
    metadata,
    _id("job_id", key=True),
    Column("no", SmallInteger, primary_key=True),
    _tenant(),
    _time("at"),
    _word("outcome"),
    _word("cause", default=""),
)

OPERATOR_TABLES = frozenset(
    {
        "generation",
        "secret",
        "node",
        "tenant",
        "carrier",
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
    }
)
"""Tables whose rows are the operator's, or not yet anybody's."""
