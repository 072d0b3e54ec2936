"""SIMS's synthesis network and the trunk of its others, by arithmetic worked out by hand."""

from itertools import pairwise

import pytest
import torch
import torch.nn.functional as F

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.models import SimsGenerator
from asap_lightning.models.layers import layer_norm
from asap_lightning.models.sims import AlignmentNetwork, OrderNetwork, Trunk, reference
from asap_lightning.models.sims.trunk import block_means, halve

SPEC = ConditionSpec(num_classes=3)
CITYSCAPES = ConditionSpec(num_classes=19, has_unknown=True)


def given(height, width, spec=SPEC, batch=1):
    filled = torch.randint(2, (batch, 1, height, width)).float()
    canvas = torch.cat([(torch.rand(batch, 3, height, width) * 2 - 1) * filled, filled], dim=1)
    return Condition(label=torch.randint(spec.label_channels, (batch, height, width)), canvas=canvas)


@pytest.mark.parametrize("pooling", ["average", "max"])
@pytest.mark.parametrize("size", [(4, 6), (5, 7), (1, 2), (3, 1), (2, 9)])
def test_pools_are_tensorflows(pooling, size):
    features = torch.randn(2, 3, *size, dtype=torch.float64, requires_grad=True)
    found, expected = halve(features, pooling), reference.halved(features, pooling)
    assert found.shape[-2:] == ((size[0] + 1) // 2, (size[1] + 1) // 2)
    assert torch.allclose(found, expected)
    weights = torch.randn_like(found)
    grads = [torch.autograd.grad((made * weights).sum(), features)[0] for made in (found, expected)]
    assert torch.allclose(*grads)


def test_an_even_side_is_padded_behind_alone():
    row = torch.tensor([1.0, 2.0, 3.0, 10.0]).expand(1, 1, 1, 4)
    assert halve(row, "average").flatten().tolist() == [2.0, 6.5]
    assert halve(row, "max").flatten().tolist() == [3.0, 10.0]


def test_the_layer_norm_is_over_all_values_of_an_image():
    norm = layer_norm(3).double()
    torch.nn.init.normal_(norm.weight)
    torch.nn.init.normal_(norm.bias)
    x = torch.randn(2, 3, 4, 5, dtype=torch.float64, requires_grad=True)
    found, expected = norm(x), reference.layer_normed(x, norm.weight, norm.bias)
    assert torch.allclose(found, expected)
    weights = torch.randn_like(found)
    grads = [torch.autograd.grad((made * weights).sum(), x)[0] for made in (found, expected)]
    assert torch.allclose(*grads)


def test_the_trunk_is_thirteen_convolutions_and_five_pools():
    trunk = Trunk(4, width=2)
    convs = [layer for layer in trunk.modules() if isinstance(layer, torch.nn.Conv2d)]
    assert [conv.out_channels for conv in convs] == [2, 2, 4, 4, 8, 8, 8, 16, 16, 16, 16, 16, 16]
    assert all(conv.bias is None for conv in convs)
    assert trunk(torch.randn(1, 4, 33, 64)).shape == (1, 16, 2, 2)


@pytest.mark.parametrize("pooling", ["average", "max"])
def test_of_even_sides_the_simpler_pools_are_the_same(pooling):
    torch.manual_seed(0)
    features = torch.randn(2, 3, 8, 12)
    assert torch.allclose(halve(features, pooling, even=True), halve(features, pooling), atol=1e-6)
    assert torch.equal(block_means(features, even=True), block_means(features))


def test_an_even_network_makes_the_same_images():
    torch.manual_seed(0)
    network = SimsGenerator(ConditionSpec(num_classes=3), height=512, width=1).eval()
    assert network.step == 128
    condition = Condition(label=torch.randint(0, 3, (1, 128, 256)), canvas=torch.rand(1, 4, 128, 256))
    with torch.no_grad():
        plain = network(condition).image
        network.even = True
        assert torch.allclose(network(condition).image, plain, atol=1e-5)


def conv3x3(*channels):
    return sum(9 * a * b + 2 * b for a, b in pairwise(channels))


def test_widths_are_the_papers():
    """METHODS of the programs: 24 planes go in; every convolution has a norm's scale and shift."""
    encoder = conv3x3(24, 64, 64, 128, 128, 256, 256, 256, *[512] * 9)
    decoder = conv3x3(24 + 512, 512, 512)
    decoder += 2 * conv3x3(24 + 512 + 512, 512, 512)
    decoder += sum(conv3x3(24 + skip + 512, 512, 512) for skip in (256, 128))
    decoder += conv3x3(24 + 64 + 512, 256, 256) + conv3x3(24 + 256, 256, 256)
    heads = 256 * 23 + 23
    more = conv3x3(24 + 256, 128, 128) - 128 * 23
    trunk = conv3x3(64, 64, 128, 128, 256, 256, 256, *[512] * 6)
    with torch.device("meta"):
        networks = {
            256: SimsGenerator(CITYSCAPES),
            512: SimsGenerator(CITYSCAPES, height=512),
            "alignment": AlignmentNetwork(20),
            "order": OrderNetwork(20),
        }
    counts = {name: sum(p.numel() for p in network.parameters()) for name, network in networks.items()}
    assert counts == {
        256: encoder + decoder + heads,
        512: encoder + decoder + heads + more,
        "alignment": conv3x3(25, 64) + trunk + (512 + 12 * 12) * 6 + 6,
        "order": conv3x3(9, 64) + trunk + 512 * 1024 + 1024 + 1024 * 20 + 20,
    }


def straightforward(network, condition):
    """The levels written out one after the other, for one doubling."""
    planes = network.spec.encode(condition)
    inputs = [torch.cat([planes, condition.canvas[:, :3], 1 - condition.canvas[:, 3:]], 1)]
    for _ in range(7):
        inputs.append(reference.block_means(inputs[-1]))
    pools = [inputs[1]]
    for stage in network.encode:
        pools.append(reference.halved(stage(pools[-1]), "average"))
    made = network.decode[0](torch.cat([inputs[7], pools[6]], 1))
    for index in range(1, 6):
        made = F.interpolate(made, size=inputs[7 - index].shape[-2:], mode="bilinear", align_corners=True)
        made = network.decode[index](torch.cat([inputs[7 - index], pools[6 - index], made], 1))
    for index in (6, 7):
        made = F.interpolate(made, size=inputs[7 - index].shape[-2:], mode="bilinear", align_corners=True)
        made = network.decode[index](torch.cat([inputs[7 - index], made], 1))
    return network.to_image(made), network.to_classes(made)


def test_levels_get_the_input_the_pools_and_what_was_made():
    torch.manual_seed(0)
    network = SimsGenerator(SPEC, height=512, width=2)
    condition = given(70, 99)
    with torch.no_grad():
        output, expected = network(condition), straightforward(network, condition)
    assert torch.allclose(output.image, expected[0], atol=1e-5)
    assert torch.allclose(output.extras["class_logits"], expected[1], atol=1e-5)


def test_inputs_are_resized_by_area():
    planes = torch.randn(2, 3, 24, 40)
    twice = block_means(block_means(planes))
    assert torch.allclose(twice, F.interpolate(planes, size=(6, 10), mode="area"), atol=1e-6)
    odd = torch.randn(2, 3, 5, 7)
    assert torch.allclose(block_means(odd), reference.block_means(odd), atol=1e-6)
    assert torch.allclose(block_means(odd)[:, :, 2, 3], odd[:, :, 4, 6])


@pytest.mark.parametrize(("height", "levels"), [(64, 7), (256, 7), (257, 8), (512, 8), (513, 9), (1024, 9)])
def test_higher_images_get_further_levels(height, levels):
    network = SimsGenerator(SPEC, height=height, width=1)
    assert len(network.decode) == levels and len(network.encode) == 6
    smaller = SimsGenerator(SPEC, width=1).state_dict()
    own = network.state_dict()
    shared = [key for key in smaller if not key.startswith("to_")]
    assert all(own[key].shape == smaller[key].shape for key in shared)


def test_it_sees_what_is_filled_and_what_is_missing():
    torch.manual_seed(0)
    network = SimsGenerator(SPEC, width=4)
    condition = given(16, 24)
    condition.canvas.requires_grad_(True)
    (network(condition).image * torch.randn(1, 3, 16, 24)).sum().backward()
    assert (condition.canvas.grad.abs().sum((0, 2, 3)) > 0).all()


def test_without_classes_there_is_no_head_of_classes():
    network = SimsGenerator(ConditionSpec("image", channels=3), width=1)
    condition = Condition(image=torch.randn(1, 3, 8, 8), canvas=torch.zeros(1, 4, 8, 8))
    assert network.to_classes is None and not network(condition).extras


def test_a_canvas_has_to_be_there():
    with pytest.raises(UserError, match=r"data\.bank=BANK"):
        SimsGenerator(SPEC, width=1)(Condition(label=torch.zeros(1, 8, 8, dtype=torch.long)))
