"""Metrics: what there is and which way is better (`declarations`), and the computing of those of images.

Names are imported when first asked for, so that reports and dashboards, which need the declarations alone,
bring in neither torch nor torchmetrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.metrics.declarations import METRICS as METRICS
    from asap_lightning.metrics.declarations import MetricDeclaration as MetricDeclaration
    from asap_lightning.metrics.declarations import best_value as best_value
    from asap_lightning.metrics.declarations import declaration_of as declaration_of
    from asap_lightning.metrics.declarations import direction_of as direction_of
    from asap_lightning.metrics.declarations import is_better as is_better
    from asap_lightning.metrics.declarations import metric_named as metric_named
    from asap_lightning.metrics.declarations import title_of as title_of
    from asap_lightning.metrics.image import ImageMetrics as ImageMetrics
    from asap_lightning.metrics.image import image_scores as image_scores
    from asap_lightning.metrics.image import to_eight_bit as to_eight_bit
    from asap_lightning.metrics.scores import ImageScores as ImageScores

_HOMES = {
    "METRICS": "declarations",
    "ImageMetrics": "image",
    "ImageScores": "scores",
    "MetricDeclaration": "declarations",
    "best_value": "declarations",
    "declaration_of": "declarations",
    "direction_of": "declarations",
    "image_scores": "image",
    "is_better": "declarations",
    "metric_named": "declarations",
    "title_of": "declarations",
    "to_eight_bit": "image",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
