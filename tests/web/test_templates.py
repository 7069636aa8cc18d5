"""The macros and the layout, rendered as a browser would receive them."""

import re
from datetime import UTC, date, datetime
from types import SimpleNamespace

import pytest
from flask import Blueprint, Flask, render_template, render_template_string
from jinja2 import UndefinedError
from markupsafe import escape
from werkzeug.datastructures import MultiDict
from wtforms import (
    BooleanField,
    Form,
    MultipleFileField,
    PasswordField,
    RadioField,
    SelectField,
    SelectMultipleField,
    StringField,
    TextAreaField,
    validators,
)

from hub.web import jinja
from hub.web.fields import DateBoxes, choices
from hub.web.paging import Page

FORM = '{% import "_macros/form.html" as form_macros %}'
PARTS = '{% import "_macros/parts.html" as parts %}'
CHART = '{% from "_macros/chart.html" import chart %}'
HOSTILE = '<img src=x onerror="alert(1)">'
AGENCIES = (("p", "Police"), ("b", "Probation"))
ERRORS = (400, 403, 404, 405, 409, 410, 413, 415, 429, 500, 503)
PAGES = ("help", "cookies", "accessibility")
AT = datetime(2026, 5, 1, 8, 5, tzinfo=UTC)
INLINE = re.compile(r"<style|\sstyle=|\son[a-z]+=|javascript:|<script(?![^>]*\ssrc=)", re.IGNORECASE)


class ReportForm(Form):
    title = StringField(
        "Title", [validators.InputRequired("Enter a title.")], description="As on the document"
    )
    secret = PasswordField("Password")
    reason = TextAreaField("Why it is needed")
    agency = SelectField("Agency", choices=choices(AGENCIES))
    level = RadioField("Level", choices=choices([("1", "Level 1"), ("3", HOSTILE)]))
    audience = SelectMultipleField("Audience", choices=choices(AGENCIES))
    agreed = BooleanField("I agree", [validators.InputRequired("Tick the box.")])
    due = DateBoxes("Review due", [validators.InputRequired("Enter a date.")])
    files = MultipleFileField("Files")


def _answer(**_values):
    return "answer"


def _blueprint(name, endpoints):
    made = Blueprint(name, name)
    for endpoint in endpoints:
        made.add_url_rule(f"/{name}/{endpoint}", endpoint, _answer)
    made.add_url_rule(f"/{name}/asset/<name>", "asset", _answer)
    return made


@pytest.fixture(scope="module")
def app():
    made = Flask("templates", static_folder=None)
    made.secret_key = "for this test only"
    jinja.configure(made)
    made.register_blueprint(_blueprint("web", ("home", "help", "cookies", "accessibility", "extend_session")))
    made.register_blueprint(_blueprint("people", ("sessions", "sign_in", "sign_out")))
    return made


@pytest.fixture
def render(app):
    def made(source, path="/cases", **values):
        with app.test_request_context(path):
            return render_template_string(source, **values)

    return made


@pytest.fixture
def signed_in():
    return {
        "actor": SimpleNamespace(name="Tamsin Oxlade", agency_name="Fenmarch Police", account="a" * 26),
        "navigation": [{"text": "Cases", "href": "/cases", "active": True}],
        "area_name": "Fenmarch",
        "printed_at": AT,
        "session_seconds": 1200,
    }


def sent(**fields):
    form = ReportForm(MultiDict(fields))
    form.validate()
    return form


def page(**values):
    return '{% extends "_layout.html" %}{% block title %}Cases{% endblock %}', values


def test_a_signed_in_page_carries_marking_reader_and_time_for_print(render, signed_in):
    html = render(page()[0], **signed_in)
    assert html.count("OFFICIAL-SENSITIVE") == 2
    assert "Printed by Tamsin Oxlade, Fenmarch Police" in html
    assert "1 May 2026 at 9:05am" in html


def test_a_signed_in_page_says_when_its_session_ends(render, signed_in):
    html = render(page()[0], **signed_in)
    assert 'data-session-seconds="1200"' in html
    assert 'id="session-dialog"' in html


def test_before_sign_in_there_is_no_marking_no_navigation_and_no_session(render):
    html = render(page()[0])
    assert "OFFICIAL-SENSITIVE" not in html
    assert "Sign out" not in html
    assert "data-session-seconds" not in html


def test_signing_out_is_a_form_with_a_token(render, signed_in):
    html = render(page()[0], **signed_in)
    form = re.search(r'<form method="post" action="/people/sign_out" class.*?</form>', html, re.DOTALL)
    assert form
    assert 'name="csrf_token"' in form[0]


def test_the_title_of_a_form_with_errors_begins_with_error(render):
    assert "<title>Cases - MAPPA document hub</title>" in render(page()[0], form=ReportForm())
    assert "<title>Error: Cases - MAPPA document hub</title>" in render(page()[0], form=sent())


@pytest.mark.parametrize("number", ERRORS)
def test_an_error_page_says_its_sentence_and_a_way_on(app, number):
    with app.test_request_context("/"):
        html = render_template(f"errors/{number}.html", sentence=HOSTILE)
    assert "&lt;img src=x" in html
    assert 'href="/web/home"' in html
    assert not INLINE.search(html.replace(str(escape(HOSTILE)), ""))


@pytest.mark.parametrize("name", PAGES)
def test_a_page_of_words_obeys_the_content_security_policy(app, signed_in, name):
    with app.test_request_context("/"):
        html = render_template(f"pages/{name}.html", **signed_in)
    assert not INLINE.search(html)


def test_the_cookies_page_names_both_cookies(app):
    with app.test_request_context("/"):
        html = render_template("pages/cookies.html")
    assert {"hub_session", "hub_form"} <= set(re.findall(r"hub_\w+", html))


def test_a_name_that_does_not_exist_is_a_fault(render):
    with pytest.raises(UndefinedError):
        render("{{ nominal_nmae }}")


def test_an_attribute_that_does_not_exist_is_a_fault(render):
    with pytest.raises(UndefinedError):
        render("{{ row.nmae }}", row=SimpleNamespace(name="x"))


def test_each_error_links_to_the_field_it_is_about(render):
    html = render(
        FORM + "{{ form_macros.error_summary(form, more=['Someone else changed this.']) }}", form=sent()
    )
    assert re.findall(r'href="#(\w+)"', html) == ["title", "agency", "level", "agreed", "due"]
    assert "Someone else changed this." in html


def test_a_form_without_errors_has_no_summary(render):
    assert "There is a problem" not in render(
        FORM + "{{ form_macros.error_summary(form) }}", form=ReportForm()
    )


FIELDS = {
    "title": "text_input(form.title)",
    "reason": "textarea(form.reason, maximum=10)",
    "agency": "select(form.agency)",
    "level": "radios(form.level, hints={'1': 'One agency'}, reveal={'3': 'more'})",
    "audience": "checkboxes(form.audience)",
    "agreed": "checkbox(form.agreed)",
    "due": "date_input(form.due)",
    "files": "upload_zone(form.files, '/stage', 1500000)",
}


@pytest.mark.parametrize("name", FIELDS)
def test_the_target_of_an_errors_link_exists(render, name):
    html = render(FORM + "{{ form_macros." + FIELDS[name] + " }}", form=sent())
    assert re.search(rf'<(input|textarea|select)[^>]*\sid="{name}"', html)


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_escapes_what_people_wrote(render, name):
    form = sent(title=HOSTILE, reason=HOSTILE, **{"due-day": HOSTILE})
    html = render(FORM + "{{ form_macros." + FIELDS[name] + " }}", form=form)
    assert "<img" not in html


@pytest.mark.parametrize("name", FIELDS)
def test_a_field_can_be_filled_in_and_has_no_empty_attributes(render, name):
    html = render(FORM + "{{ form_macros." + FIELDS[name] + " }}", form=ReportForm())
    assert not re.search(
        r'\s(disabled|pattern|autocomplete|inputmode|spellcheck|aria-describedby)(=""|[\s>])', html
    )


def test_what_was_typed_is_shown_again_but_never_a_password(render):
    form = sent(title="Assessment of March", secret="not to be echoed")
    html = render(
        FORM + "{{ form_macros.text_input(form.title) }}{{ form_macros.password_input(form.secret) }}",
        form=form,
    )
    assert 'value="Assessment of March"' in html
    assert "not to be echoed" not in html


def test_a_chosen_radio_and_box_stay_chosen(render):
    form = sent(level="1", audience="b")
    html = render(
        FORM + "{{ form_macros.radios(form.level) }}{{ form_macros.checkboxes(form.audience) }}", form=form
    )
    assert re.findall(r'value="(\w)" checked', html) == ["1", "b"]


def test_files_received_before_are_ticked_boxes_that_need_no_script(render):
    staged = [{"id": "b" * 26, "name": HOSTILE, "size": 1_500_000}]
    html = render(
        FORM + "{{ form_macros.upload_zone(form.files, '/s', 9, staged=staged) }}",
        form=ReportForm(),
        staged=staged,
    )
    assert re.search(rf'name="staged"[^>]*value="{"b" * 26}" checked', html)
    assert "(1.5 MB)" in html
    assert "<img" not in html


def test_a_date_in_three_boxes_is_a_date():
    form = sent(**{"due-day": "27", "due-month": "3", "due-year": "2026"})
    assert form.due.data == date(2026, 3, 27)
    assert "due" not in form.errors


@pytest.mark.parametrize(
    "typed",
    [
        ("31", "2", "2026"),
        ("1", "13", "2026"),
        ("1", "", "2026"),
        ("x", "1", "2026"),
        ("1", "1", "26"),
        ("1", "1", "9" * 40),
    ],
)
def test_what_is_no_date_is_refused_and_shown_again(typed):
    form = sent(**dict(zip(("due-day", "due-month", "due-year"), typed, strict=True)))
    assert form.errors["due"] == ["Enter a real date, such as 27 3 2026."]
    assert tuple(form.due.typed.values()) == typed


def test_empty_boxes_are_a_missing_date():
    assert sent().errors["due"] == ["Enter a date."]


def test_a_date_box_starts_from_the_date_it_is_given():
    assert dict(ReportForm(data={"due": date(2026, 5, 1)}).due.typed) == {
        "day": "1",
        "month": "5",
        "year": "2026",
    }


TABLE = (
    PARTS
    + "{% call parts.table('Cases', [{'text': 'Level', 'key': 'level'}, {'text': 'Due', 'key': 'due'}], sort=sort) %}"
    + "<tr>{% call parts.cell('Level') %}{{ value }}{% endcall %}</tr>{% endcall %}"
)


def test_a_sorted_column_says_so_and_turns_round(render):
    html = render(TABLE, path="/cases?level=2&page=3", sort="level", value=HOSTILE)
    assert html.count("aria-sort") == 1
    assert 'aria-sort="ascending"' in html
    assert 'href="/cases?level=2&amp;sort=-level"' in html
    assert "<img" not in html


def test_pages_keep_the_filters_and_name_where_one_is(render):
    page = Page(rows=[], number=4, total=312)
    html = render(PARTS + "{{ parts.pagination(page, 'case') }}", path="/cases?level=2&page=4", page=page)
    assert "76 to 100 of 312 cases" in html
    assert 'href="/cases?level=2&amp;page=5"' in html
    assert re.search(r'page=4"[^>]*aria-current="page"', html)


def test_one_page_needs_no_links(render):
    html = render(PARTS + "{{ parts.pagination(page, 'case') }}", page=Page(rows=[], number=1, total=1))
    assert "1 to 1 of 1 case<" in html
    assert "<nav" not in html


def test_a_summary_escapes_texts_and_keeps_markup(render):
    html = render(
        PARTS + "{{ parts.summary([('Name', name), ('Level', parts.level_tag(2)), ('Born', none)]) }}",
        name=HOSTILE,
    )
    assert "<img" not in html
    assert "govuk-tag--blue" in html
    assert "Not given" in html


def test_a_chart_shows_the_same_figures_as_its_table(render):
    series = [("1 May", 3), ("8 May", 1204), ("15 May", 0)]
    html = render(CHART + "{{ chart(series, 'Openings') }}", series=series)
    assert html.count("<rect") == 3
    assert re.findall(r'numeric">([\d,]+)<', html) == ["3", "1,204", "0"]
    assert re.findall(r'<rect[^>]* height="([\d.]+)"', html)[1:] == ["190.0", "0.0"]
    assert not INLINE.search(html)


def test_a_chart_of_nothing_says_so(render):
    assert "no figures" in render(CHART + "{{ chart([], 'Openings') }}")


def test_a_chart_of_zeros_says_so(render):
    html = render(CHART + "{{ chart([('1 May', 0)], 'Openings') }}")
    assert "None." in html
    assert "<rect" not in html


def test_the_middle_of_a_charts_scale_is_named_only_where_it_is_so(render):
    assert ">3<" in render(CHART + "{{ chart([('1 May', 6)], 'Openings') }}")
    assert ">4<" not in render(CHART + "{{ chart([('1 May', 7)], 'Openings') }}")


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 5, 1, 8, 5, tzinfo=UTC), "1 May 2026 at 9:05am"),
        (datetime(2026, 1, 1, 0, 0, tzinfo=UTC), "1 January 2026 at 12:00am"),
        (datetime(2026, 6, 30, 23, 30), "1 July 2026 at 12:30am"),  # noqa: DTZ001 - as SQLite gives it back
        (None, ""),
    ],
)
def test_times_are_londons(moment, text):
    assert jinja.long_datetime(moment) == text


def test_a_late_evening_in_summer_is_the_next_day_in_london():
    assert jinja.long_date(datetime(2026, 6, 30, 23, 30, tzinfo=UTC)) == "1 July 2026"
    assert jinja.long_date(date(2026, 6, 30)) == "30 June 2026"


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 bytes"),
        (1, "1 byte"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1_540_000, "1.5 MB"),
        (10**13, "10000 GB"),
    ],
)
def test_sizes_are_read_at_a_glance(count, text):
    assert jinja.file_size(count) == text


def test_plurals():
    assert [jinja.plural(1, "case"), jinja.plural(1204, "case"), jinja.plural(2, "agency", "agencies")] == [
        "1 case",
        "1,204 cases",
        "2 agencies",
    ]
