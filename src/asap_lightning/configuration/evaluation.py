"""From ``evaluation`` in a configuration to a suite of metrics."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from hydra.utils import instantiate
from omegaconf import DictConfig

from asap_lightning.condition import ConditionSpec
from asap_lightning.configuration.plain import configured_by
from asap_lightning.configuration.segmenter import SCORES, make_protocol, with_scores
from asap_lightning.errors import UserError
from asap_lightning.metrics import QUICK, MetricSuite
from asap_lightning.metrics.suite import metrics_named
from asap_lightning.wording import counted

if TYPE_CHECKING:
    import torch

    from asap_lightning.data import PairedData
    from asap_lightning.training.periodic import PeriodicMetrics

log = logging.getLogger(__name__)
DURING = "evaluation.during_training"


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


def make_periodic(config: DictConfig, data: PairedData) -> PeriodicMetrics | None:
    """What ``evaluation.during_training`` names, computed every ``evaluation.every`` validations.

    Args:
        config: of a training.
        data: what it is validated on.

    Raises:
        UserError: a metric that could never be computed here: weights or packages are missing (unless
            ``evaluation.allow_missing``), the conditions have no labels, there are too few pairs; or an
            ``every`` that is no number of validations.
    """
    if "metrics" in config.evaluation:
        raise UserError(
            f"evaluation=NAME and evaluation.metrics are of asap evaluate; a training takes {DURING}=[..]"
        )
    with configured_by("evaluation"):
        settings: dict[str, Any] = instantiate(config.evaluation, _convert_="all")
    names = [name for name in _names(settings.pop("during_training") or []) if name not in QUICK]
    every = settings.pop("every")
    if type(every) is not int or every < 1:
        raise UserError(f"evaluation.every={every}: a number of validations from 1 on was expected")
    if not names or not (names := _with_enough_pairs(config, data, names)):
        return None
    from asap_lightning.training import random_state
    from asap_lightning.training.periodic import PeriodicMetrics

    before = random_state.capture()  # what is measured must not change what is trained
    suite = _suite_of_validations(config, data, names, settings)
    random_state.restore(before)
    return PeriodicMetrics(suite, every) if suite.available else None


def _suite_of_validations(
    config: DictConfig, data: PairedData, names: list[str], settings: dict[str, Any]
) -> MetricSuite:
    lacking = lacking_of(data.spec)
    if set(names) & set(SCORES) and not lacking:
        settings["segmenter"] = make_protocol(config, data, "val", _device(config))
    suite = MetricSuite(names, settings=settings, lacking=lacking, option=DURING)
    for key, reason in suite.unavailable.items():
        if not config.evaluation.allow_missing:
            raise UserError(f"{DURING}: {key} cannot be computed: {reason}")
        log.warning("%s: %s is left out: %s", DURING, key, reason.reason)
    return suite


def _with_enough_pairs(config: DictConfig, data: PairedData, names: list[str]) -> list[str]:
    """Those that so few pairs can be measured by; the others are refused, or left out where that may be."""
    pairs, enough = len(data.items("val")), []
    for declared in (metric.declaration for metric in metrics_named(names, DURING)):
        if pairs >= declared.least:
            enough.append(declared.key)
            continue
        needs = (
            f"{declared.key} needs at least {counted(declared.least, 'image')}, and there are {pairs} to "
            "validate on"
        )
        if not config.evaluation.allow_missing:
            raise UserError(f"{DURING}: {needs}")
        log.warning("%s: left out: %s", DURING, needs)
    return enough


def _device(config: DictConfig) -> torch.device:
    """Where a segmenter is fitted before a training."""
    from asap_lightning.inference.devices import choose_device

    return choose_device("cpu" if config.trainer.accelerator == "cpu" else "auto")


def lacking_of(spec: ConditionSpec) -> dict[str, str]:
    """What data sets of this kind do not have."""
    if spec.kind == "label":
        return {}
    return {"label": "it compares with label maps, and the model translates images"}


def _names(given: Any) -> list[str]:
    """One name, or a list of them."""
    return [given] if isinstance(given, str) else list(given)
