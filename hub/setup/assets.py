"""The front-end files: published npm packages by name, version and sha512, and only the files named here.

The hub is not on GOV.UK: its crown, crest and typeface are not taken, and the style sheets are cleared of them.
"""

import base64
import binascii
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from urllib.parse import urljoin

from hub.setup.css import without_govuk_brand, without_source_map
from hub.setup.fetch import Pin, fetch_pinned
from hub.setup.place import Say, make_once
from hub.setup.problems import SetupProblem
from hub.setup.registries import npm_registry

INDEX = "assets.json"
_MOJ_ICONS = (
    "icon-alert-information.svg", "icon-alert-success.svg", "icon-alert-warning.svg", "icon-arrow-black-down.svg",
    "icon-arrow-black-up.svg", "icon-arrow-white-down.svg", "icon-arrow-white-up.svg", "icon-close-cross-black.svg",
    "icon-document.svg", "icon-progress-tick.svg", "icon-search-black.svg", "icon-search-blue.svg",
    "icon-search-white.svg", "icon-tag-remove-cross-white.svg", "icon-tag-remove-cross.svg",
    "icon-toggle-plus-minus.svg", "icon-wysiwyg-bold.svg", "icon-wysiwyg-italic.svg", "icon-wysiwyg-ordered-list.svg",
    "icon-wysiwyg-underline.svg", "icon-wysiwyg-unordered-list.svg",
)  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Package:
    """`integrity` as npm writes it ("sha512-" and base64); `files` maps what is taken to the name it is served by."""

    name: str
    version: str
    integrity: str
    files: Mapping[str, str]

    def address(self, registry: str) -> str:
        return urljoin(registry, f"{self.name}/-/{self.name.split('/')[-1]}-{self.version}.tgz")

    def pin(self) -> Pin:
        algorithm, _, digest = self.integrity.partition("-")
        return Pin(algorithm=algorithm, digest=binascii.hexlify(base64.b64decode(digest)).decode())


FRONT_END = (
    Package(
        name="govuk-frontend",
        version="6.3.0",
        integrity="sha512-cXIQxm5PHCsbic47GXZrVBZhAeeshTLRL6ZBKilLsR6rMCjJuWb7Fruq0VUNMBJFlJk/srsRj/q8d5bM9cgKoA==",
        files={
            "dist/govuk/govuk-frontend.min.css": "govuk-frontend.min.css",
            "dist/govuk/govuk-frontend.min.js": "govuk-frontend.min.js",
        },
    ),
    Package(
        name="@ministryofjustice/frontend",
        version="11.1.0",
        integrity="sha512-1bkUbm2M4DpcpX/pOmumQRBsbJco9W2RwmJv5h/ZC/ZqrAOn2/FjpF+A7vS0gs7oMXBizr9O5huDrSYbLx73Nw==",
        files={
            "moj/moj-frontend.min.css": "moj-frontend.min.css",
            "moj/moj-frontend.min.js": "moj-frontend.min.js",
            **{f"moj/assets/images/{icon}": f"images/{icon}" for icon in _MOJ_ICONS},
        },
    ),
)
FOR_TESTS = (
    Package(
        name="axe-core",
        version="4.14.1",
        integrity="sha512-FHfa+lmNjQZfJz1q8wKqIDwC6DExcHt/pkjNQb09a3NPjCKg2rhu5qb2S4r76ASyFNNtuFooJpZe37OgudVGtQ==",
        files={"axe.min.js": "axe.min.js"},
    ),
)


def front_end(place: Path, environ: Mapping[str, str], say: Say) -> Path:
    """The folder of the files served under /assets/, with `assets.json`: {name: {"file", "sha256"}}."""
    return collect(FRONT_END, place, npm_registry(environ), say)


def files_for_tests(place: Path, environ: Mapping[str, str], say: Say) -> Path:
    return collect(FOR_TESTS, place, npm_registry(environ), say)


def collect(packages: tuple[Package, ...], place: Path, registry: str, say: Say) -> Path:
    """A folder of these packages' files, made once for their pins and for this code."""

    def fill(folder: Path) -> None:
        served: dict[str, bytes] = {}
        for package in packages:
            say(f"Fetching {package.name} {package.version} ...")
            archive = fetch_pinned(package.address(registry), package.pin())
            served |= named_files(archive, package)
        _write(folder, cleaned(served))

    return make_once(place, f"assets-{_key(packages)}", fill, say)


def named_files(archive: bytes, package: Package) -> dict[str, bytes]:
    """The bytes of the files named by `package`, by the name they are served by; nothing else is looked at."""
    try:
        found = _unpack(archive, package.files)
    except (tarfile.TarError, OSError, EOFError) as error:
        raise SetupProblem(
            f"{package.name} {package.version} cannot be unpacked ({error}): try again."
        ) from error
    missing = sorted(set(package.files.values()) - set(found))
    if missing:
        raise SetupProblem(
            f"{package.name} {package.version} lacks {', '.join(missing)}: the list of files is wrong."
        )
    return found


def _unpack(archive: bytes, files: Mapping[str, str]) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as members:
        for member in members:
            wanted = files.get(member.name.removeprefix("package/"))
            content = members.extractfile(member) if wanted and member.isfile() else None
            if wanted and content:
                found[wanted] = content.read()
    return found


def cleaned(served: Mapping[str, bytes]) -> dict[str, bytes]:
    """The same files, the style sheets and scripts cleared of what is not shipped."""
    return {name: _clean(name, content, set(served)) for name, content in served.items()}


def _clean(name: str, content: bytes, shipped: set[str]) -> bytes:
    if name.endswith(".css"):
        return without_govuk_brand(content.decode("utf-8"), shipped).encode()
    if name.endswith(".js"):
        return without_source_map(content.decode("utf-8")).encode()
    return content


def _write(folder: Path, served: Mapping[str, bytes]) -> None:
    index = {}
    for name, content in sorted(served.items()):
        path = folder / _plain(name)
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(content)
        index[name] = {"file": name, "sha256": hashlib.sha256(content).hexdigest()}
    (folder / INDEX).write_text(json.dumps(index, indent=1), "utf-8")


def _plain(name: str) -> PurePosixPath:
    if not re.fullmatch(r"(?:images/)?[A-Za-z0-9-]+(?:\.[a-z0-9]+)+", name):
        raise SetupProblem(f"{name!r} is no name for a front-end file.")
    return PurePosixPath(name)


def _key(packages: tuple[Package, ...]) -> str:
    code = b"".join(Path(__file__).with_name(name).read_bytes() for name in ("assets.py", "css.py"))
    return hashlib.sha256(repr(packages).encode() + code).hexdigest()[:16]
