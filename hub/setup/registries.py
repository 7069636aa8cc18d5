"""Where packages come from. The person's own settings win; the public defaults are spelt only here."""

from collections.abc import Mapping

PYTHON_INDEX = ("pypi", "org")
NPM_REGISTRY = ("registry", "npmjs", "org")
"""Labels of the public hosts, put together on use."""


def python_index(environ: Mapping[str, str]) -> str:
    """Base address of the "simple" index, with a slash at its end: `PIP_INDEX_URL`, else the public one."""
    return _with_slash(environ.get("PIP_INDEX_URL") or f"https://{'.'.join(PYTHON_INDEX)}/simple/")


def npm_registry(environ: Mapping[str, str]) -> str:
    """Base address of the npm registry: `HUB_NPM_REGISTRY`, npm's own setting, else the public one."""
    named = ("HUB_NPM_REGISTRY", "npm_config_registry", "NPM_CONFIG_REGISTRY")
    given = next((environ[name] for name in named if environ.get(name)), "")
    return _with_slash(given or f"https://{'.'.join(NPM_REGISTRY)}/")


def _with_slash(address: str) -> str:
    return address.rstrip("/") + "/"
