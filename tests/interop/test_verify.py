"""Verification against the recordings, and against recordings with other settings made from our own networks.

The latter cannot say whether our function is the authors' (the recordings do), but that settings are read off
the weights and names are mapped for settings that no recording has.
"""

import json

import pytest
import torch
from torch import nn

import small
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.interop.systems import (
    asapnet,
    ccfpse,
    hdrnet,
    multiscale,
    pix2pix,
    pix2pixhd,
    singan,
    spade,
)
from asap_lightning.interop.verify import summary, table, verify
from asap_lightning.models import (
    CcFpseGenerator,
    FpseDiscriminator,
    MultiscaleDiscriminator,
    PatchGan,
    Pix2pixHDDiscriminator,
    Pix2pixHDGenerator,
    PixelGan,
    ResnetGenerator,
    SpadeGenerator,
    UNetGenerator,
)
from asap_lightning.models.hdrnet import CoefficientNetwork
from asap_lightning.models.layers import unchanged
from asap_lightning.singan.networks import ScaleGenerator

QUICK = (
    "asap_cityscapes", "asap_facades", "ccfpse_normal", "discriminator_multiscale", "losses",
    "pix2pix_patchgan_70",
    "pix2pix_pixelgan", "pix2pix_resnet_2", "pix2pix_unet_64", "pix2pixhd_discriminator", "pix2pixhd_encoder",
    "pix2pixhd_global", "pix2pixhd_local", "singan_discriminator", "singan_generator", "singan_imresize",
    "singan_imresize_up", "spade_encoder", "spade_normal", "spade_vae",
)  # fmt: skip


@pytest.mark.parametrize("name", QUICK)
def test_recorded_outputs_agree(name, reference_dir):
    rows = verify(reference_dir / f"{name}.pt")
    recorded = torch.load(reference_dir / f"{name}.pt", weights_only=True)["outputs"]
    assert {row.output for row in rows} == set(recorded)
    assert all(row.verdict == "agrees" for row in rows), table(rows)


@pytest.mark.slow
def test_recorded_training_agrees(reference_dir):
    rows = verify(reference_dir / "training_asap.pt")
    assert len(rows) == 78
    assert all(row.verdict == "agrees" for row in rows), table(rows)


def randomized(network):
    """Weights large enough to matter, batch statistics away from their defaults."""
    with torch.no_grad():
        for name, value in network.state_dict().items():
            if name.endswith("running_var"):
                value.uniform_(0.5, 1.5)
            elif name.endswith("num_batches_tracked"):
                value.fill_(3)
            elif not name.endswith((".0.u", ".0.v")):
                value.normal_(0, 0.2 if value.dim() > 1 else 0.1)
    return network.eval()


def save(folder, network, names, settings, inputs, outputs):
    state = names(network).to_theirs(network.state_dict())
    content = {"state_dict": state, "inputs": inputs, "outputs": outputs}
    torch.save(content, folder / "made.pt")
    (folder / "made.json").write_text(json.dumps(settings))
    return folder / "made.pt"


def labels(height, width, classes, batch=1):
    return torch.randint(classes, (batch, 1, height, width))


@pytest.mark.parametrize(
    ("s1", "s2", "encoding", "edges", "unknown"),
    [
        (1, 4, True, False, False),
        (4, 4, True, True, False),
        (2, 8, False, False, True),
        (4, 2, True, True, True),
    ],
)
def test_asapnet_with_other_settings(tmp_path, s1, s2, encoding, edges, unknown):
    spec = ConditionSpec(num_classes=7, has_unknown=unknown, instance_edges=edges)
    generator = randomized(
        small.asap_generator(
            spec, s1=s1, s2=s2, mlp_width=24, lowres_depth=3, padding="zeros", positional_encoding=encoding,
            backend="reference",
        )
    )  # fmt: skip
    label = labels(64, 96, spec.label_channels)
    if unknown:
        label[..., 0] = 7
    instance = torch.randint(3, label.shape) if edges else None
    condition = Condition(label=label[:, 0], instance=instance[:, 0] if edges else None)
    with torch.no_grad():
        outputs = {"image": generator(condition).image, "phi": generator.predict_phi(condition)}
    settings = {
        "system": "asapnet", "label_nc": 7, "contain_dontcare_label": unknown, "one_hot": True,
        "total_downsampling_S": s1 * s2, "bilinear_downsampling_S1": s1, "mlp_width": 24, "mlp_depth": 3,
        "positional_encoding": "cosine" if encoding else "none",
    }  # fmt: skip
    inputs = {"label": label} | ({"instance": instance} if edges else {})
    rows = verify(save(tmp_path, generator, asapnet.names, settings, inputs, outputs))
    assert [row.verdict for row in rows] == ["agrees", "agrees"], table(rows)


def test_asapnet_with_an_rgb_condition(tmp_path):
    spec = ConditionSpec("image", channels=3)
    generator = randomized(small.asap_generator(spec, s1=2, backend="reference"))
    image = torch.rand(1, 3, 32, 32) * 2 - 1
    with torch.no_grad():
        outputs = {"image": generator(Condition(image=image)).image}
    settings = {"system": "asapnet", "label_nc": 3, "one_hot": False, "bilinear_downsampling_S1": 2,
                "mlp_width": 8, "mlp_depth": 3, "positional_encoding": "cosine"}  # fmt: skip
    rows = verify(save(tmp_path, generator, asapnet.names, settings, {"label": image}, outputs))
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


@pytest.mark.parametrize("upsampling", ["normal", "more", "most"])
@pytest.mark.parametrize("kind", ["spade", "ccfpse"])
def test_upsampling_variants(tmp_path, upsampling, kind):
    spec = ConditionSpec(num_classes=4, has_unknown=True)
    target, system = (SpadeGenerator, spade) if kind == "spade" else (CcFpseGenerator, ccfpse)
    generator = randomized(target(spec, width=2, upsampling=upsampling))
    size = generator.size_multiple
    label = labels(size, 2 * size, 5)
    with torch.no_grad():
        outputs = {"image": generator(Condition(label=label[:, 0])).image}
    title = "SPADE generator" if kind == "spade" else "CC-FPSE generator"
    settings = {"system": title, "label_nc": 4, "contain_dontcare_label": True, "mode": "eval",
                "num_upsampling_layers": upsampling, "crop_width": 2 * size, "aspect_ratio": 2}  # fmt: skip
    rows = verify(save(tmp_path, generator, system.names, settings, {"label": label}, outputs))
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


def test_spade_without_spectral_norm_and_with_instance_norm(tmp_path):
    spec = ConditionSpec(num_classes=3)
    generator = randomized(
        SpadeGenerator(
            spec, width=2, kernel=5, norm=nn.InstanceNorm2d, weight_norm=unchanged, style=6, encoder=False,
            image_size=(64, 64),
        )
    )  # fmt: skip
    label, z = labels(64, 64, 3, batch=2), torch.randn(2, 6)
    with torch.no_grad():
        outputs = {"image": generator(Condition(label=label[:, 0], style=z)).image}
    settings = {"system": "SPADE generator", "num_upsampling_layers": "normal", "crop_width": 64,
                "aspect_ratio": 1}  # fmt: skip
    rows = verify(save(tmp_path, generator, spade.names, settings, {"label": label, "z": z}, outputs))
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


@pytest.mark.parametrize(("enhancers", "downs", "blocks"), [(0, 3, 1), (1, 1, 2), (2, 1, 1)])
@pytest.mark.parametrize("norm", [nn.InstanceNorm2d, nn.BatchNorm2d])
def test_pix2pixhd_with_other_settings(tmp_path, enhancers, downs, blocks, norm):
    generator = randomized(
        Pix2pixHDGenerator(
            ConditionSpec("image", channels=5), width=2, downs=downs, blocks=blocks, enhancers=enhancers,
            enhancer_blocks=2, norm=norm,
        )
    )  # fmt: skip
    x = torch.randn(1, 5, 40, 24)
    with torch.no_grad():
        outputs = {"image": generator.translate(x)}
    settings = {"system": "pix2pixHD local generator" if enhancers else "pix2pixHD global generator"}
    rows = verify(save(tmp_path, generator, pix2pixhd.names, settings, {"x": x}, outputs))
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


@pytest.mark.parametrize("size", [(64, 64), (67, 45)])
@pytest.mark.parametrize("kind", ["multiscale", "pix2pixhd"])
def test_discriminators_of_three_scales_on_odd_sizes(tmp_path, size, kind):
    spec = ConditionSpec("image", channels=2)
    if kind == "multiscale":
        judge, names, title = (
            MultiscaleDiscriminator(spec, scales=3, layers=3, width=4),
            multiscale.names,
            kind,
        )
    else:
        judge, title = Pix2pixHDDiscriminator(spec, scales=3, layers=2, width=4), "pix2pixHD discriminator"
        names = pix2pixhd.discriminator_names
    x = torch.randn(1, 5, *size)
    with torch.no_grad():
        features = randomized(judge).judge(x)
    outputs = {f"scale{i}_layer{j}": f for i, scale in enumerate(features) for j, f in enumerate(scale)}
    rows = verify(save(tmp_path, judge, names, {"system": title}, {"x": x}, outputs))
    assert len(rows) == sum(map(len, features))
    assert all(row.verdict == "agrees" for row in rows), table(rows)


def plain_spade_judge(channels, norm, spectral):
    """SPADE's discriminator written out: the authors' names, layer by layer."""

    def scale():
        modules = {"model0": nn.Sequential(nn.Conv2d(channels, 4, 4, 2, 2), nn.LeakyReLU(0.2))}
        for index, (a, b, stride) in enumerate([(4, 8, 2), (8, 16, 1)], start=1):
            conv = nn.Conv2d(a, b, 4, stride, 2, bias=norm is None)
            conv = nn.utils.spectral_norm(conv) if spectral else conv
            inner = conv if norm is None else nn.Sequential(conv, norm(b))
            modules[f"model{index}"] = nn.Sequential(inner, nn.LeakyReLU(0.2))
        modules["model3"] = nn.Sequential(nn.Conv2d(16, 1, 4, 1, 2))
        return nn.ModuleDict(modules)

    return nn.ModuleDict({"discriminator_0": scale(), "discriminator_1": scale()})


@pytest.mark.filterwarnings("ignore:`torch.nn.utils.weight_norm`|.*spectral_norm.*:FutureWarning")
@pytest.mark.parametrize("channels", [3, 1, 8])
@pytest.mark.parametrize(
    ("norm", "spectral"),
    [
        (nn.InstanceNorm2d, False),
        (nn.BatchNorm2d, True),
        (None, True),
        (None, False),
        (nn.BatchNorm2d, False),
    ],
)
def test_multiscale_discriminator_with_other_norms(tmp_path, channels, norm, spectral):
    judge = randomized(plain_spade_judge(channels, norm, spectral))
    x = torch.randn(2, channels, 40, 33)
    outputs, image = {}, x
    with torch.no_grad():
        for index, scale in enumerate(judge.values()):
            feature = image
            for layer, stage in enumerate(scale.values()):
                feature = outputs[f"scale{index}_layer{layer}"] = stage(feature)
            image = nn.functional.avg_pool2d(image, 3, 2, 1, count_include_pad=False)
    torch.save(
        {"state_dict": judge.state_dict(), "inputs": {"x": x}, "outputs": outputs}, tmp_path / "made.pt"
    )
    (tmp_path / "made.json").write_text(json.dumps({"system": "multiscale PatchGAN discriminator"}))
    rows = verify(tmp_path / "made.pt")
    assert len(rows) == 8
    assert all(row.verdict == "agrees" for row in rows), table(rows)


@pytest.mark.parametrize("norm", [nn.BatchNorm2d, nn.InstanceNorm2d, nn.Identity])
def test_pix2pix_with_other_norms_and_depths(tmp_path, norm):
    spec = ConditionSpec("image", channels=4)
    bias = norm is nn.InstanceNorm2d
    unet = randomized(UNetGenerator(spec, depth=5, width=2, norm=norm, bias=bias, noise_at_test=False))
    gan = randomized(PatchGan(spec, layers=1, width=4, norm=norm, bias=bias))
    pixel = randomized(PixelGan(spec, width=4, norm=norm, bias=bias))
    for system, network, names, function, x in (
        ("pix2pix U-Net generator", unet, pix2pix.unet_names, unet.network, torch.randn(2, 4, 64, 64)),
        ("pix2pix 16x16 PatchGAN discriminator", gan, pix2pix.patchgan_names, lambda x: gan.judge(x)[0][-1],
         torch.randn(2, 7, 33, 41)),
        ("pix2pix 1x1 PixelGAN discriminator", pixel, pix2pix.pixelgan_names, lambda x: pixel.judge(x)[0][-1],
         torch.randn(2, 7, 9, 11)),
    ):  # fmt: skip
        with torch.no_grad():
            outputs = {"y": function(x)}
        rows = verify(save(tmp_path, network, names, {"system": system, "mode": "eval"}, {"x": x}, outputs))
        assert [row.verdict for row in rows] == ["agrees"], table(rows)


@pytest.mark.parametrize("padding", ["reflect", "zeros", "replicate"])
@pytest.mark.parametrize("dropout", [0.0, 0.5])
def test_resnet_blocks_are_numbered_by_padding_and_dropout(tmp_path, padding, dropout):
    spec = ConditionSpec("image", channels=3)
    network = ResnetGenerator(spec, width=2, blocks=2, norm=nn.BatchNorm2d, padding=padding, dropout=dropout)
    randomized(network)
    first = 0 if padding == "zeros" else 1
    second = first + (3 if padding == "zeros" else 4) + bool(dropout)
    ours = network.state_dict()
    state = {}
    for name, value in ours.items():
        for block in range(2):
            for number, conv in ((1, first), (2, second)):
                name = name.replace(
                    f"trunk.blocks.{block}.conv{number}.", f"model.{10 + block}.conv_block.{conv}."
                )
                name = name.replace(
                    f"trunk.blocks.{block}.norm{number}.", f"model.{10 + block}.conv_block.{conv + 1}."
                )
        for stage, number in (("stem", 1), ("down.0", 4), ("down.1", 7), ("up.0", 12), ("up.1", 15)):
            name = name.replace(f"trunk.{stage}.conv.", f"model.{number}.")
            name = name.replace(f"trunk.{stage}.norm.", f"model.{number + 1}.")
        state[name.replace("head.conv.", "model.19.")] = value
    x = torch.randn(1, 3, 19, 22)
    with torch.no_grad():
        outputs = {"y": network.translate(x)}
    torch.save({"state_dict": state, "inputs": {"x": x}, "outputs": outputs}, tmp_path / "made.pt")
    settings = {"system": "pix2pix/CycleGAN ResNet generator", "padding_type": padding}
    (tmp_path / "made.json").write_text(json.dumps(settings))
    rows = verify(tmp_path / "made.pt")
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


def test_singan_with_narrowing_blocks(tmp_path):
    network = randomized(ScaleGenerator(width=16, min_width=4, layers=6))
    inputs = {"noise": torch.randn(1, 3, 40, 30), "prev": torch.randn(1, 3, 40, 30)}
    with torch.no_grad():
        outputs = {"image": network(inputs["noise"], inputs["prev"])}
    path = save(tmp_path, network, singan.names, {"system": "SinGAN generator, one scale"}, inputs, outputs)
    assert [row.verdict for row in verify(path)] == ["agrees"]


@pytest.fixture
def resnet_recording(tmp_path, reference_dir):
    for ending in (".pt", ".json"):
        source = reference_dir / f"pix2pix_resnet_2{ending}"
        (tmp_path / f"copy{ending}").write_bytes(source.read_bytes())
    return tmp_path / "copy.pt"


def rewritten(path, **parts):
    content = torch.load(path, weights_only=True)
    torch.save(content | parts, path)
    return path


def test_a_changed_weight_disagrees(resnet_recording):
    content = torch.load(resnet_recording, weights_only=True)
    content["state_dict"]["model.4.weight"][0, 0] += 0.1
    (row,) = verify(rewritten(resnet_recording, state_dict=content["state_dict"]))
    assert row.verdict == "DISAGREES"
    assert row.error > row.allowed


def test_a_wrong_shape_and_an_unknown_output_are_reported(resnet_recording):
    content = torch.load(resnet_recording, weights_only=True)
    outputs = {"y": content["outputs"]["y"][..., :-1], "more": torch.zeros(2)}
    rows = verify(rewritten(resnet_recording, outputs=outputs))
    assert [row.verdict for row in rows] == ["DISAGREES", "NOT COMPARED"]
    assert "2x3x32x31" in table(rows) and "NOT COMPARED" in table(rows)
    assert "0 of 2 agree" in summary(rows)


def test_a_nan_in_our_output_disagrees(resnet_recording):
    content = torch.load(resnet_recording, weights_only=True)
    (row,) = verify(rewritten(resnet_recording, inputs={"x": content["inputs"]["x"] * float("nan")}))
    assert row.verdict == "DISAGREES"


@pytest.mark.parametrize(
    "case", ["no json", "bad json", "no outputs", "corrupt", "unknown system", "missing key"]
)
def test_what_cannot_be_compared_says_why(resnet_recording, case):
    described = resnet_recording.with_suffix(".json")
    expected = {
        "no json": "is missing", "bad json": "is not JSON", "no outputs": "no outputs",
        "corrupt": "damaged",
        "unknown system": "no system is known", "missing key": "lacks model.19.bias",
    }[case]  # fmt: skip
    if case == "no json":
        described.unlink()
    elif case == "bad json":
        described.write_text("{")
    elif case == "no outputs":
        rewritten(resnet_recording, outputs={})
    elif case == "corrupt":
        resnet_recording.write_bytes(resnet_recording.read_bytes()[:1000])
    elif case == "unknown system":
        described.write_text(json.dumps({"system": "a new one"}))
    else:
        state = torch.load(resnet_recording, weights_only=True)["state_dict"]
        del state["model.19.bias"]
        rewritten(resnet_recording, state_dict=state)
    (row,) = verify(resnet_recording)
    assert row.verdict == "NOT COMPARED"
    assert expected in row.remark


@pytest.mark.parametrize(
    ("name", "outputs"),
    [
        ("fpse_discriminator", 7),
        ("hdrnet_slice_apply", 2),
        ("hdrnet_guide_curve", 3),
        ("hdrnet_coefficients", 4),
    ],
)
def test_recorded_outputs_of_the_second_set_agree(name, outputs, shared_dir):
    path = shared_dir / "reference2" / f"{name}.pt"
    if not path.is_file():
        pytest.skip(f"no recording at {path}")
    rows = verify(path)
    assert len(rows) == outputs
    assert all(row.verdict == "agrees" for row in rows), table(rows)


@pytest.mark.parametrize("edges", [False, True])
@pytest.mark.parametrize("unknown", [False, True])
def test_fpse_discriminator_with_edges_and_an_unknown_class(tmp_path, edges, unknown):
    spec = ConditionSpec(num_classes=4, has_unknown=unknown, instance_edges=edges)
    judge = randomized(FpseDiscriminator(spec, width=4))
    instance = torch.randint(3, (2, 64, 32)) if edges else None
    label = torch.randint(spec.label_channels, (2, 64, 32))
    planes = spec.encode(Condition(label=label, instance=instance))
    assert planes.shape[1] == 4 + unknown + edges
    image = torch.rand(2, 3, 64, 32) * 2 - 1
    with torch.no_grad():
        levels = judge(planes, image)
    outputs = {f"prediction{index}": level[-1] for index, level in enumerate(levels)}
    settings = {"system": "CC-FPSE discriminator", "label_nc": 4, "contain_dontcare_label": unknown,
                "instance_edges": edges}  # fmt: skip
    inputs = {"segmap": planes, "image": image}
    path = save(tmp_path, judge, ccfpse.discriminator_names, settings, inputs, outputs)
    assert [row.verdict for row in verify(path)] == ["agrees"] * 3, table(verify(path))
    settings["label_nc"] = 7
    path.with_suffix(".json").write_text(json.dumps(settings))
    (row,) = verify(path)
    assert "does not give; check label_nc" in row.remark


def test_hdrnet_coefficients_with_other_settings(tmp_path):
    network = randomized(
        CoefficientNetwork(2, inputs=3, outputs=5, size=32, cells=4, depth=2, width_multiplier=2)
    )
    state = hdrnet.coefficient_names(network).to_theirs(network.state_dict())
    kinds = {"weight": "weights", "bias": "biases"}
    theirs = {}
    for name, value in state.items():
        *scopes, kind = name.split(".")
        axes = {4: (2, 3, 1, 0), 2: (1, 0)}.get(value.ndim, (0,))
        theirs["/".join(["inference/coefficients", *scopes, kinds[kind]])] = value.permute(axes)
    small_image = torch.rand(1, 32, 32, 2)
    with torch.no_grad():
        grid = network(small_image.permute(0, 3, 1, 2))
    content = {
        "state_dict": theirs, "inputs": {"lowres": small_image},
        "outputs": {"grid": grid.permute(0, 4, 5, 3, 2, 1)},
    }  # fmt: skip
    torch.save(content, tmp_path / "made.pt")
    settings = {"system": "HDRNet coefficient network", "luma_bins": 2, "spatial_bin": 4}
    (tmp_path / "made.json").write_text(json.dumps(settings))
    rows = verify(tmp_path / "made.pt")
    assert [row.verdict for row in rows] == ["agrees"], table(rows)


@pytest.mark.parametrize(
    "name", ["SinGAN training, 3 scales", "SinGAN applications from trained weights", "SIFID (x)"]
)
def test_what_other_tests_compare_is_said(tmp_path, name):
    torch.save({"state_dict": {}, "inputs": {}, "outputs": {"a": torch.zeros(1)}}, tmp_path / "singan.pt")
    (tmp_path / "singan.json").write_text(json.dumps({"system": name}))
    (row,) = verify(tmp_path / "singan.pt")
    assert row.verdict == "NOT COMPARED" and "compared by the tests of asap_lightning.singan" in row.remark
