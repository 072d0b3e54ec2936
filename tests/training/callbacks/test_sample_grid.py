from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_lightning import Trainer
from pytorch_lightning.loggers import TensorBoardLogger

from asap_lightning.data.panels import photo_to_image
from asap_lightning.data.sample_pictures import spread
from asap_lightning.training.callbacks import SampleGrid

Fit = Callable[..., Trainer]
HEIGHT, WIDTH, GAP, TITLE = 14, 13, 4, 18


def cell(grid: np.ndarray, row: int, column: int) -> np.ndarray:
    top, left = TITLE + row * (HEIGHT + GAP), GAP + column * (WIDTH + GAP)
    return grid[top : top + HEIGHT, left : left + WIDTH]


def read(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path))


def test_rows_show_label_generated_photo_without_padding(
    fit: Fit, tiny_module: Any, samples: Any, tmp_path: Path
) -> None:
    fit(SampleGrid(count=2), max_steps=4)
    grid = read(tmp_path / "samples" / "step_00000004.png")
    assert grid.shape == (TITLE + 2 * (HEIGHT + GAP), GAP + 3 * (WIDTH + GAP), 3)
    for row, index in enumerate((0, 2)):  # two of five, evenly
        sample = samples(index)
        np.testing.assert_array_equal(cell(grid, row, 2), sample.photo[:HEIGHT, :WIDTH])
        planes = torch.nn.functional.one_hot(torch.from_numpy(sample.label).long(), 3)
        generated = torch.tanh(tiny_module.colours(planes.permute(2, 0, 1)[None].float()))[0]
        expected = photo_to_image(generated)[:HEIGHT, :WIDTH]
        np.testing.assert_array_equal(cell(grid, row, 1), expected)
        label = cell(grid, row, 0)
        colours = [np.unique(label[sample.label[:HEIGHT, :WIDTH] == c], axis=0) for c in range(3)]
        assert [len(found) for found in colours] == [1, 1, 1]
        assert len({tuple(found[0]) for found in colours}) == 3


def test_exemplars_stand_beside_the_labels(
    make_trainer: Fit, tiny_module: Any, loaders: Any, samples: Any, tmp_path: Path
) -> None:
    pairs = loaders[1].dataset
    loaders[1].dataset = [replace(one, exemplar=samples(4 - index)) for index, one in enumerate(pairs)]
    make_trainer(SampleGrid(count=2)).validate(tiny_module, loaders[1], verbose=False)
    grid = read(tmp_path / "samples" / "latest.png")
    height, width = samples(0).size  # exemplars stay whole, padding or not
    assert grid.shape == (TITLE + 2 * (height + GAP), GAP + 4 * (width + GAP), 3)
    for row, index in enumerate((0, 2)):
        top, left = TITLE + row * (height + GAP), GAP + width + GAP
        shown = grid[top : top + height, left : left + width]
        np.testing.assert_array_equal(shown, samples(4 - index).photo)


def test_a_grid_a_validation_and_the_newest_again(fit: Fit, tmp_path: Path) -> None:
    fit(SampleGrid(count=3), max_steps=9)
    folder = tmp_path / "samples"
    assert sorted(p.name for p in folder.iterdir()) == [
        "latest.png",
        "step_00000004.png",
        "step_00000008.png",
    ]
    early, late, latest = (read(folder / n) for n in ("step_00000004.png", "step_00000008.png", "latest.png"))
    np.testing.assert_array_equal(late, latest)
    for row in range(3):
        np.testing.assert_array_equal(cell(early, row, 2), cell(late, row, 2))
    assert (cell(early, 0, 1) != cell(late, 0, 1)).any()


def test_the_untrained_network_can_be_shown(
    make_trainer: Fit, tiny_module: Any, loaders: Any, tmp_path: Path
) -> None:
    make_trainer(SampleGrid()).validate(tiny_module, loaders[1], verbose=False)
    assert (tmp_path / "samples" / "step_00000000.png").exists()


def test_large_images_are_shown_smaller(fit: Fit, tmp_path: Path) -> None:
    fit(SampleGrid(count=1, longest=7), max_steps=4)
    assert read(tmp_path / "samples" / "latest.png").shape[0] == TITLE + 7 + GAP


def test_tensorboard_gets_the_rows(fit: Fit, tmp_path: Path) -> None:
    event_accumulator = pytest.importorskip("tensorboard.backend.event_processing.event_accumulator")
    logger = TensorBoardLogger(tmp_path, name="tb", version="")
    fit(SampleGrid(count=2), logger=logger, max_steps=8)
    events = event_accumulator.EventAccumulator(str(tmp_path / "tb")).Reload()
    assert events.Tags()["images"] == ["val/samples/0", "val/samples/1"]
    assert [event.step for event in events.Images("val/samples/0")] == [4, 8]
    assert [event.step for event in events.Scalars("val/psnr")] == [4, 8]


@pytest.mark.parametrize(
    ("count", "total", "expected"),
    [
        (2, 5, {0, 2}),
        (4, 4, {0, 1, 2, 3}),
        (4, 3, {0, 1, 2}),
        (1, 100, {0}),
        (4, 500, {0, 125, 250, 375}),
        (3, 0, set()),
    ],
)
def test_samples_are_spread_evenly(count: int, total: int, expected: set[int]) -> None:
    assert spread(count, total) == expected


def test_settings_are_checked() -> None:
    with pytest.raises(ValueError, match="count"):
        SampleGrid(count=0)
