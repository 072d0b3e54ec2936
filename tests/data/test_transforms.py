from __future__ import annotations

import pickle
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from asap_lightning.data.sample import Sample
from asap_lightning.data.transforms import Geometry, PairedTransform, nearest_multiple
from asap_lightning.errors import UserError


def coordinates(height: int = 12, width: int = 20) -> Sample:
    """Every array tells for each pixel where it came from."""
    rows, columns = np.indices((height, width), dtype=np.uint8)
    photo = np.stack([rows, columns, np.zeros_like(rows)], axis=2)
    instance = rows.astype(np.int32) * 100_000 + columns
    depth = (rows * np.float32(0.01) + columns * np.float32(0.0001)).astype(np.float32)
    return Sample("a", label=columns, image=photo, depth=depth, instance=instance, photo=photo)


def assert_aligned(sample: Sample) -> None:
    rows, columns = sample.photo[..., 0], sample.photo[..., 1]
    assert np.array_equal(sample.label, columns)
    assert np.array_equal(sample.image, sample.photo)
    assert np.array_equal(sample.instance, rows.astype(np.int32) * 100_000 + columns)
    assert np.allclose(sample.depth, rows * 0.01 + columns * 0.0001, atol=1e-6)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 20))
def test_crop_and_flip_are_the_same_for_every_array(seed, height, width):
    transform = PairedTransform(Geometry("crop", height, width), flip=True)
    sample = transform(coordinates(), seed)
    assert sample.size == (height, width) == sample.valid
    assert {name: array.dtype for name, array in sample.arrays.items()} == {
        "label": np.uint8, "image": np.uint8, "depth": np.float32, "instance": np.int32, "photo": np.uint8
    }  # fmt: skip
    assert_aligned(sample)


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 12), st.integers(1, 20))
def test_a_canvas_is_cropped_flipped_and_padded_with_its_pair(seed, height, width):
    rows, columns = np.indices((12, 20), dtype=np.uint8)
    filled = ((rows + columns) % 2 * 255).astype(np.uint8)
    canvas = np.stack([rows, columns, np.zeros_like(rows), filled], axis=2)
    transform = PairedTransform(Geometry("crop", height, width), flip=True, size_multiple=8)
    sample = transform(replace(coordinates(), canvas=canvas), seed)
    assert sample.canvas.dtype == np.uint8 and sample.canvas.shape == (*sample.size, 4)
    assert np.array_equal(sample.canvas[..., :3], sample.photo)
    assert np.array_equal(sample.canvas[..., 3] > 0, sample.photo[..., :2].sum(2) % 2)


def test_half_of_the_samples_are_flipped_and_crops_reach_every_corner():
    transform = PairedTransform(Geometry("crop", 10, 10), flip=True)
    corners, flips = [], []
    for seed in range(200):
        photo = transform(coordinates(), (1, 2, seed)).photo
        flips.append(photo[0, 0, 1] > photo[0, -1, 1])
        corners.append((photo[0, 0, 0], min(photo[0, 0, 1], photo[0, -1, 1])))
    assert 75 < sum(flips) < 125
    assert {row for row, _ in corners} == set(range(3))
    assert {column for _, column in corners} == set(range(11))
    # Flip and position are independent draws.
    flipped = np.mean([column for (_, column), flip in zip(corners, flips, strict=True) if flip])
    straight = np.mean([column for (_, column), flip in zip(corners, flips, strict=True) if not flip])
    assert abs(flipped - straight) < 1.5


def test_the_same_seed_gives_the_same_sample_whatever_came_before():
    transform = PairedTransform(Geometry("resize_and_crop", 10, 10), flip=True)
    first = [transform(coordinates(), (7, 0, i)).photo for i in range(8)]
    again = pickle.loads(pickle.dumps(transform))
    shuffled = {i: again(coordinates(), (7, 0, i)).photo for i in (5, 1, 7, 0, 3, 2, 6, 4)}
    assert all(np.array_equal(first[i], shuffled[i]) for i in range(8))
    assert len({photo.tobytes() for photo in first}) > 4


def test_without_photo_the_others_are_augmented_alike():
    sample = coordinates()
    bare = Sample("a", label=sample.label, instance=sample.instance)
    transform = PairedTransform(Geometry("crop", 5, 6), flip=True)
    for seed in range(5):
        with_photo, without = transform(sample, seed), transform(bare, seed)
        assert without.photo is None
        assert np.array_equal(with_photo.label, without.label)
        assert np.array_equal(with_photo.instance, without.instance)


@pytest.mark.parametrize(
    ("geometry", "expected"),
    [
        (Geometry("fixed", 8, 30), (8, 30)),
        (Geometry("resize_and_crop", 16, 16), (16, 16)),
        (Geometry("resize_and_crop", 16, 16, 20, 24), (16, 16)),
        (Geometry("crop", 8, 8), (8, 8)),
        (Geometry("scale_width", 8, 40), (24, 40)),
        (Geometry("scale_width_and_crop", 8, 8, load_width=40), (8, 8)),
        (Geometry("scale_shortside", 24, 24), (24, 40)),
        (Geometry("scale_shortside_and_crop", 8, 8, 24, 24), (8, 8)),
        (Geometry("none", 8, 8), (12, 20)),
    ],
)
def test_modes_give_the_sizes_of_the_authors_programs(geometry, expected):
    assert PairedTransform(geometry)(coordinates()).size == expected


def test_pix2pix_jitter_is_286_to_256():
    assert Geometry("resize_and_crop", 256, 512).load == (286, 572)


def test_odd_sizes_are_padded_and_the_real_size_is_kept():
    sample = PairedTransform(Geometry("none", 1, 1), size_multiple=8)(coordinates())
    assert (sample.size, sample.valid) == ((16, 24), (12, 20))
    assert_aligned(sample)
    assert np.array_equal(sample.photo[:12, :20], coordinates().photo)
    assert (sample.photo[12:, :20] == sample.photo[11, :20]).all()
    assert (sample.instance[:, 20:] == sample.instance[:, 19:20]).all()


def test_odd_sizes_can_be_resized_instead():
    sample = PairedTransform(Geometry("none", 1, 1), size_multiple=8, odd_size="resize")(coordinates())
    assert (sample.size, sample.valid) == ((16, 16), (16, 16))


@given(st.integers(1, 500), st.sampled_from([1, 4, 32]))
def test_nearest_multiple_is_nearest(side, multiple):
    nearest = nearest_multiple(side, multiple)
    assert nearest % multiple == 0 and nearest > 0
    assert abs(nearest - side) <= multiple / 2 or nearest == multiple


def test_a_crop_larger_than_the_picture_names_file_and_options(tmp_path):
    sample = Sample("a", label=np.zeros((4, 4), np.uint8), paths={"label": tmp_path / "a.png"})
    with pytest.raises(UserError, match=r"a.png: 4 x 4 .*smaller than the crop of 9 x 8.*resize_and_crop"):
        PairedTransform(Geometry("crop", 8, 9))(sample)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("stretch", 8, 8), "data.mode=stretch: one of fixed, resize_and_crop"),
        (("fixed", 0, 8), "data.height=0"),
        (("resize_and_crop", 16, 16, 8, 32), "8 x 32 is smaller than the crop"),
    ],
)
def test_wrong_geometries_are_refused(arguments, message):
    with pytest.raises(UserError, match=message):
        Geometry(*arguments)


def test_extra_albumentations_transforms_take_part():
    import albumentations

    transform = PairedTransform(Geometry("none", 1, 1), extra=[albumentations.VerticalFlip(p=1.0)])
    sample = transform(coordinates())
    assert np.array_equal(sample.photo, coordinates().photo[::-1])
    assert_aligned(sample)


def test_pictures_smaller_than_the_networks_can_take_are_enlarged_or_padded():
    small = Sample("a", label=np.zeros((5, 40), np.uint8), photo=np.zeros((5, 40, 3), np.uint8))
    options = {"size_multiple": 16, "minimum_size": 32}
    trained = PairedTransform(Geometry("none", 64, 64), odd_size="resize", **options)(small)
    assert trained.size == trained.valid == (32, 32)
    evaluated = PairedTransform(Geometry("none", 64, 64), **options)(small)
    assert evaluated.size == (32, 48) and evaluated.valid == (5, 40)
