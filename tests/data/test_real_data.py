"""Small real pieces of public data sets, where they are beside the repository."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import yaml

from asap_lightning.configuration.configs import conf_dir
from asap_lightning.data import PairedDataModule
from asap_lightning.data.check import check_dataset
from asap_lightning.data.layouts import Cityscapes, SideBySide, SpadeFolders
from asap_lightning.data.layouts.classes import CMP_PAIRS
from asap_lightning.data.palette_find import ColourCounts, propose
from asap_lightning.data.palettes import class_colours
from asap_lightning.data.reading import label_colours, read_photo


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


def test_facades_of_pix2pix_are_classes(samples):
    """The palette of the recipe is what the files hold."""
    if not (samples / "facades_pairs").is_dir():
        pytest.skip("pix2pix's facades are not among the sample data")
    counts = ColourCounts()
    layout = recipe_layout(samples / "facades_pairs")
    items = layout.items("train")[::20]
    for item in items:
        counts.add(label_colours(layout.label_image(item), item.condition), lossy=True)
    found = propose(counts)
    listed = [colour for _, colour in CMP_PAIRS]
    assert len(found.colours) == len(listed)
    for colour in found.colours:
        assert min(np.abs(np.subtract(colour, other)).max() for other in listed) <= 3
    shares = [layout.read(item).unmatched / 256**2 for item in items]
    assert max(shares) < 0.1 and np.mean(shares) < 0.04


def recipe_layout(root):
    recipe = yaml.safe_load((conf_dir() / "experiment/facades_pairs_256.yaml").read_text())
    return SideBySide(root, **recipe["data"]["layout"])


def test_the_recipe_lists_the_known_colours(tmp_path):
    layout = recipe_layout(tmp_path)
    assert tuple(zip(layout.labels.class_names, layout.labels.palette.values(), strict=True)) == CMP_PAIRS
    assert class_colours(layout.spec)[:12].tolist() == [list(colour) for _, colour in CMP_PAIRS]


def test_photos_with_alpha(samples):
    for path in sorted((samples / "singan" / "Images").iterdir()):
        assert read_photo(path).shape[2] == 3
