import io
import re
from collections.abc import Callable
from typing import Any

import pytest
import torch
from pytorch_lightning import Trainer
from rich.console import Console

from asap_lightning.training.callbacks import TrainingProgress
from asap_lightning.training.callbacks.progress import duration, loss_text, number, total_steps

Fit = Callable[..., Trainer]


def console(terminal: bool) -> tuple[Console, io.StringIO]:
    text = io.StringIO()
    return Console(file=text, force_terminal=terminal, width=200, color_system=None), text


def test_plain_lines_where_there_is_no_terminal(fit: Fit) -> None:
    out, text = console(terminal=False)
    fit(TrainingProgress(line_seconds=0, console=out), enable_progress_bar=True)
    lines = text.getvalue().splitlines()
    assert "\x1b" not in text.getvalue() and "\r" not in text.getvalue()
    training = [line for line in lines if "images/s" in line]
    assert len(training) == 8
    assert re.fullmatch(
        r"epoch 1  step 6/8  [\d.]+ images/s  left \d:\d\d  G 0\.\d+ \(l1 0\.\d+\)  D 0\.5 \(real 0\.5\)",
        training[5],
    )
    validations = [line for line in lines if "val/psnr" in line]
    assert [line.partition(":")[0] for line in validations] == ["step 4", "step 8"]
    assert re.search(r"val/l1 0\.\d+  val/psnr [\d.]+  val/ssim", validations[0])


def test_few_lines_in_a_log(fit: Fit) -> None:
    out, text = console(terminal=False)
    fit(TrainingProgress(line_seconds=1000, console=out), enable_progress_bar=True)
    assert (
        sum("images/s" in line for line in text.getvalue().splitlines()) == 2
    )  # the first and the last step


def test_a_live_bar_in_a_terminal(fit: Fit) -> None:
    out, text = console(terminal=True)
    bar = TrainingProgress(bar_refresh_seconds=0, console=out)
    fit(bar, enable_progress_bar=True)
    assert "8/8" in text.getvalue() and "G 0." in text.getvalue() and "images/s" in text.getvalue()
    assert bar._bar is None


def test_the_bar_is_closed_when_the_training_fails(fit: Fit, tiny_module: Any) -> None:
    out, _ = console(terminal=True)
    bar = TrainingProgress(bar_refresh_seconds=0, console=out)

    def fail(batch: Any, batch_idx: int) -> None:
        raise RuntimeError("broken")

    tiny_module.training_step = fail
    with pytest.raises(RuntimeError, match="broken"):
        fit(bar, enable_progress_bar=True)
    assert bar._bar is None


def test_a_disabled_bar_is_silent(fit: Fit) -> None:
    out, text = console(terminal=False)
    bar = TrainingProgress(line_seconds=0, console=out)
    bar.disable()
    fit(bar, enable_progress_bar=True)
    assert text.getvalue() == ""


def test_the_end_of_a_training(fit: Fit) -> None:
    assert total_steps(fit(max_steps=5)) == 5
    assert total_steps(fit(max_steps=-1, max_epochs=2)) == 6
    assert total_steps(fit(max_steps=4, max_epochs=2)) == 4


def test_texts() -> None:
    terms = {
        "loss_g/total": torch.tensor(12.3456),
        "loss_g/l1": torch.tensor(0.5),
        "loss_d/fake": torch.tensor(1.0),
    }
    assert loss_text(terms) == "G 12.35 (l1 0.5)  D (fake 1)"
    assert loss_text({}) == ""
    assert [number(v) for v in (0.0, 1234.56, 0.00001, 123456.0)] == ["0", "1235", "1.000e-05", "1.235e+05"]
    assert [duration(s) for s in (0, 59.6, 125, 3723)] == ["0:00", "1:00", "2:05", "1:02:03"]
