"""Every blueprint of the hub, in the order of its navigation."""

from flask import Flask

from hub.cases.views import blueprint as cases
from hub.disposal.views import blueprint as disposal
from hub.documents.views import blueprint as documents
from hub.governance.bundles.views import blueprint as bundles
from hub.governance.glass.views import blueprint as glass
from hub.governance.queue.views import blueprint as queue
from hub.governance.supplied.views import blueprint as supplied
from hub.governance.views import blueprint as governance
from hub.meetings.views import blueprint as meetings
from hub.people.views import blueprint as people
from hub.search.views import blueprint as search
from hub.statement.views import blueprint as statement
from hub.web.views import blueprint as web

ALL = (
    web,
    people,
    statement,
    cases,
    documents,
    meetings,
    search,
    governance,
    disposal,
    queue,
    glass,
    supplied,
    bundles,
)


def register(app: Flask) -> None:
    for feature in ALL:
        app.register_blueprint(feature)
