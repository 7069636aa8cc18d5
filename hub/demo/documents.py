"""Two hundred and fifty fictional documents, each built only when its bytes are asked for."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from hub.demo.area import DemoArea
from hub.demo.cases import DemoCase
from hub.demo.chance import chance, in_words, office_hour, weekday_after, weekday_before
from hub.demo.files import Envelope, render
from hub.demo.meetings import DemoMeeting
from hub.demo.phrases import GROUPS, KIN, NEEDS, QUARTERS, STRAINS, STREETS
from hub.demo.prose import Page, write_sections
from hub.documents.rules import DOCUMENT_TYPES, MARKING

DOCUMENT_COUNT = 250
Row = tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoDocument:
    """`type` and `retention_class` are codes of `hub.documents.rules`; case, agencies and people are keys.

    `audience` None: every agency on the case. `author` is a name in words; `uploader` an account that may upload to
    the case. `build()` gives the file's bytes, the same each time; `text()` what is in it. `form`: 'pdf', 'scan' (a PDF
    of page images without text), 'docx', 'odt', 'txt', 'eml'.
    """

    key: str
    case: str
    type: str
    title: str
    file_name: str
    form: str
    owner: str
    author: str
    uploader: str
    marking: str
    dated: date
    uploaded_at: datetime
    audience: frozenset[str] | None
    necessity: str
    retention_class: str
    outline: str
    seed: str
    slots: tuple[tuple[str, str], ...]
    facts: tuple[Row, ...]
    tables: tuple[tuple[str, tuple[Row, ...]], ...]
    envelope: Envelope

    def build(self) -> bytes:
        return render(self.form, self.text(), self.envelope, chance(self.seed, self.key, "file"))

    def text(self) -> Page:
        rng = chance(self.seed, self.key, "prose")
        sections = write_sections(self.outline, rng, dict(self.slots), dict(self.tables))
        facts = tuple((row[0], row[1]) for row in self.facts)
        return Page(title=self.title, marking=self.marking, facts=facts, sections=sections)


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoIssue:
    """A document issued to everyone invited to a meeting; `what`: 'papers' or 'minutes'; `by` a person's key."""

    meeting: str
    document: str
    what: str
    at: datetime
    by: str


@dataclass(frozen=True, slots=True, kw_only=True)
class _Slot:
    """That there is to be a document: of which case, type and day, and of which meeting, if of one."""

    case: DemoCase
    type: str
    dated: date
    meeting: DemoMeeting | None = None


_FILLERS = (
    "agency-report", "agency-report", "agency-report", "correspondence", "correspondence", "correspondence",
    "correspondence", "action-list", "executive-summary", "level-change", "transfer-pack", "disclosure-record",
    "dwp-notification",
)  # fmt: skip
_FORMS = {
    "referral": ("docx", "pdf", "scan", "odt"),
    "agency-report": ("docx", "pdf", "odt", "scan", "pdf", "odt"),
    "invitation": ("docx", "pdf"),
    "minutes": ("docx", "pdf", "pdf"),
    "risk-assessment": ("pdf", "docx", "pdf", "odt", "docx"),
    "risk-management-plan": ("docx", "pdf", "docx"),
    "action-list": ("docx", "txt"),
    "executive-summary": ("pdf",),
    "level-change": ("pdf", "docx"),
    "transfer-pack": ("pdf", "scan"),
    "disclosure-record": ("docx", "scan"),
    "dwp-notification": ("scan", "pdf", "txt"),
    "correspondence": ("eml", "eml", "eml", "txt"),
}
_OWNED_BY_LEAD = frozenset(
    {
        "referral",
        "risk-assessment",
        "risk-management-plan",
        "level-change",
        "transfer-pack",
        "disclosure-record",
    }
)
_RETENTION = {"police": "police-long-term", "probation": "probation-6"}
_NECESSITY = (
    "The agencies on the case need this to carry out their part of the plan.",
    "It changes how visits and contact should be arranged and cannot wait for the meeting.",
    "Needed so that each agency comes to the meeting having read the same information.",
    "It records what was decided and who is to act, which every agency on the case must know.",
    "It bears directly on the assessment of risk and contains no more than that needs.",
)
_STAFF = (
    "Linnet Farrowdale", "Abiodun Saltmarsh", "Greta Ploverton", "Matthias Inkpen-Lowe", "Sorrel Bankside",
    "Yusuf Eddywater", "Cordelia Wharfinger", "Piotr Lanternby", "Maeve Quarryhill", "Rohan Tillerstone",
)  # fmt: skip
_COUNTS = ("six", "seven", "eight", "nine", "ten", "eleven", "twelve")
_WEEKS = ("three", "four", "five", "six", "eight")


def make_documents(
    seed: str, today: date, area: DemoArea, cases: tuple[DemoCase, ...], meetings: tuple[DemoMeeting, ...]
) -> tuple[tuple[DemoDocument, ...], tuple[DemoIssue, ...]]:
    """The documents by the time they were uploaded, and what was issued to which meeting."""
    slots = _meeting_slots(meetings, cases) + _core_slots(seed, today, cases)
    slots += _filler_slots(seed, today, cases, DOCUMENT_COUNT - len(slots))
    made = [
        (slot, _document(seed, today, area, slot, number))
        for number, slot in enumerate(slots[:DOCUMENT_COUNT])
    ]
    documents = sorted(
        (document for _, document in made), key=lambda document: (document.uploaded_at, document.key)
    )
    return tuple(documents), _issues(made, meetings)


def _meeting_slots(meetings: tuple[DemoMeeting, ...], cases: tuple[DemoCase, ...]) -> list[_Slot]:
    """Minutes of each case at a meeting that was held; an invitation for the first case of each to come."""
    by_key = {case.key: case for case in cases}
    slots = []
    for meeting in meetings:
        day = meeting.starts_at.date()
        if meeting.state == "held":
            slots += [
                _Slot(case=by_key[key], type="minutes", dated=day, meeting=meeting) for key in meeting.cases
            ]
        else:
            invited = meeting.created_at.date()
            slots.append(
                _Slot(case=by_key[meeting.cases[0]], type="invitation", dated=invited, meeting=meeting)
            )
    return slots


def _core_slots(seed: str, today: date, cases: tuple[DemoCase, ...]) -> list[_Slot]:
    slots = []
    for case in cases:
        rng = chance(seed, "core", case.key)
        if rng.randrange(3):
            slots.append(_Slot(case=case, type="referral", dated=case.opened_at.date()))
        slots.append(_Slot(case=case, type="risk-assessment", dated=_past(rng, today, case, 20, 400)))
        if case.level > 1:
            slots.append(
                _Slot(case=case, type="risk-management-plan", dated=_past(rng, today, case, 12, 150))
            )
    return slots


def _filler_slots(seed: str, today: date, cases: tuple[DemoCase, ...], count: int) -> list[_Slot]:
    rng = chance(seed, "fillers")
    weighted = [case for case in cases for _ in range(case.level)]
    slots = []
    for number in range(count):
        case = rng.choice(weighted)
        type_ = _FILLERS[number % len(_FILLERS)]
        slots.append(_Slot(case=case, type=type_, dated=_past(rng, today, case, 1, 380)))
    return slots


def _past(rng: Random, today: date, case: DemoCase, least: int, most: int) -> date:
    """A weekday in the past on which the case was open."""
    day = today - timedelta(days=rng.randint(least, most))
    latest = case.last_day - timedelta(days=3) if case.last_day else today
    return weekday_before(max(case.opened_at.date(), min(day, latest)))


def _document(seed: str, today: date, area: DemoArea, slot: _Slot, number: int) -> DemoDocument:
    key = f"document-{number + 1:03}"
    rng = chance(seed, key)
    owner = _owner(rng, slot)
    uploader = _uploader(area, slot.case, owner)
    author = area.person(uploader).name if area.person(uploader).agency == owner else rng.choice(_STAFF)
    form = _FORMS[slot.type][number % len(_FORMS[slot.type])]
    uploaded = _uploaded(rng, today, slot)
    title = _title(area, slot, owner)
    return DemoDocument(
        key=key,
        case=slot.case.key,
        type=slot.type,
        title=title,
        file_name=_file_name(slot, form),
        form=form,
        owner=owner,
        author=author,
        uploader=uploader,
        marking=MARKING,
        dated=slot.dated,
        uploaded_at=uploaded,
        audience=_audience(rng, slot, owner),
        necessity=rng.choice(_NECESSITY),
        retention_class=_RETENTION.get(owner, "agency"),
        outline="custody-report" if slot.type == "agency-report" and owner == "prison" else slot.type,
        seed=seed,
        slots=_words(rng, area, slot, owner),
        facts=_facts(area, slot, owner, author),
        tables=_tables(rng, area, slot),
        envelope=_envelope(area, slot, owner, author, uploaded),
    )


def _owner(rng: Random, slot: _Slot) -> str:
    if slot.meeting or slot.type in {"action-list", "executive-summary"}:
        return _COORDINATOR_AGENCY[slot.case.coordinator]
    return slot.case.lead_agency if slot.type in _OWNED_BY_LEAD else rng.choice(slot.case.agencies)


_COORDINATOR_AGENCY = {"sunniva": "probation", "devan": "police"}
_UPLOADERS = {
    "police": "isolde",
    "probation": "corwin",
    "prison": "hester",
    "children": "tamsin",
    "health": "emeka",
}


def _uploader(area: DemoArea, case: DemoCase, owner: str) -> str:
    """The owner's practitioner, or the coordinator on behalf of an agency that has none, or whose one is excluded."""
    key = _UPLOADERS.get(owner)
    excluded = {exclusion.person for exclusion in case.exclusions}
    if key is None or key in excluded or area.person(key).agency not in case.agencies:
        return case.coordinator
    return key


def _uploaded(rng: Random, today: date, slot: _Slot) -> datetime:
    """Within days of its date, not before the case was opened and not today; minutes take some days longer."""
    days = rng.randint(3, 6) if slot.type == "minutes" else rng.randint(0, 2)
    day = weekday_after(slot.dated + timedelta(days=days))
    at = office_hour(rng, min(day, weekday_before(today - timedelta(days=1))))
    return max(at, slot.case.opened_at + timedelta(minutes=30))


def _title(area: DemoArea, slot: _Slot, owner: str) -> str:
    name, day = slot.case.nominal.name, in_words(slot.dated)
    label = DOCUMENT_TYPES[slot.type]
    if slot.meeting:
        held = in_words(slot.meeting.starts_at.date())
        what = "Minutes" if slot.type == "minutes" else "Invitation and agenda"
        return f"{what}: {name}, level {slot.meeting.level} meeting of {held}"
    if slot.type == "agency-report":
        return f"{area.agency(owner).short} report: {name}, {day}"
    return f"{label}: {name}, {day}"


def _file_name(slot: _Slot, form: str) -> str:
    last = slot.case.nominal.name.rsplit(" ", maxsplit=1)[1]
    return f"{slot.dated.isoformat()} {DOCUMENT_TYPES[slot.type]} {last}.{'pdf' if form == 'scan' else form}"


def _audience(rng: Random, slot: _Slot, owner: str) -> frozenset[str] | None:
    """About one in nine is for fewer agencies than the case has."""
    if slot.meeting or rng.randrange(8) or len(slot.case.agencies) < 4:  # noqa: PLR2004 - nobody left to leave out
        return None
    return frozenset({owner, "police", "probation"})


def _words(rng: Random, area: DemoArea, slot: _Slot, owner: str) -> tuple[tuple[str, str], ...]:
    case = slot.case
    he, him, his = ("she", "her", "her") if case.nominal.female else ("he", "him", "his")
    chair = slot.meeting.chair if slot.meeting else "barnaby"
    review = weekday_after(slot.dated + timedelta(days=rng.randint(40, 110)))
    return (
        ("n", case.nominal.formal),
        *(("he", he), ("He", he.title()), ("him", him), ("his", his), ("His", his.title())),
        ("loc", case.locality),
        ("lead", area.agency(case.lead_agency).name),
        ("own", area.agency(owner).name),
        ("coord", area.person(case.coordinator).name),
        ("chair", area.person(chair).name),
        ("dated", in_words(slot.dated)),
        ("review", in_words(review)),
        ("visits", rng.choice(_COUNTS)),
        ("weeks", rng.choice(_WEEKS)),
        *_circumstances(case),
    )


def _circumstances(case: DemoCase) -> tuple[tuple[str, str], ...]:
    """What every document of the case says alike."""
    rng = chance(case.reference, "circumstances")
    pools = (
        ("street", STREETS),
        ("group", GROUPS),
        ("kin", KIN),
        ("quarter", QUARTERS),
        ("strain", STRAINS),
        ("need", NEEDS),
    )
    return tuple((slot, rng.choice(pool)) for slot, pool in pools)


def _facts(area: DemoArea, slot: _Slot, owner: str, author: str) -> tuple[Row, ...]:
    case = slot.case
    also = (("Also known as", ", ".join(case.nominal.aliases)),) if case.nominal.aliases else ()
    return (
        ("Name", case.nominal.name),
        *also,
        ("Date of birth", in_words(case.nominal.born)),
        ("Case", f"{case.reference}, {case.locality}"),
        ("Category and level", f"category {case.category}, level {case.level_on(slot.dated)}"),
        ("Owning agency", area.agency(owner).name),
        ("Author", author),
        ("Date", in_words(slot.dated)),
    )


def _tables(rng: Random, area: DemoArea, slot: _Slot) -> tuple[tuple[str, tuple[Row, ...]], ...]:
    return (
        ("Attendance", _attendance(rng, area, slot)),
        ("Actions", _actions(rng, area, slot)),
        ("Order of business", _business()),
    )


def _attendance(rng: Random, area: DemoArea, slot: _Slot) -> tuple[Row, ...]:
    invited = slot.meeting.invited if slot.meeting else ()
    rows = [(p.name, p.post, area.agency(p.agency).short, "Present") for p in area.people if p.key in invited]
    present = {p.agency for p in area.people if p.key in invited}
    absent = [area.agency(key).short for key in slot.case.agencies if key not in present]
    reports = [("No one attended", "Not applicable", short, "Written report instead") for short in absent]
    rng.shuffle(reports)
    return (("Name", "Post", "Agency", "Attendance"), *rows, *reports)


def _actions(rng: Random, area: DemoArea, slot: _Slot) -> tuple[Row, ...]:
    due = [in_words(weekday_after(slot.dated + timedelta(days=rng.randint(7, 40)))) for _ in _ACTIONS]
    chosen = sorted(rng.sample(range(len(_ACTIONS)), 5))
    rows = [
        (_ACTIONS[n], area.agency(rng.choice(slot.case.agencies)).short, due[n], rng.choice(_STATES))
        for n in chosen
    ]
    return (("Action", "Owner", "By", "State"), *rows)


_STATES = ("New", "In hand", "In hand", "Complete")
_ACTIONS = (
    "Carry out a joint home visit and report to the coordinator",
    "Rewrite the one-page summary for the duty officer",
    "Confirm the arrangements at weekends with the family's social worker",
    "Ask the clinic whether evening appointments can be offered",
    "Check that the exclusion map matches the licence",
    "Tell the victim liaison officer of the review date",
    "Settle the arrears and confirm the tenancy in writing",
    "Agree one person to explain the plan and record the conversation",
    "Enter the change of vehicle in ViSOR",
)


def _business() -> tuple[Row, ...]:
    items = (
        "Welcome and confidentiality statement", "Equality and diversity", "Information from each agency",
        "Risk assessment", "Voice of the child", "Victims and disclosure", "Risk management plan", "Actions and review",
    )  # fmt: skip
    return (("Item", "Business"), *((str(number), item) for number, item in enumerate(items, start=1)))


def _envelope(area: DemoArea, slot: _Slot, owner: str, author: str, at: datetime) -> Envelope:
    address = f"{author.lower().replace(' ', '.')}@{area.agency(owner).host}"
    return Envelope(
        author=author,
        address=address,
        to=area.person(slot.case.coordinator).email,
        at=min(at, _noon(slot, at)),
    )


def _noon(slot: _Slot, at: datetime) -> datetime:
    """Written on the document's own day."""
    return at.replace(year=slot.dated.year, month=slot.dated.month, day=slot.dated.day)


def _issues(
    made: list[tuple[_Slot, DemoDocument]], meetings: tuple[DemoMeeting, ...]
) -> tuple[DemoIssue, ...]:
    issues = []
    for slot, document in made:
        if slot.meeting:
            issues.append(_issue(slot.meeting, document, "minutes" if slot.type == "minutes" else "papers"))
    for meeting in meetings:
        issues += [_issue(meeting, document, "papers") for document in _papers(made, meeting)]
    return tuple(sorted(issues, key=lambda issue: (issue.at, issue.meeting, issue.document)))


def _papers(made: list[tuple[_Slot, DemoDocument]], meeting: DemoMeeting) -> list[DemoDocument]:
    """Of each case on the agenda, its plan and its assessment, where they existed before the meeting."""
    wanted = {"risk-management-plan", "risk-assessment"}
    before = meeting.starts_at - timedelta(days=2)
    return [
        document
        for _, document in made
        if document.case in meeting.cases
        and document.type in wanted
        and document.audience is None
        and document.uploaded_at < before
    ]


def _issue(meeting: DemoMeeting, document: DemoDocument, what: str) -> DemoIssue:
    """Papers go out a week before, or when they came if that was later; minutes once they are there."""
    at = document.uploaded_at + timedelta(minutes=25)
    if what == "papers":
        at = max(at, min(meeting.starts_at - timedelta(days=7), meeting.created_at + timedelta(days=3)))
    return DemoIssue(meeting=meeting.key, document=document.key, what=what, at=at, by=meeting.coordinator)
