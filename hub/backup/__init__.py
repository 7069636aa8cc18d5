"""Backups in a form that no database and no store owns; see docs/adr/0007-backups-in-a-neutral-form.md."""
