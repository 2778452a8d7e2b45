"""What the panel needs: what people send as, who looks after which number, indexes of lists of messages."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()
    _conversations()
    _lists_of_messages()
    _number_proofs()
    _tally()


def _people() -> None:
    """What somebody sends as, the telephone they are told things on, and what is still to be told."""
    identity = (("identity_kind", "'default'"), ("identity_value", "''"), ("abroad", "'2way'"))
    for name, default in (*identity, ("phone", "''")):
        op.add_column(
            "user_account", sa.Column(name, sa.String(), server_default=sa.text(default), nullable=False)
        )
    op.add_column(
        "tenant", sa.Column("balance_low", sa.BigInteger(), server_default=sa.text("0"), nullable=False)
    )
    op.add_column(
        "balance", sa.Column("low_told", sa.Boolean(), server_default=sa.text("false"), nullable=False)
    )
    op.create_table(
        "notice",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("about", sa.JSON(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notice")),
    )


def _conversations() -> None:
    """Who looks after a number, how far each person has read what it wrote, and notes about it."""
    op.create_table(
        "peer_claim",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "peer", name=op.f("pk_peer_claim")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_peer_claim_tenant_id_user_id"), "peer_claim", ["tenant_id", "user_id"])
    op.create_table(
        "peer_reading",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("upto", sa.LargeBinary(length=16), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "user_id", "peer", name=op.f("pk_peer_reading")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_peer_reading_upto"), "peer_reading", ["upto"])
    op.create_table(
        "peer_note",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("user_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("author", sa.String(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_peer_note")),
    )
    op.create_index(op.f("ix_peer_note_tenant_id_peer_id"), "peer_note", ["tenant_id", "peer", "id"])


def _lists_of_messages() -> None:
    """Conversations, what came in, and what went wrong are found among a million others."""
    peer = sa.text("(CASE WHEN direction = 'inbound' THEN sender ELSE recipient END)")
    op.create_index("ix_message_peer", "message", ["tenant_id", peer, "id"])
    received = sa.text("direction = 'inbound'")
    op.create_index(
        "ix_message_received",
        "message",
        ["tenant_id", "id"],
        sqlite_where=received,
        postgresql_where=received,
    )
    wanted = sa.text("direction = 'inbound' AND error_code IS NULL")
    op.create_index(
        "ix_message_from",
        "message",
        ["tenant_id", "sender", "id"],
        sqlite_where=wanted,
        postgresql_where=wanted,
    )
    bad = sa.text("status IN ('undelivered','expired','failed')")
    op.create_index(
        "ix_message_bad",
        "message",
        ["tenant_id", "id"],
        sqlite_where=bad,
        postgresql_where=bad,
    )


def _tally() -> None:
    """What is counted over time for the operator's charts."""
    op.create_table(
        "tally",
        sa.Column("at", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(), nullable=False),
        sa.Column("what", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("n", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("at", "subject", "what", "node", name=op.f("pk_tally")),
        sqlite_with_rowid=False,
    )


def _number_proofs() -> None:
    """Codes that were sent to phones which a tenant wants to forward to, and what was blocked."""
    op.create_table(
        "number_proof",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("code_hash", sa.String(), nullable=True),
        sa.Column("tries", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("sent", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("since", sa.BigInteger(), nullable=False),
        sa.Column("sent_at", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.BigInteger(), nullable=False),
        sa.Column("proven_at", sa.BigInteger(), nullable=True),
        sa.PrimaryKeyConstraint("tenant_id", "number", name=op.f("pk_number_proof")),
    )
    op.create_index(op.f("ix_number_proof_expires_at"), "number_proof", ["expires_at"])
    blocked = sa.text("error_code = 'blocked'")
    op.create_index(
        "ix_message_blocked",
        "message",
        ["tenant_id", "id"],
        sqlite_where=blocked,
        postgresql_where=blocked,
    )
