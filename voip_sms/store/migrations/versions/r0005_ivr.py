"""What calls need: flows with their senders and limits; and where the phones of a SIP account are."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ivr_flow",
        sa.Column("id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("tenant_id", sa.LargeBinary(length=16), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("identity_kind", sa.String(), nullable=False),
        sa.Column("identity_value", sa.String(), server_default=sa.text("''"), nullable=False),
        sa.Column("abroad", sa.String(), server_default=sa.text("'2way'"), nullable=False),
        sa.Column("language", sa.String(), server_default=sa.text("'en'"), nullable=False),
        sa.Column("limits", sa.JSON(), server_default=sa.text("'{}'"), nullable=False),
        sa.Column("enabled", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ivr_flow")),
        sa.UniqueConstraint("tenant_id", "name", name=op.f("uq_ivr_flow_tenant_id_name")),
    )
    op.add_column(
        "sip_account", sa.Column("via", sa.String(), server_default=sa.text("'direct'"), nullable=False)
    )
