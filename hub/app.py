"""Puts the hub together: the only place that names concrete classes."""

from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask

from config import Config, ConfigError
from hub import jobs, oplog
from hub.backup.service import BackupService
from hub.cases.service import CaseService
from hub.clock import Clock, system_clock
from hub.db import Database
from hub.disposal.outside import KnownBackups
from hub.disposal.service import DisposalService
from hub.disposal.shredding import Shredding
from hub.documents.reader.client import Reader
from hub.documents.service import DocumentService
from hub.engine import make_engine
from hub.governance.following import Following
from hub.governance.glass.service import GlassService
from hub.governance.queue.service import ReviewService
from hub.governance.service import GovernanceService
from hub.governance.supplied.service import SuppliedService
from hub.ledger.alarm import Alarm
from hub.ledger.guard import Guard
from hub.ledger.notes import BadNote
from hub.ledger.service import AccessLog
from hub.mail import Notices, carrier_from_url
from hub.meetings.service import MeetingService
from hub.people.service import PeopleService
from hub.people.sessions import Sessions
from hub.proof.anchored import Anchored
from hub.proof.checkpoints import Checkpoints
from hub.proof.duty import Duty
from hub.proof.ready import Readiness
from hub.proof.witnesses import Witnesses, witness
from hub.search.service import SearchService
from hub.services import Services
from hub.statement.service import StatementService
from hub.vaults import Vaults
from hub.web import blueprints, errors, guard, headers, held, jinja
from hub.web.routes import IdConverter, NumberConverter
from hub.web.spool import request_class
from storage.anchors import Anchors, FolderAnchors, anchors_from_url
from storage.keys import key_provider_from_url
from storage.receipts import ReceiptBook
from storage.stores import store_from_url


def build_services(config: Config, clock: Clock = system_clock) -> Services:
    """Everything below the web layer; opens no connection yet."""
    receipts = ReceiptBook()
    store = store_from_url(config.store_url, config.home)
    vaults = Vaults(lambda: key_provider_from_url(config.keys_url, config.home), store, receipts)
    guard = Guard(clock, copy_required=config.log_copy_required)
    ledger = AccessLog(clock, vaults.seal_log, guard.check)
    db = Database(make_engine(config.database_url), ledger, receipts)
    sessions = Sessions(
        db, clock, secret=config.secret, idle=config.idle_limit, absolute=config.absolute_limit
    )
    notices = Notices(carrier_from_url(config.mail_url), clock, public_url=config.public_url)
    search = SearchService(db, clock, vaults)
    checkpoints = Checkpoints(db, clock, vaults, guard, _places(config), _witnesses(config))
    return Services(
        config=config,
        clock=clock,
        db=db,
        vaults=vaults,
        sessions=sessions,
        people=PeopleService(db, clock, vaults, sessions, secret=config.secret),
        statement=StatementService(db, clock),
        cases=CaseService(db, clock, vaults, search),
        documents=DocumentService(
            db,
            clock,
            vaults,
            Reader(languages=config.ocr_languages),
            search,
            max_upload=config.max_upload,
        ),
        meetings=MeetingService(db, clock, vaults, notices),
        search=search,
        governance=GovernanceService(db, clock, vaults),
        checkpoints=checkpoints,
        anchored=Anchored(db, checkpoints, second_required=config.log_copy_required),
        readiness=Readiness(db, vaults, guard, clock),
        alarm=Alarm(clock, _alarm_mail(config, notices)),
        backup=BackupService(db, clock, vaults, config),
        disposal=DisposalService(db, clock, vaults),
        shredding=Shredding(
            db,
            clock,
            vaults,
            KnownBackups(db, clock),
            search,
            store=config.store_url or "the folder objects of the home",
        ),
        following=Following(db, clock),
        reviews=ReviewService(db, clock, vaults, notices),
        glass=GlassService(db, clock, vaults, notices),
        supplied=SuppliedService(db, clock, vaults),
    )


def create_app(config: Config, clock: Clock = system_clock) -> Flask:
    """The finished application. Raises `hub.web.guard.UndeclaredRoute` when a route declares nothing."""
    return app_of(build_services(config, clock))


def app_of(hub: Services) -> Flask:
    """The application before these services."""
    config = hub.config
    oplog.configure()
    app = Flask("hub", template_folder="../templates", static_folder=None)
    app.request_class = request_class(_spool(config))
    app.url_map.converters.update(id=IdConverter, int=NumberConverter)
    app.url_map.strict_slashes = app.url_map.merge_slashes = False
    app.secret_key = config.secret
    app.config.update(
        MAX_CONTENT_LENGTH=config.max_upload + 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=2 * 1024 * 1024,
        MAX_FORM_PARTS=500,
        SESSION_COOKIE_NAME="__Host-hub_form" if config.production else "hub_form",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=config.production,
        PERMANENT_SESSION_LIFETIME=timedelta(hours=12),
        TRUSTED_HOSTS=_hosts(config),
    )
    app.extensions["hub"] = hub
    jinja.configure(app)
    blueprints.register(app)
    headers.install(app, https=config.production)
    errors.install(app)
    held.install(app)
    guard.install(app)
    return app


def start_background(app: Flask) -> None:
    """Prepare documents and sign checkpoints in this process from now on; after a fork, never before."""
    jobs.start(app)
    if "hub_duty" not in app.extensions:
        hub = app.extensions["hub"]
        app.extensions["hub_duty"] = Duty(hub.checkpoints, hub.readiness, hub.alarm)
        app.extensions["hub_duty"].start()


def _alarm_mail(config: Config, notices: Notices) -> Callable[[bool], None] | None:
    """To the people at HUB_ALERT_EMAIL: their addresses in the database are what cannot be asked just then."""
    addresses = config.alert_email
    said = {
        True: "The MAPPA document hub cannot write its access log and shows nothing of any case.",
        False: "The MAPPA document hub can write its access log again.",
    }
    return (lambda trouble: notices.alert(addresses, said[trouble], "/status")) if addresses else None


def _places(config: Config) -> dict[str, Anchors]:
    """Where checkpoints are kept beside the database; raises ConfigError."""
    places: dict[str, Anchors] = {"home": FolderAnchors(config.home / "checkpoints")}
    if config.log_copy_url:
        try:
            places["second"] = anchors_from_url(config.log_copy_url)
        except ValueError as error:
            raise ConfigError(str(error)) from error
    return places


def _witnesses(config: Config) -> Witnesses:
    try:
        return Witnesses([witness(url, key) for url, key in config.log_witnesses])
    except BadNote as error:
        raise ConfigError(f"HUB_LOG_WITNESSES: {error}") from error


def _hosts(config: Config) -> list[str] | None:
    """In production the public name, and this machine's own for its checks; elsewhere any."""
    if not config.production:
        return None
    return [urlsplit(config.public_url).hostname or "", "localhost", "127.0.0.1"]


def _spool(config: Config) -> Path:
    folder = config.home / "spool"
    folder.mkdir(mode=0o700, exist_ok=True)
    return folder
