"""The alignment network learns to undo what displaces pieces."""

import numpy as np
import pytest
import torch

from asap_lightning.errors import UserError
from asap_lightning.models.sims import AlignmentNetwork
from asap_lightning.models.sims.affine import inverted
from asap_lightning.training.sims import AlignmentExample, PieceSettings, fit_alignment, measure_alignment
from asap_lightning.training.sims.alignment import displaced, displacements

SIZE = (24, 32)


def example(seed=0):
    random = np.random.default_rng(seed)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]]
    slopes = random.choice([-6, 6], 3)
    photo = np.stack([128 + slope * (x - 16) + 2 * (y - 12) for slope in slopes], axis=2).clip(0, 255)
    mask = ((y - random.uniform(10, 14)) / 7) ** 2 + ((x - random.uniform(14, 18)) / 9) ** 2 < 1
    return AlignmentExample(photo.astype(np.uint8), np.where(mask, 1, 0), mask)


def test_displacements_are_of_the_segments_own_size_about_its_middle():
    boxes = torch.tensor([10.0, 4.0, 20.0, 14.0]).expand(200, 4)  # 11 by 11, about (15, 9)
    settings = PieceSettings(steps=1, shift=0.25)
    theta = displacements(boxes, settings, torch.Generator().manual_seed(0), (24, 32))
    assert theta.shape == (200, 2, 3) and (theta[:, 0, 1] == 0).all() and (theta[:, 1, 0] == 0).all()
    assert torch.equal(theta[:, 0, 0], theta[:, 1, 1])
    scale = 1 / theta[:, 0, 0]
    assert 0.9 <= scale.min() < 0.92 and 1.08 < scale.max() <= 1.1 + 1e-5
    middle = torch.tensor([15 - 15.5, 9 - 11.5])
    moved = torch.einsum("bij,j->bi", theta[:, :, :2], middle) + theta[:, :, 2] - middle
    assert (moved.abs() <= 11 / 4 + 1e-4).all() and (moved.amax(0) > 2).all() and (moved.amin(0) < -2).all()


def test_what_undoes_the_displacement_puts_the_piece_back():
    settings = PieceSettings(steps=1, side=48, shift=0.2)
    shown = displaced([example(3)], 2, settings, torch.Generator().manual_seed(0), "cpu")
    assert shown.piece.shape == (1, 4, 48, 48) and shown.layout.shape == (1, 2, 48, 48)
    same = (shown.layout[:, 1:] == shown.region).float().mean()
    assert same > 0.96, "the segment's class, through the same window"
    assert ((shown.piece[:, :3].abs().sum(1) > 0) <= (shown.piece[:, 3] > 0)).all()
    maps = torch.eye(2, 3)[None], inverted(shown.moved)
    left, put_back = (float(shown.distance(theta)) for theta in maps)
    assert put_back < 0.3 * left


def test_it_learns_to_undo_random_displacements_of_segments_it_has_not_seen():
    losses = []
    settings = PieceSettings(steps=70, batch=8, rate=4e-3, width=1, side=32, shift=1 / 8, fall=0.5, seed=1)
    examples = [example(seed) for seed in range(40)]
    network = fit_alignment(examples, 2, settings, on_step=lambda step, loss: losses.append(loss))
    found = measure_alignment(network, (example(seed) for seed in range(100, 200)), settings, 24)
    assert found.segments == 24 and not network.training and len(losses) == 70
    assert found.least < found.after < 0.75 * found.before


def test_the_rate_falls_at_the_end():
    settings = PieceSettings(steps=10, fall=0.5)
    assert [settings.falling(step) for step in (1, 6, 7, 10)] == [1.0, 1.0, 0.8, 0.2]
    assert PieceSettings(steps=10).falling(10) == 1.0
    with pytest.raises(ValueError, match="fall and start are shares"):
        PieceSettings(steps=1, fall=2)


def test_the_same_seed_gives_the_same_network_and_the_global_state_stays():
    settings = PieceSettings(steps=3, width=1)
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    one, other = (fit_alignment([example()], 2, settings).state_dict() for _ in range(2))
    assert torch.equal(torch.rand(3), expected)
    assert all(torch.equal(one[key], other[key]) for key in one)
    started = AlignmentNetwork(2, width=1)
    assert not torch.equal(one["to_map.bias"], started.to_map.bias)


def test_what_cannot_be_fitted_is_said():
    settings = PieceSettings(steps=3, batch=2, width=1)
    with pytest.raises(UserError, match="no examples"):
        fit_alignment([], 2, settings)
    with pytest.raises(UserError, match="fewer examples than steps"):
        fit_alignment(iter([example()] * 3), 2, settings)
    narrow = AlignmentExample(example().photo[:, 1:], example().label[:, 1:], example().mask[:, 1:])
    with pytest.raises(UserError, match="differ in size: use batch=1"):
        fit_alignment([example(), narrow], 2, settings)
    with pytest.raises(ValueError, match="no pixel"):
        AlignmentExample(example().photo, example().label, np.zeros(SIZE, bool))
    with pytest.raises(ValueError, match="steps is at least 1"):
        PieceSettings(steps=0)
