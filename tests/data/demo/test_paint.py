"""What a drawn facade must be: all classes, aligned, the same building at every size, worth learning."""

import cv2
import numpy as np
import pytest

from asap_lightning.data.demo import Facade, draw_facade
from asap_lightning.data.demo.classes import BALCONY, BLIND, CLASS_NAMES, DOOR, FACADE, SHOP, WINDOW
from asap_lightning.data.demo.layout import plan_facade

COUNT, SIZE = 20, 128


@pytest.fixture(scope="module")
def facades() -> list[Facade]:
    return [draw_facade(0, index, SIZE) for index in range(COUNT)]


def test_shapes_types_and_class_range(facades: list[Facade]) -> None:
    for facade in facades:
        assert facade.photo.shape == (SIZE, SIZE, 3) and facade.photo.dtype == np.uint8
        assert facade.label.shape == (SIZE, SIZE) and facade.label.dtype == np.uint8
        assert facade.label.min() >= 1 and facade.label.max() <= 12


def test_every_class_occurs_and_windows_have_their_share(facades: list[Facade]) -> None:
    shares = np.stack([np.bincount(f.label.ravel(), minlength=13) for f in facades]) / SIZE**2
    assert set(np.flatnonzero(shares.sum(axis=0))) == set(CLASS_NAMES)
    assert (shares[:, WINDOW] > 0.03).all()
    assert shares[:, [WINDOW, BLIND]].sum(axis=1).mean() > 0.15


@pytest.mark.parametrize("size", [32, 48, 200])
def test_any_size(size: int) -> None:
    for index in range(4):
        assert draw_facade(3, index, size).label.shape == (size, size)


def test_depends_on_seed_and_index_alone() -> None:
    a, b = draw_facade(5, 2, 64), draw_facade(5, 2, 64)
    np.testing.assert_array_equal(a.photo, b.photo)
    np.testing.assert_array_equal(a.label, b.label)
    for other in (draw_facade(5, 3, 64), draw_facade(6, 2, 64)):
        assert (other.photo != a.photo).mean() > 0.5
        assert (other.label != a.label).mean() > 0.05


@pytest.mark.parametrize("index", range(6))
def test_same_building_at_another_size(index: int) -> None:
    small, large = draw_facade(1, index, 256), draw_facade(1, index, 512)
    nearest = cv2.resize(large.label, (256, 256), interpolation=cv2.INTER_NEAREST)
    assert (nearest == small.label).mean() > 0.95
    shrunk = cv2.resize(large.photo, (256, 256), interpolation=cv2.INTER_AREA)
    difference = shrunk.astype(np.float32) - small.photo
    assert np.abs(difference).mean() < 6
    assert -10 * np.log10((difference**2).mean() / 255**2) > 26


def test_larger_images_hold_finer_detail() -> None:
    small, large = (draw_facade(0, 3, size).photo.astype(np.float32) for size in (256, 512))
    enlarged = cv2.resize(small, (512, 512), interpolation=cv2.INTER_CUBIC)
    laplacians = [np.abs(cv2.Laplacian(image, cv2.CV_32F)).mean() for image in (large, enlarged)]
    assert laplacians[0] > 1.3 * laplacians[1]


def edge_contrast(photo: np.ndarray, label: np.ndarray) -> float:
    """Mean step of the photo's lightness across the label map's borders."""
    grey, ids = photo.astype(np.float32).mean(axis=2), label.astype(np.int16)
    steps = [np.abs(np.diff(grey, axis=axis))[np.diff(ids, axis=axis) != 0] for axis in (0, 1)]
    return float(np.concatenate(steps).mean())


def test_label_edges_lie_on_photo_edges(facades: list[Facade]) -> None:
    """Shifting the label map by one pixel in any direction loses contrast at its borders."""
    inner = (slice(2, -2), slice(2, -2))

    def contrast(dy: int, dx: int) -> float:
        return float(
            np.mean(
                [edge_contrast(f.photo[inner], np.roll(f.label, (dy, dx), (0, 1))[inner]) for f in facades]
            )
        )

    aligned = contrast(0, 0)
    for shift in ((0, 1), (1, 0), (0, -1), (-1, 0)):
        assert aligned > 1.1 * contrast(*shift), shift


def test_windows_are_darker_than_walls(facades: list[Facade]) -> None:
    darker = [f.photo[f.label == WINDOW].mean() < f.photo[f.label == FACADE].mean() for f in facades]
    assert np.mean(darker) > 0.9


def covers(facade: Facade, class_id: int) -> list[float]:
    """Per object of the class the share of its box that carries the class."""
    size, shares = len(facade.label), []
    for found, box in facade.objects:
        if found == class_id:
            region = facade.label[
                round(box.y0 * size) : round(box.y1 * size), round(box.x0 * size) : round(box.x1 * size)
            ]
            if region.size:
                shares.append(float((region == class_id).mean()))
    return shares


@pytest.mark.parametrize("class_id", [BALCONY, SHOP, DOOR])
def test_boxes_agree_with_the_label_map(facades: list[Facade], class_id: int) -> None:
    shares = [share for facade in facades for share in covers(facade, class_id)]
    assert shares
    # An arched door leaves the corners of its box to the moulding.
    assert min(shares) > (0.75 if class_id == DOOR else 0.99)


def test_every_window_pixel_lies_in_a_window_box(facades: list[Facade]) -> None:
    centres = (np.arange(SIZE) + 0.5) / SIZE
    for facade in facades:
        inside = np.zeros((SIZE, SIZE), bool)
        for class_id, box in facade.objects:
            if class_id == WINDOW:
                inside |= ((centres >= box.y0) & (centres < box.y1))[:, None] & (
                    (centres >= box.x0) & (centres < box.x1)
                )[None, :]
        assert not (facade.label == WINDOW)[~inside].any()


def test_light_comes_from_both_sides() -> None:
    sides = np.array([plan_facade(0, index).light.side for index in range(40)])
    assert 8 < (sides > 0).sum() < 32


def test_colour_of_the_class_beats_grey(facades: list[Facade]) -> None:
    """The mean colour per class, taken from other facades, is 3 dB better than grey."""
    train, held_out = facades[:14], facades[14:]
    pixels = np.concatenate([f.photo.reshape(-1, 3) for f in train]).astype(np.float32)
    labels = np.concatenate([f.label.ravel() for f in train])
    means = np.stack(
        [pixels[labels == c].mean(axis=0) if (labels == c).any() else np.full(3, 127.5) for c in range(13)]
    )

    def psnr(predicted: np.ndarray, photo: np.ndarray) -> float:
        return float(10 * np.log10(255**2 / ((predicted - photo) ** 2).mean()))

    gain = [psnr(means[f.label], f.photo) - psnr(np.full(3, 127.5), f.photo) for f in held_out]
    assert np.mean(gain) > 3.0


def test_the_photo_holds_what_the_label_does_not_tell(facades: list[Facade]) -> None:
    """Walls differ in colour from house to house, and have texture."""
    walls = [f.photo[f.label == FACADE].astype(np.float32) for f in facades]
    assert np.std([w.mean(axis=0) for w in walls], axis=0).min() > 6
    assert min(w.std(axis=0).min() for w in walls) > 4
