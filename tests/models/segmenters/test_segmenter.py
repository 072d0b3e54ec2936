import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from asap_lightning.models.segmenters import (
    DeepLabV2,
    DilatedResnet,
    Normalisation,
    Segmenter,
    Sizes,
    UPerNet,
)
from asap_lightning.models.segmenters.drn import bilinear_kernel
from asap_lightning.models.segmenters.published import PUBLISHED
from asap_lightning.models.segmenters.segmenter import resized_pixels


class Recorder(nn.Module):
    """Scores that are the colours; keeps what it was given."""

    def __init__(self):
        super().__init__()
        self.seen = []

    def forward(self, x):
        self.seen.append(x)
        return x


def pixels(*size, batch=1):
    return torch.randint(256, (batch, 3, *size), dtype=torch.uint8)


def test_normalisation_in_rgb_and_bgr():
    red = torch.zeros(1, 3, 1, 1, dtype=torch.uint8)
    red[:, 0] = 255
    rgb = Normalisation((0.1, 0.2, 0.3), (0.5, 0.5, 0.25))(red).flatten()
    assert rgb.tolist() == pytest.approx([1.8, -0.4, -1.2])
    bgr = Normalisation((1.0, 2.0, 3.0), (1.0, 1.0, 1.0), scale=1, bgr=True)(red).flatten()
    assert bgr.tolist() == [-1, -2, 252]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        (Sizes(), [(100, 130)]),
        (Sizes(multiple=8), [(104, 136)]),
        (Sizes(fixed=(1024, 2048)), [(1024, 2048)]),
        (Sizes(scales=(1, 0.5, 1.75)), [(100, 130), (50, 65), (175, 227)]),
        (Sizes(short_sides=(300, 600), longest=1000, multiple=32), [(320, 416), (608, 800)]),
    ],
)
def test_sizes(sizes, expected):
    assert sizes.of(100, 130) == expected


def test_the_longer_side_is_bounded():
    assert Sizes(short_sides=(600,), longest=1000).of(100, 500) == [(200, 1000)]


@pytest.mark.parametrize("size", [(64, 96), (20, 11), (150, 37)])
def test_pictures_are_resized_as_by_pillow(size):
    picture = pixels(37, 53)
    ours = resized_pixels(picture, size)[0].permute(1, 2, 0).numpy().astype(int)
    theirs = Image.fromarray(picture[0].permute(1, 2, 0).numpy()).resize(
        size[::-1], Image.Resampling.BILINEAR
    )
    difference = np.abs(ours - np.asarray(theirs))
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.05


def test_scores_of_all_sizes_are_added_at_the_size_that_is_asked_for():
    network = Recorder()
    segmenter = Segmenter(
        network, 3, title="colours", normalisation=Normalisation((0,) * 3, (1,) * 3),
        sizes=Sizes(scales=(1.0, 2.0)), combination="probabilities",
    )  # fmt: skip
    picture = torch.zeros(2, 3, 4, 6, dtype=torch.uint8)
    picture[0, 1], picture[1, 2, :, :3] = 200, 90
    classes = segmenter(picture, (2, 2))
    assert [tuple(x.shape[-2:]) for x in network.seen] == [(4, 6), (8, 12)]
    assert classes.tolist() == [[[1, 1], [1, 1]], [[2, 0], [2, 0]]]
    assert not segmenter.training
    assert not any(p.requires_grad for p in segmenter.parameters())


def test_wrong_input_and_wrong_number_of_classes_are_errors():
    segmenter = Segmenter(Recorder(), 5, title="colours")
    with pytest.raises(ValueError, match="5 classes are known"):
        segmenter(pixels(4, 4))
    with pytest.raises(ValueError, match="uint8 was expected"):
        segmenter(torch.zeros(1, 3, 4, 4))


def test_bilinear_kernel_interpolates():
    up = nn.ConvTranspose2d(1, 1, 16, 8, 4, bias=False)
    up.weight.data = bilinear_kernel(8)
    x = torch.randn(1, 1, 5, 7)
    expected = nn.functional.interpolate(x, scale_factor=8, mode="bilinear", align_corners=False)
    with torch.no_grad():
        torch.testing.assert_close(up(x)[..., 4:-4, 4:-4], expected[..., 4:-4, 4:-4])


@pytest.mark.parametrize("size", [(256, 512), (81, 97)])
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_settings_are_described(name, size):
    published = PUBLISHED[name]
    about = Segmenter(
        Recorder(), published.classes, title=published.title, normalisation=published.normalisation,
        sizes=published.sizes,
    ).describe()  # fmt: skip
    assert about["segmenter"] == published.title
    assert ("BGR" in about["input"]) == published.normalisation.bgr
    assert all(path.name in published.fetch_command for path in published.default_paths)
    assert all(h % published.sizes.multiple == 0 for h, _ in published.sizes.of(*size))


@pytest.mark.parametrize(
    ("network", "stride"),
    [
        (DilatedResnet(5, depths=(1,) * 9, widths=(2,) * 9), 1),
        (DilatedResnet(5, depths=(1, 2, 1, 2, 1, 2, 1, 2, 1), widths=(2,) * 9, bottleneck=False), 1),
        (DeepLabV2(5, blocks=(1, 1, 1, 2), width=4), 8),
        (UPerNet(5, blocks=(1, 1, 2, 1), width=4, pyramid=6), 4),
    ],
)
def test_scores_have_the_stated_size(network, stride):
    with torch.no_grad():
        scores = network.eval()(torch.randn(2, 3, 64, 96))
    height, width = scores.shape[-2:]
    assert scores.shape[:2] == (2, 5)
    assert abs(height - 64 / stride) <= 1 and abs(width - 96 / stride) <= 1
    assert torch.isfinite(scores).all()
