"""The figures of flicker, by hand."""

from __future__ import annotations

import numpy as np
import pytest

from asap_lightning.video import flicker_of


def frame(*levels: int) -> np.ndarray:
    return np.array(levels, np.uint8).reshape(1, -1, 1).repeat(3, 2)


def test_the_mean_change_of_all_pixels_and_of_those_whose_condition_stayed():
    images = [frame(10, 20), frame(14, 20), frame(14, 220)]
    labels = [np.array([[1, 2]]), np.array([[1, 2]]), np.array([[1, 0]])]
    made = flicker_of(images, labels)
    assert made.all == pytest.approx((4 + 0 + 0 + 200) / 4)
    assert made.still == pytest.approx((4 + 0 + 0) / 3)


def test_changes_of_colours_count_by_their_mean_and_do_not_wrap():
    images = [np.array([[[0, 255, 9]]], np.uint8), np.array([[[255, 0, 9]]], np.uint8)]
    pictures = [image.copy() for image in images]
    assert flicker_of(images).all == 170
    assert flicker_of(images, pictures).still is None


def test_one_frame_has_no_figure_and_two_sizes_have_none():
    assert flicker_of([frame(1)]).all is None
    with pytest.raises(ValueError, match="one size"):
        flicker_of([frame(1), frame(1, 2)])
