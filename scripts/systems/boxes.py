"""Pieces that the drawings of several systems are made of. All numbers come from `facts`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from svg import Box, Drawing, Lane

Facts = Mapping[str, Any]
"""Of one generator: module path -> shape, parameters, calls; and what else `update.py` reads off it."""


def millions(number: int) -> str:
    """A number of parameters."""
    return f"{number / 1e6:.1f} M" if number >= 1e5 else f"{number / 1e3:.1f} k"


def step(
    facts: Facts, path: str, word: str, *, kind: str = "conv", repeat: int = 1, column: int | None = None
) -> Box:
    """A module: its word, what leaves it, its parameters."""
    channels, *sides = facts[path]["shape"]
    lines = [word, f"{channels} ch", " x ".join(map(str, sides))] if sides else [word, str(channels)]
    weights = facts[path]["parameters"] * repeat
    return Box(
        lines,
        side=sides[0] if sides else 1,
        kind=kind,
        below=millions(weights) if weights else "",
        column=column,
    )


def condition(facts: Facts, word: str = "labels", column: int | None = None) -> Box:
    """What the generator is given."""
    side = facts["side"]
    return Box([word, f"{facts['planes']} ch", f"{side} x {side}"], side=side, kind="data", column=column)


def chain(widths: list[int]) -> str:
    """Channels along an MLP."""
    return " > ".join(map(str, widths))


def spade_blocks(facts: Facts, prefix: str = "") -> list[Box]:
    """The way from the coarsest grid to the image."""
    names = [("from_condition", "conv 3x3"), ("head", "block"), ("middle.0", "block"), ("middle.1", "block")]
    names += [(f"up.{i}", "block") for i in range(4)]
    boxes = [step(facts, prefix + path, word) for path, word in names]
    return [*boxes, step(facts, prefix + "to_image", "image", kind="image")]


def modulated(title: str, source: Box, facts: Facts, lane: str, prefix: str = "") -> Drawing:
    """Those blocks, and what modulates them above."""
    boxes = spade_blocks(facts, prefix)
    arrows = [((0, 0), (1, i)) for i in range(len(boxes) - 1)]
    return Drawing(title, [Lane("", [source]), Lane(lane, boxes)], arrows)
