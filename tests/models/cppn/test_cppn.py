import cmath
import math

import pytest
import torch
import torch.nn.functional as F

import small
from asap_lightning import ops
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.models import AsapGenerator, CppnGenerator
from asap_lightning.models.cppn.coordinates import fourier_features, plain_coordinates
from asap_lightning.ops import native
from asap_lightning.ops.encoding import split_parameters

SPEC = ConditionSpec(num_classes=3)
SMALL = small.NETWORKS["CppnGenerator"]


def labels(height, width, batch=2, dtype=torch.uint8):
    return Condition(label=torch.randint(3, (batch, height, width)).to(dtype))


def written_out(network, planes):
    """The MLP pixel by pixel on dense planes (B, C, H, W)."""
    layers = split_parameters(network.mlp.phi.flatten(), network.mlp.layout.widths)
    hidden = planes.permute(0, 2, 3, 1)
    for index, (bias, weight) in enumerate(layers):
        hidden = hidden @ weight + bias
        if index < len(layers) - 1:
            hidden = F.leaky_relu(hidden, 0.01)
    return hidden.tanh().permute(0, 3, 1, 2)


@pytest.mark.parametrize("encoding", ["plain", "fourier"])
@pytest.mark.parametrize("size", [(1, 1), (20, 37), (40, 64)])
def test_any_size_is_the_mlp_of_places_and_classes(encoding, size):
    network = CppnGenerator(SPEC, **SMALL, encoding=encoding)
    given = labels(*size)
    like = torch.zeros(())
    if encoding == "plain":
        places = plain_coordinates(*size, like)
    else:
        places = fourier_features(*size, network.frequencies)
    planes = torch.cat([SPEC.encode(given), places.expand(2, -1, -1, -1)], dim=1)
    assert torch.allclose(network(given).image, written_out(network, planes), atol=1e-5)


def test_sinusoids_are_asap_net_with_the_same_mlp_everywhere():
    network = CppnGenerator(SPEC, **SMALL, encoding="sinusoids")
    given = labels(16, 24)
    planes = torch.cat([SPEC.encode(given), ops.positional_encoding(8).repeat(2, 1, 2, 3)], dim=1)
    assert torch.allclose(network(given).image, written_out(network, planes), atol=1e-5)
    assert network.size_multiple == 8
    asap = AsapGenerator(SPEC, s1=1, s2=8, mlp_width=8, mlp_depth=3, phi_mode="constant")
    assert asap.layout.parameters == network.mlp.layout.parameters
    phi = network.mlp.phi.expand(2, -1, 2, 3)
    assert torch.allclose(asap.render(given, phi), network(given).image, atol=1e-6)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.uint16])
@pytest.mark.parametrize("backend", ["reference", "torch", "native"])
def test_backends_and_types_of_ids(backend, dtype):
    if backend == "native" and native.load_failure():
        pytest.skip(native.load_failure())
    network = CppnGenerator(SPEC, **SMALL, backend=backend)
    given = labels(9, 70, dtype=dtype)
    found = network(given).image
    network.mlp.backend = "reference"
    assert torch.allclose(found, network(given).image, atol=1e-5)


def test_a_graph_computes_the_same_by_convolutions():
    network = CppnGenerator(SPEC, **SMALL)
    given = labels(9, 13)
    places = plain_coordinates(9, 13, torch.zeros(())).expand(2, -1, -1, -1)
    expected = network.mlp(given.label, places)
    assert torch.allclose(network.mlp._convolved(given.label, places), expected, atol=1e-5)


def test_coordinates_by_hand():
    places = plain_coordinates(3, 5, torch.zeros(()))
    third = math.sqrt(3)
    assert torch.allclose(places[0, 1], torch.tensor([-third, -third / 2, 0, third / 2, third]), atol=1e-6)
    assert torch.allclose(places[1, :, 2], torch.tensor([-third, 0, third]), atol=1e-6)
    assert not plain_coordinates(1, 1, torch.zeros(())).any()
    long = plain_coordinates(1001, 1001, torch.zeros(()))
    assert long.var(dim=(1, 2)).numpy() == pytest.approx([1, 1], rel=5e-3)


def test_fourier_features_by_hand():
    frequencies = torch.tensor([[1.0, 0.0], [0.5, -2.0]])
    found = fourier_features(3, 5, frequencies)
    x, y = 1 / 4, 2 / 2  # column 1 of 5, row 2 of 3
    angles = [2 * math.pi * x, 2 * math.pi * (0.5 * x - 2 * y)]
    expected = [*map(math.cos, angles), *map(math.sin, angles)]
    assert found[:, 2, 1].tolist() == pytest.approx(expected, abs=1e-5)


def test_frequencies_are_drawn_from_the_seed_with_the_given_deviation():
    first, again, other = (
        CppnGenerator(SPEC, encoding="fourier", frequencies=4000, frequency_std=3.0, seed=seed).frequencies
        for seed in (1, 1, 2)
    )
    assert torch.equal(first, again) and not torch.equal(first, other)
    assert first.std().item() == pytest.approx(3.0, rel=0.05)
    assert "frequencies" in CppnGenerator(SPEC, encoding="fourier").state_dict()


def test_arctangents_by_hand():
    network = CppnGenerator(SPEC, activation="atan", width=2, depth=3)
    assert len(network.mlp.hidden) == 2 and network.mlp.last.in_channels == 4
    given = labels(4, 5, batch=1)
    places = plain_coordinates(4, 5, torch.zeros(()))
    hidden = torch.cat([SPEC.encode(given)[0], places])[:, 2, 3]
    for layer in network.mlp.hidden:
        angle = torch.atan(layer.weight[:, :, 0, 0] @ hidden + layer.bias)
        hidden = torch.cat([angle / 0.67, angle**2 / 0.67])
    expected = torch.tanh(network.mlp.last.weight[:, :, 0, 0] @ hidden + network.mlp.last.bias)
    assert torch.allclose(network(given).image[0, :, 2, 3], expected, atol=1e-6)


@pytest.mark.parametrize("activation", ["leaky_relu", "atan"])
def test_f_cppn_is_the_written_out_sum(activation):
    rows, columns = 2, 3
    network = CppnGenerator(SPEC, **SMALL, activation=activation, coefficients=(rows, columns)).train()
    output = network(labels(5, 7))
    parts = output.extras["coefficients"]
    assert parts.shape == (2, 3, 2, rows, columns, 5, 7)
    for colour, y, x in ((0, 0, 0), (1, 3, 6), (2, 4, 5)):
        total = 0
        for v in range(rows):
            for u in range(columns):
                coefficient = complex(*parts[1, colour, :, v, u, y, x].tolist())
                total += coefficient * cmath.exp(2j * math.pi * (u * x / columns + v * y / rows))
        expected = (total / math.sqrt(rows * columns)).real
        assert output.image[1, colour, y, x].item() == pytest.approx(expected, abs=1e-5)
    assert network.eval()(labels(5, 7)).image.abs().max() <= 1


def test_one_coefficient_is_the_plain_network():
    torch.manual_seed(0)
    plain = CppnGenerator(SPEC, **SMALL)
    torch.manual_seed(0)
    one = CppnGenerator(SPEC, **SMALL, coefficients=[1, 1])
    given = labels(5, 7)
    assert torch.equal(plain(given).image, one(given).image)
    assert one(given).extras == {}


def test_edges_are_seen():
    spec = ConditionSpec(num_classes=3, instance_edges=True)
    network = CppnGenerator(spec, **SMALL)
    given = labels(8, 8)
    given.instance = torch.zeros(2, 8, 8, dtype=torch.int32)
    plain = network(given).image
    given.instance[:, 4:] = 1
    changed = (network(given).image != plain).any(1)
    assert changed[:, 3:5].all() and not changed[:, :3].any() and not changed[:, 5:].any()


def test_an_image_is_learnt_by_heart():
    torch.manual_seed(0)
    network = CppnGenerator(
        ConditionSpec(num_classes=1), encoding="fourier", frequencies=16, frequency_std=2.0, width=32, depth=3
    )
    given = Condition(label=torch.zeros(1, 16, 16, dtype=torch.uint8))
    target = torch.rand(1, 3, 4, 4).repeat_interleave(4, 2).repeat_interleave(4, 3) * 1.6 - 0.8
    losses = small.fitted_losses(network, given, target, rate=1e-2, steps=150)
    assert losses[-1] < 0.1 * losses[0]


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        (dict(encoding="cosine"), "plain, sinusoids or fourier"),
        (dict(activation="relu"), "leaky_relu or atan"),
        (dict(encoding="sinusoids", tile=12), "power of two"),
        (dict(encoding="sinusoids", tile=2048), "too large"),
        (dict(encoding="sinusoids", activation="atan"), "take another"),
        (dict(encoding="fourier", frequencies=0), "frequencies >= 1"),
        (dict(coefficients=(2,)), "H_F and W_F"),
        (dict(coefficients=(0, 2)), "H_F and W_F"),
        (dict(depth=1), "depth >= 2"),
        (dict(activation="atan", depth=1), "depth >= 1"),
        (dict(backend="cuda"), "backend must be one of"),
    ],
)
def test_settings_that_make_no_network(settings, message):
    with pytest.raises(ValueError, match=message):
        CppnGenerator(SPEC, **settings)
