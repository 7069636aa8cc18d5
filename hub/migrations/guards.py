"""Triggers that keep the access log and the agreements as they were written: UPDATE and DELETE are refused.

They stop a mistake and a careless hand. Whoever may drop a trigger can get past them: that is found
by the chain and by what is kept elsewhere, not prevented here.
"""

from sqlalchemy import Connection, text

KEPT = {"log_entry": "", "acceptance": "", "statement_version": "WHEN (OLD.number IS NOT NULL)"}
"""Tables, and which of their rows: a draft of the statement may change, a published version never."""
_SQLITE = """
CREATE TRIGGER {table}_no_{verb} BEFORE {verb} ON {table} {when}
BEGIN SELECT RAISE(ABORT, '{table} is never changed'); END
"""
_FUNCTION = """
CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN RAISE EXCEPTION '% is never changed', TG_TABLE_NAME; END $$
"""
_POSTGRESQL = """
CREATE TRIGGER {table}_kept BEFORE UPDATE OR DELETE ON {table}
FOR EACH ROW {when} EXECUTE FUNCTION refuse_change()
"""
_NEVER_EMPTIED = """
CREATE TRIGGER {table}_never_emptied BEFORE TRUNCATE ON {table}
FOR EACH STATEMENT EXECUTE FUNCTION refuse_change()
"""


def guard_log(connection: Connection) -> None:
    for statement in _statements(connection.dialect.name):
        connection.execute(text(statement))


def unguard_log(connection: Connection) -> None:
    """Only for a downgrade, which drops the tables themselves."""
    if connection.dialect.name == "postgresql":
        connection.execute(text("DROP FUNCTION refuse_change() CASCADE"))
        return
    for table in KEPT:
        for verb in ("update", "delete"):
            connection.execute(text(f"DROP TRIGGER {table}_no_{verb}"))


def _statements(dialect: str) -> list[str]:
    if dialect == "postgresql":
        kept = [_POSTGRESQL.format(table=table, when=when) for table, when in KEPT.items()]
        return [_FUNCTION, *kept, *(_NEVER_EMPTIED.format(table=table) for table in KEPT)]
    return [
        _SQLITE.format(table=table, verb=verb, when=when)
        for table, when in KEPT.items()
        for verb in ("update", "delete")
    ]
