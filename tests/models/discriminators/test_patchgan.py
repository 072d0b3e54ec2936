import pytest
import torch
from torch import nn

from asap_lightning.condition import ConditionSpec
from asap_lightning.models import FpseDiscriminator, PatchGan, Pix2pixHDDiscriminator, PixelGan

SPEC = ConditionSpec("image", channels=1)


def receptive_field(judge, size):
    pair = torch.randn(1, 4, size, size, requires_grad=True)
    prediction = judge.judge(pair)[0][-1]
    middle = prediction.shape[-1] // 2
    prediction[0, 0, middle, middle].backward()
    rows = pair.grad.abs().sum((0, 1, 3)).nonzero()
    return int(rows.max() - rows.min()) + 1


@pytest.mark.parametrize(("layers", "pixels"), [(1, 16), (2, 34), (3, 70), (5, 286)])
def test_receptive_field(layers, pixels):
    judge = PatchGan(SPEC, layers=layers, width=2, norm=nn.Identity)
    assert receptive_field(judge, max(64, pixels + 64)) == pixels


def test_pixelgan_judges_every_pixel_by_itself():
    judge = PixelGan(SPEC, width=4, norm=nn.Identity)
    assert receptive_field(judge, 9) == 1
    assert judge(torch.rand(1, 1, 9, 5), torch.rand(1, 3, 9, 5))[0][-1].shape == (1, 1, 9, 5)


def test_widths_are_capped():
    assert [s.conv.out_channels for s in PatchGan(SPEC, layers=5, width=2).network.stages] == [
        2,
        4,
        8,
        16,
        16,
        16,
        1,
    ]
    capped = Pix2pixHDDiscriminator(SPEC, layers=3, width=4, max_width=8)
    assert [s.conv.out_channels for s in capped.scales[0].stages] == [4, 8, 8, 8, 1]
    with pytest.raises(ValueError, match="at least 1 layer"):
        PatchGan(SPEC, layers=0)


def test_scales_see_halved_images():
    judge = Pix2pixHDDiscriminator(SPEC, scales=3, layers=2, width=2)
    features = judge(torch.rand(1, 1, 64, 48), torch.rand(1, 3, 64, 48))
    assert [tuple(scale[0].shape[-2:]) for scale in features] == [(33, 25), (17, 13), (9, 7)]


def test_fpse_levels_and_the_fit_to_the_labels():
    spec = ConditionSpec(num_classes=3)
    judge = FpseDiscriminator(spec, width=4).eval()
    planes = torch.rand(2, 3, 64, 96)
    image = torch.rand(2, 3, 64, 96)
    features = judge(planes, image)
    assert [tuple(scale[-1].shape) for scale in features] == [(2, 1, 16, 24), (2, 1, 8, 12), (2, 1, 4, 6)]
    assert [len(scale) for scale in features] == [2, 2, 3]
    other = judge(torch.rand(2, 3, 64, 96), image)
    for ours, theirs in zip(features, other, strict=True):
        assert all(torch.equal(a, b) for a, b in zip(ours[:-1], theirs[:-1], strict=True))
        assert not torch.equal(ours[-1], theirs[-1])
    with pytest.raises(ValueError, match="multiples of 32"):
        judge(planes[..., :40], image[..., :40])
