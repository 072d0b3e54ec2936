from __future__ import annotations

from typing import Any
from unittest.mock import Mock

import pytest
import torch

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.evaluation.cost.callback import ModelCost
from asap_lightning.models import AsapGenerator


@pytest.fixture
def begin() -> Any:
    """Calls the callback as a trainer would; returns what the logger got and the generator."""

    def call(callback: ModelCost, loggers: int = 1, **data: int) -> tuple[Mock, AsapGenerator]:
        generator = small.asap_generator(ConditionSpec("label", num_classes=3), s1=2, s2=2)
        logger = Mock()
        trainer = Mock(loggers=[logger] * loggers, global_step=7, datamodule=Mock(spec=list(data), **data))
        callback.on_train_start(trainer, Mock(generator=generator, device=torch.device("cpu")))
        return logger.log_metrics, generator

    return call


def test_cost_is_logged_once_and_leaves_the_generator_alone(begin: Any) -> None:
    logged, generator = begin(ModelCost(repeats=1), height=16, width=16)
    (((values,), options),) = [(call.args, call.kwargs) for call in logged.call_args_list]
    assert options == {"step": 7}
    assert values["model/parameters"] == sum(p.numel() for p in generator.parameters())
    assert values["model/latency_ms"] > 0 and generator.training
    label = torch.zeros(1, 16, 16, dtype=torch.int64)
    generator(Condition(label=label)).image.sum().backward()  # nothing was left from inference


def test_without_repeats_loggers_or_a_size(begin: Any) -> None:
    logged, _ = begin(ModelCost(repeats=0), height=16, width=16)
    assert list(logged.call_args.args[0]) == ["model/parameters"]
    assert not begin(ModelCost(), loggers=0, height=16, width=16)[0].called
    assert not begin(ModelCost())[0].called
    with pytest.raises(ValueError, match="at least 0"):
        ModelCost(-1)
