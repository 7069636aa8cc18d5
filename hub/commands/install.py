"""From an empty home to a hub that can serve: tables, keys, installation, and the demo area when asked."""

from collections.abc import Callable

from sqlalchemy import select

from config import Config, ConfigError, production_faults
from hub.access.actor import program
from hub.app import Services, build_services
from hub.db import Database
from hub.errors import LogUnwritable
from hub.ledger.events import ServiceStarted
from hub.migrations import migrate
from hub.people.founding import ensure_installation
from hub.people.model import Area
from storage.keys import key_provider_from_url

Progress = Callable[[str], None]


def prepare(config: Config, *, demo: bool, progress: Progress) -> None:
    """Make ready to serve. Raises ConfigError, naming every fault, when production is asked for and not safe."""
    key_provider_from_url(config.keys_url, config.home, create=True)
    hub = build_services(config)
    migrate(hub.db.engine)
    with hub.db.work() as work:
        ensure_installation(work.session, hub.clock)
        work.commit()
    if config.production:
        _refuse_unsafe(config, hub)
    elif demo and not areas(hub.db):
        _load_demo(hub, progress)
    hub.db.engine.dispose()


def areas(db: Database) -> list[Area]:
    with db.reading() as session:
        return list(session.scalars(select(Area)))


def _load_demo(hub: Services, progress: Progress) -> None:
    from hub.demo.load import load_demo  # noqa: PLC0415 - a hub in production never loads the generator

    load_demo(hub, progress)


def _refuse_unsafe(config: Config, hub: Services) -> None:
    faults = production_faults(config)
    if any(area.demo for area in areas(hub.db)):
        faults.append("This home holds demo data: production wants a home of its own.")
    if not _log_is_writable(hub):
        faults.append("The access log cannot be written: check the database's disk and rights.")
    if faults:
        raise ConfigError("Production refuses to start: " + " ".join(faults))


def _log_is_writable(hub: Services) -> bool:
    try:
        record_start(hub)
    except LogUnwritable:
        return False
    return True


def record_start(hub: Services) -> None:
    """One entry in each area's log; raises LogUnwritable."""
    for area in areas(hub.db):
        hub.db.record(program(area.id), ServiceStarted(version="0.1.0"))
