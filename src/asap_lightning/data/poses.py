"""Poses of people: key points in text files, and the 20 planes that are drawn of them.

The 18 points are those of OpenPose's COCO model: nose, neck, right shoulder, elbow, wrist, left ones, right
hip, knee, ankle, left ones, eyes, ears.

Axes: H height, W width.
"""

from __future__ import annotations

import colorsys
import math
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from asap_lightning.errors import UserError
from asap_lightning.untrusted.text import printable, read_text

POINTS = 18
LIMBS = (
    (1, 2), (1, 5), (2, 3), (3, 4), (5, 6), (6, 7), (1, 8), (8, 9), (9, 10), (1, 11), (11, 12), (12, 13),
    (1, 0), (0, 14), (14, 16), (0, 15), (15, 17),
)  # fmt: skip
"""The two points of each limb, in the order of the planes."""
PLANES = 3 + len(LIMBS)
SIDE = 1024
"""Pixels of the squares that the published key points lie in."""
THICK = 20
"""Radius of a point and half the thickness of a limb, in pixels of such a square."""
PER_LEVEL = 3
"""Pixels of such a square that make a distance greater by 1."""
MOST_BYTES = 2**18
"""Of a file of key points; those of one person have some hundreds."""

Points = NDArray[np.float64]


def read_pose(candidates: Path, subset: Path, side: int = SIDE) -> Points:
    """The key points of a person (18, 2): x and y in pixels of a square; NaN where a point was not found.

    Args:
        candidates: a line a point: x, y, and whatever follows.
        subset: a line a person: for each of the 18 points the number of its line in the other file, from 0
            on; -1 for one that was not found. Of several persons the one with the most points counts.
        side: pixels of the square; points may lie up to one side outside.

    Raises:
        UserError: a file that is missing, too large, or not as described; it names file and line.
    """
    places = _numbers(candidates, "x y ..", 2)
    persons = _numbers(subset, f"{POINTS} numbers of lines, ..", POINTS)
    if not persons:
        raise UserError(
            f"{subset} holds no person: leave the picture out of the lists, or find its key points anew"
        )
    chosen = [_lines_of(person, len(places), candidates, f"{subset}:{line}") for line, person in persons]
    best = max(chosen, key=lambda lines: sum(line >= 0 for line in lines))
    points = np.full((POINTS, 2), math.nan)
    for point, number in enumerate(best):
        if number < 0:
            continue
        line, (x, y, *_) = places[number]
        if not (-side <= x <= 2 * side and -side <= y <= 2 * side):
            raise UserError(
                f"{candidates}:{line}: the point {x:g} {y:g} lies far outside the {side} x {side} pixels of "
                "a pose (data.layout.side)"
            )
        points[point] = x, y
    return points


def _numbers(path: Path, expected: str, least: int) -> list[tuple[int, list[float]]]:
    """The lines of a file that hold something: number of the line, numbers in it."""
    try:
        text = read_text(path, most=MOST_BYTES)
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): a pose has both its files") from error
    rows = []
    for line, written in enumerate(text.splitlines(), start=1):
        if not written.strip():
            continue
        try:
            row = [float(word) for word in written.split()]
        except ValueError:
            row = []
        if len(row) < least or not all(map(math.isfinite, row)):
            raise UserError(f"{path}:{line} is '{printable(written.strip(), 60)}'; {expected} was expected")
        rows.append((line, row))
    return rows


def _lines_of(person: list[float], count: int, candidates: Path, place: str) -> list[int]:
    """The person's points as places in the list of candidates; -1: not found."""
    lines = []
    for point, number in enumerate(person[:POINTS]):
        if number != int(number) or not -1 <= number < count:
            raise UserError(
                f"{place}: point {point} is said to be number {number:g} of {candidates.name}, which has "
                f"{count}; -1 or a whole number below {count} was expected"
            )
        lines.append(int(number))
    return lines


def draw_pose(points: Points, size: int, side: int = SIDE) -> NDArray[np.uint8]:
    """The 20 planes of a pose (size, size, 20).

    Three show it in colours: discs at the points, and over them limbs that let 0.4 of what is below through.
    Each of the others is the city-block distance from one limb in steps of 3 pixels of a square of 1024; 255
    where it is farther than that counts, or the limb was not found.

    Args:
        points: (18, 2) as `read_pose` gives them.
        size: pixels of the square that is drawn.
        side: pixels of the square that the points lie in.

    Source: CoCosNet v2's data set `deepfashionHD`, which draws 1024 x 1024 and resizes the colours.
    """
    import cv2

    places, scale = points * (size / side), size / SIDE
    colours = np.array([_colour(index) for index in range(POINTS)], np.float64)
    canvas = np.zeros((size, size, 3), np.uint8)
    for place, colour in zip(places, colours, strict=True):
        if not np.isnan(place).any():
            centre = int(place[0]), int(place[1])
            cv2.circle(canvas, centre, max(1, round(THICK * scale)), colour.tolist(), thickness=-1)
    planes = np.full((size, size, PLANES), 255, np.uint8)
    for limb, ends in enumerate(LIMBS):
        mask = _limb(places[list(ends)], size, max(1, round(THICK * scale)))
        if mask is None:
            continue
        inside = mask > 0
        canvas[inside] = np.rint(0.4 * canvas[inside] + 0.6 * colours[limb])
        distance = cv2.distanceTransform(1 - mask, cv2.DIST_L1, 3) / (PER_LEVEL * scale)
        planes[..., 3 + limb] = np.clip(distance, 0, 255)
    planes[..., :3] = canvas
    return planes


def _colour(index: int) -> tuple[float, ...]:
    """Steps of 20 degrees of hue, from blue by green to red."""
    return tuple(255 * round(3 * part) / 3 for part in colorsys.hsv_to_rgb(index / POINTS, 1, 1))[::-1]


def _limb(ends: Points, size: int, thick: int) -> NDArray[np.uint8] | None:
    """1 inside the ellipse between two points (size, size), else 0; None where none of it is to be seen."""
    import cv2

    if np.isnan(ends).any():
        return None
    middle, along = ends.mean(0), ends[0] - ends[1]
    axes = int(np.hypot(*along) / 2), thick
    angle = int(math.degrees(math.atan2(along[1], along[0])))
    polygon: Any = cv2.ellipse2Poly((int(middle[0]), int(middle[1])), axes, angle, 0, 360, 1)
    mask = np.zeros((size, size), np.uint8)
    cv2.fillConvexPoly(mask, polygon, 1)
    return mask if mask.any() else None
