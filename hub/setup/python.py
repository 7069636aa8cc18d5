"""Which Pythons will do. Readable by old ones: no newer syntax in here."""

OLDEST = (3, 11)


def python_problem(version: "tuple[int, ...]") -> str:
    """One sentence when this Python is too old, else nothing."""
    if tuple(version[:2]) >= OLDEST:
        return ""
    have = ".".join(str(part) for part in version[:3])
    want = ".".join(str(part) for part in OLDEST)
    return f"The hub needs Python {want} or newer and this is {have}: install a newer one and start the hub with it."
