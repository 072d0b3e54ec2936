"""Fitting and keeping a segmenter, on squares whose colour tells their class."""

from dataclasses import replace
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image

from asap_lightning.data import PairedData
from asap_lightning.data.layouts import CmpFacades, SpadeFolders
from asap_lightning.errors import UserError
from asap_lightning.evaluation.segmenting import FitSettings, fitted_segmenter
from asap_lightning.evaluation.segmenting.fitting import IGNORE, Crops, class_weights, fit
from asap_lightning.evaluation.segmenting.pairs import read_pairs
from asap_lightning.metrics.segmentation import SegmentationScores, count_confusion
from asap_lightning.models.segmenters import CompactUNet

SETTINGS = FitSettings(steps=60, batch=4, crop=24, rate=1e-2, width=8, levels=2)
COLOURS = np.array([[200, 40, 40], [30, 180, 60], [40, 60, 220], [90, 90, 90]], np.uint8)


def pair(seed):
    source = np.random.default_rng(seed)
    label = np.kron(source.integers(0, 4, (3, 4)), np.ones((8, 8), int)).astype(np.uint8)
    noise = source.integers(-20, 20, (*label.shape, 3))
    return (COLOURS[label] + noise).clip(0, 255).astype(np.uint8), label


@pytest.fixture
def data(tmp_path):
    root = tmp_path / "data"

    def made(count=4, darker=False):
        for split, first in (("train", 0), ("val", 100)):
            for kind in ("label", "img"):
                (root / f"{split}_{kind}").mkdir(parents=True, exist_ok=True)
            for seed in range(first, first + count):
                photo, label = pair(seed)
                ids = np.where(label == 3, 255, label).astype(np.uint8)
                Image.fromarray(photo - darker * (photo > 0)).save(root / f"{split}_img" / f"{seed}.png")
                Image.fromarray(ids).save(root / f"{split}_label" / f"{seed}.png")
        return PairedData(root, partial(SpadeFolders, num_classes=3, has_unknown=True), 24, 32)

    return made


@pytest.mark.parametrize("steps", [1, 4])
def test_few_updates_are_enough_to_end(steps):
    """torch's schedule divides by zero where its rise is one step long."""
    photo, label = (torch.from_numpy(array) for array in pair(0))
    network = fit([photo.permute(2, 0, 1)], [label], 4, replace(SETTINGS, steps=steps))
    assert all(weight.isfinite().all() for weight in network.parameters())


def test_it_learns_and_leaves_unknown_pixels_alone(data, tmp_path):
    losses = []
    state = torch.get_rng_state()
    segmenter = fitted_segmenter(
        data(), SETTINGS, tmp_path / "kept", on_step=lambda step, loss: losses.append(loss)
    )
    assert torch.equal(torch.get_rng_state(), state)
    assert len(losses) == 60 and losses[-1] < 0.3 * losses[0]
    assert "4 real pairs (60 updates)" in segmenter.title
    photos, labels = zip(*(pair(seed) for seed in range(200, 204)), strict=True)
    found = segmenter(torch.from_numpy(np.stack(photos)).permute(0, 3, 1, 2).contiguous())
    truth = torch.from_numpy(np.stack(labels)).long()
    truth[truth == 3] = -1
    assert SegmentationScores(count_confusion(truth, found, 3).sum(0)).miou > 0.8


def test_it_is_kept_under_data_and_settings(data, tmp_path):
    kept, quick = tmp_path / "kept", replace(SETTINGS, steps=2)
    first = fitted_segmenter(data(), quick, kept)
    steps = []
    again = fitted_segmenter(data(), quick, kept, on_step=lambda *args: steps.append(args))
    assert steps == []
    state, other = first.state_dict(), again.state_dict()
    assert all(torch.equal(state[name], other[name]) for name in state)
    assert len(list(kept.glob("*.pt"))) == 1
    fitted_segmenter(data(), replace(quick, seed=1), kept)
    assert len(list(kept.glob("*.pt"))) == 2
    fitted_segmenter(data(darker=True), quick, kept)
    assert len(list(kept.glob("*.pt"))) == 3


def test_two_fits_agree_to_the_bit():
    photos, labels = zip(*(pair(seed) for seed in range(3)), strict=True)
    tensors = [torch.from_numpy(p).permute(2, 0, 1) for p in photos], [torch.from_numpy(x) for x in labels]
    one, two = (fit(*tensors, 4, replace(SETTINGS, steps=3)).state_dict() for _ in range(2))
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_a_spoiled_file_is_named(data, tmp_path):
    kept, quick = tmp_path / "kept", replace(SETTINGS, steps=1)
    fitted_segmenter(data(), quick, kept)
    (path,) = kept.glob("*.pt")
    torch.save({"other": 1}, path)
    with pytest.raises(UserError, match="holds no fitted segmenter: remove it"):
        fitted_segmenter(data(), quick, kept)
    torch.save({"segmenter": {"_target_": "os.system"}, "state_dict": {"a": torch.zeros(1)}}, path)
    with pytest.raises(UserError, match=r"refused to build 'os\.system'"):
        fitted_segmenter(data(), quick, kept)


def test_crops_fit_the_smallest_pair_and_keep_photo_and_label_together():
    photos, labels = [], []
    for size in ((10, 30), (20, 12)):
        label = torch.randint(0, 4, size)
        photos.append(torch.stack([label] * 3).to(torch.uint8) * 60)
        labels.append(label)
    crops = Crops(photos, labels, 3, replace(SETTINGS, crop=16))
    for _ in range(5):
        x, truth = crops.draw()
        assert x.shape == (4, 3, 10, 12) and truth.shape == (4, 10, 12)
        assert set(truth.unique().tolist()) <= {0, 1, 2, IGNORE}
        for picture, target in zip(x[:, 0], truth, strict=True):
            values = [picture[target == c].unique() for c in (0, 1, 2) if (target == c).any()]
            assert all(len(value) == 1 for value in values)


def test_weights_are_one_on_average_and_nothing_for_the_absent():
    labels = [torch.tensor([[0, 0, 0, 2], [0, 0, 9, 9]])]
    weights = class_weights(labels, 4)
    assert weights[1] == 0 and weights[3] == 0 and weights[2] > weights[0]
    assert float(5 / 6 * weights[0] + 1 / 6 * weights[2]) == pytest.approx(1)
    with pytest.raises(UserError, match="no pixel of any class"):
        class_weights([torch.tensor([[9]])], 4)


@pytest.mark.parametrize(
    ("name", "value"), [("steps", 0), ("batch", 1), ("rate", 2.0), ("width", "wide"), ("seed", -1)]
)
def test_settings_are_checked(name, value):
    with pytest.raises(UserError, match=rf"segmenter\.fit\.{name}={value}"):
        FitSettings(**{name: value})


def test_pairs_are_spread_and_need_photos(data, tmp_path):
    read = []
    pairs = read_pairs(data(count=5), 2, on_read=lambda *at: read.append(at))
    assert len(pairs) == 2 and read == [(1, 2), (2, 2)]
    assert pairs.photos[0].shape == (3, 24, 32) and pairs.photos[0].dtype == torch.uint8
    other = read_pairs(data(count=5), 3)
    assert other.digest != pairs.digest


@pytest.mark.parametrize("size", [(1, 1), (17, 40), (64, 64)])
def test_the_network_takes_any_size(size):
    with torch.no_grad():
        assert CompactUNet(3, width=4, levels=3).eval()(torch.zeros(1, 3, *size)).shape == (1, 3, *size)


@pytest.mark.long
def test_drawn_facades_are_read_well(tmp_path):
    from asap_lightning.data.demo import write_demo_dataset

    write_demo_dataset(tmp_path / "demo", count=120, size=128, seed=0, workers=1)
    layout = partial(CmpFacades, split="ratio", test_share=0.1)
    data = PairedData(tmp_path / "demo", layout, 128, 128)
    segmenter = fitted_segmenter(data, FitSettings(steps=300), tmp_path / "kept")
    total = torch.zeros(14, 14, dtype=torch.int64)
    for batch in data.evaluation_dataloader("val"):
        pixels = ((batch.require_photo() + 1) * 127.5).round().to(torch.uint8)
        total += count_confusion(batch.condition.require_label().long(), segmenter(pixels), 13).sum(0)
    assert SegmentationScores(total).miou > 0.6
