"""ASAP-Net against the authors' recordings, our own recording, and what must hold by construction."""

import pytest
import torch
import torch.nn.functional as F

import small
from asap_lightning import ops
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator
from asap_lightning.models.asap import resolve_s1

LABELS = ConditionSpec(num_classes=4)
SPECS = {
    "label": LABELS,
    "label_unknown": ConditionSpec(num_classes=4, has_unknown=True),
    "label_edges": ConditionSpec(num_classes=4, instance_edges=True),
    "rgb": ConditionSpec(kind="image", channels=3),
    "grey": ConditionSpec(kind="image", channels=1),
    "depth": ConditionSpec(kind="depth", channels=1),
}


def make_condition(spec, batch=2, height=16, width=24):
    instance = torch.randint(0, 3, (batch, height, width)) if spec.instance_edges else None
    if spec.kind == "label":
        label = torch.randint(0, spec.label_channels, (batch, height, width), dtype=torch.int32)
        return Condition(label=label, instance=instance)
    return Condition(image=torch.rand(batch, spec.channels, height, width) * 2 - 1)


def lively(generator):
    """Weights large enough that the image is not nearly constant, as they are after training."""
    for parameter in generator.parameters():
        torch.nn.init.normal_(parameter, 0, 0.3) if parameter.ndim > 1 else None
    return generator


def load_in_order(module, state_dict):
    """Both programs register the same tensors in the same order; the importer maps them by name."""
    own = module.state_dict()
    assert [tuple(v.shape) for v in own.values()] == [tuple(v.shape) for v in state_dict.values()]
    module.load_state_dict(dict(zip(own, state_dict.values(), strict=True)))


@pytest.mark.parametrize("name", ["asap_facades", "asap_cityscapes"])
@pytest.mark.parametrize("backend", ["reference", "torch"])
def test_agrees_with_the_authors(reference_dir, name, backend):
    recording = torch.load(reference_dir / f"{name}.pt", weights_only=True)
    city = name == "asap_cityscapes"
    spec = ConditionSpec(num_classes=6 if city else 5, has_unknown=city, instance_edges=city)
    generator = AsapGenerator(
        spec, s1=2, s2=2 if city else 4, mlp_width=16, mlp_depth=4, lowres_width=8, lowres_max_width=24,
        lowres_depth=2, padding="zeros" if city else "reflection", backend=backend,
    )  # fmt: skip
    load_in_order(generator, recording["state_dict"])
    inputs, expected = recording["inputs"], recording["outputs"]
    instance = inputs["instance"][:, 0] if city else None
    condition = Condition(label=inputs["label"][:, 0], instance=instance)
    with torch.no_grad():
        output = generator(condition)
        found = {"lowres_input": generator.lowres_input(condition), "phi": output.extras["phi"]}
    found |= {"image": output.image, "positional_encoding": ops.positional_encoding(generator.tile)[None]}
    for key, value in found.items():
        allowed = 1.2e-4 * max(1.0, float(expected[key].abs().max()))  # 1.0e-4 on most processors
        error = float((value - expected[key]).abs().max())
        print(f"{name}.{key}: largest error {error:.2e}, allowed {allowed:.2e}")
        assert error <= allowed


def test_agrees_with_our_own_recording(repository):
    recording = torch.load(repository / "tests/recordings/asap_small.pt", weights_only=True)
    spec = ConditionSpec.from_dict(recording["spec"])
    generator = AsapGenerator(spec, **recording["settings"])
    generator.load_state_dict(recording["state_dict"])
    with torch.no_grad():
        output = generator(Condition(label=recording["label"], instance=recording["instance"]))
    torch.testing.assert_close(output.image, recording["image"], atol=1e-5, rtol=0)
    torch.testing.assert_close(output.extras["phi"], recording["phi"], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("kind", SPECS)
@pytest.mark.parametrize("settings", [dict(s1=2, s2=4), dict(s1=1, s2=8), dict(s1=4, s2=2), dict(s1=2, s2=1)])
def test_every_condition_kind_gives_an_image_and_every_parameter_a_gradient(kind, settings):
    spec = SPECS[kind]
    generator = lively(small.asap_generator(spec, **settings))
    output = generator(make_condition(spec))
    assert output.image.shape == (2, 3, 16, 24)
    assert output.image.abs().max() <= 1
    output.image.square().mean().backward()
    for name, parameter in generator.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
        assert parameter.grad.abs().max() > 0, name


def test_full_size_has_82_million_parameters():
    with torch.device("meta"):
        generator = AsapGenerator(ConditionSpec(num_classes=13), s1=2)
    assert sum(p.numel() for p in generator.parameters()) == pytest.approx(82e6, rel=0.005)


def test_an_image_does_not_depend_on_its_batch():
    generator = lively(small.asap_generator(LABELS, s1=2))
    condition = make_condition(LABELS, batch=3)
    together = generator(condition).image
    for index in range(3):
        alone = generator(Condition(label=condition.label[index : index + 1])).image
        torch.testing.assert_close(together[index : index + 1], alone, atol=1e-4, rtol=1e-4)


def test_batch_and_size_may_change_between_calls():
    generator = small.asap_generator(LABELS, s1=2)
    for batch, height, width in ((1, 16, 16), (3, 32, 16), (2, 16, 48)):
        assert generator(make_condition(LABELS, batch, height, width)).image.shape == (
            batch,
            3,
            height,
            width,
        )


def test_shifting_pixels_and_phi_by_a_tile_shifts_the_image():
    generator = lively(small.asap_generator(LABELS, s1=2))
    condition = make_condition(LABELS, height=32, width=32)
    phi = generator.predict_phi(condition)
    image = generator.render(condition, phi)
    rolled = Condition(label=condition.label.roll((8, -8), (1, 2)))
    shifted = generator.render(rolled, phi.roll((1, -1), (2, 3)))
    torch.testing.assert_close(shifted, image.roll((8, -8), (2, 3)), atol=1e-6, rtol=0)


def test_constant_phi_is_a_1x1_convolution_network():
    spec = SPECS["rgb"]
    generator = lively(small.asap_generator(spec, s1=2, phi_mode="constant", positional_encoding=False))
    condition = make_condition(spec, batch=1)
    phi = generator.predict_phi(condition)
    assert (phi - phi[..., :1, :1]).abs().max() == 0
    features = condition.image
    assert generator.layout.widths == [3, 8, 8, 3]
    from asap_lightning.ops.encoding import split_parameters

    layers = split_parameters(phi[0, :, 0, 0], generator.layout.widths)
    for index, (bias, weight) in enumerate(layers):
        features = F.conv2d(features, weight.t()[:, :, None, None], bias)
        features = F.leaky_relu(features, 0.01) if index < 2 else features.tanh()
    torch.testing.assert_close(generator(condition).image, features, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("kind", ["label", "rgb"])
def test_bilinear_phi_equals_a_phi_upsampled_to_every_pixel(kind):
    spec = SPECS[kind]
    generator = lively(small.asap_generator(spec, s1=2, phi_mode="bilinear")).double()
    condition = make_condition(spec)
    if condition.image is not None:
        condition = Condition(image=condition.image.double())
    phi = generator.predict_phi(condition).detach()
    planes = spec.encode_planes(condition, torch.float64)
    encoding = ops.positional_encoding(8, dtype=torch.float64).repeat(1, 2, 3).expand(2, -1, -1, -1)
    everywhere = F.interpolate(phi, scale_factor=8, mode="bilinear", align_corners=False)
    slow = ops.pixelwise_mlp(
        everywhere, image=torch.cat([planes, encoding], 1), tile=1, width=8, depth=3,
        positional_encoding=False, backend="reference",
    )  # fmt: skip
    torch.testing.assert_close(generator.render(condition, phi), slow, atol=1e-10, rtol=0)


def test_without_positional_encoding_equal_pixels_of_a_tile_are_equal():
    generator = lively(small.asap_generator(LABELS, s1=2, positional_encoding=False))
    image = generator(Condition(label=torch.zeros(1, 16, 16, dtype=torch.int64))).image
    tile = image[..., :8, :8]
    assert (tile - tile[..., :1, :1]).abs().max() == 0
    with_encoding = lively(small.asap_generator(LABELS, s1=2))
    varied = with_encoding(Condition(label=torch.zeros(1, 16, 16, dtype=torch.int64))).image[..., :8, :8]
    assert varied.std() > 0


def test_instance_edges_reach_the_low_res_stream_only():
    spec = SPECS["label_edges"]
    generator = small.asap_generator(spec, s1=2)
    assert generator.lowres_stream.head[0].in_channels == 5
    condition = make_condition(spec)
    phi = generator.predict_phi(condition)
    flat = Condition(label=condition.label, instance=torch.zeros_like(condition.instance))
    assert (generator.predict_phi(flat) - phi).abs().max() > 0
    assert torch.equal(generator.render(condition, phi), generator.render(flat, phi))


def test_bfloat16_autocast_stays_close_to_float32():
    generator = lively(small.asap_generator(LABELS, s1=2))
    condition = make_condition(LABELS)
    exact = generator(condition).image
    with torch.autocast("cpu", dtype=torch.bfloat16):
        low = generator(condition).image
    assert (low.float() - exact).abs().mean() < 0.05


@pytest.mark.parametrize(
    ("height", "s2", "expected"), [(512, 16, 2), (1024, 16, 4), (256, 16, 1), (256, 8, 2), (4096, 16, 16)]
)
def test_auto_s1_keeps_sixteen_rows_of_tiles(height, s2, expected):
    assert resolve_s1(height, s2) == expected


def test_errors_say_what_is_wrong():
    with pytest.raises(ValueError, match="got height 300"):
        resolve_s1(300, 16)
    with pytest.raises(ValueError, match="S1 must be a power of two, got 3"):
        AsapGenerator(LABELS, s1=3, s2=4)
    with pytest.raises(ValueError, match="S2 must be a power of two, got 6"):
        AsapGenerator(LABELS, s1=2, s2=6)
    with pytest.raises(ValueError, match="padding must be one of"):
        AsapGenerator(LABELS, s1=2, s2=4, padding="mirror")
    generator = small.asap_generator(LABELS, s1=2)
    with pytest.raises(ValueError, match="multiples of 8, got 20 x 16"):
        generator(make_condition(LABELS, 1, 20, 16))
    with pytest.raises(ValueError, match="at least 16 x 16"):
        generator(make_condition(LABELS, 1, 8, 32))
    with pytest.raises(ValueError, match="expects a label map"):
        generator(Condition(image=torch.zeros(1, 3, 16, 16)))
    with pytest.raises(ValueError, match="no instance map"):
        small.asap_generator(SPECS["label_edges"], s1=2)(make_condition(LABELS))
