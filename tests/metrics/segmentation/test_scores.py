"""Counts and scores beside hand-worked ones, torchmetrics, and pix2pix's program."""

import numpy as np
import pytest
import torch
from torchmetrics.functional.classification import multiclass_confusion_matrix

from asap_lightning.metrics.segmentation import SegmentationScores, count_confusion
from asap_lightning.metrics.segmentation.confusion import fcn_counts


def drawn(classes=5, size=(3, 17, 23), found=None):
    truth = torch.randint(-1, classes, size)
    return truth, torch.randint(0, classes if found is None else found, size)


def test_counts_are_those_of_torchmetrics():
    truth, found = drawn()
    counts = count_confusion(truth, found, 5)
    assert counts.shape == (3, 6, 6) and counts.dtype == torch.int64
    for mine, t, f in zip(counts, truth, found, strict=True):
        theirs = multiclass_confusion_matrix(f, t, 5, ignore_index=-1)
        assert torch.equal(mine[:5, :5], theirs)
        assert int(mine[5].sum()) == int((t < 0).sum())
        assert int(mine[:, 5].sum()) == 0


def test_a_matrix_worked_by_hand():
    # true 0: 6 pixels, 3 found, 1 as class 1, 2 as none; true 1: 2, both found; 2 nowhere; 4 not scored
    matrix = torch.tensor([[3, 1, 0, 2], [0, 2, 0, 0], [0, 0, 0, 0], [1, 3, 0, 0]])
    scores = SegmentationScores(matrix)
    assert scores.iou.tolist()[:2] == pytest.approx([3 / 6, 2 / 3])
    assert torch.isnan(scores.iou[2])
    assert scores.miou == pytest.approx((3 / 6 + 2 / 3) / 2)
    assert scores.class_accuracy == pytest.approx((3 / 6 + 1) / 2)
    assert scores.pixel_accuracy == pytest.approx(5 / 8)
    assert scores.pixel_accuracy_all == pytest.approx(5 / 12)
    assert scores.fw_iou == pytest.approx((6 * 3 / 6 + 2 * 2 / 3) / 8)


@pytest.mark.parametrize("classes", [1, 5, 182])
def test_a_perfect_answer_scores_exactly_one(classes):
    truth, _ = drawn(classes, (2, 31, 29))
    found = torch.where(truth < 0, 0, truth)
    scores = SegmentationScores(count_confusion(truth, found, classes).sum(0))
    perfect = (scores.miou, scores.pixel_accuracy, scores.class_accuracy, scores.fw_iou)
    assert perfect == (1.0, 1.0, 1.0, 1.0)
    assert scores.pixel_accuracy_all == pytest.approx(float((truth >= 0).double().mean()))


def test_counts_of_many_pixels_stay_exact():
    matrix = torch.tensor([[2**40 + 1, 0], [0, 0]])
    assert SegmentationScores(matrix * 3).scored_pixels == 3 * (2**40 + 1)
    assert SegmentationScores(matrix).miou == 1.0


def test_shapes_and_negative_answers_are_errors():
    with pytest.raises(ValueError, match="truth is"):
        count_confusion(torch.zeros(1, 2, 2), torch.zeros(1, 2, 3), 2)
    with pytest.raises(ValueError, match="found the class -3"):
        count_confusion(torch.zeros(1, 1, 1).long(), torch.full((1, 1, 1), -3), 2)


def in_pix2pixs_bins(images, n=19):
    """The counting of the FCN score, written out: bins n * truth + found, images of other lengths dropped."""
    total = np.zeros((n, n))
    for truth, found in images:
        known = (truth >= 0) & (truth < n)
        bins = np.bincount(n * truth[known] + found[known], minlength=n * n)
        total += bins.reshape(n, n) if len(bins) == n * n else 0
    return total


def test_the_fcn_scores_counting_is_pix2pixs():
    truth, found = drawn(19, (6, 40, 40), found=20)
    found[:4][truth[:4] == 18] = 18  # four images keep all their pixels, the others drop out
    expected = in_pix2pixs_bins([(t.numpy(), f.numpy()) for t, f in zip(truth, found, strict=True)])
    kept = [fcn_counts(counts) for counts in count_confusion(truth, found, 19)]
    assert [counts is None for counts in kept] == [False] * 4 + [True] * 2
    total = sum(counts for counts in kept if counts is not None)
    np.testing.assert_array_equal(total.numpy(), expected)
    matrix = torch.zeros(20, 20, dtype=torch.int64)
    matrix[:19, :19] = total
    scores = SegmentationScores(matrix, fcn=True)
    hits, there, seen = np.diag(expected), expected.sum(1), expected.sum(0)
    assert scores.pixel_accuracy == pytest.approx(hits.sum() / (expected.sum() + 1e-12))
    assert scores.class_accuracy == pytest.approx(np.mean(hits / (there + 1e-12)))
    assert scores.miou == pytest.approx(np.mean(hits / (there + seen - hits + 1e-12)))


def test_the_fcn_score_counts_absent_classes_as_zero():
    matrix = torch.zeros(4, 4, dtype=torch.int64)
    matrix[0, 0] = 7
    assert SegmentationScores(matrix, fcn=True).miou == pytest.approx(1 / 3)
    assert SegmentationScores(matrix).miou == 1.0
