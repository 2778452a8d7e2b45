"""Lists of hand-overs by kind and by rule are found by an index, however many others there are."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_index("ix_forward_job_tenant_id_id", "forward_job")
    op.create_index(op.f("ix_forward_job_tenant_id_kind_id"), "forward_job", ["tenant_id", "kind", "id"])
    op.drop_index("ix_forward_job_given_up", "forward_job")
    given_up = sa.text("state IN ('failed','expired')")
    op.create_index(
        "ix_forward_job_given_up",
        "forward_job",
        ["tenant_id", "kind", "id"],
        sqlite_where=given_up,
        postgresql_where=given_up,
    )
    webhook = sa.text("kind = 'webhook'")
    op.create_index(
        "ix_forward_job_rule",
        "forward_job",
        ["tenant_id", "rule_id", "id"],
        sqlite_where=webhook,
        postgresql_where=webhook,
    )
