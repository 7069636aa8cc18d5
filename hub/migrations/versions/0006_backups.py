"""backups"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "backup_repository",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("url", sa.Text(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.Column("snapshot", sa.String(length=40), nullable=True),
        sa.Column("snapshot_at", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_backup_repository")),
    )


def downgrade() -> None:
    op.drop_table("backup_repository")
