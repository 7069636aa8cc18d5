"""The policy as a table: every role, every standing, every permission; what is not named is denied."""

import itertools

import pytest

from hub.access.actor import Actor, program
from hub.access.check import authorise
from hub.access.permissions import GRANTS, Permission, Role
from hub.access.policy import (
    CaseFacts,
    Denied,
    DocumentFacts,
    Standing,
    require,
    require_on_case,
    require_on_document,
    standing,
)
from hub.errors import NotHere

ME, MINE, AREA = "me", "my-agency", "area"
READERS = {Role.PRACTITIONER, Role.ATTENDEE, Role.CHAIR, Role.COORDINATOR}
CONTRIBUTORS = {Role.PRACTITIONER, Role.CHAIR, Role.COORDINATOR}
COORDINATOR = {Role.COORDINATOR}
EVERYONE = set(Role)
P = Permission
WHO_MAY = {
    P.SELF: EVERYONE,
    P.STATEMENT_AGREE: EVERYONE,
    P.STATEMENT_EDIT: COORDINATOR,
    P.CASE_LIST: READERS,
    P.CASE_READ: READERS,
    P.CASE_OPEN: COORDINATOR,
    P.CASE_CHANGE: COORDINATOR,
    P.CASE_BREAK_GLASS: {Role.PRACTITIONER},
    P.DOCUMENT_READ: READERS,
    P.DOCUMENT_DOWNLOAD: CONTRIBUTORS,
    P.DOCUMENT_UPLOAD: CONTRIBUTORS,
    P.DOCUMENT_READERS: CONTRIBUTORS,
    P.MEETING_LIST: READERS,
    P.MEETING_READ: READERS,
    P.MEETING_ARRANGE: COORDINATOR,
    P.MEETING_ISSUE: COORDINATOR | {Role.CHAIR},
    P.SEARCH: READERS,
    P.LOG_READ: {Role.GOVERNANCE},
    P.LOG_EXPORT: {Role.GOVERNANCE},
    P.DISPOSAL_REQUEST: {Role.COORDINATOR},
    P.DISPOSAL_READ: {Role.GOVERNANCE},
    P.DISPOSAL_DECIDE: {Role.GOVERNANCE},
    P.HOLD_CHANGE: {Role.GOVERNANCE},
    P.LOG_REVIEW: {Role.GOVERNANCE},
    P.ACCOUNT_MANAGE: {Role.ADMINISTRATOR},
    P.SERVICE_STATUS: {Role.GOVERNANCE, Role.ADMINISTRATOR},
}
"""Written out a second time, from the domain rules: a grant that slips in is seen here."""


def actor(role, **more):
    values = {"area": AREA, "account": ME, "agency": MINE, "role": role, "name": "Nobody Real-Fable"}
    return Actor(**(values | more))


def case(**more):
    values = {"coordinator": "other", "agencies": (), "team": (), "excluded": (), "area": AREA} | more
    sets = {name: frozenset(values[name]) for name in ("agencies", "team", "excluded")}
    return CaseFacts(case="case", **(values | sets))


def document(**more):
    values = {"owner": "their-agency", "uploader": "them", "audience": None, "issued_to": frozenset()}
    return DocumentFacts(document="document", **(values | more))


RELATIONS = {
    "none": case(),
    "excluded": case(coordinator=ME, agencies={MINE}, team={ME}, excluded={ME}),
    "coordinates": case(coordinator=ME),
    "team": case(team={ME}),
    "agency": case(agencies={MINE}),
    "other area": case(coordinator=ME, agencies={MINE}, team={ME}, area="elsewhere"),
}
STANDS = {
    "none": set(),
    "excluded": set(),
    "coordinates": {Role.COORDINATOR},
    "team": {Role.PRACTITIONER, Role.CHAIR, Role.ATTENDEE},
    "agency": {Role.PRACTITIONER, Role.CHAIR},
    "other area": set(),
}


def allowed(call, *args):
    try:
        call(*args)
    except Denied:
        return False
    return True


def test_an_actor_without_a_role_may_nothing_however_they_stand():
    nobody = actor(None)
    for permission, facts in itertools.product(Permission, RELATIONS.values()):
        assert not allowed(require, nobody, permission)
        assert not allowed(require_on_case, nobody, permission, facts)
        held = document(issued_to=frozenset({ME}))
        assert not allowed(require_on_document, nobody, permission, facts, held)


def test_a_role_that_is_granted_nothing_may_nothing(monkeypatch):
    monkeypatch.setitem(GRANTS, Role.COORDINATOR, frozenset())
    me = actor(Role.COORDINATOR)
    for permission, facts in itertools.product(Permission, RELATIONS.values()):
        assert not allowed(require_on_case, me, permission, facts)
        assert not allowed(require_on_document, me, permission, facts, document(issued_to=frozenset({ME})))


def test_the_program_itself_holds_no_permission():
    for permission in Permission:
        with pytest.raises(NotHere):
            authorise(program(AREA), permission)


def test_every_permission_is_in_the_table_and_every_role_has_grants():
    assert set(WHO_MAY) == set(Permission)
    assert set(GRANTS) == set(Role)


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize("permission", Permission)
def test_a_role_may_what_the_table_says_and_nothing_else(role, permission):
    assert allowed(require, actor(role), permission) == (role in WHO_MAY[permission])


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("role", Role)
def test_on_a_case_a_permission_also_needs_a_standing(role, relation):
    facts = RELATIONS[relation]
    for permission in Permission:
        expected = role in WHO_MAY[permission] and role in STANDS[relation]
        assert allowed(require_on_case, actor(role), permission, facts) == expected


def test_an_exclusion_outweighs_every_other_tie():
    for role in Role:
        assert standing(actor(role), RELATIONS["excluded"]) is Standing.EXCLUDED
        held = document(owner=MINE, uploader=ME, audience=frozenset({MINE}), issued_to=frozenset({ME}))
        for permission in Permission:
            assert not allowed(require_on_document, actor(role), permission, RELATIONS["excluded"], held)


def test_no_account_stands_to_nothing_even_where_agencies_match():
    assert standing(actor(Role.PRACTITIONER, account=None), RELATIONS["agency"]) is Standing.NONE


DOCUMENTS = {
    "whole case": (document(), set(STANDS)),
    "narrowed to others": (document(audience=frozenset({"another"})), {"coordinates"}),
    "narrowed to nobody": (document(audience=frozenset()), {"coordinates"}),
    "narrowed to mine": (document(audience=frozenset({MINE})), set(STANDS)),
    "owned by mine": (document(owner=MINE, audience=frozenset()), set(STANDS)),
}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("kind", DOCUMENTS)
@pytest.mark.parametrize("role", Role)
def test_a_document_needs_a_standing_and_a_place_in_its_audience(role, kind, relation):
    facts, through = DOCUMENTS[kind]
    for permission in Permission:
        expected = role in WHO_MAY[permission] and role in STANDS[relation] and relation in through
        assert allowed(require_on_document, actor(role), permission, RELATIONS[relation], facts) == expected


@pytest.mark.parametrize("role", Role)
def test_what_was_issued_is_read_without_a_standing_but_not_past_an_exclusion_or_another_area(role):
    held = document(audience=frozenset(), issued_to=frozenset({ME}))
    for relation, facts in RELATIONS.items():
        expected = role in READERS and relation not in ("excluded", "other area")
        assert allowed(require_on_document, actor(role), P.DOCUMENT_READ, facts, held) == expected


def test_being_issued_a_document_opens_nothing_else_of_the_case():
    for role in Role:
        assert not allowed(require_on_case, actor(role), P.CASE_READ, RELATIONS["none"])
        assert not allowed(require_on_document, actor(role), P.DOCUMENT_READ, RELATIONS["none"], document())


GLASS_READS = {P.CASE_READ, P.DOCUMENT_READ, P.DOCUMENT_DOWNLOAD}


@pytest.mark.parametrize("relation", RELATIONS)
@pytest.mark.parametrize("role", Role)
def test_broken_glass_lets_a_practitioner_read_and_nothing_else(role, relation):
    facts, who = RELATIONS[relation], actor(role, glass=frozenset({"case"}))
    barred = relation in ("excluded", "other area")
    for permission in Permission:
        reads = role is Role.PRACTITIONER and not barred and permission in GLASS_READS
        expected = role in WHO_MAY[permission] and (role in STANDS[relation] or reads)
        assert allowed(require_on_case, who, permission, facts) == expected, permission
        assert allowed(require_on_document, who, permission, facts, document()) == expected, permission


@pytest.mark.parametrize(
    "kind", ["narrowed to others", "narrowed to nobody", "narrowed to mine", "owned by mine"]
)
def test_broken_glass_opens_nothing_of_a_narrowed_audience(kind):
    who = actor(Role.PRACTITIONER, glass=frozenset({"case"}))
    for permission in Permission:
        assert not allowed(require_on_document, who, permission, RELATIONS["none"], DOCUMENTS[kind][0])


def test_broken_glass_is_of_one_case():
    who = actor(Role.PRACTITIONER, glass=frozenset({"another"}))
    assert standing(who, RELATIONS["none"]) is Standing.NONE


def test_who_stands_to_the_case_anyway_does_so_as_before():
    who = actor(Role.PRACTITIONER, glass=frozenset({"case"}))
    assert standing(who, RELATIONS["team"]) is Standing.TEAM
    assert standing(who, RELATIONS["agency"]) is Standing.AGENCY
    held = document(audience=frozenset({"another"}), issued_to=frozenset({ME}))
    assert allowed(require_on_document, who, P.DOCUMENT_READ, RELATIONS["none"], held)
