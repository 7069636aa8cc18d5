"""disposal"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("case_", sa.Column("destroyed_at", UtcDateTime(), nullable=True))
    _legal_hold()
    _disposal_request()
    _disposal()


def _legal_hold() -> None:
    op.create_table(
        "legal_hold",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("set_at", UtcDateTime(), nullable=False),
        sa.Column("set_by", sa.String(length=26), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("lifted_at", UtcDateTime(), nullable=True),
        sa.Column("lifted_by", sa.String(length=26), nullable=True),
        sa.Column("sealed_lifting", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_legal_hold_case_id_case_")),
        sa.ForeignKeyConstraint(["lifted_by"], ["account.id"], name=op.f("fk_legal_hold_lifted_by_account")),
        sa.ForeignKeyConstraint(["set_by"], ["account.id"], name=op.f("fk_legal_hold_set_by_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_legal_hold")),
    )
    op.create_index("ix_legal_hold_case", "legal_hold", ["case_id", "lifted_at"], unique=False)


def _disposal_request() -> None:
    op.create_table(
        "disposal_request",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("code", sa.String(length=30), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("asked_at", UtcDateTime(), nullable=False),
        sa.Column("asked_by", sa.String(length=26), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("decided_at", UtcDateTime(), nullable=True),
        sa.Column("decided_by", sa.String(length=26), nullable=True),
        sa.Column("sealed_decision", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["asked_by"], ["account.id"], name=op.f("fk_disposal_request_asked_by_account")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_disposal_request_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["decided_by"], ["account.id"], name=op.f("fk_disposal_request_decided_by_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_disposal_request")),
    )
    op.create_index("ix_disposal_request_case", "disposal_request", ["case_id", "asked_at"], unique=False)
    op.create_index("ix_disposal_request_state", "disposal_request", ["state", "ends_at"], unique=False)


def _disposal() -> None:
    op.create_table(
        "disposal",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("request_id", sa.String(length=26), nullable=False),
        sa.Column("step", sa.String(length=12), nullable=False),
        sa.Column("began_at", UtcDateTime(), nullable=False),
        sa.Column("finished_at", UtcDateTime(), nullable=True),
        sa.Column("objects", sa.Integer(), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.Column("found", sa.Text(), nullable=False),
        sa.Column("outside", sa.Text(), nullable=True),
        sa.Column("certificate", sa.Text(), nullable=True),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("text_sha256", sa.String(length=64), nullable=True),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_disposal_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["request_id"], ["disposal_request.id"], name=op.f("fk_disposal_request_id_disposal_request")
        ),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_disposal")),
    )
    op.create_index("ix_disposal_began", "disposal", ["began_at"], unique=False)


def downgrade() -> None:
    op.drop_table("disposal")
    op.drop_table("disposal_request")
    op.drop_table("legal_hold")
    op.drop_column("case_", "destroyed_at")
