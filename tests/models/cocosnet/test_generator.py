"""The whole generator."""

import pytest
import torch

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import CocosnetGenerator
from asap_lightning.models.layers import PositionalNorm2d

SPEC = ConditionSpec(num_classes=3)


def generator(spec=SPEC, **settings):
    torch.manual_seed(0)
    return CocosnetGenerator(spec, **{**small.NETWORKS["CocosnetGenerator"], **settings})


def condition(batch=1, side=64, seed=0):
    source = torch.Generator().manual_seed(seed)
    ids = torch.randint(3, (batch, side // 8, side // 8), generator=source)
    label = ids.repeat_interleave(8, 1).repeat_interleave(8, 2)
    guide = torch.rand(batch, 3, side, side, generator=source) * 2 - 1
    return Condition(label=label, guide=guide, guide_condition=label.flip(2))


def test_warps_come_at_four_sizes_with_the_exemplars_values():
    given = condition(2)
    with torch.no_grad():
        output = generator().eval()(given)
    assert list(output.extras) == ["warp0", "warp1", "warp2", "warp3"]
    for level, side in enumerate((8, 16, 32, 64)):
        warp = output.extras[f"warp{level}"]
        assert warp.shape == (2, 3, side, side)
        assert warp.min() >= -1 - 1e-6 and warp.max() <= 1 + 1e-6


def test_the_image_follows_the_exemplar():
    given, network = condition(), generator().eval()
    with torch.no_grad():
        image = network(given).image
        given.guide = -given.guide
        other = network(given).image
    assert not torch.allclose(image, other)


def test_evaluation_draws_nothing_and_repeats_itself():
    given, network = condition(2), generator().eval()
    assert not network.draws and not network.independent
    before = torch.get_rng_state()
    with torch.no_grad():
        images = [network(given).image for _ in range(2)]
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(*images)


def test_training_draws_its_orders_from_torchs_random_state():
    network = generator(iterations=5).train()
    torch.manual_seed(3)
    first = [network.orders() for _ in range(4)]
    torch.manual_seed(3)
    assert first == [network.orders() for _ in range(4)]
    assert any(orders != first[0] for orders in first)
    assert network.eval().orders() == network.orders()


def test_what_is_missing_is_named():
    given, network = condition(), generator().eval()
    given.guide_condition = None
    with pytest.raises(ValueError, match="the exemplar's own condition is missing"):
        network(given)
    given.guide = None
    with pytest.raises(ValueError, match="an exemplar is missing"):
        network(given)


@pytest.mark.parametrize("settings", [{"temperature": 0.0}, {"iterations": 0}])
def test_settings_that_mean_nothing_are_refused(settings):
    with pytest.raises(ValueError, match="temperature must be positive"):
        generator(**settings)


def test_instance_edges_reach_the_translation_alone():
    network = generator(ConditionSpec(num_classes=3, instance_edges=True)).eval()
    given = condition()
    given.instance = torch.zeros_like(given.label)
    other = condition()
    other.instance = torch.randint(4, given.label.shape)
    with torch.no_grad():
        one, two = network(given), network(other)
    assert torch.equal(one.extras["warp3"], two.extras["warp3"])
    assert not torch.equal(one.image, two.image)


def test_extras_of_training_belong_to_the_exemplar_and_the_photo():
    network, given = generator().train(), condition()
    output = network(given)
    more = network.training_extras(given, torch.zeros(1, 3, 64, 64), output.extras)
    assert more["guide"] is given.guide
    assert more["cycle"].shape == output.extras["warp0"].shape
    for level in range(4):
        assert more[f"pair_features{level}"].shape == output.extras[f"features{level}"].shape


def test_positional_norm_is_that_of_every_pixel():
    x = torch.randn(2, 5, 3, 4, dtype=torch.float64)
    found = PositionalNorm2d(5)(x)
    for b, row, column in ((0, 0, 0), (1, 2, 3)):
        pixel = x[b, :, row, column]
        expected = (pixel - pixel.mean()) / pixel.std()
        assert torch.allclose(found[b, :, row, column], expected)
    assert torch.isfinite(PositionalNorm2d(2)(torch.ones(1, 2, 1, 1))).all()
    assert torch.autograd.gradcheck(PositionalNorm2d(5), x[:1].requires_grad_())
    with pytest.raises(ValueError, match="at least 2 channels"):
        PositionalNorm2d(1)
