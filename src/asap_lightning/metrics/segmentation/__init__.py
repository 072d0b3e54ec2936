"""How well a segmenter finds the layout in images that were generated from it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.metrics.segmentation.classes import ClassMap as ClassMap
    from asap_lightning.metrics.segmentation.classes import class_map as class_map
    from asap_lightning.metrics.segmentation.confusion import count_confusion as count_confusion
    from asap_lightning.metrics.segmentation.protocol import Protocol as Protocol
    from asap_lightning.metrics.segmentation.scores import SegmentationScores as SegmentationScores
    from asap_lightning.metrics.segmentation.state import SegmentationState as SegmentationState

_HOMES = {
    "ClassMap": "classes",
    "Protocol": "protocol",
    "SegmentationScores": "scores",
    "SegmentationState": "state",
    "class_map": "classes",
    "count_confusion": "confusion",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
