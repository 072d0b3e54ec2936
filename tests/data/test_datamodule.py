from __future__ import annotations

import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from pytorch_lightning import LightningModule, Trainer

from asap_lightning.data import PairedDataModule, PairedDataset
from asap_lightning.data.batch import collate
from asap_lightning.data.layouts import Cityscapes, NyuDepth, SpadeFolders, TwoFolders
from asap_lightning.data.sample import Sample
from asap_lightning.errors import UserError

THREE = partial(SpadeFolders, num_classes=3)


def module(root, layout=THREE, height=8, width=8, **options) -> PairedDataModule:
    return PairedDataModule(root, layout, height, width, **options)


def contents(loader) -> list[tuple]:
    return [(batch.names, batch.condition.label.tolist(), batch.photo.sum().item()) for batch in loader]


def test_a_batch_keeps_the_contract(trees):
    data = module(trees.cityscapes(), Cityscapes, 8, 16, batch_size=2, instance_edges=True)
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.label.shape == batch.condition.instance.shape == (2, 8, 16)
    assert (batch.condition.label.dtype, batch.condition.instance.dtype) == (torch.uint8, torch.int32)
    assert batch.photo.shape == (2, 3, 8, 16) and batch.photo.is_contiguous()
    assert batch.photo.min() >= -1 and batch.photo.max() <= 1
    assert len(batch) == len(batch.names) == 2 and batch.valid == [(8, 16), (8, 16)]
    assert data.spec.encode(batch.condition).shape == (2, 36, 8, 16)
    assert batch.to("cpu").names == batch.names


@pytest.mark.parametrize("condition", ["image", "grey"])
def test_pictures_become_signed_floats(trees, condition):
    data = module(trees.folders(), partial(TwoFolders, condition=condition), batch_size=2)
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.image.shape == (2, data.spec.channels, 8, 8)
    assert -1 <= batch.condition.image.min() < -0.2 and 0.2 < batch.condition.image.max() <= 1
    assert batch.condition.label is None


def test_values_are_scaled_to_minus_one_and_one():
    photo = np.array([[[0, 127, 255]]], np.uint8)
    batch = collate([Sample("a", label=np.zeros((1, 1), np.uint8), photo=photo)])
    assert torch.allclose(batch.photo.flatten(), torch.tensor([-1.0, 127 / 127.5 - 1, 1.0]))


def test_a_canvas_is_signed_where_it_is_filled_and_zero_elsewhere():
    canvas = np.array([[[0, 127, 255, 255], [9, 9, 9, 0]]], np.uint8)
    condition = collate([Sample("a", label=np.zeros((1, 2), np.uint8), canvas=canvas)]).condition
    assert condition.canvas.shape == (1, 4, 1, 2)
    expected = torch.tensor([[-1.0, 127 / 127.5 - 1, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0]])
    assert torch.allclose(condition.canvas[0, :, 0].T, expected)
    assert collate([Sample("a", label=np.zeros((1, 2), np.uint8))]).condition.canvas is None


def test_depth_is_a_condition_of_one_channel(trees):
    root, _, _ = trees.nyu()
    data = module(root, partial(NyuDepth, train_count=3), batch_size=3, num_workers=1)
    batch = next(iter(data.train_dataloader()))
    assert batch.condition.image.shape == (3, 1, 8, 8)
    assert data.spec.kind == "depth"


@pytest.mark.parametrize("workers", [1, 2])
def test_the_number_of_workers_changes_nothing(trees, workers):
    options = {"mode": "resize_and_crop", "batch_size": 2, "seed": 3}
    root = trees.spade(count=9)
    alone, several = module(root, **options), module(root, num_workers=workers, **options)
    loaders = alone.train_dataloader(), several.train_dataloader()
    first = [contents(loaders[0]), contents(loaders[0])]
    assert [contents(loaders[1]), contents(loaders[1])] == first
    assert first[0] != first[1]


def test_the_default_number_of_workers_is_welcome_on_one_core(trees, monkeypatch):
    monkeypatch.setattr("torch._utils.cpu_count", lambda: 1)
    root = trees.spade()
    module(root, num_workers=2).train_dataloader()
    with pytest.warns(UserWarning, match="suggested max number of worker"):
        module(root, num_workers=3).train_dataloader()


def test_another_seed_gives_other_batches(trees):
    root = trees.spade(count=9)
    assert contents(module(root, seed=1).train_dataloader()) != contents(
        module(root, seed=2).train_dataloader()
    )


def test_loading_never_touches_the_global_random_state(trees):
    data = module(trees.spade(), mode="resize_and_crop", num_workers=1)
    np.random.seed(0)
    before, numpy_before = torch.get_rng_state(), np.random.get_state()[1].copy()
    contents(data.train_dataloader()), contents(data.val_dataloader())
    assert torch.equal(torch.get_rng_state(), before)
    assert np.array_equal(np.random.get_state()[1], numpy_before)


@pytest.mark.slow
def test_workers_can_be_spawned(trees):
    data = module(trees.spade(), mode="resize_and_crop", num_workers=1, batch_size=2)
    loader = data.train_dataloader()
    loader.multiprocessing_context = "spawn"
    assert contents(loader) == contents(
        module(trees.root, mode="resize_and_crop", batch_size=2).train_dataloader()
    )


BAD = {
    "label id": lambda t: t.label(t.root / "train_label/001.png", low=7, high=9),
    "sizes": lambda t: t.photo(t.root / "train_img/001.jpg", (4, 4)),
    "empty": lambda t: (t.root / "train_img/001.jpg").write_bytes(b""),
    "truncated": lambda t: (t.root / "train_img/001.jpg").write_bytes(
        (t.root / "train_img/001.jpg").read_bytes()[:500]
    ),
    "colours": lambda t: t.photo(t.root / "train_label/001.png"),
}


@pytest.mark.parametrize("workers", [0, 2])
@pytest.mark.parametrize("kind", BAD)
def test_a_bad_file_is_one_clear_error_also_from_a_worker(trees, kind, workers):
    trees.spade()
    BAD[kind](trees)
    data = module(trees.root, num_workers=workers)
    with pytest.raises(UserError) as error:
        contents(data.train_dataloader())
    assert "001" in str(error.value)
    assert "Traceback" not in str(error.value) and "worker" not in str(error.value)


def test_setup_names_lonely_files_before_anything_is_read(trees):
    root = trees.spade()
    (root / "val_img/002.jpg").unlink()
    with pytest.raises(UserError, match="1 condition without photos"):
        module(root).setup("fit")


def test_a_size_that_the_generator_cannot_take_is_refused(trees):
    data = module(trees.spade(), height=40, width=64, size_multiple=1)
    data.size_multiple = 32
    with pytest.raises(UserError, match=r"data.height=40 is not a multiple of 32.*use 32 or 64"):
        data.setup("fit")


@pytest.mark.parametrize("odd_size", ["pad", "resize"])
def test_odd_sizes_at_evaluation_follow_the_stated_policy(trees, odd_size):
    data = module(trees.spade(), eval_mode="none", odd_size=odd_size, size_multiple=8)
    assert data.eval_batch_size == 1
    batch = next(iter(data.val_dataloader()))
    if odd_size == "pad":
        assert (batch.condition.height, batch.condition.width, batch.valid) == (16, 16, [(12, 16)])
        assert torch.equal(batch.photo[..., 12:, :], batch.photo[..., 11:12, :].expand(-1, -1, 4, -1))
    else:
        assert (batch.condition.height, batch.condition.width, batch.valid) == (16, 16, [(16, 16)])


def test_nothing_is_cropped_at_evaluation(trees):
    with pytest.raises(UserError, match="nothing is cropped at evaluation"):
        module(trees.root, eval_mode="crop")


def test_different_sizes_in_one_batch_are_a_clear_error(trees):
    root = trees.spade()
    trees.label(root / "val_label/001.png", (20, 20)), trees.photo(root / "val_img/001.jpg", (20, 20))
    data = module(root, eval_mode="none", eval_batch_size=2)
    with pytest.raises(
        UserError, match=r"'000' and '001' cannot be in one batch: they are 16 x 12 and 20 x 20"
    ):
        contents(data.val_dataloader())


def test_limits_take_the_first_pairs(trees):
    data = module(trees.spade(), limit_train=2, limit_val=1)
    assert [len(data.items(split)) for split in ("train", "val", "test")] == [2, 1, 4]


@pytest.mark.parametrize(
    "options",
    [{"batch_size": 0}, {"num_workers": -1}, {"limit_train": 0}, {"odd_size": "crop"}, {"mode": "x"}],
)
def test_wrong_options_are_refused(trees, options):
    with pytest.raises(UserError, match=f"data.{next(iter(options))}="):
        next(iter(module(trees.spade(), **options).val_dataloader()))


def test_a_dataset_is_usable_alone(trees):
    layout = THREE(trees.spade())
    dataset = PairedDataset(layout, layout.items("train"))
    assert len(dataset) == 4
    assert dataset[1].size == (12, 16)
    (trees.root / "train_img/001.jpg").write_bytes(b"")
    with pytest.raises(UserError, match="is empty"):
        dataset[1]


class Names(LightningModule):
    def predict_step(self, batch, batch_idx):
        return batch.names

    def test_step(self, batch, batch_idx):
        self.log("n", float(len(batch)), batch_size=len(batch), reduce_fx="sum")


@pytest.mark.filterwarnings("ignore:.*does not have many workers:UserWarning")
def test_lightning_predicts_and_tests_every_pair_once(trees, tmp_path):
    data = module(trees.cityscapes({"train": 1, "val": 1, "test": 5}), Cityscapes, batch_size=2)
    trainer = Trainer(
        accelerator="cpu",
        default_root_dir=tmp_path,
        enable_progress_bar=False,
        logger=False,
        use_distributed_sampler=False,
    )
    predicted = trainer.predict(Names(), datamodule=data)
    assert [name for names in predicted for name in names] == [item.name for item in data.items("test")]
    assert trainer.test(Names(), datamodule=data, verbose=False)[0]["n"] == 5


@pytest.mark.slow
def test_a_program_that_ends_does_not_wait_for_its_busy_workers(trees):
    root = trees.spade()
    script = f"""
import time
import subprocess
import sys
from functools import partial
from asap_lightning.data import PairedDataModule, PairedDataset
from asap_lightning.data.layouts import SpadeFolders

def stuck(self, keys):
    if keys[0][1] == 3:
        time.sleep(1000)
    return [self[key] for key in keys]

PairedDataset.__getitems__ = stuck
layout = partial(SpadeFolders, num_classes=3)
data = PairedDataModule({str(root)!r}, layout, 8, 8, num_workers=2, shuffle=False)
print(next(iter(data.train_dataloader())).names)
"""
    ended = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=300)
    assert ended.stdout == "['000']\n" and ended.stderr == "" and ended.returncode == 0


def test_training_pairs_are_evaluated_as_they_are(trees):
    """Neither mirrored nor cropped, as pairs of every other split."""
    root = trees.spade(count=12)
    options = {"mode": "resize_and_crop", "load_height": 24, "load_width": 24, "batch_size": 1}
    mirrored = module(root, height=16, width=16, flip=True, **options)
    plain = module(root, height=16, width=16, mode="fixed", flip=False, batch_size=1)
    assert contents(mirrored.evaluation_dataloader("train")) == contents(plain.evaluation_dataloader("train"))
    assert contents(mirrored.train_dataloader()) != contents(plain.train_dataloader())
