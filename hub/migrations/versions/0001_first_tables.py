"""first tables"""

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime
from hub.migrations.guards import guard_log, unguard_log

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "area",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("demo", sa.Boolean(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("key_wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("settings", sa.JSON(), nullable=False),
        sa.Column("localities", sa.JSON(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_area")),
    )
    op.create_table(
        "installation",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_installation")),
    )
    op.create_table(
        "log_case_head",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_log_case_head")),
    )
    op.create_table(
        "throttle",
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("since", UtcDateTime(), nullable=False),
        sa.Column("blocked_until", UtcDateTime(), nullable=True),
        sa.PrimaryKeyConstraint("key", name=op.f("pk_throttle")),
    )
    op.create_table(
        "agency",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("kind", sa.String(length=30), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_agency_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_agency")),
    )
    op.create_table(
        "log_entry",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=True),
        sa.Column("case_sequence", sa.BigInteger(), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("actor_id", sa.String(length=26), nullable=True),
        sa.Column("agency_id", sa.String(length=26), nullable=True),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("event", sa.String(length=40), nullable=False),
        sa.Column("operation", sa.String(length=16), nullable=True),
        sa.Column("outcome", sa.String(length=10), nullable=False),
        sa.Column("document_id", sa.String(length=26), nullable=True),
        sa.Column("meeting_id", sa.String(length=26), nullable=True),
        sa.Column("reason", sa.String(length=20), nullable=True),
        sa.Column("leaf", sa.Text(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_entry_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "sequence", name=op.f("pk_log_entry")),
    )
    with op.batch_alter_table("log_entry", schema=None) as batch_op:
        batch_op.create_index("ix_log_entry_actor", ["area_id", "actor_id", "sequence"], unique=False)
        batch_op.create_index("ix_log_entry_at", ["area_id", "at"], unique=False)
        batch_op.create_index("ix_log_entry_case", ["area_id", "case_id", "case_sequence"], unique=True)
        batch_op.create_index("ix_log_entry_document", ["area_id", "document_id", "sequence"], unique=False)
        batch_op.create_index("ix_log_entry_event", ["area_id", "event", "sequence"], unique=False)

    op.create_table(
        "log_head",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_head_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "account",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("role", sa.String(length=20), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("password_hash", sa.String(length=200), nullable=True),
        sa.Column("totp_sealed", sa.LargeBinary(), nullable=True),
        sa.Column("totp_last_step", sa.BigInteger(), nullable=False),
        sa.Column("invitation_hash", sa.String(length=64), nullable=True),
        sa.Column("invitation_ends", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_account_agency_id_agency")),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_account_area_id_area")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_account")),
        sa.UniqueConstraint("email", name=op.f("uq_account_email")),
        sa.UniqueConstraint("invitation_hash", name=op.f("uq_account_invitation_hash")),
    )
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.create_index("ix_account_area", ["area_id"], unique=False)

    op.create_table(
        "case_",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("reference", sa.String(length=24), nullable=False),
        sa.Column("category", sa.Integer(), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("locality", sa.String(length=60), nullable=False),
        sa.Column("lead_agency_id", sa.String(length=26), nullable=False),
        sa.Column("coordinator_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("entry_route", sa.String(length=30), nullable=False),
        sa.Column("exit_reason", sa.String(length=30), nullable=True),
        sa.Column("opened_at", UtcDateTime(), nullable=False),
        sa.Column("closed_at", UtcDateTime(), nullable=True),
        sa.Column("review_due", sa.Date(), nullable=True),
        sa.Column("sealed_nominal", sa.LargeBinary(), nullable=False),
        sa.Column("key_version", sa.Integer(), nullable=False),
        sa.Column("key_wrapped", sa.LargeBinary(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_case__area_id_area")),
        sa.ForeignKeyConstraint(
            ["coordinator_id"], ["account.id"], name=op.f("fk_case__coordinator_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["lead_agency_id"], ["agency.id"], name=op.f("fk_case__lead_agency_id_agency")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_")),
    )
    with op.batch_alter_table("case_", schema=None) as batch_op:
        batch_op.create_index("ix_case_area_reference", ["area_id", "reference"], unique=True)
        batch_op.create_index("ix_case_coordinator", ["coordinator_id"], unique=False)
        batch_op.create_index("ix_case_review", ["area_id", "review_due"], unique=False)

    op.create_table(
        "held_form",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sealed_fields", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_held_form_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_held_form")),
    )
    op.create_table(
        "meeting",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("level", sa.Integer(), nullable=False),
        sa.Column("locality", sa.String(length=60), nullable=False),
        sa.Column("starts_at", UtcDateTime(), nullable=False),
        sa.Column("place", sa.String(length=120), nullable=False),
        sa.Column("chair_id", sa.String(length=26), nullable=False),
        sa.Column("coordinator_id", sa.String(length=26), nullable=False),
        sa.Column("state", sa.String(length=12), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_meeting_area_id_area")),
        sa.ForeignKeyConstraint(["chair_id"], ["account.id"], name=op.f("fk_meeting_chair_id_account")),
        sa.ForeignKeyConstraint(
            ["coordinator_id"], ["account.id"], name=op.f("fk_meeting_coordinator_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_meeting")),
    )
    with op.batch_alter_table("meeting", schema=None) as batch_op:
        batch_op.create_index("ix_meeting_area_starts", ["area_id", "starts_at"], unique=False)

    op.create_table(
        "session",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("seen_at", UtcDateTime(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.Column("ended_at", UtcDateTime(), nullable=True),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("device", sa.String(length=120), nullable=False),
        sa.ForeignKeyConstraint(["account_id"], ["account.id"], name=op.f("fk_session_account_id_account")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_session")),
    )
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.create_index("ix_session_account", ["account_id", "ended_at"], unique=False)

    op.create_table(
        "sign_in_step",
        sa.Column("id", sa.String(length=64), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=True),
        sa.Column("email_hash", sa.String(length=64), nullable=False),
        sa.Column("address_hash", sa.String(length=64), nullable=False),
        sa.Column("password_right", sa.Boolean(), nullable=False),
        sa.Column("ends_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_sign_in_step_account_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_sign_in_step")),
    )
    with op.batch_alter_table("sign_in_step", schema=None) as batch_op:
        batch_op.create_index("ix_sign_in_step_address", ["address_hash", "ends_at"], unique=False)

    op.create_table(
        "statement_version",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=True),
        sa.Column("confidentiality", sa.Text(), nullable=False),
        sa.Column("equality", sa.Text(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=True),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("edited_by", sa.String(length=26), nullable=True),
        sa.Column("edited_at", UtcDateTime(), nullable=False),
        sa.Column("published_at", UtcDateTime(), nullable=True),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_statement_version_area_id_area")),
        sa.ForeignKeyConstraint(
            ["edited_by"], ["account.id"], name=op.f("fk_statement_version_edited_by_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_statement_version")),
        sa.UniqueConstraint("area_id", "number", name=op.f("uq_statement_version_area_id")),
    )
    op.create_table(
        "acceptance",
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("version_id", sa.String(length=26), nullable=False),
        sa.Column("part", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("sha256", sa.String(length=64), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_acceptance_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["version_id"], ["statement_version.id"], name=op.f("fk_acceptance_version_id_statement_version")
        ),
        sa.PrimaryKeyConstraint("account_id", "version_id", "part", name=op.f("pk_acceptance")),
    )
    op.create_table(
        "asked_search",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("sealed_form", sa.LargeBinary(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_asked_search_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_asked_search_session_id_session")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_asked_search")),
    )
    with op.batch_alter_table("asked_search", schema=None) as batch_op:
        batch_op.create_index("ix_asked_search_account", ["account_id", "at"], unique=False)

    op.create_table(
        "case_agency",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["agency_id"], ["agency.id"], name=op.f("fk_case_agency_agency_id_agency")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_agency_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "agency_id", name=op.f("pk_case_agency")),
    )
    with op.batch_alter_table("case_agency", schema=None) as batch_op:
        batch_op.create_index("ix_case_agency_agency", ["agency_id"], unique=False)

    op.create_table(
        "case_change",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("by_id", sa.String(length=26), nullable=True),
        sa.Column("what", sa.String(length=20), nullable=False),
        sa.Column("before", sa.String(length=60), nullable=False),
        sa.Column("after", sa.String(length=60), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["by_id"], ["account.id"], name=op.f("fk_case_change_by_id_account")),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_change_case_id_case_")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_case_change")),
    )
    with op.batch_alter_table("case_change", schema=None) as batch_op:
        batch_op.create_index("ix_case_change_case", ["case_id", "at"], unique=False)

    op.create_table(
        "case_exclusion",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("sealed_reason", sa.LargeBinary(), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_case_exclusion_account_id_account")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_exclusion_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_case_exclusion")),
    )
    with op.batch_alter_table("case_exclusion", schema=None) as batch_op:
        batch_op.create_index("ix_case_exclusion_account", ["account_id"], unique=False)

    op.create_table(
        "case_member",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("duty", sa.String(length=60), nullable=False),
        sa.Column("added_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_case_member_account_id_account")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_member_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_case_member")),
    )
    with op.batch_alter_table("case_member", schema=None) as batch_op:
        batch_op.create_index("ix_case_member_account", ["account_id"], unique=False)

    op.create_table(
        "case_shard",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sealed_scan", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_positions", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_words", sa.LargeBinary(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_shard_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_case_shard")),
    )
    op.create_table(
        "case_visit",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("session_id", sa.String(length=64), nullable=True),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("before", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_case_visit_account_id_account")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_case_visit_case_id_case_")),
        sa.PrimaryKeyConstraint("case_id", "account_id", name=op.f("pk_case_visit")),
    )
    op.create_table(
        "document",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("type", sa.String(length=30), nullable=False),
        sa.Column("owner_id", sa.String(length=26), nullable=False),
        sa.Column("uploader_id", sa.String(length=26), nullable=False),
        sa.Column("marking", sa.String(length=30), nullable=False),
        sa.Column("dated", sa.Date(), nullable=False),
        sa.Column("retention_class", sa.String(length=30), nullable=False),
        sa.Column("narrowed", sa.Boolean(), nullable=False),
        sa.Column("form_code", sa.String(length=20), nullable=True),
        sa.Column("sealed_details", sa.LargeBinary(), nullable=False),
        sa.Column("current", sa.Integer(), nullable=False),
        sa.Column("withdrawn_at", UtcDateTime(), nullable=True),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.Column("changed_at", UtcDateTime(), nullable=False),
        sa.Column("form_token", sa.String(length=60), nullable=False),
        sa.Column("row_version", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_document_case_id_case_")),
        sa.ForeignKeyConstraint(["owner_id"], ["agency.id"], name=op.f("fk_document_owner_id_agency")),
        sa.ForeignKeyConstraint(
            ["uploader_id"], ["account.id"], name=op.f("fk_document_uploader_id_account")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_document")),
        sa.UniqueConstraint("uploader_id", "form_token", name=op.f("uq_document_uploader_id")),
    )
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.create_index("ix_document_case", ["case_id", "changed_at"], unique=False)

    op.create_table(
        "meeting_case",
        sa.Column("meeting_id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_meeting_case_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_case_meeting_id_meeting")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "case_id", name=op.f("pk_meeting_case")),
    )
    op.create_table(
        "meeting_invitee",
        sa.Column("meeting_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("invited_at", UtcDateTime(), nullable=False),
        sa.Column("affirmed_at", UtcDateTime(), nullable=True),
        sa.Column("affirmed_version_id", sa.String(length=26), nullable=True),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_meeting_invitee_account_id_account")
        ),
        sa.ForeignKeyConstraint(
            ["affirmed_version_id"],
            ["statement_version.id"],
            name=op.f("fk_meeting_invitee_affirmed_version_id_statement_version"),
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_invitee_meeting_id_meeting")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "account_id", name=op.f("pk_meeting_invitee")),
    )
    with op.batch_alter_table("meeting_invitee", schema=None) as batch_op:
        batch_op.create_index("ix_meeting_invitee_account", ["account_id"], unique=False)

    op.create_table(
        "session_reason",
        sa.Column("session_id", sa.String(length=64), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("reason", sa.String(length=20), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["session_id"], ["session.id"], name=op.f("fk_session_reason_session_id_session")
        ),
        sa.PrimaryKeyConstraint("session_id", "case_id", name=op.f("pk_session_reason")),
    )
    op.create_table(
        "stored_object",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("sha256", sa.LargeBinary(), nullable=False),
        sa.Column("sealed_size", sa.BigInteger(), nullable=False),
        sa.Column("sealed_sha256", sa.String(length=64), nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("name", sa.String(length=160), nullable=False),
        sa.Column("created_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_stored_object_case_id_case_")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_stored_object")),
    )
    with op.batch_alter_table("stored_object", schema=None) as batch_op:
        batch_op.create_index("ix_stored_object_case", ["case_id"], unique=False)

    op.create_table(
        "document_audience",
        sa.Column("document_id", sa.String(length=26), nullable=False),
        sa.Column("agency_id", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["agency_id"], ["agency.id"], name=op.f("fk_document_audience_agency_id_agency")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_document_audience_document_id_document")
        ),
        sa.PrimaryKeyConstraint("document_id", "agency_id", name=op.f("pk_document_audience")),
    )
    op.create_table(
        "document_version",
        sa.Column("document_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("original_id", sa.String(length=26), nullable=False),
        sa.Column("copy_id", sa.String(length=26), nullable=True),
        sa.Column("text_id", sa.String(length=26), nullable=True),
        sa.Column("sealed_file_name", sa.LargeBinary(), nullable=False),
        sa.Column("uploaded_by", sa.String(length=26), nullable=False),
        sa.Column("uploaded_at", UtcDateTime(), nullable=False),
        sa.Column("pages", sa.Integer(), nullable=True),
        sa.Column("text_state", sa.String(length=10), nullable=False),
        sa.Column("note", sa.String(length=200), nullable=True),
        sa.Column("form_token", sa.String(length=60), nullable=True),
        sa.ForeignKeyConstraint(
            ["copy_id"], ["stored_object.id"], name=op.f("fk_document_version_copy_id_stored_object")
        ),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_document_version_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["original_id"], ["stored_object.id"], name=op.f("fk_document_version_original_id_stored_object")
        ),
        sa.ForeignKeyConstraint(
            ["text_id"], ["stored_object.id"], name=op.f("fk_document_version_text_id_stored_object")
        ),
        sa.ForeignKeyConstraint(
            ["uploaded_by"], ["account.id"], name=op.f("fk_document_version_uploaded_by_account")
        ),
        sa.PrimaryKeyConstraint("document_id", "number", name=op.f("pk_document_version")),
    )
    with op.batch_alter_table("document_version", schema=None) as batch_op:
        batch_op.create_index("ix_document_version_state", ["text_state"], unique=False)

    op.create_table(
        "meeting_issue",
        sa.Column("meeting_id", sa.String(length=26), nullable=False),
        sa.Column("document_id", sa.String(length=26), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("issued_at", UtcDateTime(), nullable=False),
        sa.Column("issued_by", sa.String(length=26), nullable=False),
        sa.ForeignKeyConstraint(
            ["document_id"], ["document.id"], name=op.f("fk_meeting_issue_document_id_document")
        ),
        sa.ForeignKeyConstraint(
            ["issued_by"], ["account.id"], name=op.f("fk_meeting_issue_issued_by_account")
        ),
        sa.ForeignKeyConstraint(
            ["meeting_id"], ["meeting.id"], name=op.f("fk_meeting_issue_meeting_id_meeting")
        ),
        sa.PrimaryKeyConstraint("meeting_id", "document_id", name=op.f("pk_meeting_issue")),
    )
    with op.batch_alter_table("meeting_issue", schema=None) as batch_op:
        batch_op.create_index("ix_meeting_issue_document", ["document_id"], unique=False)

    op.create_table(
        "staged_file",
        sa.Column("id", sa.String(length=26), nullable=False),
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("account_id", sa.String(length=26), nullable=False),
        sa.Column("object_id", sa.String(length=26), nullable=False),
        sa.Column("kind", sa.String(length=8), nullable=False),
        sa.Column("sealed_file_name", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", UtcDateTime(), nullable=False),
        sa.ForeignKeyConstraint(
            ["account_id"], ["account.id"], name=op.f("fk_staged_file_account_id_account")
        ),
        sa.ForeignKeyConstraint(["case_id"], ["case_.id"], name=op.f("fk_staged_file_case_id_case_")),
        sa.ForeignKeyConstraint(
            ["object_id"], ["stored_object.id"], name=op.f("fk_staged_file_object_id_stored_object")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_staged_file")),
    )
    with op.batch_alter_table("staged_file", schema=None) as batch_op:
        batch_op.create_index("ix_staged_file_account", ["account_id", "case_id"], unique=False)
    guard_log(op.get_bind())


def downgrade() -> None:
    unguard_log(op.get_bind())
    with op.batch_alter_table("staged_file", schema=None) as batch_op:
        batch_op.drop_index("ix_staged_file_account")

    op.drop_table("staged_file")
    with op.batch_alter_table("meeting_issue", schema=None) as batch_op:
        batch_op.drop_index("ix_meeting_issue_document")

    op.drop_table("meeting_issue")
    with op.batch_alter_table("document_version", schema=None) as batch_op:
        batch_op.drop_index("ix_document_version_state")

    op.drop_table("document_version")
    op.drop_table("document_audience")
    with op.batch_alter_table("stored_object", schema=None) as batch_op:
        batch_op.drop_index("ix_stored_object_case")

    op.drop_table("stored_object")
    op.drop_table("session_reason")
    with op.batch_alter_table("meeting_invitee", schema=None) as batch_op:
        batch_op.drop_index("ix_meeting_invitee_account")

    op.drop_table("meeting_invitee")
    op.drop_table("meeting_case")
    with op.batch_alter_table("document", schema=None) as batch_op:
        batch_op.drop_index("ix_document_case")

    op.drop_table("document")
    op.drop_table("case_visit")
    op.drop_table("case_shard")
    with op.batch_alter_table("case_member", schema=None) as batch_op:
        batch_op.drop_index("ix_case_member_account")

    op.drop_table("case_member")
    with op.batch_alter_table("case_exclusion", schema=None) as batch_op:
        batch_op.drop_index("ix_case_exclusion_account")

    op.drop_table("case_exclusion")
    with op.batch_alter_table("case_change", schema=None) as batch_op:
        batch_op.drop_index("ix_case_change_case")

    op.drop_table("case_change")
    with op.batch_alter_table("case_agency", schema=None) as batch_op:
        batch_op.drop_index("ix_case_agency_agency")

    op.drop_table("case_agency")
    with op.batch_alter_table("asked_search", schema=None) as batch_op:
        batch_op.drop_index("ix_asked_search_account")

    op.drop_table("asked_search")
    op.drop_table("acceptance")
    op.drop_table("statement_version")
    with op.batch_alter_table("sign_in_step", schema=None) as batch_op:
        batch_op.drop_index("ix_sign_in_step_address")

    op.drop_table("sign_in_step")
    with op.batch_alter_table("session", schema=None) as batch_op:
        batch_op.drop_index("ix_session_account")

    op.drop_table("session")
    with op.batch_alter_table("meeting", schema=None) as batch_op:
        batch_op.drop_index("ix_meeting_area_starts")

    op.drop_table("meeting")
    op.drop_table("held_form")
    with op.batch_alter_table("case_", schema=None) as batch_op:
        batch_op.drop_index("ix_case_review")
        batch_op.drop_index("ix_case_coordinator")
        batch_op.drop_index("ix_case_area_reference")

    op.drop_table("case_")
    with op.batch_alter_table("account", schema=None) as batch_op:
        batch_op.drop_index("ix_account_area")

    op.drop_table("account")
    op.drop_table("log_head")
    with op.batch_alter_table("log_entry", schema=None) as batch_op:
        batch_op.drop_index("ix_log_entry_event")
        batch_op.drop_index("ix_log_entry_document")
        batch_op.drop_index("ix_log_entry_case")
        batch_op.drop_index("ix_log_entry_at")
        batch_op.drop_index("ix_log_entry_actor")

    op.drop_table("log_entry")
    op.drop_table("agency")
    op.drop_table("throttle")
    op.drop_table("log_case_head")
    op.drop_table("installation")
    op.drop_table("area")
