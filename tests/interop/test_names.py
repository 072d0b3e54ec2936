import pytest
import torch
from torch import nn

import small
from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.interop.names import NameMap, mend_old_layouts
from asap_lightning.interop.systems import asapnet, ccfpse, pix2pixhd, spade
from asap_lightning.models import CcFpseGenerator, Pix2pixHDGenerator, SpadeGenerator
from asap_lightning.models.layers import spectral_norm
from asap_lightning.untrusted import without_wrappers

SPEC = ConditionSpec(num_classes=3)


@pytest.mark.parametrize(
    ("network", "names"),
    [
        (
            small.asap_generator(SPEC, s1=2, lowres_depth=2),
            asapnet.names,
        ),
        (SpadeGenerator(SPEC, width=2, style=4, image_size=(32, 64), encoder_layers=5), spade.names),
        (CcFpseGenerator(SPEC, width=2), ccfpse.names),
        (Pix2pixHDGenerator(SPEC, width=2, downs=1, blocks=1, enhancers=2, features=3), pix2pixhd.names),
    ],
    ids=["asapnet", "spade", "ccfpse", "pix2pixhd"],
)  # fmt: skip
def test_names_there_and_back_are_the_identity(network, names):
    mapping = names(network)
    state = network.state_dict()
    theirs = mapping.to_theirs(state)
    assert len(theirs) == len(state)
    assert not any("parametrizations" in name for name in theirs)
    back = mapping.to_ours(theirs)
    assert back.keys() == state.keys()
    assert all(torch.equal(back[name], state[name]) for name in state)


@pytest.mark.parametrize("name", ["asap_facades", "asap_cityscapes"])
def test_asapnet_round_trip_from_the_authors_is_bit_identical(name, reference_dir):
    recording = torch.load(reference_dir / f"{name}.pt", weights_only=True)
    state = recording["state_dict"]
    description = asapnet.infer(state, {"mlp_width": 16, "mlp_depth": 4})
    generator = description.sketch(recording["state_dict"])
    mapping = asapnet.names(generator)
    mapping.load(generator, state)
    back = mapping.to_theirs(generator.state_dict())
    assert list(back) == list(state)
    assert all(torch.equal(back[key], state[key]) for key in state)


def small():
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.BatchNorm2d(3))
    return network, NameMap(network, [("0", "conv"), ("1", "norm")], unused=(r"\.idle\.",))


def test_missing_and_extra_names_are_listed_with_the_hint():
    network, mapping = small()
    state = mapping.to_theirs(network.state_dict())
    del state["conv.bias"]
    state["surplus.weight"] = torch.zeros(1)
    with pytest.raises(UserError, match=r"lacks conv\.bias and has unexpected surplus\.weight; check norm"):
        mapping.to_ours(state, "file.pth", "check norm")


def test_long_lists_are_cut():
    network, mapping = small()
    state = mapping.to_theirs(network.state_dict()) | {f"extra{i}": torch.zeros(1) for i in range(20)}
    with pytest.raises(UserError, match="and 14 more"):
        mapping.to_ours(state)


def test_wrong_shapes_are_named():
    network, mapping = small()
    state = mapping.to_theirs(network.state_dict()) | {"conv.weight": torch.zeros(3, 5, 1, 1)}
    with pytest.raises(UserError, match=r"'conv\.weight' has shape \(3, 5, 1, 1\), expected \(3, 2, 1, 1\)"):
        mapping.to_ours(state)


def test_unused_names_and_missing_counters_are_tolerated():
    network, mapping = small()
    state = mapping.to_theirs(network.state_dict())
    del state["norm.num_batches_tracked"]
    state["block.idle.weight"] = torch.zeros(1)
    mapping.load(network, state)
    assert int(network[1].num_batches_tracked) == 0


def test_statistics_of_old_instance_norm_are_ignored():
    network = nn.Sequential(nn.Conv2d(2, 3, 1), nn.InstanceNorm2d(3))
    mapping = NameMap(network, [("0", "conv"), ("1", "norm")])
    state = mapping.to_theirs(network.state_dict()) | {"norm.running_mean": torch.ones(3)}
    assert set(mapping.to_ours(state)) == {"0.weight", "0.bias"}


def test_a_layer_without_a_counterpart_is_a_programming_error():
    with pytest.raises(ValueError, match="no counterpart"):
        NameMap(nn.Conv2d(1, 1, 1), [])
    with pytest.raises(ValueError, match="share"):
        NameMap(nn.Sequential(nn.PReLU(), nn.PReLU()), [("0", "a"), ("1", "a")])


def test_data_parallel_prefixes_are_removed():
    state = {"module.module.a": torch.zeros(1), "module.module.b": torch.zeros(1)}
    assert set(without_wrappers(state)) == {"a", "b"}
    mixed = {"module.a": torch.zeros(1), "b": torch.zeros(1)}
    assert set(without_wrappers(mixed)) == set(mixed)


@pytest.mark.parametrize(
    "layer", [nn.Conv2d(3, 4, 3), nn.ConvTranspose2d(3, 4, 3)], ids=["conv", "transposed"]
)
def test_spectral_norm_of_the_first_versions_gets_its_v(layer):
    layer = spectral_norm(layer)
    with torch.no_grad():
        for _ in range(200):
            layer.train()(torch.zeros(1, 3, 4, 4))
    layer.eval()
    parametrization = layer.parametrizations.weight
    old = {
        "conv.weight_orig": parametrization.original.detach(),
        "conv.weight": layer.weight.detach(),
        "conv.weight_u": parametrization[0].u,
    }
    mended = mend_old_layouts(old)
    assert set(mended) == {"conv.weight_orig", "conv.weight_u", "conv.weight_v"}
    matrix = parametrization[0]._matrix(old["conv.weight_orig"])
    sigma = torch.dot(mended["conv.weight_u"], matrix @ mended["conv.weight_v"])
    assert torch.allclose(old["conv.weight_orig"] / sigma, old["conv.weight"], atol=1e-5)
