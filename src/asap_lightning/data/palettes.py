"""Colours of classes in pictures."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.layout import LabelLayout, Layout
from asap_lightning.data.layouts.classes import CITYSCAPES, CMP, CMP_PAIRS, names

_OFFICIAL = {
    names(classes): tuple(colour for _, colour in classes) for classes in (CMP, CMP_PAIRS, CITYSCAPES)
}
_UNKNOWN = (0, 0, 0)
_GOLDEN = 0.6180339887498949
_TONES = ((0.62, 0.95), (0.80, 0.68), (0.45, 0.82), (0.90, 0.90), (0.60, 0.50))


@lru_cache
def class_colours(spec: ConditionSpec) -> NDArray[np.uint8]:
    """(label_channels, 3) colours: the official ones of well-known classes, else distinct made ones.

    Made colours walk round the hues by the golden ratio, so that the first N classes are far apart for
    every N, and a class keeps its colour when others are added. 'Unknown' is black.
    """
    colours = list(_OFFICIAL.get(spec.class_names, ())) or [_made(i) for i in range(spec.num_classes)]
    return np.array(colours[: spec.num_classes] + [_UNKNOWN] * spec.has_unknown, np.uint8)


def trained_colours(spec: ConditionSpec, layout: Layout | None) -> NDArray[np.uint8]:
    """(label_channels, 3): of the training's label maps where they held colours, else `class_colours`."""
    colours = np.array(class_colours(spec))
    labels = layout.labels if isinstance(layout, LabelLayout) else None
    if labels is not None and labels.palette is not None and labels.channels == spec.label_channels:
        palette = labels.palette
        for index, colour in palette.items() if isinstance(palette, Mapping) else enumerate(palette):
            colours[index] = colour
    return colours


def _made(index: int) -> tuple[int, int, int]:
    saturation, value = _TONES[index % len(_TONES)]
    red, green, blue = colorsys.hsv_to_rgb((0.58 + index * _GOLDEN) % 1.0, saturation, value)
    return round(red * 255), round(green * 255), round(blue * 255)


def colorize_label(label: NDArray, spec: ConditionSpec) -> NDArray[np.uint8]:
    """A label map (H, W) of class ids as a picture (H, W, 3) uint8."""
    colours = class_colours(spec)
    if label.size and (label.min() < 0 or label.max() >= len(colours)):
        raise ValueError(f"label ids {label.min()}..{label.max()} outside the {len(colours)} channels")
    return colours[label]
