"""reviews"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "case_reader",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("unexpected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_case_reader")),
    )
    op.create_index("ix_case_reader_account", "case_reader", ["account_id", "last"], unique=False)
    op.create_index("ix_case_reader_case", "case_reader", ["case_id", "last"], unique=False)
    op.create_table(
        "document_reader",
        sa.Column("document_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("first_at", UtcDateTime(), nullable=False),
        sa.Column("last_at", UtcDateTime(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("unexpected", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("document_id", "account_id", name=op.f("pk_document_reader")),
    )
    op.create_index("ix_document_reader_account", "document_reader", ["account_id", "last"], unique=False)
    op.create_index("ix_document_reader_document", "document_reader", ["document_id", "last"], unique=False)
    op.create_index("ix_document_reader_owner", "document_reader", ["owner_id", "last"], unique=False)
    op.create_table(
        "access_class",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=True),
        sa.Column("document_id", sa.String(length=26), nullable=True),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("why", sa.String(length=16), nullable=False),
        sa.Column("expected", sa.Boolean(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("review_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_access_class_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "sequence", name=op.f("pk_access_class")),
    )
    op.create_index(
        "ix_access_class_account", "access_class", ["area_id", "account_id", "sequence"], unique=False
    )
    op.create_index(
        "ix_access_class_expected", "access_class", ["area_id", "expected", "sequence"], unique=False
    )
    op.create_index("ix_access_class_review", "access_class", ["review_id", "sequence"], unique=False)
    op.create_table(
        "followed",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_followed_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_followed")),
    )
    op.create_table(
        "listed_case",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_listed_case_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "case_id", "sequence", name=op.f("pk_listed_case")),
    )
    op.create_table(
        "log_day",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("entries", sa.Integer(), nullable=False),
        sa.Column("first", sa.BigInteger(), nullable=False),
        sa.Column("last", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_day_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "day", "event", "outcome", name=op.f("pk_log_day")),
    )
    op.create_table(
        "person_day",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("cases", sa.Integer(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=False),
        sa.Column("downloads", sa.Integer(), nullable=False),
        sa.Column("hits", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("unexpected", sa.Integer(), nullable=False),
        sa.Column("out_of_hours", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_person_day_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "day", "account_id", name=op.f("pk_person_day")),
    )
    op.create_index("ix_person_day_account", "person_day", ["area_id", "account_id", "day"], unique=False)
    op.create_index("ix_person_day_agency", "person_day", ["area_id", "agency_id", "day"], unique=False)
    op.create_table(
        "break_glass",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("sealed_why", sa.LargeBinary(), nullable=False),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("how", sa.String(length=12), nullable=True),
        sa.Column("review_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_break_glass_account_id_account")
        ),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_break_glass_agency_id_agency")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_break_glass_case_id_case_")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_break_glass")),
    )
    op.create_index("ix_break_glass_account", "break_glass", ["account_id", "ended_at"], unique=False)
    op.create_index("ix_break_glass_case", "break_glass", ["case_id", "opened_at"], unique=False)
    op.create_table(
        "review_item",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=True),
        sa.Column("about", sa.String(length=8), nullable=False),
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("flags", sa.Integer(), nullable=False),
        sa.Column("accesses", sa.Integer(), nullable=False),
        sa.Column("unexpected", sa.Integer(), nullable=False),
        sa.Column("refusals", sa.Integer(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("due", sa.Date(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("outcome", sa.String(length=20), nullable=True),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_review_item_account_id_account")
        ),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_review_item_area_id_area")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_review_item_case_id_case_")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_item")),
    )
    op.create_index("ix_review_item_account", "review_item", ["account_id", "day"], unique=False)
    op.create_index("ix_review_item_case", "review_item", ["case_id", "state"], unique=False)
    op.create_index("ix_review_item_state", "review_item", ["area_id", "state", "due"], unique=False)
    op.create_table(
        "review_step",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("review_id", sa.String(length=26), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.String(length=26), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("sealed_text", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_review_step_by_id_account")),
        sa.ForeignKeyConstraint(
            ["review_id"], ["review_item.id"], name=op.f("fk_review_step_review_id_review_item")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_review_step")),
    )
    op.create_index("ix_review_step_review", "review_step", ["review_id", "at"], unique=False)
    op.create_index("ix_log_entry_agency", "log_entry", ["area_id", "agency_id", "sequence"], unique=False)
    op.create_index("ix_log_entry_outcome", "log_entry", ["area_id", "outcome", "sequence"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_log_entry_outcome", table_name="log_entry")
    op.drop_index("ix_log_entry_agency", table_name="log_entry")
    op.drop_index("ix_review_step_review", table_name="review_step")
    op.drop_table("review_step")
    op.drop_index("ix_review_item_state", table_name="review_item")
    op.drop_index("ix_review_item_case", table_name="review_item")
    op.drop_index("ix_review_item_account", table_name="review_item")
    op.drop_table("review_item")
    op.drop_index("ix_break_glass_case", table_name="break_glass")
    op.drop_index("ix_break_glass_account", table_name="break_glass")
    op.drop_table("break_glass")
    op.drop_index("ix_person_day_agency", table_name="person_day")
    op.drop_index("ix_person_day_account", table_name="person_day")
    op.drop_table("person_day")
    op.drop_table("log_day")
    op.drop_table("listed_case")
    op.drop_table("followed")
    op.drop_index("ix_access_class_review", table_name="access_class")
    op.drop_index("ix_access_class_expected", table_name="access_class")
    op.drop_index("ix_access_class_account", table_name="access_class")
    op.drop_table("access_class")
    op.drop_index("ix_document_reader_owner", table_name="document_reader")
    op.drop_index("ix_document_reader_document", table_name="document_reader")
    op.drop_index("ix_document_reader_account", table_name="document_reader")
    op.drop_table("document_reader")
    op.drop_index("ix_case_reader_case", table_name="case_reader")
    op.drop_index("ix_case_reader_account", table_name="case_reader")
    op.drop_table("case_reader")
