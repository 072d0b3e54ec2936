"""Fitting SIMS's networks of pieces: how one is moved to its place, and which of two lies in front."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.training.sims.alignment import AlignmentExample as AlignmentExample
    from asap_lightning.training.sims.alignment import fit_alignment as fit_alignment
    from asap_lightning.training.sims.alignment import measure_alignment as measure_alignment
    from asap_lightning.training.sims.examples import OwnSegments as OwnSegments
    from asap_lightning.training.sims.examples import TouchingSegments as TouchingSegments
    from asap_lightning.training.sims.loop import PieceSettings as PieceSettings
    from asap_lightning.training.sims.order import OrderExample as OrderExample
    from asap_lightning.training.sims.order import fit_order as fit_order
    from asap_lightning.training.sims.order import in_front as in_front
    from asap_lightning.training.sims.order import measure_order as measure_order

_HOMES = {
    "OwnSegments": "examples",
    "TouchingSegments": "examples",
    "AlignmentExample": "alignment",
    "OrderExample": "order",
    "PieceSettings": "loop",
    "fit_alignment": "alignment",
    "fit_order": "order",
    "in_front": "order",
    "measure_alignment": "alignment",
    "measure_order": "order",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
