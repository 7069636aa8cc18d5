"""From an empty home to a hub that can serve: tables, keys, installation, and the demo area when asked."""

from collections.abc import Callable

from sqlalchemy import inspect, select
from sqlalchemy.exc import DBAPIError

from config import Config, ConfigError, production_faults
from hub.access.actor import program
from hub.app import build_services
from hub.backup.restore import under_way
from hub.db import Database
from hub.engine import make_engine
from hub.errors import LogUnwritable
from hub.ledger.events import ServiceStarted, ServiceStopped
from hub.migrations import migrate
from hub.people.founding import ensure_installation
from hub.people.model import Area, Installation
from hub.proof.checkpoints import NotAsSigned
from hub.services import Services
from storage.errors import StorageError
from storage.keys import key_provider_from_url
from storage.stores import store_from_url

Progress = Callable[[str], None]
VERSION = "0.1.0"


def prepare(config: Config, *, demo: bool, progress: Progress, anchored: bool = True) -> None:
    """Make ready to serve. Raises ConfigError, naming every fault, when production is asked for and not safe.

    `anchored`: also when the database is older than a checkpoint of its log, or another; only its acceptance goes without.
    """
    _refuse_half_restored(config)
    key_provider_from_url(config.keys_url, config.home, create=True, beside_data=lambda: holds_data(config))
    hub = build_services(config)
    try:
        _make_tables(hub)
        if anchored:
            _refuse_unanchored(hub)
        if config.production:
            _refuse_unsafe(config, hub)
        elif _may_be_demo(hub, demo=demo):
            _ready_demo(hub, progress, demo=demo)
    finally:
        hub.db.engine.dispose()


def _refuse_half_restored(config: Config) -> None:
    if (snapshot := under_way(config.home)) is not None:
        raise ConfigError(
            f"A restore of snapshot {snapshot} was begun on this home and did not end: run `backup restore` again."
        )


def holds_data(config: Config) -> bool:
    """Whether this database or this store was used by a hub before: a key made now would not open it."""
    engine = make_engine(config.database_url)
    try:
        with engine.connect() as connection:
            used = inspect(connection).has_table("installation") and bool(
                connection.execute(select(Installation.id)).first()
            )
    except DBAPIError as error:
        told = type(error.orig or error).__name__
        raise ConfigError(f"The access log cannot be written: {told}. Check HUB_DATABASE_URL.") from error
    finally:
        engine.dispose()
    return used or any(True for _ in store_from_url(config.store_url, config.home).names())


def _make_tables(hub: Services) -> None:
    """Tables and the installation's id; ConfigError where the database takes no write: it holds the access log."""
    try:
        migrate(hub.db.engine)
        with hub.db.work() as work:
            ensure_installation(work.session, hub.clock)
            work.commit()
    except (DBAPIError, LogUnwritable) as error:
        told = getattr(error, "orig", None) or error
        raise ConfigError(
            f"The access log cannot be written: {type(told).__name__}. Check HUB_DATABASE_URL."
        ) from error


def _refuse_unanchored(hub: Services) -> None:
    try:
        hub.anchored.check()
    except (NotAsSigned, StorageError) as error:
        raise ConfigError(str(error)) from error


def record_start(config: Config) -> None:
    """A checkpoint and one entry in each area's log; raises LogUnwritable, NotAsSigned, or ConfigError without a required second place."""
    hub = build_services(config)
    try:
        for area in areas(hub.db):
            hub.checkpoints.make(area.id)
            if not hub.checkpoints.keep(area.id) and config.log_copy_required:
                raise ConfigError(
                    "The second place of the log does not take its checkpoints. Check HUB_LOG_COPY_URL."
                )
        _record(hub, ServiceStarted(version=VERSION))
    finally:
        hub.db.engine.dispose()


def record_stop(config: Config) -> None:
    """One entry in each area's log; raises LogUnwritable."""
    hub = build_services(config)
    try:
        _record(hub, ServiceStopped())
    finally:
        hub.db.engine.dispose()


def _record(hub: Services, event: ServiceStarted | ServiceStopped) -> None:
    for area in areas(hub.db):
        hub.db.record(program(area.id), event)


def areas(db: Database) -> list[Area]:
    with db.reading() as session:
        return list(session.scalars(select(Area)))


def _may_be_demo(hub: Services, *, demo: bool) -> bool:
    found = areas(hub.db)
    return any(area.demo for area in found) or (demo and not found)


def _ready_demo(hub: Services, progress: Progress, *, demo: bool) -> None:
    """Load it where there is nothing; first clear away one whose load was ended half way."""
    from hub.demo import unfinished  # noqa: PLC0415 - a hub in production never loads the demo's modules

    with unfinished.alone(hub.config.home):
        if begun := unfinished.unfinished(hub):
            progress("Demo: an earlier load did not finish; it is cleared away.")
            unfinished.clear(hub, begun)
        if demo and not areas(hub.db):
            _load_demo(hub, progress)


def _load_demo(hub: Services, progress: Progress) -> None:
    from hub.demo.load import load_demo  # noqa: PLC0415 - only an empty home pays for the generator's libraries

    load_demo(hub, progress)


def _refuse_unsafe(config: Config, hub: Services) -> None:
    faults = production_faults(config)
    if any(area.demo for area in areas(hub.db)):
        faults.append("This home holds demo data: production wants a home of its own.")
    if faults:
        raise ConfigError("Production refuses to start: " + " ".join(faults))
