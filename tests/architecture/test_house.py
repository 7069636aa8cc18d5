"""The shape of the house, read from its source: who imports whom, one commit site, one mint, one clock."""

import ast
import itertools
from functools import cache
from pathlib import Path

import pytest
from flask import Blueprint

from hub.governance.words import EVENTS
from hub.ledger.events import REGISTRY, Operation
from hub.web.blueprints import ALL

ROOT = Path(__file__).parent.parent.parent
SOURCES = sorted(
    [*ROOT.glob("hub/**/*.py"), *ROOT.glob("storage/**/*.py"), ROOT / "config.py", ROOT / "wsgi.py"]
)
TREES = {path.relative_to(ROOT).as_posix(): ast.parse(path.read_text()) for path in SOURCES}
FEATURES = (
    "people",
    "statement",
    "cases",
    "documents",
    "meetings",
    "search",
    "governance",
    "disposal",
    "backup",
    "keys",
    "integrity",
    "proof",
)
WHOLE = ("hub/app.py", "hub/models.py", "hub/web/blueprints.py", "hub/web/services.py", "hub/jobs.py")
"""Which put the parts together, or speak of the whole: above every floor."""


@cache
def imports(name):
    """Modules that a file imports anywhere, except for type checking alone."""
    return tuple(_imports(name))


def _imports(name):
    tree = TREES[name]
    typing_only = {
        child
        for node in ast.walk(tree)
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING"
        for child in ast.walk(node)
    }
    for node in ast.walk(tree):
        if node in typing_only:
            continue
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def under(imported, *packages):
    return any(imported == package or imported.startswith(package + ".") for package in packages)


def files(pattern):
    found = [name for name in TREES if Path(name).match(pattern)]
    assert found, pattern
    return found


def broken(names, *forbidden):
    return [(name, one) for name in names for one in imports(name) if under(one, *forbidden)]


def test_storage_knows_nothing_of_the_hub():
    assert (
        broken(files("storage/*.py") + files("storage/stores/*.py"), "hub", "config", "flask", "sqlalchemy")
        == []
    )


@pytest.mark.parametrize("floor", ["access", "ledger"])
def test_the_lowest_floors_know_no_feature_and_no_page(floor):
    above = [f"hub.{feature}" for feature in FEATURES]
    assert broken(files(f"hub/{floor}/*.py"), "flask", "hub.web", "hub.app", "hub.vaults", *above) == []
    assert (
        broken(
            ["hub/db.py", "hub/errors.py", "hub/clock.py", "hub/ids.py"],
            "flask",
            "hub.web",
            "hub.app",
            *above,
        )
        == []
    )


def test_services_models_and_rules_know_no_page():
    pages = ("flask", "flask_login", "wtforms", "markupsafe", "hub.web", "hub.app")
    below = [name for name in TREES if name.startswith(tuple(f"hub/{feature}/" for feature in FEATURES))]
    below = [name for name in below if Path(name).name not in ("views.py", "forms.py")]
    assert [one for one in broken(below, *pages) if not under(one[1], "hub.web.paging")] == []


def test_nothing_below_the_views_imports_a_view():
    names = [name for name in TREES if Path(name).name != "views.py" and name not in WHOLE]
    assert [(name, one) for name in names for one in imports(name) if one.endswith(".views")] == []


@pytest.mark.parametrize(
    "name", [*files("hub/*/rules.py"), "hub/access/policy.py", "hub/access/permissions.py"]
)
def test_rules_are_pure(name):
    import sys

    own = ("hub.access", "hub.errors", "hub.ids", *(f"hub.{feature}.rules" for feature in FEATURES))
    for one in imports(name):
        assert one.split(".")[0] in sys.stdlib_module_names or under(one, *own) or one == "hub", one
    assert not any(under(one, "sqlite3", "socket", "urllib", "subprocess") for one in imports(name))


def calls(tree):
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            yield ast.unparse(node.func), node


CLOCKS = ("datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time")
OWN_CLOCK = ("hub/clock.py", "hub/setup/", "hub/serve/", "hub/documents/reader/", "hub/demo/", "hub/oplog.py")


def test_the_hour_is_asked_of_the_clock_that_was_given():
    asked = [
        (name, what)
        for name, tree in TREES.items()
        for what, _ in calls(tree)
        if what.endswith(CLOCKS) and not name.startswith(OWN_CLOCK) and not name.startswith("storage/")
    ]
    assert asked == []


BULK = ("hub/demo/load_past.py",)
"""Writes a year of invented log in bulk, before anybody uses the home."""


def test_one_place_commits():
    sites = {
        (name, what)
        for name, tree in TREES.items()
        for what, _ in calls(tree)
        if what.endswith(".commit") and what.split(".")[-2] in ("session", "connection", "engine", "_session")
    }
    assert {name for name, _ in sites} <= {"hub/db.py", *BULK}
    assert ("hub/db.py", "self.session.commit") in sites


def test_one_place_mints_receipts():
    assert {name for name, tree in TREES.items() for what, _ in calls(tree) if what.endswith(".mint")} == {
        "hub/db.py"
    }


def test_one_place_makes_sessions_of_the_database():
    makers = {
        name
        for name, tree in TREES.items()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Name)
        and node.func.id in ("Session", "sessionmaker")
    }
    assert makers <= {"hub/db.py"}


def test_every_view_declares_what_it_needs():
    seen = 0
    for feature in ALL:
        assert isinstance(feature, Blueprint)
        tree = TREES[feature.import_name.replace(".", "/") + ".py"]
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and any(
                "blueprint." in ast.unparse(one) for one in node.decorator_list
            ):
                routes = [one for one in node.decorator_list if _is_route(one)]
                if routes:
                    seen += 1
                    last = ast.unparse(node.decorator_list[-1])
                    assert last.startswith("needs(") or last == "open_to_all", (
                        feature.import_name,
                        node.name,
                    )
    assert seen > 30


def _is_route(decorator):
    text = ast.unparse(decorator)
    return text.startswith(
        ("blueprint.get(", "blueprint.post(", "blueprint.route(", "blueprint.put(", "blueprint.delete(")
    )


def test_every_event_has_words_and_an_operation_or_says_that_it_has_none():
    assert set(EVENTS) == set(REGISTRY)
    for name, event in REGISTRY.items():
        assert event.operation is None or isinstance(event.operation, Operation), name
        named = {"case", "document"} & set(event.__dataclass_fields__)
        assert event.operation or not named or event.outcome == "refused", (
            f"{name} speaks of a case and has no operation"
        )


TEMPLATES = sorted(ROOT.glob("templates/**/*.html"))
INLINE = (
    "<style",
    " style=",
    "javascript:",
    "|safe",
    "| safe",
    " onclick",
    " onload",
    " onerror",
    " onchange",
    " onsubmit",
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_a_template_holds_no_script_no_style_and_trusts_no_text(path):
    text = path.read_text()
    assert [one for one in INLINE if one in text.lower()] == []
    for tag in text.lower().split("<script")[1:]:
        assert " src=" in tag.split(">")[0]
    if not path.name.startswith("_") and "_macros" not in path.parts:
        assert "{% extends" in text


def test_markup_is_made_of_no_text_of_anyones():
    allowed = {"hub/statement/views.py", "hub/people/views.py"}
    makers = {
        name for name, tree in TREES.items() for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Markup"
    }  # fmt: skip
    assert makers <= allowed


LONG = {
    "hub/proof/outside/verify.py": "one file on purpose: it is handed to auditors",
    "hub/proof/outside/witness.py": "one file on purpose: a partner runs it alone",
    "hub/ledger/events.py": "one vocabulary",
    "hub/search/engine.py": "scoring of one query, read as a whole",
    "hub/search/shard.py": "one file format",
    "hub/search/query.py": "one grammar",
    "hub/people/service.py": "one service",
    "hub/documents/filing.py": "one service",
    "hub/meetings/service.py": "one service",
    "hub/cases/service.py": "one service",
    "hub/demo/phrases.py": "sentences, no code",
    "hub/migrations/versions/0001_first_tables.py": "made from the models",
}


def test_no_file_is_long_without_a_reason():
    lengths = {name: _code(ROOT / name) for name in TREES}
    assert {name for name, length in lengths.items() if length > 400} <= set(LONG)


def _code(path):
    return sum(
        1 for line in path.read_text().splitlines() if line.strip() and not line.strip().startswith("#")
    )


def test_the_files_that_every_project_owes_are_there():
    for name in ("LICENSE", "README.md", "CONTRIBUTING.md"):
        path = ROOT / name
        assert not path.exists() or path.stat().st_size > 200, name
    assert (ROOT / "pyproject.toml").is_file()


def test_features_do_not_reach_into_each_others_views():
    for one, other in itertools.permutations(FEATURES, 2):
        for name in files(f"hub/{one}/*.py"):
            assert f"hub.{other}.views" not in set(imports(name)), name
