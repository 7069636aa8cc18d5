"""The fictional area of Fenmarch: its localities, agencies and people. Nobody and nowhere here exists."""

import base64
from dataclasses import dataclass

from hub.access.permissions import Role
from hub.demo.chance import chance, words

AREA_NAME = "Fenmarch"
LOCALITIES = ("Saltwick and the Fen", "Marchford", "Upper Teasel", "Greywater Coast")


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoAgency:
    """`key` names the agency throughout the plan; it is also its kind (`hub.people.rules.AGENCY_KINDS`)."""

    key: str
    name: str
    short: str
    host: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoPerson:
    """`agency` is an agency's key; `totp_secret` is base32 without padding."""

    key: str
    name: str
    post: str
    email: str
    role: Role
    agency: str
    password: str
    totp_secret: str


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoArea:
    name: str
    localities: tuple[str, ...]
    agencies: tuple[DemoAgency, ...]
    people: tuple[DemoPerson, ...]

    def agency(self, key: str) -> DemoAgency:
        return next(agency for agency in self.agencies if agency.key == key)

    def person(self, key: str) -> DemoPerson:
        return next(person for person in self.people if person.key == key)


_AGENCIES = (
    ("police", "Fenmarch Constabulary", "Police"),
    ("probation", "Fenmarch Probation Delivery Unit", "Probation"),
    ("prison", "HMP Withy Lode", "Prison"),
    ("children", "Fenmarch Council, Children's Social Care", "Children's social care"),
    ("adults", "Fenmarch Council, Adult Social Care", "Adult social care"),
    ("health", "Teasel Valley NHS Trust", "Health"),
    ("youth", "Fenmarch Youth Offending Service", "Youth offending"),
    ("housing", "Greywater Homes and Housing Advice", "Housing"),
    ("education", "Fenmarch Council, Schools and Safeguarding", "Education"),
    ("jobcentre", "Marchford Jobcentre Plus", "Jobcentre Plus"),
)

_PEOPLE = (
    ("Isolde Ferrymoor", "Detective Sergeant, offender management", Role.PRACTITIONER, "police"),
    ("Corwin Applegarth-Vane", "Probation officer", Role.PRACTITIONER, "probation"),
    ("Hester Brindlecombe", "Head of offender management", Role.PRACTITIONER, "prison"),
    ("Tamsin Oakenfold-Rill", "Team manager, safeguarding", Role.PRACTITIONER, "children"),
    ("Emeka Larkspurling", "Forensic community nurse", Role.PRACTITIONER, "health"),
    ("Ottoline Reedmace", "Senior social worker", Role.ATTENDEE, "adults"),
    ("Jarek Millhollow", "Housing options manager", Role.ATTENDEE, "housing"),
    ("Nerys Candlewick", "Youth offending case manager", Role.ATTENDEE, "youth"),
    ("Barnaby Thornquist", "Senior probation officer", Role.CHAIR, "probation"),
    ("Philippa Drumlanrick", "Detective Superintendent", Role.CHAIR, "police"),
    ("Sunniva Marlpit", "MAPPA coordinator, west", Role.COORDINATOR, "probation"),
    ("Devan Hollowbrook", "MAPPA coordinator, east", Role.COORDINATOR, "police"),
    ("Agnes Quillfeather", "Information governance officer", Role.GOVERNANCE, "police"),
    ("Rufus Tidewell", "System administrator", Role.ADMINISTRATOR, "police"),
)

_WORDS = words(
    "amber anchor barley beacon bramble candle canyon cedar clover copper coral cobble dapple dawn drift ember "
    "fallow feather fennel ferry flint garnet harbour hazel heron island jasper juniper kestrel lantern larch "
    "linden marble meadow mellow millet nettle orchard otter pebble pepper plover quarry quill raven russet "
    "saddle saffron sable sorrel sparrow spindle tallow tarn teasel thicket timber tundra velvet walnut wander "
    "willow winter wren yarrow"
)


def make_area(seed: str) -> DemoArea:
    agencies = tuple(
        DemoAgency(key=key, name=name, short=short, host=f"{key}.fenmarch.example")
        for key, name, short in _AGENCIES
    )
    people = tuple(_person(seed, *row) for row in _PEOPLE)
    return DemoArea(name=AREA_NAME, localities=LOCALITIES, agencies=agencies, people=people)


def _person(seed: str, name: str, post: str, role: Role, agency: str) -> DemoPerson:
    key = name.split(" ", maxsplit=1)[0].lower()
    rng = chance(seed, "person", key)
    return DemoPerson(
        key=key,
        name=name,
        post=post,
        email=f"{name.lower().replace(' ', '.')}@{agency}.fenmarch.example",
        role=role,
        agency=agency,
        password=f"{'-'.join(rng.sample(_WORDS, 4))}-{rng.randint(100, 999)}",
        totp_secret=base64.b32encode(rng.randbytes(20)).decode(),
    )
