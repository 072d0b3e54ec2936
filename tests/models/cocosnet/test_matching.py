"""Matching against loops over pixels."""

import math

import pytest
import torch

from asap_lightning.models.cocosnet import matching
from asap_lightning.models.cocosnet.matching import (
    CANDIDATES,
    initial_offsets,
    keep_best,
    match_everywhere,
    pixel_indices,
    propagate,
    similarities,
    unit_features,
)


def features(channels=3, height=4, width=5, batch=2, seed=0):
    source = torch.Generator().manual_seed(seed)
    return unit_features(torch.randn(batch, channels, height, width, generator=source, dtype=torch.float64))


def slow_match(left, right, values, temperature):
    """The full match pixel by pixel."""
    batch, _, height, width = left.shape
    warped = torch.zeros(batch, values.shape[1], height, width, dtype=values.dtype)
    best = torch.zeros(batch, height, width, dtype=torch.long)
    places = [(i, j) for i in range(right.shape[2]) for j in range(right.shape[3])]
    for b in range(batch):
        for r in range(height):
            for c in range(width):
                scores = [float(left[b, :, r, c] @ right[b, :, i, j]) for i, j in places]
                weights = [math.exp(score / temperature) for score in scores]
                for weight, (i, j) in zip(weights, places, strict=True):
                    warped[b, :, r, c] += weight / sum(weights) * values[b, :, i, j]
                best[b, r, c] = max(range(len(places)), key=scores.__getitem__)
    return warped, best


def test_vectors_have_length_one_and_centred_ones_no_mean():
    found = features()
    assert torch.allclose(found.norm(dim=1), torch.ones(2, 4, 5, dtype=torch.float64))
    centred = unit_features(found + 3, centred=True)
    assert torch.allclose(centred.mean(1), torch.zeros(2, 4, 5, dtype=torch.float64), atol=1e-12)
    assert torch.equal(unit_features(torch.zeros(1, 2, 1, 1)), torch.zeros(1, 2, 1, 1))


@pytest.mark.parametrize("at_once", [1, 40, 2**22])
def test_the_full_match_is_the_slow_one_whatever_is_held_at_once(monkeypatch, at_once):
    monkeypatch.setattr(matching, "ROWS_AT_ONCE", at_once)
    left, right, values = features(seed=1), features(seed=2), features(seed=3)
    warped, best = match_everywhere(left, right, values, 0.2)
    expected, places = slow_match(left, right, values, 0.2)
    assert torch.allclose(warped, expected) and torch.equal(best, places)


def test_the_full_match_has_the_right_gradients(monkeypatch):
    monkeypatch.setattr(matching, "ROWS_AT_ONCE", 13)
    given = [features(2, 2, 3, 1, seed).requires_grad_() for seed in (1, 2, 3)]
    assert torch.autograd.gradcheck(lambda *parts: match_everywhere(*parts, 0.5)[0], given)


def test_candidates_lie_about_twice_the_best_match():
    best = torch.tensor([[[5, 0, 3], [2, 2, 4]]])  # of a right map of 2 x 3
    x, y = initial_offsets(best)
    assert x.shape == y.shape == (1, CANDIDATES, 4, 6)
    for row in range(4):
        for column in range(6):
            index = int(best[0, row // 2, column // 2])
            rows = [2 * (index // 3) + row % 2 + step for step in (-2, 0, 2, 4)]
            columns = [2 * (index % 3) + column % 2 + step for step in (-2, 0, 2, 4)]
            found = {
                (int(row + x[0, k, row, column]), int(column + y[0, k, row, column]))
                for k in range(CANDIDATES)
            }
            assert found == {(i, j) for i in rows for j in columns}


@pytest.mark.parametrize("along_rows", [True, False])
def test_neighbours_hand_on_their_candidates(along_rows):
    offsets = torch.randn(1, 2, 3, 4)
    found = propagate(offsets, along_rows=along_rows)
    for row in range(3):
        for column in range(4):
            for part, step in enumerate((-1, 0, 1)):
                i, j = (row, column + step) if along_rows else (row + step, column)
                inside = 0 <= i < 3 and 0 <= j < 4
                expected = offsets[0, :, i, j] if inside else torch.zeros(2)
                assert torch.equal(found[0, 2 * part : 2 * part + 2, row, column], expected)


def test_a_fraction_of_a_row_is_a_fraction_of_the_width():
    """As the recorded program computes it: truncate((row + x) W + column + y)."""
    x = torch.tensor([0.5, -9.0, 9.0]).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    y = torch.tensor([0.75, 0.0, 9.0]).view(1, 3, 1, 1).expand(1, 3, 2, 4)
    found = pixel_indices(x, y)
    assert found[0, 0, 0].tolist() == [2, 3, 4, 5]
    assert found[0, 1].tolist() == [[0, 1, 2, 3], [0, 1, 2, 3]]
    assert (found[0, 2] == 7).all()


def test_the_most_similar_candidates_are_kept():
    left, right = features(height=6, width=7, seed=4).float(), features(height=6, width=7, seed=5).float()
    source = torch.Generator().manual_seed(1)
    x = torch.randint(-3, 4, (2, 3 * CANDIDATES, 6, 7), generator=source).float()
    y = torch.randint(-3, 4, (2, 3 * CANDIDATES, 6, 7), generator=source).float()
    kept_x, kept_y, shares = keep_best(left, right, x, y, 0.1)
    for b, row, column in ((0, 0, 0), (1, 3, 6), (0, 5, 2)):
        places = [
            (min(max(row + int(i), 0), 5), min(max(column + int(j), 0), 6))
            for i, j in zip(x[b, :, row, column], y[b, :, row, column], strict=True)
        ]
        scores = torch.stack([left[b, :, row, column] @ right[b, :, i, j] for i, j in places])
        expected, order = (scores / 0.1).softmax(0).topk(CANDIDATES)
        assert torch.allclose(shares[b, :, row, column], expected)
        inside = [places[k] for k in order]
        found = list(zip(kept_x[b, :, row, column] + row, kept_y[b, :, row, column] + column, strict=True))
        assert sorted(inside) == sorted((int(i), int(j)) for i, j in found)


def test_similarities_have_the_right_gradients():
    left, right = features(2, 2, 3, 1, 6).requires_grad_(), features(2, 2, 3, 1, 7).requires_grad_()
    indices = torch.randint(6, (1, 4, 2, 3), generator=torch.Generator().manual_seed(0))
    assert torch.autograd.gradcheck(lambda a, b: similarities(a, b, indices), (left, right))
