"""What the mail gateway needs: what senders have used up, threads, keywords bound to mailboxes."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "usage",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("scope", sa.String(), nullable=False),
        sa.Column("period", sa.String(), nullable=False),
        sa.Column("n", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("told", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "scope", "period", name=op.f("pk_usage")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_usage_until"), "usage", ["until"], unique=False)
    op.create_table(
        "mail_thread",
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("account", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), nullable=False),
        sa.Column("number", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("message_id", sa.String(), nullable=False),
        sa.Column("refs", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("subject", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("tenant_id", "account", "peer", name=op.f("pk_mail_thread")),
        sqlite_with_rowid=False,
    )
    op.create_index(op.f("ix_mail_thread_tenant_id_peer"), "mail_thread", ["tenant_id", "peer"], unique=False)
    op.create_index(op.f("ix_mail_thread_until"), "mail_thread", ["until"], unique=False)
    op.create_table(
        "keyword",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("number", sa.String(), nullable=False),
        sa.Column("word", sa.String(), nullable=False),
        sa.Column("folded", sa.String(), nullable=False),
        sa.Column("mail", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_keyword")),
        sa.UniqueConstraint("number", "folded", name=op.f("uq_keyword_number_folded")),
    )
    op.add_column("forward_job", sa.Column("payload", sa.JSON(), nullable=True))
