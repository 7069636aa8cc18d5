"""log tree: the linear chain becomes the Merkle tree's frontier and case heads; checkpoints and their signer"""

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa
from alembic import op

from hub.db import UtcDateTime
from hub.errors import HubError
from hub.ledger.entries import NO_HEAD, case_link
from hub.ledger.tree import Frontier, leaf_hash

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

Row = dict[str, Any]
_GENESIS = bytes(32)


def upgrade() -> None:
    """Every entry is walked once, and its old chain must follow: a log that was changed is not carried over."""
    connection = op.get_bind()
    heads = list(connection.execute(sa.text("SELECT area_id, sequence, chain FROM log_head")))
    areas, cases = [], []
    for area, sequence, chain in heads:
        frontier, of_cases = _walked(connection, area, sequence, bytes(chain))
        areas.append({"area_id": area, "sequence": sequence, "frontier": bytes(frontier)})
        cases += of_cases
    op.drop_column("log_entry", "chain")
    op.drop_table("log_head")
    op.drop_table("log_case_head")
    _make_heads()
    _make_checkpoints()
    _fill("log_head", areas)
    _fill("log_case_head", cases)


def _walked(connection: sa.Connection, area: str, length: int, end: bytes) -> tuple[Frontier, list[Row]]:
    frontier, chain, cases = Frontier(), _GENESIS, {}
    for sequence, case, case_sequence, leaf, old in _entries(connection, area):
        hashed = leaf_hash(leaf.encode())
        chain = hashlib.sha256(chain + hashed).digest()
        if sequence != frontier.size + 1 or chain != bytes(old) or json.loads(leaf)["seq"] != sequence:
            raise HubError(
                f"The access log does not follow from entry {sequence} on, and is not carried over."
            )
        frontier = frontier.extended([hashed])
        if case_sequence is not None:
            head = cases[case]["head"] if case in cases else NO_HEAD
            cases[case] = {
                "case_id": case, "area_id": area, "sequence": case_sequence, "head": case_link(head, hashed),
            }  # fmt: skip
    if (frontier.size, chain) != (length, end):
        raise HubError(f"The access log ends after entry {frontier.size}, and is not carried over.")
    return frontier, list(cases.values())


def _entries(connection: sa.Connection, area: str) -> Iterator[Any]:
    query = sa.text(
        "SELECT sequence, case_id, case_sequence, leaf, chain FROM log_entry WHERE area_id = :area ORDER BY sequence"
    )
    with connection.execute(query, {"area": area}, execution_options={"yield_per": 1000}) as rows:
        yield from rows


def _make_heads() -> None:
    op.create_table(
        "log_head",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_head_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_log_head")),
    )
    op.create_table(
        "log_case_head",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.Column("head", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_case_head_area_id_area")),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_log_case_head")),
    )
    op.create_index("ix_log_case_head_area", "log_case_head", ["area_id", "case_id"], unique=False)


def _make_checkpoints() -> None:
    op.create_table(
        "log_signer",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("public_key", sa.LargeBinary(length=32), nullable=False),
        sa.Column("sealed_seed", sa.LargeBinary(), nullable=False),
        sa.Column("made_at", UtcDateTime(), nullable=False),
        sa.Column("refused_at", UtcDateTime(), nullable=True),
        sa.Column("refused_why", sa.String(length=200), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_signer_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_log_signer")),
    )
    op.create_table(
        "log_checkpoint",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("number", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("at", UtcDateTime(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("copied_at", UtcDateTime(), nullable=True),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_checkpoint_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", "number", name=op.f("pk_log_checkpoint")),
    )
    op.create_index("ix_log_checkpoint_size", "log_checkpoint", ["area_id", "size", "number"], unique=False)


def _fill(table: str, rows: list[Row]) -> None:
    if rows:
        found = sa.Table(table, sa.MetaData(), autoload_with=op.get_bind())
        op.bulk_insert(found, rows)


def downgrade() -> None:
    """For a database that is emptied: the chain of older versions is not computed again."""
    op.drop_table("log_checkpoint")
    op.drop_table("log_signer")
    op.drop_table("log_case_head")
    op.drop_table("log_head")
    op.create_table(
        "log_case_head",
        sa.Column("case_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("case_id", name=op.f("pk_log_case_head")),
    )
    op.create_table(
        "log_head",
        sa.Column("area_id", sa.String(length=26), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.Column("chain", sa.LargeBinary(length=32), nullable=False),
        sa.ForeignKeyConstraint(["area_id"], ["area.id"], name=op.f("fk_log_head_area_id_area")),
        sa.PrimaryKeyConstraint("area_id", name=op.f("pk_log_head")),
    )
