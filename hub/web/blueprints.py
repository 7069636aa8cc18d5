"""Every blueprint of the hub, in the order of its navigation."""

from flask import Flask

from hub.cases import views as cases
from hub.documents import views as documents
from hub.governance import views as governance
from hub.meetings import views as meetings
from hub.people import views as people
from hub.search import views as search
from hub.statement import views as statement
from hub.web import views as web

ALL = (web, people, statement, cases, documents, meetings, search, governance)


def register(app: Flask) -> None:
    for feature in ALL:
        app.register_blueprint(feature.blueprint)
