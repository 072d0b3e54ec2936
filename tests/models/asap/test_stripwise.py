"""An image by strips is the image at once, whatever the network, the strips and where features are kept."""

import pytest
import torch

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator
from asap_lightning.models.asap import features, stripwise, stripwise_generator
from asap_lightning.models.asap.stripwise_generator import StripwiseAsap, whole_bytes

LABELS = ConditionSpec(num_classes=4, has_unknown=True)
EDGES = ConditionSpec(num_classes=4, instance_edges=True)
PHOTO = ConditionSpec(kind="image", channels=3)
SMALL = {"mlp_width": 8, "mlp_depth": 3, "lowres_width": 6, "lowres_max_width": 10, "lowres_depth": 2}


class InMemory:
    """A condition that is all there, which counts how much of it is asked for at a time."""

    def __init__(self, whole):
        self.whole, self.height, self.width, self.most = whole, whole.height, whole.width, 0

    def condition(self, top, bottom, left=0, right=None):
        assert 0 <= top < bottom <= self.height
        self.most = max(self.most, bottom - top)
        return self.whole.map(lambda tensor: tensor[..., top:bottom, left:right])


def made(spec, *, s1=2, s2=4, **options):
    torch.manual_seed(0)
    generator = AsapGenerator(spec, s1=s1, s2=s2, **{**SMALL, **options}).eval().double()
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.5)
    return generator


def condition(spec, height, width):
    random = torch.Generator().manual_seed(1)
    if spec.kind == "label":
        label = torch.randint(0, spec.label_channels, (1, height, width), generator=random)
        instance = label // 2 if spec.instance_edges else None
        return Condition(label=label, instance=instance)
    return Condition(image=torch.rand((1, spec.channels, height, width), generator=random).double() * 2 - 1)


def by_strips(generator, rows, **options):
    strips = [torch.cat(blocks, dim=3) for blocks in StripwiseAsap(generator, rows, **options).image()]
    return torch.cat(strips, dim=2)


@pytest.fixture(params=["narrow strips", "one strip"])
def strips(request, monkeypatch):
    if request.param == "narrow strips":
        monkeypatch.setattr(stripwise, "STRIP_BYTES", 1)
        monkeypatch.setattr(stripwise, "LEAST_ROWS", 2)
        monkeypatch.setattr(stripwise_generator, "BLOCK_BYTES", 1)
    return request.param


@pytest.mark.parametrize("spec", [LABELS, EDGES, PHOTO], ids=["labels", "edges", "photo"])
@pytest.mark.parametrize("factors", [(1, 2), (2, 4), (4, 2)])
@pytest.mark.parametrize("padding", ["reflection", "zeros"])
def test_it_is_the_image_at_once(spec, factors, padding, strips):
    generator = made(spec, s1=factors[0], s2=factors[1], padding=padding)
    tile = generator.tile
    whole = condition(spec, 4 * tile, 2 * tile)
    with torch.no_grad():
        expected = generator(whole).image
    rows = InMemory(whole)
    for memory in (0, 1 << 30):  # in a file and computed twice, or kept
        assert torch.allclose(by_strips(generator, rows, memory=memory), expected, atol=1e-8)
    if strips == "narrow strips" and tile < 32:
        assert rows.most < whole.height


@pytest.mark.parametrize("mode", ["bilinear", "constant"])
def test_the_ablations_too(mode, strips):
    generator = made(LABELS, phi_mode=mode)
    whole = condition(LABELS, 40, 24)
    with torch.no_grad():
        expected = generator(whole).image
    assert torch.allclose(by_strips(generator, InMemory(whole)), expected, atol=1e-8)


def test_wide_layers_use_prepared_weights_and_no_others(strips):
    generator = made(LABELS, lowres_max_width=96).float()
    for parameter in generator.parameters():
        parameter.data.mul_(0.2)
    whole = condition(LABELS, 32, 48)
    generator.prepare_for_inference()
    with torch.no_grad():
        expected = generator(whole).image
    assert torch.allclose(by_strips(generator, InMemory(whole)), expected, atol=5e-5)


@pytest.mark.parametrize("options", [{"lowres_depth": 0}, {"s2": 1, "lowres_depth": 0}, {"s2": 1}])
def test_short_streams(options, strips):
    generator = made(LABELS, **options)
    whole = condition(LABELS, 6 * generator.tile, 4 * generator.tile)
    with torch.no_grad():
        expected = generator(whole).image
    for memory in (0, 1 << 30):
        assert torch.allclose(by_strips(generator, InMemory(whole), memory=memory), expected, atol=1e-8)


def test_moments_of_strips_are_those_of_the_whole():
    random = torch.Generator().manual_seed(0)
    rows = torch.randn((50, 7, 3), generator=random) * 3 + 1000
    moments = stripwise.Moments.none(3)
    for part in rows.split(9):
        moments.add(part)
    exact = rows.double().reshape(-1, 3)
    assert moments.count == 350
    assert torch.allclose(moments.mean, exact.mean(0), rtol=1e-6)
    assert torch.allclose(moments.squares / 350, exact.var(0, correction=0), rtol=1e-3)


def test_the_work_done_adds_up_to_all_of_it(strips):
    told = []
    whole = condition(LABELS, 32, 24)
    list(StripwiseAsap(made(LABELS), InMemory(whole)).image(told.append))
    assert sum(told) == pytest.approx(1.0)


def test_sizes_that_are_no_multiples_are_refused():
    with pytest.raises(ValueError, match="multiples of 8"):
        StripwiseAsap(made(LABELS), InMemory(condition(LABELS, 30, 24)))


def test_features_in_a_file_come_back_and_leave_nothing(tmp_path):
    rows = torch.arange(5 * 3 * 2, dtype=torch.float32).view(5, 3, 2)
    filed = features.FiledFeatures((5, 3, 2), rows, tmp_path)
    filed.write(2, rows[2:])
    filed.write(0, rows[:2])
    assert torch.equal(filed.read(1, 4), rows[1:4])
    assert list(tmp_path.iterdir()) == [], "the file has no name"
    filed.close()


def test_a_disk_without_room_is_said_before_and_while(tmp_path, monkeypatch):
    from asap_lightning.errors import UserError

    like = torch.empty(0)
    with pytest.raises(UserError, match=r"has no room .* are free"):
        features.FiledFeatures((1 << 30, 1 << 15, 64), like, tmp_path)
    filed = features.FiledFeatures((5, 3, 2), like, tmp_path)

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(features.os, "pwrite", full)
    with pytest.raises(UserError, match=r"has no room .* filled up"):
        filed.write(0, torch.zeros(5, 3, 2))
    filed.close()


def test_the_estimate_grows_with_the_image_and_shrinks_with_the_tile():
    small, coarse = made(LABELS), made(LABELS, s1=8)
    assert whole_bytes(small, 200, 100) == pytest.approx(2 * whole_bytes(small, 100, 100), rel=1e-3)
    assert whole_bytes(coarse, 100, 100) < whole_bytes(small, 100, 100)
