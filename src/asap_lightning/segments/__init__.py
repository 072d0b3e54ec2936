"""SIMS's memory bank: segments of training images, found again by shape, laid on canvases.

Qi et al., "Semi-parametric Image Synthesis" (CVPR 2018), sections 3 and 4.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.segments.bank import Bank as Bank
    from asap_lightning.segments.bank import Segment as Segment
    from asap_lightning.segments.canvas_options import CanvasOptions as CanvasOptions
    from asap_lightning.segments.canvases import Canvases as Canvases
    from asap_lightning.segments.canvases import retrieve_canvas as retrieve_canvas
    from asap_lightning.segments.cutting import cut_bank as cut_bank
    from asap_lightning.segments.regions import Region as Region
    from asap_lightning.segments.regions import regions_of as regions_of
    from asap_lightning.segments.retrieval import Retriever as Retriever

_HOMES = {
    "Bank": "bank",
    "CanvasOptions": "canvas_options",
    "Canvases": "canvases",
    "Region": "regions",
    "Retriever": "retrieval",
    "Segment": "bank",
    "cut_bank": "cutting",
    "regions_of": "regions",
    "retrieve_canvas": "canvases",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
