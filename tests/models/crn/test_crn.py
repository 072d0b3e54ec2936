import pytest
import torch
import torch.nn.functional as F

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import CrnGenerator
from asap_lightning.models.crn import RefinementModule

SPEC = ConditionSpec(num_classes=3)


def labels(height, width):
    return Condition(label=torch.randint(3, (2, height, width)))


def test_published_widths():
    with torch.device("meta"):
        network = CrnGenerator(SPEC, height=1024)
    assert [module.conv2.out_channels for module in network.refine] == [1024] * 5 + [512, 512, 128, 32]


@pytest.mark.parametrize("size", [(32, 64), (33, 47), (20, 90)])
def test_any_output_size(size):
    network = CrnGenerator(SPEC, height=32, width=8)
    assert len(network.refine) == 4
    assert network(labels(*size)).image.shape == (2, 3, *size)
    assert network.sizes(32, 64) == [(4, 8), (8, 16), (16, 32), (32, 64)]
    assert network.sizes(*size)[-1] == size


def test_a_module_sees_layout_and_enlarged_features():
    network = CrnGenerator(SPEC, height=8, width=4)
    planes = SPEC.encode(labels(8, 8))
    first = network.refine[0](F.avg_pool2d(planes, 2))
    enlarged = F.interpolate(first, size=(8, 8), mode="bilinear", align_corners=True)
    expected = network.to_image(network.refine[1](torch.cat([enlarged, planes], 1)))
    assert torch.allclose(network.translate(planes)[:, 0], expected, atol=1e-5)


def test_layer_norm_is_over_channels_and_positions():
    module = RefinementModule(3, 6)
    x = torch.randn(2, 6, 5, 4)
    normal = module.norm1(x)
    assert torch.allclose(normal, F.layer_norm(x, x.shape[1:]), atol=1e-5)
    assert module.norm1.weight.shape == (6,)


def test_several_images_and_the_choice_among_them():
    network = CrnGenerator(SPEC, height=8, width=4, images=5)
    given = labels(8, 8)
    output = network(given)
    assert output.extras["images"].shape == (2, 5, 3, 8, 8)
    assert torch.equal(output.image, output.extras["images"][:, 0])
    given.style = torch.tensor([[3.0], [6.0]])
    chosen = network(given).image
    assert torch.equal(chosen[0], output.extras["images"][0, 3])
    assert torch.equal(chosen[1], output.extras["images"][1, 1])


def test_the_image_is_clamped_only_in_evaluation():
    network = CrnGenerator(SPEC, height=8, width=4)
    with torch.no_grad():
        network.to_image.bias.fill_(7)
        assert network.train()(labels(8, 8)).image.max() > 1
        assert network.eval()(labels(8, 8)).image.max() == 1
    with pytest.raises(ValueError, match="at least one image"):
        CrnGenerator(SPEC, images=0)


def test_number_of_parameters_by_layer():
    """Section 3's widths at 1024 rows with 20 planes: two 3x3 convolutions and two norms a module."""
    with torch.device("meta"):
        network = CrnGenerator(ConditionSpec(num_classes=20), height=1024)
    widths = [1024] * 5 + [512, 512, 128, 32]  # 4, 8, 16, 32, 64 rows; 128, 256; 512; 1024
    modules, before = [], 0
    for width in widths:
        modules.append(9 * (20 + before) * width + 9 * width * width + 2 * 2 * width)
        before = width
    assert [sum(p.numel() for p in module.parameters()) for module in network.refine] == modules
    assert [round(count / 1e6, 2) for count in modules] == [
        9.63,
        19.06,
        19.06,
        19.06,
        19.06,
        7.17,
        4.81,
        0.76,
        0.05,
    ]
    to_image = 32 * 3 + 3
    assert sum(p.numel() for p in network.parameters()) == sum(modules) + to_image == 98_674_531
    # biases beside the norms, which have shifts of their own, would be 0.01 M more; nine images 0.0008 M
    assert sum(2 * width for width in widths) == 12_608
