import pytest
import torch

from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator, center_crop
from asap_lightning.singan.resize import cubic, imresize, resize_matrix


def test_nothing_is_padded_inside():
    noise = torch.randn(1, 3, 30, 34)
    generator, critic = ScaleGenerator(width=4), ScaleDiscriminator(width=4)
    assert generator(noise, noise).shape == (1, 3, 20, 24)
    assert critic(noise).shape == (1, 1, 20, 24)
    assert generator.network.lost == 10
    padded = ScaleGenerator(width=4, padding=1)
    assert padded(noise, noise).shape == noise.shape


def test_the_residual_is_added_to_the_middle_of_the_previous_image():
    generator = ScaleGenerator(width=4)
    with torch.no_grad():
        generator.network.last.weight.zero_()
        previous = torch.randn(1, 3, 24, 26)
        assert torch.equal(generator(torch.randn(1, 3, 24, 26), previous), previous[..., 5:-5, 5:-5])
    image = torch.arange(20.0).view(1, 1, 4, 5)
    assert center_crop(image, 2, 3).flatten().tolist() == [6, 7, 8, 11, 12, 13]


def test_blocks_narrow_down_to_the_least_width():
    widths = [b.conv.out_channels for b in ScaleGenerator(width=16, min_width=4, layers=6).network.blocks]
    assert widths == [16, 8, 4, 4, 4]
    with pytest.raises(ValueError, match="at least 2 layers"):
        ScaleGenerator(layers=1)


def test_cubic_interpolates_and_sums_to_one():
    assert cubic(torch.tensor([0.0, 1.0, 2.0, 2.5, -1.0])).tolist() == [1, 0, 0, 0, 0]
    offsets = torch.linspace(0, 1, 7, dtype=torch.float64)
    total = sum(cubic(offsets + k) for k in range(-3, 3))
    assert torch.allclose(total, torch.ones(7, dtype=torch.float64))


@pytest.mark.parametrize(
    ("length", "target", "scale"), [(37, 28, 0.75), (37, 50, 4 / 3), (20, 20, 1.0), (9, 3, 0.3)]
)
def test_rows_of_the_resize_matrix_sum_to_one(length, target, scale):
    matrix = resize_matrix(length, target, scale)
    assert matrix.shape == (target, length)
    assert torch.allclose(matrix.sum(1), torch.ones(target, dtype=torch.float64))
    if scale == 1:
        assert torch.allclose(matrix, torch.eye(length, dtype=torch.float64), atol=1e-12)


def test_a_constant_stays_and_eight_bits_truncate():
    image = torch.full((1, 3, 11, 13), 0.2)
    level = int((0.2 + 1) / 2 * 255)
    found = imresize(image, 0.6)
    assert found.shape == (1, 3, 7, 8)
    assert torch.allclose(found, torch.full_like(found, level / 255 * 2 - 1), atol=1e-6)


def test_size_and_scale():
    image = torch.rand(1, 3, 10, 20) * 4 - 2
    assert imresize(image, size=(7, 9)).shape == (1, 3, 7, 9)
    assert imresize(image, (0.5, 2)).shape == (1, 3, 5, 40)
    assert imresize(image, 1.7).abs().max() <= 1
    with pytest.raises(ValueError, match="scale or a size"):
        imresize(image)
