"""what read each version, and what of it could not be read"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    with op.batch_alter_table("document_version") as batch_op:
        batch_op.add_column(sa.Column("reader", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("recogniser", sa.String(length=60), nullable=True))
        batch_op.add_column(sa.Column("unread", sa.Integer(), nullable=True))
        batch_op.add_column(sa.Column("tried_at", UtcDateTime(), nullable=True))
        batch_op.create_index("ix_document_version_unread", ["unread"], unique=False)


def downgrade() -> None:
    with op.batch_alter_table("document_version") as batch_op:
        batch_op.drop_index("ix_document_version_unread")
        batch_op.drop_column("tried_at")
        batch_op.drop_column("unread")
        batch_op.drop_column("recogniser")
        batch_op.drop_column("reader")
