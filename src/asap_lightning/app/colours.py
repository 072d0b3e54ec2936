"""The colours of a model's classes: how they are painted, and how colour label maps are read."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from asap_lightning.condition import ConditionSpec
from asap_lightning.data.labels import UNKNOWN
from asap_lightning.data.layout import LabelLayout, Layout
from asap_lightning.data.lossy import lossy_format
from asap_lightning.data.palette_match import Palette, listed_colours
from asap_lightning.data.palettes import trained_colours
from asap_lightning.data.reading import INTEGER_MODES, label_colours, stored_ids
from asap_lightning.data.source import Source
from asap_lightning.errors import UserError
from asap_lightning.wording import counted

_LISTED = 8


class ClassColours:
    """The classes of a label model.

    The colours are those of `trained_colours`.

    Args:
        spec: what the model translates.
        layout: of its training, where the file says it.

    Attributes:
        colours: (label channels, 3) uint8.
        names: of the channels.
    """

    def __init__(self, spec: ConditionSpec, layout: Layout | None = None) -> None:
        self.spec = spec
        self.colours, self.names = trained_colours(spec, layout), spec.channel_names
        labels = layout.labels if isinstance(layout, LabelLayout) else None
        own = labels is not None and labels.palette is not None and labels.channels == spec.label_channels
        channels = {number: (int(r), int(g), int(b)) for number, (r, g, b) in enumerate(self.colours)}
        self._palette = Palette(channels, labels.palette_tolerance if labels is not None and own else 0.0)

    def ids(self, image: Image.Image, path: Source) -> NDArray:
        """Class ids (H, W) of a label map that holds ids, or the colours of the classes.

        Grey and palette files hold ids, 255 standing for 'unknown' where the model has it; so do colour files
        whose three channels are equal. Other colours must be those of the classes. A palette file whose
        colours are all of classes, but of others than its ids name, is taken by its colours: its palette was
        made by a program that sorts colours.

        Raises:
            UserError: ids outside the classes, or colours of no class: which, and of how many pixels.
        """
        if image.mode == "F":
            raise UserError(f"{path} holds floating-point values; a label map holds class ids or colours")
        if image.mode not in (*INTEGER_MODES, "LA", "PA"):
            colours = label_colours(image, path)
            if (colours == colours[..., :1]).all() and self._are_ids(colours[..., 0]).all():
                return self._of_ids(colours[..., 0], path)
            return self._of_colours(colours, path)
        ids = stored_ids(image, path)
        if image.mode in ("P", "PA"):
            colours = label_colours(image, path)
            matched = self._palette.match(colours)
            if (matched >= 0).all() and not self._shows(ids, colours):
                return matched
        return self._of_ids(ids, path)

    def _shows(self, ids: NDArray, colours: NDArray[np.uint8]) -> bool:
        """Whether the ids are channels that look like these colours."""
        return bool(ids.max() < len(self.colours)) and np.array_equal(self.colours[ids], colours)

    def _of_colours(self, colours: NDArray[np.uint8], path: Source) -> NDArray:
        matched = self._palette.match(colours)
        wrong = matched < 0
        if not wrong.any():
            return matched
        number = int(wrong.sum())
        lossy = lossy_format(path)
        raise UserError(
            f"{path}: {number} of {wrong.size} pixels ({number / wrong.size:.2%}) have a colour of "
            f"none of the model's classes: {listed_colours(colours, wrong)}. "
            + (
                f"This is {lossy}, which changes colours: save label maps as PNG"
                if lossy
                else f"Expected: class ids 0..{self._last}, or exactly the colours of the classes, without "
                "smooth edges"
            )
        )

    @property
    def _last(self) -> int:
        return self.spec.num_classes - 1

    def _are_ids(self, ids: NDArray) -> NDArray[np.bool_]:
        known = (ids >= 0) & (ids < self.spec.label_channels)
        return known | (ids == UNKNOWN) if self.spec.has_unknown else known

    def _of_ids(self, ids: NDArray, path: Source) -> NDArray:
        if (lossy := lossy_format(path)) is not None:
            raise UserError(f"{path} is {lossy}, a format that changes class ids: save label maps as PNG")
        wrong = ~self._are_ids(ids)
        if wrong.any():
            found, counts = np.unique(ids[wrong], return_counts=True)
            listed = ", ".join(
                f"{number} ({counted(int(count), 'pixel')})"
                for number, count in zip(found[:_LISTED], counts[:_LISTED], strict=True)
            )
            more = f" and {found.size - _LISTED} more" if found.size > _LISTED else ""
            also = f", or {UNKNOWN} for 'unknown'" if self.spec.has_unknown else ""
            raise UserError(
                f"{path}: {'ids' if found.size > 1 else 'id'} {listed}{more} outside the model's classes; "
                f"expected: 0..{self._last}{also}"
            )
        return ids
