import pytest
import torch
import torch.nn.functional as F
from torch import nn

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import SpadeGenerator
from asap_lightning.models.spade import Spade, SpadeBlock, StyleEncoder, reparameterize

SPEC = ConditionSpec(num_classes=4)


def labels(height=32, width=64):
    return Condition(label=torch.randint(4, (1, height, width)))


def test_spade_is_the_norm_scaled_and_shifted():
    layer = Spade(3, 4, hidden=8, norm=nn.InstanceNorm2d)
    x, planes = torch.randn(1, 3, 6, 6), torch.rand(1, 4, 6, 6)
    hidden = F.relu(layer.shared[0](planes))
    expected = nn.InstanceNorm2d(3)(x) * (1 + layer.gamma(hidden)) + layer.beta(hidden)
    assert torch.allclose(layer(x, planes), expected, atol=1e-6)


def test_the_shortcut_is_learned_only_between_different_widths():
    assert SpadeBlock(4, 4, 2, hidden=4).conv_shortcut is None
    block = SpadeBlock(4, 2, 2, hidden=4)
    assert block.conv1.out_channels == 2
    assert block(torch.randn(2, 4, 8, 8), torch.rand(2, 2, 16, 16)).shape == (2, 2, 8, 8)


@pytest.mark.parametrize(("upsampling", "multiple"), [("normal", 32), ("more", 64), ("most", 128)])
def test_grid(upsampling, multiple):
    generator = SpadeGenerator(SPEC, width=2, hidden=2, upsampling=upsampling).eval()
    assert generator.size_multiple == multiple
    seen = []
    generator.head.register_forward_hook(lambda *a: seen.append(a[1][0].shape[-2:]))
    with torch.no_grad():
        assert generator(labels(multiple, 2 * multiple)).image.shape[-2:] == (multiple, 2 * multiple)
    assert seen == [(1, 2)]


def test_wrong_settings_are_refused():
    with pytest.raises(ValueError, match="upsampling must be one of"):
        SpadeGenerator(SPEC, width=1, upsampling="much")
    with pytest.raises(ValueError, match="image_size"):
        SpadeGenerator(SPEC, width=1, style=8)
    generator = SpadeGenerator(SPEC, width=1, hidden=2, style=4, image_size=(32, 64), encoder=False)
    with pytest.raises(ValueError, match="built for 32 x 64, got 64 x 64"):
        generator(labels(64, 64))


def styled():
    return SpadeGenerator(SPEC, width=2, hidden=4, style=4, image_size=(32, 64)).eval()


def test_one_mask_and_many_styles_give_many_images():
    generator, given = styled(), labels()
    images = []
    with torch.no_grad():
        for seed in (0, 1, 0):
            given.style = torch.randn(1, 4, generator=torch.Generator().manual_seed(seed))
            images.append(generator(given).image)
    assert torch.equal(images[0], images[2])
    assert not torch.allclose(images[0], images[1])


def test_a_guides_style_is_drawn_around_its_mean():
    generator, given = styled(), labels()
    given.guide = torch.rand(1, 3, 32, 64)
    with torch.no_grad():
        output = generator(given)
        mu, logvar = generator.encoder(given.guide)
    assert torch.equal(output.extras["mu"], mu) and torch.equal(output.extras["logvar"], logvar)
    draws = torch.stack([reparameterize(mu, logvar) for _ in range(4000)])
    assert torch.allclose(draws.mean(0), mu, atol=0.15)
    assert torch.allclose(draws.std(0), torch.exp(0.5 * logvar), rtol=0.1)


def test_the_encoder_sees_every_photo_at_its_own_size():
    encoder = StyleEncoder(5, width=2, layers=5, image_size=64).eval()
    photo = torch.rand(2, 3, 40, 100)
    resized = F.interpolate(photo, size=(64, 64), mode="bilinear", align_corners=False)
    with torch.no_grad():
        for given, expected in zip(encoder(photo), encoder(resized), strict=True):
            assert given.shape == (2, 5)
            assert torch.equal(given, expected)
