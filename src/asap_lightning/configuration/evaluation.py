"""From ``evaluation`` in a configuration to a suite of metrics."""

from __future__ import annotations

from typing import Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from asap_lightning.condition import ConditionSpec
from asap_lightning.configuration.plain import configured_by
from asap_lightning.configuration.segmenter import with_scores
from asap_lightning.metrics import MetricSuite
from asap_lightning.metrics.suite import metrics_named


def require_known(config: DictConfig) -> None:
    """A `UserError`, before anything is loaded, where ``evaluation.metrics`` names what is no metric."""
    metrics_named(_names(config.evaluation.metrics))


def make_suite(
    config: DictConfig, *, lacking: dict[str, str], parts: dict[str, Any] | None = None
) -> MetricSuite:
    """The metrics that ``evaluation.metrics`` names, with all other settings of ``evaluation``.

    Args:
        config: of the command.
        lacking: as of `MetricSuite`.
        parts: settings that were built elsewhere: the segmenter's protocol.
    """
    with configured_by("evaluation"):
        settings: dict[str, Any] = instantiate(config.evaluation, _convert_="all")
    names = _names(settings.pop("metrics"))
    if "segmenter" in config:
        names = with_scores(names, config)
    return MetricSuite(names, settings={**settings, **(parts or {})}, lacking=lacking)


def lacking_of(spec: ConditionSpec) -> dict[str, str]:
    """What data sets of this kind do not have."""
    if spec.kind == "label":
        return {}
    return {"label": "it compares with label maps, and the model translates images"}


def _names(given: Any) -> list[str]:
    """One name, or a list of them."""
    return [given] if isinstance(given, str) else list(given)
