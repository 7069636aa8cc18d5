"""What a case keeps sealed in its rows: who the nominal is, and why things were decided."""

import json
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, datetime

from hub.cases.model import Case, CaseChange, CaseExclusion
from hub.cases.rules import Criterion
from hub.clock import london_date
from storage.vault import Vault


@dataclass(frozen=True, slots=True, kw_only=True)
class Nominal:
    """The person managed. `visor` is the reference of the national record, which the hub does not replace."""

    name: str
    aliases: tuple[str, ...] = ()
    born: date | None = None
    visor: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Because:
    reason: str
    criteria: tuple[Criterion, ...] = ()


def seal_nominal(vault: Vault, case: str, nominal: Nominal) -> bytes:
    """JSON `{"name", "aliases": [...], "born": "YYYY-MM-DD" or null, "visor": text or null}`, sealed."""
    plain = {
        "name": nominal.name,
        "aliases": list(nominal.aliases),
        "born": nominal.born.isoformat() if nominal.born else None,
        "visor": nominal.visor,
    }
    return vault.seal_field("nominal", case, json.dumps(plain, ensure_ascii=False).encode())


def open_nominal(vault: Vault, case: Case) -> Nominal:
    plain = json.loads(vault.open_field("nominal", case.id, case.sealed_nominal))
    born = plain.get("born")
    return Nominal(
        name=plain["name"],
        aliases=tuple(plain.get("aliases", ())),
        born=date.fromisoformat(born) if born else None,
        visor=plain.get("visor"),
    )


def destroyed_on(at: datetime | None) -> str:
    """What stands where a name stood, once the case's key is gone."""
    if at is None:
        return "Destroyed"
    day = london_date(at)
    return f"Destroyed on {day.day} {day:%B %Y}"


def seal_because(vault: Vault, change: str, reason: str, criteria: Collection[Criterion]) -> bytes:
    """JSON `{"reason", "criteria": [codes]}` of a line of the history, sealed."""
    plain = {"reason": reason, "criteria": sorted(criterion.value for criterion in criteria)}
    return vault.seal_field("change", change, json.dumps(plain, ensure_ascii=False).encode())


def open_because(vault: Vault, change: CaseChange) -> Because:
    plain = json.loads(vault.open_field("change", change.id, change.sealed_reason))
    return Because(
        reason=plain["reason"], criteria=tuple(Criterion(code) for code in plain.get("criteria", ()))
    )


def seal_exclusion(vault: Vault, case: str, account: str, reason: str) -> bytes:
    return vault.seal_field("exclusion", case + account, reason.encode())


def open_exclusion(vault: Vault, row: CaseExclusion) -> str:
    return vault.open_field("exclusion", row.case_id + row.account_id, row.sealed_reason).decode()
