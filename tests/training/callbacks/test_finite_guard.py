from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer

from asap_lightning.errors import UserError
from asap_lightning.training.callbacks import GuardFiniteLoss
from asap_lightning.training.checkpoint_writer import CheckpointWriter

Fit = Callable[..., Trainer]


def test_a_nan_term_is_named_with_its_step_and_the_last_good_checkpoint(
    fit: Fit, tiny_module: Any, tmp_path: Path
) -> None:
    tiny_module.break_at = 7
    writer = CheckpointWriter(tmp_path, every_n_steps=2)
    with pytest.raises(
        UserError, match=r"loss_g/l1 is nan at step 7; the last good checkpoint is .*last\.ckpt"
    ):
        fit(GuardFiniteLoss(), writer, max_steps=20, enable_checkpointing=True)
    assert torch.load(tmp_path / "last.ckpt", weights_only=True)["global_step"] == 6


def test_it_looks_at_every_step_though_it_reads_them_together(fit: Fit, tiny_module: Any) -> None:
    tiny_module.break_at = 3
    with pytest.raises(UserError, match=r"nan at step 3; no checkpoint had been written yet"):
        fit(GuardFiniteLoss(check_every=1000), max_steps=20)  # found before the validation at step 4


def test_an_exploding_total_is_compared_with_its_past(fit: Fit, tiny_module: Any) -> None:
    tiny_module.explode_at = 10
    guard = GuardFiniteLoss(explode_factor=100, window=5, check_every=1)
    with pytest.raises(
        UserError, match=r"loss_g/total is 1e\+04 at step 10, more than 100 times its usual 1;"
    ):
        fit(guard, max_steps=20)


def test_by_default_only_non_finite_values_stop(fit: Fit, tiny_module: Any) -> None:
    tiny_module.explode_at = 10
    assert fit(GuardFiniteLoss(), max_steps=12).global_step == 12


def test_nothing_explodes_while_the_past_is_short(fit: Fit, tiny_module: Any) -> None:
    tiny_module.explode_at = 3
    assert fit(GuardFiniteLoss(explode_factor=2, window=5), max_steps=8).global_step == 8


@pytest.mark.parametrize("wrong", [{"explode_factor": 1.0}, {"window": 0}, {"check_every": 0}])
def test_settings_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        GuardFiniteLoss(**wrong)
