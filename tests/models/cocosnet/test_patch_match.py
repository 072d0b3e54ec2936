"""PatchMatch: what it returns, what it learns from."""

import torch
from torch.nn import functional

from asap_lightning.models.cocosnet import PatchMatch
from asap_lightning.models.cocosnet.matching import CANDIDATES, initial_offsets, unit_features
from asap_lightning.models.cocosnet.patch_match import _along


def maps(seed=0, side=8, channels=6):
    source = torch.Generator().manual_seed(seed)
    return unit_features(torch.randn(1, channels, side, side, generator=source), centred=True)


def start(side=8):
    return initial_offsets(torch.arange((side // 2) ** 2).view(1, side // 2, side // 2))


def quiet(network):
    """A recurrent network that corrects nothing."""
    for value in network.refinement.correct[2].parameters():
        torch.nn.init.zeros_(value)
    return network


def test_identical_maps_are_matched_pixel_by_pixel():
    network = quiet(PatchMatch(6, iterations=2))
    left, colours = maps(), torch.rand(1, 3, 8, 8)
    warped, best = network(left, left, colours, start(), (True, False))
    assert torch.equal(best, torch.arange(64).view(1, 8, 8))
    assert torch.allclose(warped, colours, atol=1e-4)


def test_a_shifted_map_is_followed_beyond_the_first_candidates():
    """Offsets of 6 lie outside the candidates of -2 .. 5; neighbours hand right ones on."""
    network = quiet(PatchMatch(6, iterations=8))
    right = maps(side=16)
    left = torch.roll(right, -6, 3)
    colours = torch.rand(1, 3, 16, 16)
    best = torch.arange(64).view(1, 8, 8).clone()
    best[0, :, 0] = torch.arange(8) * 8 + 3  # one column knows
    warped, _ = network(left, right, colours, initial_offsets(best), [True] * 8)
    expected = torch.roll(colours, -6, 3)
    assert functional.l1_loss(warped[..., :8], expected[..., :8]) < 0.05


def test_what_teaches_offsets_changes_no_value():
    torch.manual_seed(0)
    network = PatchMatch(6, iterations=2)
    left, right, colours = maps(1), maps(2), torch.rand(1, 3, 8, 8)
    taught, _ = network(left, right, colours, start(), (True, False))
    network.teach_offsets = False
    plain, _ = network(left, right, colours, start(), (True, False))
    assert torch.equal(taught, plain)
    assert taught.requires_grad and not plain.requires_grad


def test_offsets_are_taught_by_bilinear_interpolation():
    left, right, values = maps(3), maps(4), torch.rand(1, 3, 8, 8)
    x = torch.rand(1, 8, 8, requires_grad=True)
    y = torch.rand(1, 8, 8, requires_grad=True)
    score, colours = _along(left, right, values, x, y)
    rows, columns = torch.arange(8.0).view(8, 1), torch.arange(8.0).view(1, 8)
    place = torch.stack([(columns + y).clamp(0, 7), (rows + x).clamp(0, 7)], -1) / 3.5 - 1
    sampled = functional.grid_sample(torch.cat([right, values], 1), place, align_corners=True)
    expected = (left * sampled[:, :6]).sum(1)
    assert torch.allclose(score, expected, atol=1e-5)
    assert torch.allclose(colours, sampled[:, 6:].flatten(2).transpose(1, 2), atol=1e-5)
    weights = torch.randn(1, 8, 8)
    ours = torch.autograd.grad((score * weights).sum(), (x, y), retain_graph=True)
    theirs = torch.autograd.grad((expected * weights).sum(), (x, y))
    for mine, other in zip(ours, theirs, strict=True):
        assert torch.allclose(mine, other, atol=1e-4)


def test_corrections_can_be_learnt():
    """The recurrent network learns to move matches to where the colours agree, two pixels to the right."""
    torch.manual_seed(0)
    network = quiet(PatchMatch(4, iterations=1, temperature=0.5))
    ramp = torch.linspace(-1, 1, 16).view(1, 1, 1, 16).expand(1, 3, 16, 16).contiguous()
    left, target = maps(5, 16, 4), torch.roll(ramp, -2, 3)[..., 2:-4]
    offsets = (torch.zeros(1, CANDIDATES, 16, 16), torch.zeros(1, CANDIDATES, 16, 16))
    optimizer = torch.optim.Adam(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(20):
        warped, _ = network(left, left, ramp, offsets, (True,))
        loss = functional.l1_loss(warped[..., 2:-4], target)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert sum(losses[-5:]) / 5 < 0.5 * losses[0], losses
