"""What is counted as work and what as a wait for the loader."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
import torch

from asap_lightning.training.callbacks import throughput


def test_waits_are_told_from_work(monkeypatch: pytest.MonkeyPatch) -> None:
    clock, logged = iter([0.0, 3.0, 4.0, 7.0]), {}
    monkeypatch.setattr(throughput.time, "perf_counter", lambda: next(clock))
    monkeypatch.setattr(throughput, "logs_now", lambda trainer: trainer.global_step == 2)
    trainer = SimpleNamespace(global_step=0, world_size=2)
    module = SimpleNamespace(
        device=torch.device("cpu"), log_dict=lambda values, batch_size: logged.update(values)
    )
    callback, batch = throughput.Throughput(), SimpleNamespace(names=["a", "b", "c", "d", "e", "f", "g"])
    callback.on_train_start(trainer, module)
    callback.on_train_epoch_start(trainer, module)
    for index in range(2):  # works for 3 s, waits for 1 s, works for 3 s
        callback.on_train_batch_start(trainer, module, batch, index)
        trainer.global_step += 1
        callback.on_train_batch_end(trainer, module, None, batch, index)
    assert logged == {"speed/images_per_second": 14 * 2 / 7, "speed/data_wait": 1 / 7}
