"""key rotation"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

SPARE = (
    ("key_spare_version", sa.Integer()),
    ("key_spare_wrapped", sa.LargeBinary()),
    ("key_since", UtcDateTime(timezone=True)),
)


def upgrade() -> None:
    for table in ("area", "case_"):
        for name, kind in SPARE:
            op.add_column(table, sa.Column(name, kind, nullable=True))
    op.create_table(
        "area_purpose_key",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("purpose", sa.String(length=32), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_area_purpose_key_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "purpose", "version", name=op.f("pk_area_purpose_key")),
    )


def downgrade() -> None:
    """Only where no rotation ever was: a kept key lost is a log whose sealed parts stay closed."""
    waits = "SELECT count(*) FROM area_purpose_key"
    if op.get_bind().execute(sa.text(waits)).scalar_one():
        raise RuntimeError(
            "An area's key was rotated; going back would lose the keys that open older entries."
        )
    op.drop_table("area_purpose_key")
    for table in ("area", "case_"):
        for name, _ in reversed(SPARE):
            op.drop_column(table, name)
