"""A data set asks its source of canvases for every sample, by split, purpose and (seed, epoch, index)."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch

from asap_lightning.data import PairedDataModule
from asap_lightning.data.layouts import SpadeFolders
from asap_lightning.errors import UserError
from trees import Trees


class Source:
    """Canvases whose colour says what was asked for."""

    def __init__(self) -> None:
        self.identity = {"bank": "a"}
        self.asked: list[tuple] = []

    def require_classes(self, spec, whose) -> None:
        if spec.num_classes != 3:
            raise UserError(f"other classes than {whose}")

    def maker(self, split, *, training):
        def add(sample, seed):
            self.asked.append((split, training, sample.name, sample.size, tuple(seed)))
            canvas = np.full((*sample.size, 4), seed[2], np.uint8)
            canvas[..., 3] = 255
            return replace(sample, canvas=canvas)

        return add


def module(root: Path, source: Source, **options) -> PairedDataModule:
    layout = partial(SpadeFolders, num_classes=options.pop("num_classes", 3))
    return PairedDataModule(root, layout, 16, 32, canvases=source, seed=7, batch_size=2, **options)


def test_batches_carry_canvases_of_the_transformed_samples(tmp_path: Path) -> None:
    source = Source()
    data = module(Trees(tmp_path).spade(), source, shuffle=False)
    data.setup("fit")
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.canvas.shape == (2, 4, 16, 32)
    assert torch.allclose(batch.condition.canvas[1, :3], torch.tensor(1 / 127.5 - 1))
    assert source.asked[:2] == [
        ("train", True, "000", (16, 32), (7, 0, 0)),
        ("train", True, "001", (16, 32), (7, 0, 1)),
    ]
    source.asked.clear()
    assert len(list(data.val_dataloader())) == 2
    assert {(split, training) for split, training, *_ in source.asked} == {("val", False)}


def test_another_bank_starts_a_new_epoch(tmp_path: Path) -> None:
    data = module(Trees(tmp_path).spade(), source := Source())
    state = data.state_dict()
    assert state["bank"] == "a"
    source.identity = {"bank": "b"}
    assert data.changes_since(state) == {"bank": ("a", "b")}


def test_canvases_of_other_classes_are_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"other classes than data\.root="):
        module(Trees(tmp_path).spade(), Source(), num_classes=4)
