"""Spectral norm against torch's original hook, whose step order the published programs used."""

import copy
import warnings

import torch
from torch import nn

from asap_lightning.models.layers import spectral_norm


def pair():
    ours = nn.Conv2d(3, 5, 3, bias=False)
    theirs = copy.deepcopy(ours)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = nn.utils.spectral_norm(theirs)
    ours = spectral_norm(ours)
    state = ours.parametrizations.weight[0]
    with torch.no_grad():
        state.u.copy_(theirs.weight_u)
        state.v.copy_(theirs.weight_v)
    return ours, theirs


def test_three_training_steps_equal_the_original_hook():
    ours, theirs = pair()
    image = torch.randn(2, 3, 8, 8)
    for _ in range(3):
        a, b = ours(image), theirs(image)
        torch.testing.assert_close(a, b, atol=1e-6, rtol=1e-6)
        for output, weight in ((a, ours.parametrizations.weight.original), (b, theirs.weight_orig)):
            weight.grad = None
            output.square().sum().backward()
        torch.testing.assert_close(ours.parametrizations.weight.original.grad, theirs.weight_orig.grad)
    torch.testing.assert_close(ours.parametrizations.weight[0].u, theirs.weight_u)
    ours.eval(), theirs.eval()
    torch.testing.assert_close(ours(image), theirs(image))


def test_evaluation_uses_the_stored_vectors():
    ours, _ = pair()
    ours.eval()
    before = ours.parametrizations.weight[0].u.clone()
    ours(torch.randn(1, 3, 8, 8))
    assert torch.equal(before, ours.parametrizations.weight[0].u)


def test_the_largest_singular_value_becomes_one():
    ours, _ = pair()
    for _ in range(200):
        weight = ours.weight
    assert abs(float(torch.linalg.matrix_norm(weight.detach().flatten(1), 2)) - 1) < 1e-4


def test_it_copies_and_saves_after_a_forward():
    ours, _ = pair()
    ours(torch.randn(1, 3, 8, 8))
    twin = copy.deepcopy(ours)
    twin.load_state_dict(ours.state_dict())
    assert sorted(ours.state_dict()) == [
        "parametrizations.weight.0.u", "parametrizations.weight.0.v", "parametrizations.weight.original"
    ]  # fmt: skip
