"""A sealed original through the real route, against nginx serving the same bytes in clear."""

import time

from bench.area import Bench, content
from bench.client import Address, Fetched, fetch, fetch_together
from bench.lines import in_turns, middle, ms, progress, tell
from bench.serving import hub, nginx

SIZE = 50 * 1000 * 1000
ROUNDS = 15
ROUNDS_OF_FOUR = 7
PAUSE = 0.02
"""The entry that closes a download is committed after its last byte: not during the other server's turn."""


def download(bench: Bench) -> None:
    progress("download: sealing 50 MB ...")
    data = content(SIZE)
    document = bench.document_of(data)
    clear = bench.folder / "clear"
    clear.mkdir()
    (clear / "file.txt").write_bytes(data)
    with hub(bench.home) as (port, _), nginx(bench.folder, clear) as plain:
        sealed = Address(
            port=port,
            path=f"/documents/{document}/versions/1/original",
            cookies=f"hub_session={bench.token}",
        )
        _compare(sealed, Address(port=plain, path="/file.txt"))


def _compare(sealed: Address, plain: Address) -> None:
    for _ in range(6):
        fetch(sealed)
    progress("download: one stream ...")
    ours, theirs = _alone(sealed, plain)
    progress("download: four streams ...")
    four, four_plain = in_turns(ROUNDS_OF_FOUR, lambda: _paused(sealed, 4), lambda: _paused(plain, 4))
    _tell_rate(
        "download_1_stream_of_nginx", [SIZE / one.whole for one in ours], [SIZE / one.whole for one in theirs]
    )
    _tell_rate("download_4_streams_of_nginx", four, four_plain)
    body, body_plain = (middle([SIZE / (one.whole - one.first) for one in side]) for side in (ours, theirs))
    progress(f"download: after the first byte hub {body / 1e9:.2f} GB/s, nginx {body_plain / 1e9:.2f} GB/s")
    first, first_plain = middle([one.first for one in ours]), middle([one.first for one in theirs])
    detail = (
        f"to the first byte of the body, connecting included: hub {ms(first)} (session, statement, permission, entry "
        f"committed), nginx {ms(first_plain)}"
    )
    tell("download_first_byte_of_nginx", first / first_plain, target=8, better="lower", detail=detail)


def _alone(sealed: Address, plain: Address) -> tuple[list[Fetched], list[Fetched]]:
    kept: dict[Address, list[Fetched]] = {sealed: [], plain: []}

    def once(address: Address) -> float:
        got = fetch(address)
        kept[address].append(got)
        time.sleep(PAUSE)
        return got.whole

    in_turns(ROUNDS, lambda: once(sealed), lambda: once(plain))
    return kept[sealed][1:], kept[plain][1:]


def _paused(address: Address, streams: int) -> float:
    rate = fetch_together(address, streams)
    time.sleep(PAUSE)
    return rate


def _tell_rate(name: str, ours: list[float], theirs: list[float]) -> None:
    rate, plain = middle(ours), middle(theirs)
    detail = (
        f"50 MB from connecting to the last byte, {len(ours)} rounds in turns: hub {rate / 1e9:.2f} GB/s, "
        f"nginx with sendfile {plain / 1e9:.2f} GB/s"
    )
    tell(name, rate / plain, target=0.9, better="higher", detail=detail)
