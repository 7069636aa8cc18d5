"""What an operator does with keys at the machine: look, rotate, go on with what was begun."""

import hmac
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from hub.access.actor import program
from hub.cases.model import Case
from hub.errors import Invalid
from hub.keys.areas import AreaRotation
from hub.keys.cases import CaseRotation, Parts
from hub.keys.escrow import Share, fingerprint_of, join, page, split
from hub.keys.roots import RootRotation
from hub.ledger.events import CommandRun, KeysDrilled, KeysEscrowed, KeysRecovered
from hub.ledger.model import LogEntry
from hub.people.model import Area, Installation
from storage.errors import WrongKey
from storage.keys import KeyProvider, LocalKeyFile, RootKeys


@dataclass(frozen=True, slots=True, kw_only=True)
class RootLine:
    """`areas`: how many area keys, the spare ones of rotations included, are wrapped under it."""

    version: int
    current: bool
    made: str | None
    areas: int


@dataclass(frozen=True, slots=True, kw_only=True)
class AreaLine:
    """`cases` is {version of the case key: how many cases}; `since`: when the oldest key of a kind was taken up."""

    area: str
    version: int
    since: datetime
    under_way: bool
    cases: dict[int, int]
    oldest_case_key: datetime | None
    cases_under_way: int
    cases_shredded: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """Nothing secret. `escrow`: 'made', 'older keys', 'never', or 'not here' with a key service."""

    provider: str
    healthy: bool
    roots: tuple[RootLine, ...]
    areas: tuple[AreaLine, ...]
    escrow: str
    escrow_at: datetime | None

    @property
    def under_way(self) -> bool:
        return len(self.roots) > 1 or any(one.under_way or one.cases_under_way for one in self.areas)

    def as_dict(self) -> dict[str, Any]:
        return {**asdict(self), "under_way": self.under_way}


class KeyService:
    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._db, self._vaults = parts.db, parts.vaults

    # --- looking -----------------------------------------------------------------------------

    def status(self) -> Status:
        with self._db.reading() as session:
            provider = self._vaults.keyring(session).provider
            escrow, at = _escrow(session, provider)
            return Status(
                provider="key file" if isinstance(provider, LocalKeyFile) else "key service",
                healthy=provider.healthy(),
                roots=_roots(session, provider),
                areas=tuple(_area_line(session, area) for area in session.scalars(select(Area))),
                escrow=escrow,
                escrow_at=at,
            )

    def looked(self, command: str) -> None:
        """Say in the log of each area that the command was run."""
        for area in self.areas():
            self._db.record(program(area), CommandRun(command=command))

    def areas(self) -> list[str]:
        with self._db.reading() as session:
            return list(session.scalars(select(Area.id).order_by(Area.id)))

    # --- rotating ----------------------------------------------------------------------------

    def rotate_root(self, *, keep_old: bool = False) -> int:
        return RootRotation(self._parts).rotate(keep_old=keep_old)

    def rotate_area(self, area: str) -> int:
        if area not in self.areas():
            raise Invalid("area", "There is no such area: `keys status` lists them.")
        return AreaRotation(self._parts, area).rotate()

    def rotate_cases(self, cases: Sequence[str]) -> int:
        """How many cases have a new key; raises Invalid for one that is not there or was shredded."""
        by_area: dict[str, list[str]] = {}
        with self._db.reading() as session:
            for case in cases:
                row = session.get(Case, case)
                if row is None or row.key_wrapped is None:
                    raise Invalid("case", "There is no such case, or its key was destroyed.")
                by_area.setdefault(row.area_id, []).append(case)
        return sum(CaseRotation(self._parts, area).rotate(some) for area, some in by_area.items())

    def rotate_all_cases(self) -> int:
        with self._db.reading() as session:
            cases = list(session.scalars(select(Case.id).where(Case.key_wrapped.is_not(None))))
        return self.rotate_cases(cases)

    def resume(self) -> int:
        """Finish every rotation that was begun before and not ended; how many were."""
        found = self.status()
        done = sum(CaseRotation(self._parts, line.area).resume() for line in found.areas)
        for line in found.areas:
            if line.under_way:
                self.rotate_area(line.area)
                done += 1
        if len(found.roots) > 1:
            self.rotate_root()
            done += 1
        return done

    # --- shares ------------------------------------------------------------------------------

    def escrow(self, count: int, threshold: int, write: Callable[[dict[int, str]], None]) -> str:
        """Split the root keys and have the pages, {share's number: text}, written; the fingerprint of the set.

        The log says so first: no share is ever made that it does not tell of.
        """
        roots, hub, today = self._roots_here(), self._hub(), self._parts.clock().date()
        made, mark = split(roots, count, threshold), fingerprint_of(roots)
        said = KeysEscrowed(shares=count, threshold=threshold, fingerprint=mark, versions=len(roots.keys))
        for area in self.areas():
            self._db.record(program(area), said)
        write({one.number: page(one, hub=hub, count=count, made=today) for one in made})
        return mark

    def drill(self, shares: Sequence[Share]) -> bool:
        """Whether the shares give the keys that live here; nothing is written but the log."""
        mark = fingerprint_of(join(shares))
        same = hmac.compare_digest(mark, fingerprint_of(self._roots_here()))
        for area in self.areas():
            said = KeysDrilled(fingerprint=mark, result="same" if same else "other")
            self._db.record(program(area), said)
        return same

    def recovered(self, fingerprint: str) -> tuple[int, int]:
        """Say in the log that the key file was made again; how many of how many areas it opens."""
        opened, areas = 0, self.areas()
        for area in areas:
            with suppress(WrongKey):
                self._db.record(program(area), KeysRecovered(fingerprint=fingerprint))
                opened += 1
        return opened, len(areas)

    def _roots_here(self) -> RootKeys:
        with self._db.reading() as session:
            provider = self._vaults.keyring(session).provider
        if not isinstance(provider, LocalKeyFile):
            raise Invalid("keys", IN_SERVICE)
        return provider.roots()

    def _hub(self) -> str:
        with self._db.reading() as session:
            return session.scalars(select(Installation.id)).one()


IN_SERVICE = (
    "The key service keeps the root key and gives it to nobody, so there is nothing to split: replicate the key to a second"
    " region, protect it from deletion, and give the recovery role to people who must act together."
)


def _roots(session: Session, provider: KeyProvider) -> tuple[RootLine, ...]:
    if not isinstance(provider, LocalKeyFile):
        return ()
    wraps = [
        wrap for pair in session.execute(select(Area.key_wrapped, Area.key_spare_wrapped)) for wrap in pair
    ]
    hang = Counter(provider.version_of(wrap) for wrap in wraps if wrap is not None)
    roots = provider.roots()
    return tuple(
        RootLine(
            version=version,
            current=version == roots.current,
            made=roots.made.get(version),
            areas=hang[version],
        )
        for version in sorted(roots.keys)
    )


def _area_line(session: Session, area: Area) -> AreaLine:
    mine = Case.area_id == area.id
    living = (mine, Case.key_wrapped.is_not(None))
    versions = select(Case.key_version, func.count()).where(*living).group_by(Case.key_version)
    since = (
        select(func.coalesce(Case.key_since, Case.opened_at))
        .where(*living)
        .order_by(func.coalesce(Case.key_since, Case.opened_at))
    )
    founded = session.scalars(select(Installation.created_at)).one()
    return AreaLine(
        area=area.id,
        version=area.key_version,
        since=area.key_since or founded,
        under_way=area.key_spare_version is not None,
        cases={row[0]: row[1] for row in session.execute(versions)},
        oldest_case_key=session.scalars(since.limit(1)).first(),
        cases_under_way=_count(session, mine, Case.key_spare_version.is_not(None)),
        cases_shredded=_count(session, mine, Case.key_wrapped.is_(None)),
    )


def _count(session: Session, *that: Any) -> int:
    return session.scalars(select(func.count()).select_from(Case).where(*that)).one()


def _escrow(session: Session, provider: KeyProvider) -> tuple[str, datetime | None]:
    """Whether the log tells of shares made of exactly the keys that there are now."""
    if not isinstance(provider, LocalKeyFile):
        return "not here", None
    made = session.scalars(
        select(LogEntry).where(LogEntry.event == KeysEscrowed.name).order_by(LogEntry.at.desc())
    ).all()
    now = fingerprint_of(provider.roots())
    for entry in made:
        if f'"{now}"' in entry.leaf:
            return "made", entry.at
    return ("older keys", made[0].at) if made else ("never", None)
