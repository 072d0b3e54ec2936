"""The metric that chooses ``best.ckpt``: refused if nothing computes it."""

from __future__ import annotations

import logging
from types import SimpleNamespace

import pytest

from asap_lightning.errors import UserError
from asap_lightning.training import CheckpointWriter
from asap_lightning.training.monitored import require_computed


def trainer(*callbacks, **metrics):
    """What the writer asks of a trainer at the end of a validation."""
    state = SimpleNamespace(fn="fit")
    return SimpleNamespace(
        callbacks=list(callbacks), callback_metrics=metrics, sanity_checking=False, state=state
    )


MODULE = SimpleNamespace(metrics=SimpleNamespace(names=("psnr", "ssim", "l1")))


@pytest.mark.parametrize(
    ("monitor", "mode"), [("val/psnr", "max"), ("val/l1", "min"), ("loss_g/total", "min")]
)
def test_the_direction_is_the_metrics_own(tmp_path, monitor, mode):
    assert CheckpointWriter(tmp_path, monitor=monitor).mode == mode


def test_a_metric_without_a_direction_needs_one(tmp_path):
    with pytest.raises(UserError, match=r"checkpoint\.mode=max or min"):
        CheckpointWriter(tmp_path, monitor="val/own")
    assert CheckpointWriter(tmp_path, monitor="val/own", mode="min").mode == "min"


def test_a_contradiction_is_said(tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        CheckpointWriter(tmp_path, monitor="val/psnr", mode="min").setup(trainer(), MODULE, "fit")
        assert "checkpoint.mode=min contradicts checkpoint.monitor=val/psnr" in caplog.text
        caplog.clear()
        CheckpointWriter(tmp_path, monitor="val/psnr", mode="max").setup(trainer(), MODULE, "fit")
    assert not caplog.text


def test_what_no_validation_computes_is_refused_before_the_training(tmp_path):
    writer = CheckpointWriter(tmp_path, monitor="val/fid")
    with pytest.raises(UserError, match=r"val/fid: nothing computes it.*val/l1, val/psnr, val/ssim"):
        writer.setup(trainer(writer), MODULE, "fit")
    writer.setup(trainer(writer), MODULE, "validate")


def test_callbacks_may_compute_more():
    class Stranger:
        pass

    own = type("Own", (), {"__module__": "asap_lightning.x", "validated": ("val/fid",)})
    require_computed("val/fid", trainer(own()), MODULE)
    require_computed("val/fid", trainer(Stranger()), MODULE)
    require_computed("loss_g/total", trainer(), MODULE)


def test_what_is_missing_stops_at_the_first_validation(tmp_path):
    writer = CheckpointWriter(tmp_path, monitor="val/fid")
    with pytest.raises(UserError, match=r"val/fid: nothing computes it.*there are loss_g/total, val/psnr"):
        writer.on_validation_end(trainer(**{"val/psnr": 1.0, "loss_g/total": 2.0, "step": 3.0}), MODULE)
