"""Metrics: what there is and which way is better (`declarations`), and the computing of those of images.

Names are imported when first asked for, so that reports and dashboards, which need the declarations alone,
bring in neither torch nor torchmetrics.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from asap_lightning.lazy import lazily

if TYPE_CHECKING:
    from asap_lightning.metrics.declarations import METRICS as METRICS
    from asap_lightning.metrics.declarations import QUICK as QUICK
    from asap_lightning.metrics.declarations import best_value as best_value
    from asap_lightning.metrics.declarations import declaration_of as declaration_of
    from asap_lightning.metrics.declarations import direction_of as direction_of
    from asap_lightning.metrics.declarations import is_better as is_better
    from asap_lightning.metrics.declarations import metric_named as metric_named
    from asap_lightning.metrics.declarations import title_of as title_of
    from asap_lightning.metrics.metric import MetricDeclaration as MetricDeclaration
    from asap_lightning.metrics.pairs import Images as Images
    from asap_lightning.metrics.pairs import Pairs as Pairs
    from asap_lightning.metrics.pairs import pairs_of as pairs_of
    from asap_lightning.metrics.suite import MetricSuite as MetricSuite
    from asap_lightning.metrics.suite import Results as Results
    from asap_lightning.metrics.suite import image_scores as image_scores

_HOMES = {
    "METRICS": "declarations",
    "QUICK": "declarations",
    "Images": "pairs",
    "MetricDeclaration": "metric",
    "MetricSuite": "suite",
    "Pairs": "pairs",
    "Results": "suite",
    "best_value": "declarations",
    "declaration_of": "declarations",
    "direction_of": "declarations",
    "image_scores": "suite",
    "is_better": "declarations",
    "metric_named": "declarations",
    "pairs_of": "pairs",
    "title_of": "declarations",
}

__getattr__, __dir__, __all__ = lazily(__name__, _HOMES)
