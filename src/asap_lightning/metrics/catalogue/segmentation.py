"""How well a segmenter finds the layout in the images: one confusion matrix, several readings of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

from asap_lightning.errors import Unavailable
from asap_lightning.metrics.metric import Bench, Metric, MetricDeclaration, Outcome, SetScore

if TYPE_CHECKING:
    from asap_lightning.metrics.segmentation import Protocol, SegmentationScores
    from asap_lightning.metrics.segmentation.state import Side

    Read = Callable[[SegmentationScores], float]

SETTING = "segmenter"
"""Of the bench: a `Protocol`, or why there is none (`Unavailable`)."""
_LONG = "Long et al. 2015"


def _made(
    read: Callable[[SegmentationScores], float], side: Side, *, whole: bool
) -> Callable[[Bench], SetScore]:
    """A metric's ``make``: reads one number off the matrix; one of them brings all else that is in it."""

    def make(bench: Bench) -> SetScore:
        from asap_lightning.metrics.segmentation import SegmentationState

        protocol = bench.settings.get(SETTING)
        if protocol is None:
            raise Unavailable(
                "no segmenter is chosen: segmenter=train fits one to the data set's real photos; others are "
                "those of conf/segmenter"
            )
        if isinstance(protocol, Unavailable):
            raise protocol
        protocol = cast("Protocol", protocol)
        state = bench.state((SETTING, side), lambda: SegmentationState(protocol, side))

        def score() -> Outcome:
            scores = state.scores()
            warnings = [f"{state.dropped} of {state.images} images dropped"] if state.dropped else []
            if not whole:
                return Outcome(read(scores), warnings=warnings)
            return _whole(read(scores), scores, protocol, state.images, side, warnings)

        return score

    return make


def _whole(
    value: float, scores: SegmentationScores, protocol: Protocol, images: int, side: Side, warnings: list[str]
) -> Outcome:
    from asap_lightning.metrics.segmentation.picture import confusion_picture

    names = protocol.classes.names
    details: dict[str, Any] = {
        "protocol": protocol.describe(),
        "images": images,
        "pixels": scores.scored_pixels,
        "iou": _by_class(names, scores.iou.tolist()),
        "accuracy": _by_class(names, scores.recall.tolist()),
    }
    shown = "generated images" if side == "generated" else "real photos"
    title = f"{protocol.segmenter.title} on {images} {shown}"
    file = "confusion" if side == "generated" else "confusion_photos"
    return Outcome(value, details, {file: confusion_picture(scores, names, title)}, warnings)


def _by_class(names: tuple[str, ...], values: list[float]) -> dict[str, float | None]:
    """None for a class without a value; a name that two classes share is numbered."""
    unique = [name if names.count(name) == 1 else f"{name} ({index})" for index, name in enumerate(names)]
    return {name: value if value == value else None for name, value in zip(unique, values, strict=True)}


def _metric(
    key: str,
    heading: str,
    source: str,
    read: Read,
    order: int,
    side: Side = "generated",
    *,
    whole: bool = False,
) -> Metric:
    real = side == "photo"
    declaration = MetricDeclaration(
        key,
        heading,
        None if real else "max",
        "set",
        source,
        needs=("photo", "label", "weights") if real else ("label", "weights"),
        order=order,
    )
    return Metric(declaration, _made(read, side, whole=whole))


METRICS = (
    _metric("miou", "mIoU", f"{_LONG}, of a segmenter's answers", lambda s: s.miou, 30, whole=True),
    _metric(
        "pixel_accuracy", "Pixel accuracy", f"{_LONG}, of what is labelled", lambda s: s.pixel_accuracy, 31
    ),
    _metric(
        "pixel_accuracy_all",
        "Pixel accuracy of all pixels",
        "Park et al. 2019, unlabelled pixels are wrong",
        lambda s: s.pixel_accuracy_all,
        32,
    ),
    _metric("class_accuracy", "Class accuracy", _LONG, lambda s: s.class_accuracy, 33),
    _metric("fw_iou", "Frequency-weighted IoU", _LONG, lambda s: s.fw_iou, 34),
    _metric(
        "miou_photos",
        "mIoU of the photos",
        "the same segmenter on the real photos: the upper bound",
        lambda s: s.miou,
        35,
        "photo",
        whole=True,
    ),
    _metric(
        "pixel_accuracy_photos",
        "Pixel accuracy of the photos",
        "the same segmenter on the real photos: the upper bound",
        lambda s: s.pixel_accuracy,
        36,
        "photo",
    ),
)
