"""Pure facts about agencies and people at the door."""

AGENCY_KINDS = {
    "police": "Police",
    "probation": "Probation",
    "prison": "Prison",
    "children": "Children's social care",
    "adults": "Adult social care",
    "health": "Health",
    "youth": "Youth offending",
    "housing": "Housing",
    "education": "Education",
    "jobcentre": "Jobcentre Plus",
    "monitoring": "Electronic monitoring",
    "immigration": "Immigration enforcement",
    "council": "Council",
}
"""The Responsible Authority (the first three) and bodies under a Duty to Co-operate, CJA 2003 s.325."""
