"""Image metrics that training and evaluation share."""

from asap_lightning.metrics.directions import best_value, higher_is_better, is_better
from asap_lightning.metrics.image import ImageMetrics, ImageScores, image_scores, to_eight_bit

__all__ = [
    "ImageMetrics",
    "ImageScores",
    "best_value",
    "higher_is_better",
    "image_scores",
    "is_better",
    "to_eight_bit",
]
