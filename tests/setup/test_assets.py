import base64
import gzip
import hashlib
import io
import json
import os
import re
import tarfile
from pathlib import Path

import pytest

from hub.setup.assets import FOR_TESTS, FRONT_END, Package, collect, named_files
from hub.setup.css import without_govuk_brand
from hub.setup.problems import SetupProblem


def tgz(files):
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as archive:
        for name, content in files.items():
            member = content if isinstance(content, tarfile.TarInfo) else tarfile.TarInfo(name)
            data = b"" if isinstance(content, tarfile.TarInfo) else content
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def package_of(archive, files):
    digest = base64.b64encode(hashlib.sha512(archive).digest()).decode()
    return Package(name="@fen/front", version="1.2.3", integrity=f"sha512-{digest}", files=files)


def published(folder, files, wanted):
    archive = tgz(files)
    place = folder / "@fen/front/-"
    place.mkdir(parents=True)
    (place / "front-1.2.3.tgz").write_bytes(archive)
    return package_of(archive, wanted)


STYLE = b'@font-face{font-family:GDS Transport;src:url(/assets/f.woff2)}.a{font-family:"GDS Transport",arial}'


def test_only_the_named_files_are_taken_with_their_digests(registry, tmp_path, said):
    folder, address = registry
    files = {
        "package/d/a.min.css": STYLE,
        "package/d/crest.svg": b"<svg/>",
        "package/d/i.svg": b"<svg id='i'/>",
    }
    package = published(folder, files, {"d/a.min.css": "a.min.css", "d/i.svg": "images/i.svg"})

    made = collect((package,), tmp_path, address, said.append)

    index = json.loads((made / "assets.json").read_text())
    assert sorted(index) == ["a.min.css", "images/i.svg"]
    for row in index.values():
        assert hashlib.sha256((made / row["file"]).read_bytes()).hexdigest() == row["sha256"]
    assert (made / "a.min.css").read_text() == ".a{font-family:arial}"
    assert sorted(path.name for path in made.rglob("*") if path.is_file()) == [
        "a.min.css",
        "assets.json",
        "i.svg",
    ]
    assert said == ["Fetching @fen/front 1.2.3 ..."]


def test_the_second_time_nothing_is_fetched(registry, tmp_path, said):
    folder, address = registry
    package = published(folder, {"package/a.js": b"1"}, {"a.js": "a.js"})
    first = collect((package,), tmp_path, address, said.append)
    (folder / "@fen/front/-/front-1.2.3.tgz").unlink()

    assert collect((package,), tmp_path, address, said.append) == first
    assert len(said) == 1


def test_a_changed_package_leaves_nothing_behind(registry, tmp_path, said):
    folder, address = registry
    package = published(folder, {"package/a.js": b"1"}, {"a.js": "a.js"})
    (folder / "@fen/front/-/front-1.2.3.tgz").write_bytes(tgz({"package/a.js": b"2"}))
    place = tmp_path / "env"
    place.mkdir()

    with pytest.raises(SetupProblem, match="is not the file that the hub was checked with"):
        collect((package,), place, address, said.append)

    assert [path.name for path in place.iterdir()] == ["lock"]


def test_a_member_that_climbs_out_is_not_written():
    archive = tgz({"package/../../evil.js": b"x", "/etc/evil.js": b"x", "package/a.js": b"good"})

    assert named_files(archive, package_of(archive, {"a.js": "a.js"})) == {"a.js": b"good"}


def test_a_link_is_not_followed():
    link = tarfile.TarInfo("package/a.js")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
    archive = tgz({"package/a.js": link})

    with pytest.raises(SetupProblem, match=r"lacks a\.js"):
        named_files(archive, package_of(archive, {"a.js": "a.js"}))


@pytest.mark.parametrize("name", ["../a.js", "/a.js", "images/../../a.js", ".hidden"])
def test_a_served_name_cannot_leave_the_folder(registry, tmp_path, said, name):
    package = published(registry[0], {"package/a.js": b"1"}, {"a.js": name})

    with pytest.raises(SetupProblem, match="no name for a front-end file"):
        collect((package,), tmp_path, registry[1], said.append)


def test_a_broken_archive_is_a_sentence(registry, tmp_path, said):
    folder, address = registry
    package = published(folder, {}, {"a.js": "a.js"})
    torn = gzip.compress(b"not a tar")
    (folder / "@fen/front/-/front-1.2.3.tgz").write_bytes(torn)

    with pytest.raises(SetupProblem, match="cannot be unpacked"):
        collect((package_of(torn, package.files),), tmp_path, address, said.append)


@pytest.mark.parametrize(
    ("css", "wanted"),
    [
        ('.a{background:url("/assets/images/i.svg")}', '.a{background:url("/assets/images/i.svg")}'),
        (".a{mask-image:url(/assets/images/crest.svg)}", ".a{mask-image:none}"),
        (".a{background:url('https://elsewhere.example/x.png')}", ".a{background:none}"),
        (".a{background:url(data:image/png;base64,AA)}", ".a{background:url(data:image/png;base64,AA)}"),
        (".a{b:c}\n/*# sourceMappingURL=a.css.map */", ".a{b:c}\n"),
    ],
)
def test_references_stay_only_to_what_is_shipped(css, wanted):
    assert without_govuk_brand(css, {"images/i.svg"}) == wanted


def test_a_typeface_in_a_new_form_stops_the_setup():
    with pytest.raises(SetupProblem, match="still names GDS Transport"):
        without_govuk_brand(".a{font:16px GDS Transport}", set())


def test_every_package_is_pinned_by_sha512():
    for package in (*FRONT_END, *FOR_TESTS):
        assert package.pin().algorithm == "sha512"
        assert re.fullmatch(r"[0-9a-f]{128}", package.pin().digest)


@pytest.mark.skipif(not os.environ.get("HUB_ASSETS"), reason="run through `python3 -m hub test`")
def test_the_real_files_ask_for_nothing_that_is_not_there():
    folder = Path(os.environ["HUB_ASSETS"])
    index = json.loads((folder / "assets.json").read_text())
    asked = {
        target
        for name in index
        if name.endswith((".css", ".js"))
        for target in re.findall(r"/assets/([\w./-]+)", (folder / name).read_text("utf-8"))
    }

    assert asked
    assert asked <= set(index)
    assert not any("crest" in name or "crown" in name or "woff" in name for name in index)
    assert all(b"GDS Transport" not in (folder / name).read_bytes() for name in index)
    assert all(b"sourceMappingURL" not in (folder / name).read_bytes() for name in index)
