"""The order network learns which class lies in front; depth says it where the segments touch."""

import numpy as np
import pytest
import torch

from asap_lightning.training.sims import OrderExample, PieceSettings, fit_order, in_front, measure_order
from asap_lightning.training.sims.order import shown

COLOURS = np.array([[0, 0, 0], [255, 0, 0], [0, 255, 0], [0, 0, 255]])


def halves(height=16, width=24, at=12):
    left = np.zeros((height, width), bool)
    left[:, :at] = True
    return left, ~left


def test_the_nearer_at_the_border_is_in_front():
    left, right = halves()
    disparity = np.where(left, 1.0, 2.0)
    disparity[:, :6], disparity[:, 18:] = 9.0, 0.0  # far from the border it is the other way round
    assert in_front(left, right, disparity, (1, 2), reach=3) == 2
    assert in_front(right, left, disparity, (2, 1), reach=3) == 2
    assert in_front(left, right, -disparity, (1, 2), reach=3) == 1
    assert in_front(left, right, disparity, (1, 2), ground=[2], reach=3) == 1, "ground lies behind"
    assert in_front(left, right, disparity, (1, 2), ground=[1, 2], reach=3) == 2, "of two grounds the nearer"


def test_where_depth_says_nothing_there_is_no_answer():
    left, right = halves()
    disparity = np.where(left, 1.0, 2.0)
    assert in_front(left, np.zeros_like(right), disparity, (1, 2)) is None
    assert in_front(left & (np.arange(24) < 4), right, disparity, (1, 2), reach=3) is None, "apart"
    assert in_front(left, right, np.ones_like(disparity), (1, 2)) is None
    unknown = np.where(left, np.nan, 1.0)
    assert in_front(left, right, unknown, (1, 2)) is None
    unknown[:, 11] = 5.0
    assert in_front(left, right, unknown, (1, 2)) == 1, "of what is known"


def test_segments_are_shown_in_the_colours_of_their_classes_through_a_window():
    left, right = halves(12, 16, 8)
    label = np.where(left, 1, 2)
    label[6:, 12:] = 3
    batch = [OrderExample(label, left & (np.arange(16) > 1), right, (1, 2), 1)]
    first, second, layout = shown(batch, torch.tensor(COLOURS), 24)
    assert first.shape == second.shape == layout.shape == (1, 3, 24, 24)
    seen = [{tuple(pixel) for pixel in planes[0].flatten(1).T.tolist()} for planes in (first, second, layout)]
    nothing, red, green, blue = (0, 0, 0), (1, -1, -1), (-1, 1, -1), (-1, -1, 1)
    assert seen == [{nothing, red}, {nothing, green}, {nothing, red, green, blue}]
    assert ((first != 0).any(1) & (second != 0).any(1)).sum() == 0
    assert torch.equal(layout[(first != 0)], first[first != 0])


def test_it_learns_which_class_lies_in_front():
    """Class 3 before 2 before 1, whichever of a pair comes first."""
    examples = []
    for one, other in ((1, 2), (2, 3), (1, 3), (2, 1), (3, 2), (3, 1)):
        left, right = halves()
        label = np.where(left, one, other)
        examples.append(OrderExample(label, left, right, (one, other), max(one, other)))
    losses = []
    settings = PieceSettings(steps=50, batch=6, rate=4e-3, width=1, side=16)
    network = fit_order(examples, COLOURS, settings, on_step=lambda step, loss: losses.append(loss))
    first, second, layout = shown(examples, torch.tensor(COLOURS), settings.side)
    classes = tuple(torch.tensor(ids) for ids in zip(*(one.classes for one in examples), strict=True))
    found = network.first_in_front(first, second, layout, classes)
    assert found.tolist() == [one.classes[0] == one.front for one in examples]
    assert losses[-1] < 0.5 * losses[0]
    found = measure_order(network, examples, COLOURS, settings.side, 4)
    assert (found.right, found.pairs) == (1.0, 4)


def test_the_rate_grows_from_a_tenth(monkeypatch):
    left, right = halves()
    examples = [OrderExample(np.where(left, 1, 2), left, right, (1, 2), 1)] * 2
    rates = []
    step = torch.optim.Adam.step

    def recorded(self, *arguments, **options):
        rates.append(self.param_groups[0]["lr"])
        return step(self, *arguments, **options)

    monkeypatch.setattr(torch.optim.Adam, "step", recorded)
    fit_order(examples, COLOURS, PieceSettings(steps=60, width=1, side=8))
    expected = [min(1e-6 * 1.1 ** (step // 2), 1e-5) for step in range(60)]
    assert rates == pytest.approx(expected)


def test_a_pair_is_of_two_classes():
    left, right = halves()
    with pytest.raises(ValueError, match="two classes"):
        OrderExample(np.where(left, 1, 2), left, right, (1, 1), 1)
