"""A checkpoint that a training goes on from, or begins with, holds a training's state and nothing else."""

from __future__ import annotations

import copy
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch

import small
from asap_lightning.data import PairedDataModule
from asap_lightning.data.demo import write_demo_dataset
from asap_lightning.data.layouts import CmpFacades
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.losses import HingeLoss, TranslationObjective
from asap_lightning.models import MultiscaleDiscriminator
from asap_lightning.training import (
    CheckpointWriter,
    ModelDescription,
    TranslationModule,
    fit,
    initialize_from,
    make_trainer,
    read_checkpoint,
)
from asap_lightning.training.stored_state import require_training_state

from .conftest import SPEC, Spoil

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*does not have many workers"),
    pytest.mark.filterwarnings("ignore:.*smaller than the logging interval"),
    pytest.mark.filterwarnings("ignore:Be aware that when using `ckpt_path`"),
]

Train = Callable[..., None]


@pytest.fixture(scope="module")
def train(tmp_path_factory: pytest.TempPathFactory) -> Train:
    """Two updates of a small network, or as many as are said, from a checkpoint or from the beginning."""
    root = tmp_path_factory.mktemp("facades")
    write_demo_dataset(root, count=6, size=32, workers=1, progress=False)

    def run(folder: Path, steps: int = 2, resume: Path | None = None) -> None:
        layout = partial(CmpFacades, split="ratio", test_share=0.25)
        data = PairedDataModule(root, layout, 16, 16, batch_size=2)
        generator = small.asap_generator(data.spec)
        data.size_multiple = generator.size_multiple
        adam = partial(torch.optim.Adam, lr=1e-3)
        module = TranslationModule(
            generator,
            MultiscaleDiscriminator(data.spec, width=4, layers=2, scales=1),
            TranslationObjective(HingeLoss(), l1=1),
            generator_optimizer=adam,
            discriminator_optimizer=adam,
            description=ModelDescription(
                data.spec.as_dict(), {"_target_": "asap_lightning.models.AsapGenerator", **small.ASAP}
            ),
        )
        trainer = make_trainer(
            accelerator="cpu",
            logger=False,
            callbacks=[CheckpointWriter(folder, every_n_steps=1)],
            enable_progress_bar=False,
            enable_model_summary=False,
            max_epochs=-1,
            max_steps=steps,
            num_sanity_val_steps=0,
        )
        fit(trainer, module, data, ckpt_path=resume)

    return run


@pytest.fixture(scope="module")
def written(train: Train, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkpoint after two updates."""
    folder = tmp_path_factory.mktemp("run")
    train(folder)
    return folder / "last.ckpt"


def put(checkpoint: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    """A copy in which the entry at a path of keys has another value; an absent last key is added."""
    changed = copy.deepcopy(checkpoint)
    *keys, last = path.split("/")
    place: Any = changed
    for key in keys:
        place = place[int(key) if isinstance(place, list) or int in map(type, place) else key]
    place[int(last) if isinstance(place, list) else last] = value
    return changed


WRITER = "CheckpointWriter"
HOSTILE: dict[str, tuple[str, Any, str]] = {
    "epoch": ("epoch", "x", "epoch is 'x'; a count"),
    "negative step": ("global_step", -1, "global_step is -1"),
    "huge step": ("global_step", 2**70, "global_step is a number of 71 bits"),
    "no weights": ("state_dict", [1], "state_dict is a list of 1"),
    "a weight": ("state_dict/generator.x", "x", "state_dict holds 'x' as 'generator.x'"),
    "old version": ("pytorch-lightning_version", "0.9.0", "'0.9.0'; a version from 2.6 on"),
    "no version": ("pytorch-lightning_version", "latest", "version is 'latest'"),
    "version": ("pytorch-lightning_version", {"a": 1}, "version is a dict of 1"),
    "loops": ("loops", [], "loops is a list of 0; the counters"),
    "a method": ("loops/fit_loop/epoch_progress/increment_ready", 5, "loops is a dict"),
    "a counter": ("loops/fit_loop/epoch_progress/total/ready", "5", "loops is a dict"),
    "a flag": ("loops/fit_loop/epoch_loop.batch_progress/is_last_batch", 5, "loops is a dict"),
    "loop state": ("loops/fit_loop/epoch_loop.state_dict/_batches_that_stepped", [], "loops is a dict"),
    "callbacks": ("callbacks", {3: {}}, "callbacks is a dict of 1; the states of callbacks"),
    "callback": ("callbacks/X", 5, "callbacks is a dict"),
    "optimizers": ("optimizer_states", {"a": 1}, "optimizer_states is a dict"),
    "groups": ("optimizer_states/0/param_groups", [1], "optimizer_states is a list"),
    "moments": ("optimizer_states/0/state/0/exp_avg", "x", "optimizer_states is a list"),
    "schedulers": ("lr_schedulers", [{"step": 1}], "lr_schedulers is a list of 1; an empty list"),
    "random": ("random_states", [None], "random_states is a list of 1; the state of"),
    "python": ("random_states/0/python/1/0", "x", "random_states"),
    "python's position": ("random_states/0/python/1/624", 10**6, "random_states"),
    "numpy's position": ("random_states/0/numpy/2", 10**7, "random_states"),
    "numpy's table": ("random_states/0/numpy/1", torch.zeros(3, dtype=torch.int64), "random_states"),
    "torch": ("random_states/0/torch", torch.zeros(9), "random_states"),
    "scaler": ("scalers", [{"scale": "x"}], "scalers is a list of 1"),
    "position": ("PairedDataModule/batch", -1, "PairedDataModule is a dict"),
    "position's type": ("PairedDataModule", [1], "PairedDataModule is a list of 1"),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_training_does_not_go_on_from_it(written: Path, canary: Path, kind: str) -> None:
    path, value, message = HOSTILE[kind]
    with pytest.raises(UserError, match=message) as raised:
        require_training_state(put(read_checkpoint(written), path, value), "x.ckpt")
    assert str(raised.value).startswith("x.ckpt: ")


def test_what_training_writes_is_accepted(written: Path, train: Train, tmp_path: Path) -> None:
    require_training_state(read_checkpoint(written), written)
    train(tmp_path, 3, written)
    assert read_checkpoint(tmp_path / "last.ckpt")["global_step"] == 3


def test_fit_checks_the_file(written: Path, train: Train, tmp_path: Path) -> None:
    """Both what is checked in the file and what only the networks can tell."""
    hostile = tmp_path / "hostile.ckpt"
    writer = next(iter(read_checkpoint(written)["callbacks"]))
    for path, value, message in (
        HOSTILE["numpy's position"],
        (
            "optimizer_states/0/state/0/exp_avg",
            torch.zeros(3),
            r"hold 'exp_avg' of shape \(3,\)",
        ),
        (
            f"callbacks/{writer}",
            {"best_value": "x"},
            "best_value is 'x'",
        ),
    ):
        torch.save(put(read_checkpoint(written), path, value), hostile)
        with pytest.raises(UserError, match=message):
            train(tmp_path / "run", 3, hostile)


WEIGHTS: dict[str, tuple[Any, str]] = {
    "another shape": (torch.zeros(3), r"is float32 \(3,\), not float32"),
    "whole numbers": (torch.zeros(10, 10, 3, 3, dtype=torch.int64), "is int64 .* not float32"),
    "complex": (torch.zeros(10, 10, 3, 3, dtype=torch.complex64), "is complex64"),
    "expanded": (torch.zeros(1).expand(10**4, 10**4, 10**4), "larger than the file"),
    "overlapping": (torch.zeros(10**4).as_strided((9000, 1000), (1, 1)), "larger than the file"),
    "sparse": (torch.zeros(2, 2).to_sparse(), "model.ckpt"),
    "meta": (torch.zeros(10**6, 10**6, device="meta"), "model.ckpt"),
    "quantized": (lambda: torch.quantize_per_tensor(torch.zeros(2), 0.1, 0, torch.qint8), "model.ckpt"),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::DeprecationWarning")
@pytest.mark.parametrize("kind", WEIGHTS)
def test_weights_are_dense_numbers_of_the_right_shape(
    spoil: Spoil, weights: dict[str, torch.Tensor], canary: Path, bounded: None, kind: str
) -> None:
    made, message = WEIGHTS[kind]
    tensor = made() if callable(made) and not isinstance(made, torch.Tensor) else made
    path = spoil({"state_dict": {**weights, "generator.lowres_stream.body.0.0.weight": tensor}})
    with pytest.raises(UserError, match=message):
        Translator(path, device="cpu")
    network = small.asap_generator(SPEC)
    before = network.lowres_stream.body[0][0].weight.detach().clone()
    try:
        taken, _ = initialize_from(network, path)
    except UserError:
        taken = []
    assert "lowres_stream.body.0.0.weight" not in taken
    assert torch.equal(network.lowres_stream.body[0][0].weight, before)


def test_half_precision_weights_become_float32(spoil: Spoil, weights: dict[str, torch.Tensor]) -> None:
    path = spoil({"state_dict": {name: value.half() for name, value in weights.items()}})
    generator = Translator(path, device="cpu").generator
    assert {value.dtype for value in generator.state_dict().values()} == {torch.float32}
