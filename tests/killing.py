"""A training of SinGAN that ``kill -9`` ends at a given step; importable in a process that a test starts."""

from __future__ import annotations

import os
import signal

from asap_lightning import cli


def train_until(arguments: list[str], step: int | None) -> None:
    """``asap ARGUMENTS`` in this process, which is killed when that step begins; None: it is not."""
    from asap_lightning.singan_training.module import SinGanModule

    original = SinGanModule.training_step

    def training_step(self, batch, batch_idx):
        if self.global_step == step:
            os.kill(os.getpid(), signal.SIGKILL)
        return original(self, batch, batch_idx)

    SinGanModule.training_step = training_step  # type: ignore[method-assign]
    raise SystemExit(cli.main(arguments))
