"""Models that were trained on pairs A | B in one file, and inputs that hold such pairs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal, get_args

from PIL import Image

from asap_lightning.data.layouts import Layout, SideBySide
from asap_lightning.data.layouts.pairs import halves
from asap_lightning.data.layouts.shapes import usual_shape
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError

Half = Literal["whole", "left", "right", "source"]
Cut = Callable[[Image.Image, Source], Image.Image]
"""From an opened file to what of it is the condition."""


def source_side(layout: Layout | None) -> Literal["left", "right"] | None:
    """Which half of a pair was the condition in training; None for training on other files."""
    if not isinstance(layout, SideBySide):
        return None
    return "left" if layout.direction == "AtoB" else "right"


def cutter(half: Half | None, layout: Layout | None) -> Cut | None:
    """What cuts the condition out of a file; None where all of it is meant.

    Args:
        half: the option; ``source`` is the half that the training translated, None all of the picture.
        layout: of the training.

    Raises:
        UserError: no such half, or ``source`` of a model that was not trained on pairs in one file.
    """
    if half not in (None, *get_args(Half)):
        raise UserError(f"half={half}: one of {', '.join(get_args(Half))} was expected")
    if half in (None, "whole"):
        return None
    side = source_side(layout) if half == "source" else half
    if side is None:
        raise UserError(
            "half=source: this model was not trained on pairs in one file (data=pairs), so it does not know "
            "which half is meant: half=left or half=right"
        )
    index = 0 if side == "left" else 1
    return lambda image, path: halves(image, path)[index]


def warn_of_pairs(files: Sequence[Path], layout: Layout | None, ratio: float | None) -> str:
    """What to say where whole pairs A | B seem to be given to a model of their halves; else empty.

    Args:
        files: the conditions.
        layout: of the training.
        ratio: width / height of the pictures in training; None if it is not known.
    """
    side = source_side(layout)
    shape = usual_shape(files)
    if side is None or ratio is None or shape is None or shape.ratio < 1.6 * ratio:
        return ""
    return (
        f"the files are {shape} (width x height), much wider than the pictures of the training, which were "
        f"the {side} halves of pairs A | B. If these are such pairs, half=source translates their {side} "
        "half; half=whole translates all of each and says that this is meant"
    )
