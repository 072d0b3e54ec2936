"""The data set that a configuration describes, with or without Lightning."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast

from hydra.core.hydra_config import HydraConfig
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf, open_dict

from asap_lightning.composing.settings import SETTINGS as OF_CANVASES
from asap_lightning.configuration.plain import configured_by, plain
from asap_lightning.evaluation.training_data import TRAINED

if TYPE_CHECKING:
    from asap_lightning.data import PairedData, PairedDataModule


def make_data(config: DictConfig) -> PairedDataModule:
    """The data module of ``data``, for a training.

    The demo data is drawn where it is missing, but not into a folder that was named on the command line:
    that would answer a mistyped path with other data than was meant.
    """
    made: PairedDataModule = _made(config)()
    return made


def make_evaluation_data(config: DictConfig, **settled: Any) -> PairedData:
    """The pairs of ``data``, without Lightning; ``settled`` arguments win, and Hydra never sees them."""
    target = config.data._target_
    same = {"_target_": "asap_lightning.data.PairedData"} if target == TRAINED else {}
    made: PairedData = _made(config, **same)(**settled)
    return made


def _made(config: DictConfig, **other: Any) -> Callable[..., Any]:
    """What makes the data set that ``data`` describes."""
    prepare = {} if may_prepare() else {"prepare": None}
    node, wanted = without_canvases(config.data, other)
    with configured_by("data"):
        made = instantiate(node, _partial_=True, **prepare)

    def make(**settled: Any) -> Any:
        if wanted["bank"] is not None:
            from asap_lightning.composing.settings import canvases_of

            settled["canvases"] = canvases_of(wanted)
        with configured_by("data"):
            return made(**settled)

    return make


def without_canvases(
    data: DictConfig, other: Mapping[str, Any] | None = None
) -> tuple[DictConfig, dict[str, Any]]:
    """``data`` with ``other`` values as constructors take it; and what it says of canvases, plain."""
    node = cast("DictConfig", OmegaConf.merge(data, other or {}))
    with open_dict(node):
        taken = {key: node.pop(key, None) for key in OF_CANVASES}
    return node, {key: plain(one) if isinstance(one, DictConfig) else one for key, one in taken.items()}


def may_prepare() -> bool:
    """Whether this run may make its data set: unless ``data.root`` was given without ``data.prepare``."""
    given = HydraConfig.get().overrides.task if HydraConfig.initialized() else []
    named = any(word.startswith("data.root=") for word in given)
    return not named or any(word.startswith("data.prepare.") for word in given)
