"""The slow, obvious twin of `palette_match.Palette.match`."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray


def match_slowly(
    picture: NDArray[np.uint8], colours: Mapping[int, tuple[int, int, int]], tolerance: float
) -> NDArray[np.int32]:
    """Class ids (H, W) of a picture (H, W, 3), pixel by pixel.

    Of the colours within the tolerance the nearest, of equally near ones that of the lowest class id; -1
    where there is none.
    """
    ids = np.full(picture.shape[:2], -1, np.int32)
    for place in np.ndindex(*picture.shape[:2]):
        near = []
        for class_id, colour in colours.items():
            distance = sum((int(a) - b) ** 2 for a, b in zip(picture[place], colour, strict=True))
            if distance <= tolerance**2:
                near.append((distance, class_id))
        if near:
            ids[place] = min(near)[1]
    return ids
