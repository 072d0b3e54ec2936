"""A segmenter that is fitted to a data set's own real pairs, and kept."""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.evaluation.segmenting.fitting import FitSettings as FitSettings
    from asap_lightning.evaluation.segmenting.keeping import fitted_segmenter as fitted_segmenter

_HOMES = {"FitSettings": "fitting", "fitted_segmenter": "keeping"}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
