"""Affine maps of pieces, against the same written out pixel by pixel, and by hand."""

import torch
from torch.autograd import gradcheck

from asap_lightning.models.sims import affine, reference, warped


def shift(columns, rows, batch=1):
    return torch.tensor([[1.0, 0.0, columns], [0.0, 1.0, rows]]).expand(batch, 2, 3)


def test_a_shift_takes_what_lies_there():
    picture = torch.arange(12.0).reshape(1, 1, 3, 4)
    moved = warped(picture, shift(1, 0))
    assert torch.allclose(moved[0, 0, :, :3], picture[0, 0, :, 1:], atol=1e-5)
    assert (moved[0, 0, :, 3].abs() < 1e-4).all(), "nothing is outside"
    assert torch.allclose(warped(picture, shift(0, -1))[0, 0, 1:], picture[0, 0, :2], atol=1e-5)
    assert torch.allclose(
        warped(picture, shift(0.5, 0))[0, 0, 0, :3], torch.tensor([0.5, 1.5, 2.5]), atol=1e-5
    )


def test_a_scale_is_about_the_centre():
    row = torch.tensor([0.0, 1, 2, 3, 4]).reshape(1, 1, 1, 5)
    halves = torch.tensor([[[0.5, 0.0, 0.0], [0.0, 1.0, 0.0]]])
    assert torch.allclose(warped(row, halves).flatten(), torch.tensor([1.0, 1.5, 2.0, 2.5, 3.0]), atol=1e-5)


def test_it_is_the_reference_with_its_gradients():
    torch.manual_seed(0)
    pictures = torch.randn(2, 3, 5, 7, dtype=torch.float64, requires_grad=True)
    theta = (shift(0, 0, 2).double() + 0.3 * torch.randn(2, 2, 3, dtype=torch.float64)).requires_grad_(True)
    found, expected = warped(pictures, theta), reference.warped(pictures, theta)
    assert torch.allclose(found, expected)
    weights = torch.randn_like(found)
    for one, other in zip(
        torch.autograd.grad((found * weights).sum(), (pictures, theta)),
        torch.autograd.grad((expected * weights).sum(), (pictures, theta)),
        strict=True,
    ):
        assert torch.allclose(one, other)


def test_gradients_are_those_of_small_differences():
    torch.manual_seed(1)
    pictures = torch.randn(1, 2, 4, 4, dtype=torch.float64, requires_grad=True)
    theta = torch.tensor(
        [[[1.03, 0.02, 0.31], [-0.04, 0.96, -0.27]]], dtype=torch.float64, requires_grad=True
    )
    assert gradcheck(warped, (pictures, theta))


def test_a_map_about_a_place_leaves_it_where_it_is():
    centre, still = torch.tensor([[5.0, 2.0]]), torch.zeros(1, 2)
    theta = affine.about(centre, torch.tensor([1.1]), still, 9, 12)
    places = affine.source_places(theta, 9, 12)[0]
    assert torch.allclose(places[2, 5], torch.tensor([5.0, 2.0]), atol=1e-5)
    assert torch.allclose(places[2, 7], torch.tensor([7.2, 2.0]), atol=1e-5)
    moved = affine.about(centre, torch.tensor([1.0]), torch.tensor([[3.0, -1.0]]), 9, 12)
    assert torch.allclose(affine.source_places(moved, 9, 12)[0, 2, 5], torch.tensor([8.0, 1.0]), atol=1e-5)
