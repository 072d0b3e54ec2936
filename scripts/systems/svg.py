"""Networks as pictures: boxes on a grid, the height of a box tells the resolution of what leaves it.

The pictures carry their own background, light or dark as the reader's browser asks for.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from itertools import pairwise

COLUMN, GAP, LEFT, TITLE, BELOW = 76, 14, 18, 26, 22
STYLE = """
.panel{fill:#f7f8fa;stroke:#d5d9e0}
.t{font:12px system-ui,sans-serif;fill:#20242c;text-anchor:middle}
.s{font:11px system-ui,sans-serif;fill:#555c68;text-anchor:middle}
.h{font:bold 13px system-ui,sans-serif;fill:#20242c}
.b{font:11px system-ui,sans-serif;fill:#555c68;text-anchor:middle}
.b,.h{paint-order:stroke;stroke:#f7f8fa;stroke-width:5px}
.a{stroke:#6b7280;fill:none;stroke-width:1.4;marker-end:url(#e)}.e{fill:#6b7280}
rect{stroke-width:1.2}.data{fill:#e4e7ec;stroke:#9aa3b2}.conv{fill:#cfe0fb;stroke:#5b8def}
.made{fill:#fde3c0;stroke:#dd8a1f}.image{fill:#cdeed6;stroke:#3c9a5c}
@media (prefers-color-scheme:dark){.panel{fill:#1b1e24;stroke:#3a404c}
.t,.h{fill:#e8eaee}.s,.b{fill:#aab1bd}.b,.h{stroke:#1b1e24}
.a{stroke:#9aa3b2}.e{fill:#9aa3b2}.data{fill:#323843;stroke:#7b8494}.conv{fill:#22406f;stroke:#6e9bf0}
.made{fill:#5c3d10;stroke:#e0a04a}.image{fill:#1d4a2c;stroke:#5cb87b}}
"""


@dataclass(frozen=True)
class Box:
    """One step.

    Attributes:
        lines: texts inside, the first in the plain size.
        side: pixels of a side of what leaves it; None for a box of the usual height.
        kind: ``data``, ``conv``, ``made`` (weights that a network makes) or ``image``.
        below: a text under the box.
        column, span: where it stands; the column after the last one's unless given.
    """

    lines: Sequence[str]
    side: float | None = None
    kind: str = "conv"
    below: str = ""
    column: int | None = None
    span: int = 1


@dataclass(frozen=True)
class Lane:
    """Boxes one after the other; ``back`` leads from right to left, ``joined=False`` draws no arrows."""

    title: str
    boxes: Sequence[Box]
    back: bool = False
    joined: bool = True


@dataclass
class Placed:
    """A box on the page."""

    left: float
    top: float
    width: float
    height: float

    @property
    def middle(self) -> float:
        """Its middle from above."""
        return self.top + self.height / 2


@dataclass
class Drawing:
    """Lanes one under the other, and arrows (lane, box) -> (lane, box) between them."""

    title: str
    lanes: Sequence[Lane]
    arrows: Sequence[tuple[tuple[int, int], tuple[int, int]]] = field(default_factory=tuple)


def height_of(box: Box) -> float:
    """From 40 for one pixel to 136 for 256."""
    return 56.0 if box.side is None else 40 + 12 * math.log2(box.side)


def place(drawing: Drawing) -> tuple[list[list[Placed]], float, float]:
    """Every box's place, width and height of the whole."""
    rows, top, right = [], 16.0, 0.0
    for lane in drawing.lanes:
        tall = max(map(height_of, lane.boxes))
        title = TITLE if lane.title else 2
        row, column = [], 0
        for box in lane.boxes:
            column = column if box.column is None else box.column
            width = box.span * (COLUMN + GAP) - GAP
            tall_here = height_of(box)
            row.append(
                Placed(LEFT + column * (COLUMN + GAP), top + title + (tall - tall_here) / 2, width, tall_here)
            )
            right = max(right, row[-1].left + width)
            column += -1 if lane.back else box.span
        rows.append(row)
        top += title + tall + BELOW + 12
    return rows, right + LEFT, top


def draw(drawing: Drawing) -> str:
    """The picture."""
    rows, width, height = place(drawing)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" width="{width:g}" '
        f'height="{height:g}" role="img"><title>{escape(drawing.title)}</title><style>{STYLE}</style>'
        '<defs><marker id="e" class="e" markerWidth="8" markerHeight="8" refX="7" refY="4" orient="auto">'
        '<path d="M0 0L8 4L0 8z"/></marker></defs>'
        f'<rect class="panel" x="1" y="1" width="{width - 2:g}" height="{height - 2:g}" rx="8"/>'
    ]
    for (from_lane, from_box), (to_lane, to_box) in drawing.arrows:
        parts.append(_down(rows[from_lane][from_box], rows[to_lane][to_box]))
    for lane, row in zip(drawing.lanes, rows, strict=True):
        top = min(placed.top for placed in row)
        tall = max(placed.height for placed in row)
        parts.append(f'<text class="h" x="{LEFT}" y="{top - 10:g}">{escape(lane.title)}</text>')
        for box, placed in zip(lane.boxes, row, strict=True):
            parts += _box(box, placed, top + tall + 15)
        if lane.joined:
            parts += [_across(a, b) for a, b in pairwise(row)]
    return "\n".join([*parts, "</svg>", ""])


def _box(box: Box, placed: Placed, under: float) -> list[str]:
    middle = placed.left + placed.width / 2
    parts = [
        f'<rect class="{box.kind}" x="{placed.left:g}" y="{placed.top:g}" width="{placed.width:g}" '
        f'height="{placed.height:g}" rx="4"/>'
    ]
    first = placed.middle - 7 * (len(box.lines) - 1) + 4
    for i, line in enumerate(box.lines):
        parts.append(
            f'<text class="{"s" if i else "t"}" x="{middle:g}" y="{first + 14 * i:g}">{escape(line)}</text>'
        )
    if box.below:
        parts.append(f'<text class="b" x="{middle:g}" y="{under:g}">{escape(box.below)}</text>')
    return parts


def _across(a: Placed, b: Placed) -> str:
    start, end = (a.left + a.width, b.left) if a.left < b.left else (a.left, b.left + b.width)
    return f'<path class="a" d="M{start:g} {a.middle:g}H{end:g}"/>'


def _down(a: Placed, b: Placed) -> str:
    """Straight down where one stands above the other, the narrower one's middle counts."""
    narrow = a if a.width <= b.width else b
    x = narrow.left + narrow.width / 2
    start, end = (a.top + a.height, b.top) if a.top < b.top else (a.top, b.top + b.height)
    return f'<path class="a" d="M{x:g} {start:g}V{end:g}"/>'
