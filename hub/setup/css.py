"""Takes out of a compiled style sheet what a service outside GOV.UK must not use, and what is not shipped."""

import re

from hub.setup.problems import SetupProblem

BRAND = "GDS Transport"
SERVED = "/assets/"


def without_govuk_brand(css: str, shipped: set[str]) -> str:
    """The style sheet without typeface, web fonts, source map, and references to files outside `shipped`.

    `shipped` holds names relative to /assets/. Raises SetupProblem if the typeface is still named.
    """
    css = re.sub(r"@font-face\s*\{[^}]*\}", "", css)
    css = re.sub(rf"[\"']?{BRAND}[\"']?\s*,\s*", "", css)
    css = re.sub(r"url\(\s*[\"']?([^)\"']*)[\"']?\s*\)", lambda found: _kept(found, shipped), css)
    if BRAND in css:
        raise SetupProblem(f"A style sheet still names {BRAND}: hub/setup/css.py must learn its new form.")
    return without_source_map(css)


def without_source_map(text: str) -> str:
    return re.sub(r"/\*# sourceMappingURL=[^*]*\*/|//# sourceMappingURL=\S*", "", text)


def _kept(found: re.Match[str], shipped: set[str]) -> str:
    target = found.group(1)
    if target.startswith(("data:", "#")) or target.removeprefix(SERVED) in shipped:
        return found.group(0)
    return "none"
