"""What the panel needs: what people send as, where they are told of things, and what there is to tell."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _people()


def _people() -> None:
    """What somebody sends as, the telephone they are told things on, and what is still to be told."""
    identity = (("identity_kind", "'default'"), ("identity_value", "''"), ("abroad", "'2way'"))
    for name, default in (*identity, ("phone", "''")):
        op.add_column(
            "user_account", sa.Column(name, sa.String(), server_default=sa.text(default), nullable=False)
        )
    op.add_column("user_account", sa.Column("phone_asked", sa.JSON(), nullable=True))
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
