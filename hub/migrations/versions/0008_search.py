"""search: a shard for each audience of a case, saved searches"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Shards of the first format stay as they are until they are made anew: by the sweep after the start, or when searched."""
    with op.batch_alter_table("case_shard", recreate="always") as table:
        table.add_column(sa.Column("shelf", sa.String(length=26), nullable=False, server_default=""))
        table.add_column(sa.Column("format", sa.Integer(), nullable=False, server_default="1"))
        table.drop_constraint(op.f("pk_case_shard"), type_="primary")
        table.create_primary_key(op.f("pk_case_shard"), ["case_id", "shelf"])
    with op.batch_alter_table("case_shard") as table:
        table.alter_column("shelf", server_default=None)
        table.alter_column("format", server_default=None)
    op.create_table(
        "shelf_agency",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("shelf", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_shelf_agency_case_id_case_")),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_shelf_agency_agency_id_agency")),
        sa.PrimaryKeyConstraint("case_id", "shelf", "agency_id", name=op.f("pk_shelf_agency")),
    )
    op.create_table(
        "saved_search",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("sealed_form", sa.LargeBinary(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_saved_search_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_search")),
    )
    with op.batch_alter_table("saved_search", schema=None) as table:
        table.create_index("ix_saved_search_account", ["account_id", "at"], unique=False)


def downgrade() -> None:
    op.drop_table("saved_search")
    op.drop_table("shelf_agency")
    op.execute("DELETE FROM case_shard")
    with op.batch_alter_table("case_shard", recreate="always") as table:
        table.drop_constraint(op.f("pk_case_shard"), type_="primary")
        table.create_primary_key(op.f("pk_case_shard"), ["case_id"])
        table.drop_column("format")
        table.drop_column("shelf")
