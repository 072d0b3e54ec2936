"""Everything that a segmenter's score depends on, stated once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from asap_lightning.metrics.segmentation.classes import ClassMap

if TYPE_CHECKING:
    from torch import Tensor

    from asap_lightning.models.segmenters.segmenter import Segmenter

FullLabel = Callable[[str], "Tensor"]


@dataclass(frozen=True)
class Protocol:
    """A segmenter and how its answers are counted.

    Attributes:
        segmenter: pictures -> classes.
        classes: which of them the ids of the data set are.
        fcn: whether pixels and classes are counted as in pix2pix's FCN score (`fcn_counts`).
        full_label: name of a pair -> its label map (H, W) as it is on disk; None compares at the size at
            which images were generated. The pictures are resized to the label map's size first.
    """

    segmenter: Segmenter
    classes: ClassMap
    fcn: bool = False
    full_label: FullLabel | None = None

    def describe(self) -> dict[str, Any]:
        """For reports: what was scored how."""
        size = "of the images" if self.full_label is None else "of the label files; images are resized to it"
        return {
            **self.segmenter.describe(),
            "scored": f"{self.classes.count} classes: {self.classes.note}",
            "size": size,
            "counting": _FCN if self.fcn else _PLAIN,
            "pixel_accuracy": "pixels that are not scored are left out",
            "pixel_accuracy_all": "pixels that are not scored count as wrong, as in SPADE's table",
        }


_PLAIN = "one confusion matrix over all images; classes neither there nor found are left out of means"
_FCN = (
    "as pix2pix's program: 'no class' (19) counts as class 0 of the next true class, an image with it on the "
    "last class is dropped, means over all classes with 1e-12 below every fraction (absent: 0)"
)
