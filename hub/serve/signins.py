"""The demo's sign-ins as a table; real accounts are never listed."""

import json
from pathlib import Path

COLUMNS = ("name", "role", "agency", "email", "password", "totp_secret")


def sign_ins(accounts: Path) -> str:
    """`demo-accounts.json` (a list of objects with COLUMNS) as lines of text; nothing without demo data."""
    if not accounts.is_file():
        return ""
    rows = [
        [str(account.get(column, "")) for column in COLUMNS]
        for account in json.loads(accounts.read_text("utf-8"))
    ]
    headed = [[column.replace("_", " ") for column in COLUMNS], *rows]
    widths = [max(len(row[place]) for row in headed) for place in range(len(COLUMNS))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        for row in headed
    ]
    told = f"Demo sign-ins (also in {accounts}); give a totp secret to any authenticator app"
    return "\n".join((told, *lines))
