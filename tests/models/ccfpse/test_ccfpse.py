import pytest
import torch
import torch.nn.functional as F

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import CcFpseGenerator
from asap_lightning.models.ccfpse import LabelPyramid, conditional_convolution


def test_constant_weights_make_an_ordinary_depthwise_convolution():
    x, kernel = torch.randn(2, 3, 7, 5), torch.randn(3, 9)
    weights = kernel.reshape(1, 27, 1, 1).expand(2, -1, 7, 5)
    expected = F.conv2d(x, kernel.view(3, 1, 3, 3), padding=1, groups=3)
    assert torch.allclose(conditional_convolution(x, weights), expected, atol=1e-5)


def test_every_pixel_has_its_own_weights():
    x, weights = torch.randn(1, 2, 4, 4), torch.randn(1, 18, 4, 4)
    patches = F.unfold(x, 3, padding=1).view(1, 2, 9, 4, 4)
    expected = (patches * weights.view(1, 2, 9, 4, 4)).sum(2)
    assert torch.allclose(conditional_convolution(x, weights), expected, atol=1e-6)


def test_conditional_convolution_gradients():
    x = torch.randn(1, 2, 3, 3, dtype=torch.float64, requires_grad=True)
    weights = torch.randn(1, 18, 3, 3, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(conditional_convolution, (x, weights))


def test_pyramid_sizes_from_coarse_to_fine():
    pyramid = LabelPyramid(3, width=4, levels=4)
    levels = pyramid(torch.rand(2, 3, 32, 48))
    assert [tuple(level.shape[1:]) for level in levels] == [(4, 4, 6), (4, 8, 12), (4, 16, 24), (4, 32, 48)]


@pytest.mark.parametrize(("upsampling", "multiple"), [("normal", 32), ("more", 64), ("most", 128)])
def test_upsampling(upsampling, multiple):
    spec = ConditionSpec(num_classes=2)
    generator = CcFpseGenerator(spec, width=2, upsampling=upsampling).eval()
    with torch.no_grad():
        image = generator(Condition(label=torch.randint(2, (1, multiple, multiple)))).image
    assert image.shape == (1, 3, multiple, multiple)


def test_unknown_upsampling_is_refused():
    with pytest.raises(ValueError, match="normal, more, most"):
        CcFpseGenerator(ConditionSpec(num_classes=2), width=1, upsampling="less")
