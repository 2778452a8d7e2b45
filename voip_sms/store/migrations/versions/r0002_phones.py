"""What phones in the wild need: what a contact can read, what each one answered, receipts between people."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("binding", sa.Column("agent", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("binding", sa.Column("cpim", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    op.add_column("binding", sa.Column("host", sa.String(), server_default=sa.text("''"), nullable=False))
    op.add_column("sip_account", sa.Column("fallback", sa.JSON(), nullable=True))
    op.add_column("forward", sa.Column("secret_before", sa.String(), nullable=True))
    op.add_column("forward", sa.Column("secret_before_until", sa.BigInteger(), nullable=True))
    op.add_column("forward_job", sa.Column("displayed_at", sa.BigInteger(), nullable=True))
    op.add_column(
        "forward_job",
        sa.Column("tries_before", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
    )
    op.add_column("forward_job", sa.Column("taken", sa.JSON(), nullable=True))
    op.add_column("forward_job", sa.Column("instead_of", sa.String(), nullable=True))
    given_up = sa.text("state IN ('failed','expired')")
    op.create_index(
        "ix_forward_job_given_up",
        "forward_job",
        ["tenant_id", "id"],
        unique=False,
        sqlite_where=given_up,
        postgresql_where=given_up,
    )
    op.add_column("forward_attempt", sa.Column("contacts", sa.JSON(), nullable=True))
    op.create_table(
        "disposition",
        sa.Column("message_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("imdn_id", sa.String(), nullable=False),
        sa.Column("peer", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("wants", sa.String(), nullable=False),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_disposition")),
    )
    op.create_table(
        "carrier_bind",
        sa.Column("carrier", sa.String(), nullable=False),
        sa.Column("node", sa.String(), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("carrier", name=op.f("pk_carrier_bind")),
    )
