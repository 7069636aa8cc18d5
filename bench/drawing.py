"""Draws what `bench/search.py --curve` printed: milliseconds against cases, both logarithmic.

    python3 bench/search.py --curve > docs/evidence/search-curve.jsonl
    python3 bench/drawing.py docs/evidence/search-curve.jsonl docs/figures/search-curve.svg

One line for each number of documents a case; whole for a cold query, dashed for a kept index. Medians.
"""

import json
import math
import re
import sys
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

WIDE, HIGH, LEFT, TOP, RIGHT, BELOW = 720, 420, 64, 20, 180, 48
COLOURS = ("#1d70b8", "#00703c", "#b10e1e", "#4c2c92")
Points = list[tuple[float, float]]
_NAME = re.compile(r"search_curve_(\d+)_cases_of_(\d+)")


def read(path: Path) -> dict[tuple[int, str], Points]:
    """{(documents a case, 'cold' or 'kept'): [(cases, median in milliseconds)]}"""
    found: dict[tuple[int, str], Points] = defaultdict(list)
    for line in path.read_text().splitlines():
        said = json.loads(line)
        if name := _NAME.fullmatch(said["name"]):
            for way in ("cold", "kept"):
                found[int(name[2]), way].append((float(name[1]), float(said["detail"][way].split(" / ")[0])))
    return {key: sorted(points) for key, points in sorted(found.items())}


class Scale:
    """From numbers to places, by decades."""

    def __init__(self, lines: dict[tuple[int, str], Points]) -> None:
        every = [point for points in lines.values() for point in points]
        self.x = self._ends(point[0] for point in every)
        self.y = self._ends(point[1] for point in every)

    @staticmethod
    def _ends(values: Iterator[float]) -> tuple[int, int]:
        logs = [math.log10(one) for one in values]
        return math.floor(min(logs)), math.ceil(max(logs))

    def place(self, x: float, y: float) -> tuple[float, float]:
        (first, last), (low, high) = self.x, self.y
        across = (math.log10(x) - first) / (last - first) * (WIDE - LEFT - RIGHT)
        up = (math.log10(y) - low) / (high - low) * (HIGH - TOP - BELOW)
        return round(LEFT + across, 1), round(HIGH - BELOW - up, 1)


def drawn(lines: dict[tuple[int, str], Points]) -> str:
    scale = Scale(lines)
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDE} {HIGH}" font-family="sans-serif" font-size="13" role="img">'
        "<title>Milliseconds of a query against cases in reach</title>"
        f'<rect width="{WIDE}" height="{HIGH}" fill="#ffffff"/>'
    )
    return "\n".join([head, *_grid(scale), *_curves(lines, scale), "</svg>"]) + "\n"


def _grid(scale: Scale) -> Iterator[str]:
    (first, last), (low, high) = scale.x, scale.y
    for power in range(first, last + 1):
        x, bottom = scale.place(10**power, 10**low)
        yield f'<path d="M{x} {TOP}V{bottom}" stroke="#d0d0d0"/><text x="{x}" y="{bottom + 18}" text-anchor="middle">{10**power:,}</text>'
    for power in range(low, high + 1):
        left, y = scale.place(10**first, 10**power)
        yield f'<path d="M{left} {y}H{WIDE - RIGHT}" stroke="#d0d0d0"/><text x="{left - 8}" y="{y + 4}" text-anchor="end">{10**power:g}</text>'
    yield f'<text x="{(LEFT + WIDE - RIGHT) / 2}" y="{HIGH - 8}" text-anchor="middle">cases in reach</text>'
    yield f'<text x="14" y="{HIGH / 2}" text-anchor="middle" transform="rotate(-90 14 {HIGH / 2})">milliseconds</text>'


def _curves(lines: dict[tuple[int, str], Points], scale: Scale) -> Iterator[str]:
    sizes = sorted({size for size, _ in lines})
    for row, ((size, way), points) in enumerate(lines.items()):
        colour = COLOURS[sizes.index(size) % len(COLOURS)]
        dash = ' stroke-dasharray="6 4"' if way == "kept" else ""
        path = " ".join(f"{x},{y}" for x, y in (scale.place(*point) for point in points))
        yield f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>'
        y = TOP + 12 + 22 * row
        yield f'<path d="M{WIDE - RIGHT + 14} {y - 4}h28" stroke="{colour}" stroke-width="2"{dash}/>'
        yield f'<text x="{WIDE - RIGHT + 50}" y="{y}">{size} a case, {way}</text>'


if __name__ == "__main__":
    source, target = map(Path, sys.argv[1:3])
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(drawn(read(source)))
