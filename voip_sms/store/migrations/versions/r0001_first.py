"""The first schema: everything that one message needs on its way.

Why so long: a revision is a frozen record of every column, made once and never read for pleasure.
"""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    for create in (
        _generation,
        _secret,
        _operator_key,
        _node,
        _carrier,
        _route,
        _price_list,
        _rate,
        _pool,
        _pool_number,
        _tenant,
        _api_key,
        _sip_account,
        _mail_sender,
        _sender_name,
        _number,
        _forward,
        _blacklist,
        _contact_group,
        _message,
        _message_text,
        _message_event,
        _part,
        _idempotency,
        _balance,
        _ledger,
        _lease,
        _conversation,
        _inbound_seen,
        _inbound_part,
        _quarantine,
        _orphan_receipt,
        _binding,
        _forward_job,
        _loop_guard,
        _forward_attempt,
    ):
        create()
    op.execute("INSERT INTO generation (id, n) VALUES (1, 0)")


def _generation() -> None:
    op.create_table(
        "generation",
        sa.Column("id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_generation")),
    )


def _secret() -> None:
    op.create_table(
        "secret",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_secret")),
    )


def _operator_key() -> None:
    op.create_table(
        "operator_key",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_operator_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_operator_key_hash")),
    )


def _node() -> None:
    op.create_table(
        "node",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("boot", sa.LargeBinary(length=16), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_node")),
    )


def _carrier() -> None:
    op.create_table(
        "carrier",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_carrier")),
    )


def _route() -> None:
    op.create_table(
        "route",
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("priority", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("prefix", "carrier", name=op.f("pk_route")),
    )


def _price_list() -> None:
    op.create_table(
        "price_list",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("name", "valid_from", name=op.f("pk_price_list")),
    )


def _rate() -> None:
    op.create_table(
        "rate",
        sa.Column("price_list", sa.String(), nullable=False),
        sa.Column("valid_from", sa.BigInteger(), nullable=False),
        sa.Column("prefix", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("price_list", "valid_from", "prefix", name=op.f("pk_rate")),
    )


def _pool() -> None:
    op.create_table(
        "pool",
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("window_us", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_pool")),
    )


def _pool_number() -> None:
    op.create_table(
        "pool_number",
        sa.Column("e164", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("e164", name=op.f("pk_pool_number")),
    )


def _tenant() -> None:
    op.create_table(
        "tenant",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("price_list", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("blocked_inbound", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("timezone", sa.String(), server_default=sa.text("'UTC'"), nullable=False),
        sa.Column("language", sa.String(), server_default=sa.text("'en'"), nullable=False),
        sa.Column("transliterate", sa.String(), server_default=sa.text("'never'"), nullable=False),
        sa.Column("keep_sent_text", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("mail_limits", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_tenant")),
        sa.UniqueConstraint("name", name=op.f("uq_tenant_name")),
    )


def _api_key() -> None:
    op.create_table(
        "api_key",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("hint", sa.String(), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_value", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("abroad", sa.String(), server_default=sa.text("'2way'"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_api_key")),
        sa.UniqueConstraint("hash", name=op.f("uq_api_key_hash")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_api_key_tenant_id_name")),
    )


def _sip_account() -> None:
    op.create_table(
        "sip_account",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("ha1", sa.JSON(), nullable=False),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_value", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("abroad", sa.String(), server_default=sa.text("'2way'"), nullable=False),
        sa.Column("language", sa.String(), server_default=sa.text("'en'"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sip_account")),
        sa.UniqueConstraint("user", name=op.f("uq_sip_account_user")),
    )


def _mail_sender() -> None:
    op.create_table(
        "mail_sender",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("address", sa.String(), nullable=False),
        sa.Column("secret_hash", sa.String(), nullable=True),
        sa.Column("token", sa.String(), nullable=True),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_value", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("abroad", sa.String(), server_default=sa.text("'2way'"), nullable=False),
        sa.Column("options", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail_sender")),
        sa.UniqueConstraint("address", name=op.f("uq_mail_sender_address")),
    )


def _sender_name() -> None:
    op.create_table(
        "sender_name",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sender_name")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_sender_name_tenant_id_name")),
    )


def _number() -> None:
    op.create_table(
        "number",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("e164", sa.String(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("forwarding", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_number")),
        sa.UniqueConstraint("e164", name=op.f("uq_number_e164")),
    )


def _forward() -> None:
    op.create_table(
        "forward",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("targets", sa.JSON(), nullable=False),
        sa.Column("verified", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("secret", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("mode", sa.String(), server_default=sa.text("'standard'"), nullable=False),
        sa.Column("events", sa.JSON(), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("disabled_reason", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forward")),
    )
    op.create_index(op.f("ix_forward_tenant_id_number"), "forward", ["tenant_id", "number"], unique=False)


def _blacklist() -> None:
    op.create_table(
        "blacklist",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("match", sa.String(), nullable=False),
        sa.Column("value", sa.String(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_blacklist")),
        sa.UniqueConstraint("tenant_id", "match", "value", name=op.f("uq_blacklist_tenant_id_match_value")),
    )


def _contact_group() -> None:
    op.create_table(
        "contact_group",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("numbers", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_contact_group")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_contact_group_tenant_id_name")),
    )


def _message() -> None:
    op.create_table(
        "message",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("submission_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("direction", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("door", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("sender_kind", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("parts", sa.SmallInteger(), nullable=False),
        sa.Column("price", sa.BigInteger(), nullable=True),
        sa.Column("currency", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("carrier", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("pool", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("reference", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("client_ref", sa.String(), nullable=True),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("send_at", sa.BigInteger(), nullable=True),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("possible_duplicate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("error_code", sa.String(), nullable=True),
        sa.Column("error_detail", sa.String(), nullable=True),
        sa.Column("flags", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("cause", sa.LargeBinary(length=16), nullable=True),
        sa.Column("trace", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_message_client_ref",
        "message",
        ["tenant_id", "client_ref"],
        unique=False,
        sqlite_where=sa.text("client_ref IS NOT NULL"),
        postgresql_where=sa.text("client_ref IS NOT NULL"),
    )
    op.create_index(
        "ix_message_open",
        "message",
        ["expires_at"],
        unique=False,
        sqlite_where=sa.text("status IN ('accepted','scheduled','queued','sending','sent')"),
        postgresql_where=sa.text("status IN ('accepted','scheduled','queued','sending','sent')"),
    )
    op.create_index(op.f("ix_message_submission_id"), "message", ["submission_id"], unique=False)
    op.create_index(op.f("ix_message_tenant_id_id"), "message", ["tenant_id", "id"], unique=False)


def _message_text() -> None:
    op.create_table(
        "message_text",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_message_text")),
        sqlite_with_rowid=False,
    )


def _message_event() -> None:
    op.create_table(
        "message_event",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("status", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("part", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "id", name=op.f("pk_message_event")),
        sqlite_with_rowid=False,
    )


def _part() -> None:
    op.create_table(
        "part",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("no", sa.SmallInteger(), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("pair", sa.String(), nullable=False),
        sa.Column("priority", sa.SmallInteger(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("carrier_ref", sa.String(), nullable=True),
        sa.Column("carrier_raw", sa.String(), nullable=True),
        sa.Column("sent_at", sa.BigInteger(), nullable=True),
        sa.Column("possible_duplicate", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "no", name=op.f("pk_part")),
        sqlite_with_rowid=False,
    )
    op.create_index(
        "ix_part_carrier_ref",
        "part",
        ["carrier", "carrier_ref"],
        unique=False,
        sqlite_where=sa.text("carrier_ref IS NOT NULL"),
        postgresql_where=sa.text("carrier_ref IS NOT NULL"),
    )
    op.create_index(
        "ix_part_claimed",
        "part",
        ["claimed_by", "claimed_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_part_due",
        "part",
        ["carrier", "priority", "due_at", "message_id", "no"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "ix_part_pair",
        "part",
        ["pair", "priority", "message_id", "no"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued','sending')"),
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )


def _idempotency() -> None:
    op.create_table(
        "idempotency",
        sa.Column("key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("submission_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.Column("items", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_idempotency")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_idempotency_created_at"), "idempotency", ["created_at"], unique=False)


def _balance() -> None:
    op.create_table(
        "balance",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("credit", sa.BigInteger(), nullable=False),
        sa.Column("reserved", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("settled", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", name=op.f("pk_balance")),
    )


def _ledger() -> None:
    op.create_table(
        "ledger",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("part", sa.SmallInteger(), nullable=False),
        sa.Column("phase", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("amount", sa.BigInteger(), nullable=False),
        sa.Column("currency", sa.String(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", "part", "phase", name=op.f("pk_ledger")),
        sqlite_with_rowid=False,
    )


def _lease() -> None:
    op.create_table(
        "lease",
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("pool", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("rest_until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number", "peer", name=op.f("pk_lease")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_lease_peer"), "lease", ["peer"], unique=False)
    op.create_index(op.f("ix_lease_rest_until"), "lease", ["rest_until"], unique=False)


def _conversation() -> None:
    op.create_table(
        "conversation",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account", "peer", name=op.f("pk_conversation")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_conversation_until"), "conversation", ["until"], unique=False)


def _inbound_seen() -> None:
    op.create_table(
        "inbound_seen",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("seen_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_inbound_seen")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_inbound_seen_seen_at"), "inbound_seen", ["seen_at"], unique=False)


def _inbound_part() -> None:
    op.create_table(
        "inbound_part",
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("reference", sa.Integer(), nullable=False),
        sa.Column("total", sa.SmallInteger(), nullable=False),
        sa.Column("no", sa.SmallInteger(), nullable=False),
        sa.Column("encoding", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint(
            "carrier", "sender", "recipient", "reference", "total", "no", name=op.f("pk_inbound_part")
        ),
    )
    op.create_index(op.f("ix_inbound_part_received_at"), "inbound_part", ["received_at"], unique=False)


def _quarantine() -> None:
    op.create_table(
        "quarantine",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("sender", sa.String(), nullable=False),
        sa.Column("recipient", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_quarantine")),
    )
    op.create_index(op.f("ix_quarantine_received_at"), "quarantine", ["received_at"], unique=False)


def _orphan_receipt() -> None:
    op.create_table(
        "orphan_receipt",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("carrier_ref", sa.String(), nullable=False),
        sa.Column("status", sa.String(), nullable=True),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=True),
        sa.Column("raw", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("received_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_orphan_receipt")),
    )
    op.create_index(
        op.f("ix_orphan_receipt_carrier_carrier_ref"),
        "orphan_receipt",
        ["carrier", "carrier_ref"],
        unique=False,
    )
    op.create_index(op.f("ix_orphan_receipt_received_at"), "orphan_receipt", ["received_at"], unique=False)


def _binding() -> None:
    op.create_table(
        "binding",
        sa.Column("account_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("contact", sa.String(), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user", sa.String(), nullable=False),
        sa.Column("source", sa.String(), nullable=False),
        sa.Column("transport", sa.String(), nullable=False),
        sa.Column("flow", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("call_id", sa.String(), nullable=False),
        sa.Column("cseq", sa.BigInteger(), nullable=False),
        sa.Column("q", sa.Integer(), server_default=sa.text("1000"), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("updated_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("account_id", "contact", name=op.f("pk_binding")),
    )
    op.create_index(op.f("ix_binding_expires_at"), "binding", ["expires_at"], unique=False)
    op.create_index(op.f("ix_binding_flow"), "binding", ["flow"], unique=False)


def _forward_job() -> None:
    op.create_table(
        "forward_job",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("rule_id", sa.LargeBinary(length=16), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("target", sa.String(), nullable=False),
        sa.Column("event", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("due_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("attempts", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("order_key", sa.String(), nullable=True),
        sa.Column("claimed_by", sa.String(), nullable=True),
        sa.Column("claimed_until", sa.BigInteger(), nullable=True),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("created_at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_forward_job")),
    )
    op.create_index(
        "ix_forward_job_claimed",
        "forward_job",
        ["claimed_until"],
        unique=False,
        sqlite_where=sa.text("state = 'sending'"),
        postgresql_where=sa.text("state = 'sending'"),
    )
    op.create_index(
        "ix_forward_job_due",
        "forward_job",
        ["due_at"],
        unique=False,
        sqlite_where=sa.text("state = 'queued'"),
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(op.f("ix_forward_job_message_id"), "forward_job", ["message_id"], unique=False)
    op.create_index(
        "ix_forward_job_order",
        "forward_job",
        ["order_key", "id"],
        unique=False,
        sqlite_where=sa.text("state IN ('queued','sending')"),
        postgresql_where=sa.text("state IN ('queued','sending')"),
    )
    op.create_index(op.f("ix_forward_job_tenant_id_id"), "forward_job", ["tenant_id", "id"], unique=False)


def _loop_guard() -> None:
    op.create_table(
        "loop_guard",
        sa.Column("digest", sa.LargeBinary(length=32), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("digest", name=op.f("pk_loop_guard")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_loop_guard_until"), "loop_guard", ["until"], unique=False)


def _forward_attempt() -> None:
    op.create_table(
        "forward_attempt",
        sa.Column("job_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("no", sa.SmallInteger(), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.String(), nullable=False),
        sa.Column("cause", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.PrimaryKeyConstraint("job_id", "no", name=op.f("pk_forward_attempt")),
    )
