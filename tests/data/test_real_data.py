"""Small real pieces of public data sets, where they are beside the repository."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest

from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset
from asap_lightning.data.layouts import Cityscapes, SpadeFolders
from asap_lightning.data.reading import read_photo


@pytest.fixture(scope="module")
def samples(shared_dir: Path) -> Path:
    return shared_dir / "data"


def test_cityscapes(samples):
    data = PairedDataModule(samples / "cityscapes", Cityscapes, 64, 128, batch_size=5, instance_edges=True)
    data.setup("fit")
    (batch,) = data.train_dataloader()
    assert sorted(batch.names) == [f"aachen_00000{n}_000019" for n in range(5)]
    assert batch.photo.shape == (5, 3, 64, 128)
    assert set(np.unique(batch.condition.label)) <= set(range(35))
    assert batch.condition.instance.max() > 24_000
    data.setup("test")
    assert len(data.items("test")) == 10
    assert data.dataset("test")[0].photo is None


def test_coco_stuff(samples):
    layout = partial(SpadeFolders, num_classes=182, has_unknown=True)
    report = check_dataset(layout(samples / "coco_stuff", instances=True))
    assert report.ok
    assert [split.pairs for split in report.splits] == [13, 4, 4]
    assert report.splits[0].pixels[182] > 0


def test_photos_with_alpha(samples):
    for path in sorted((samples / "singan" / "Images").iterdir()):
        assert read_photo(path).shape[2] == 3
