"""HDRNet and CRN from TensorFlow's checkpoints, under the names of their authors' programs."""

import numpy as np
import pytest
import torch
from torch import nn

import bundles
import small
from asap_lightning import ops
from asap_lightning.commands.import_ import main
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference.loading import load_generator
from asap_lightning.interop.convert import convert_generator
from asap_lightning.models import CrnGenerator, HdrnetGenerator
from tensorflow_names import crn_variables, guide_variables, hdrnet_variables

LABELS = ConditionSpec(num_classes=4, has_unknown=True)
RGB = ConditionSpec("image", channels=3)
TRAINING = {
    "global_step": np.array(100, np.int64), "optimizer/beta1_power": np.array(0.5, np.float32),
    "beta2_power": np.array(0.5, np.float32),
}  # fmt: skip


def randomized(network):
    for tensor in network.state_dict().values():
        if tensor.is_floating_point():
            tensor.copy_(torch.randn(tensor.shape) * 0.3)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_var.uniform_(0.5, 2)
            nn.init.ones_(module.weight)  # theirs has no scale
    return network.eval()


def with_adam(variables):
    slots = {f"{name}/{slot}": value for name, value in variables.items() for slot in ("Adam", "Adam_1")}
    return variables | slots | TRAINING


def converted(place, system, out, *settings):
    assert main(["convert", str(place), "--system", system, "--out", str(out), *settings]) == 0
    return load_generator(out)[0]


def test_hdrnets_recordings_through_a_checkpoint(shared_dir, tmp_path, capsys):
    """Their variables from the recordings, a bundle, the command, and what the recordings hold."""
    coefficients = torch.load(shared_dir / "reference2" / "hdrnet_coefficients.pt", weights_only=True)
    guide = torch.load(shared_dir / "reference2" / "hdrnet_guide_curve.pt", weights_only=True)
    variables = {name: value.numpy() for name, value in coefficients["state_dict"].items()}
    variables |= guide_variables(guide["state_dict"])
    place = bundles.write_bundle(tmp_path / "run" / "model.ckpt-100", with_adam(variables))
    (tmp_path / "run" / "checkpoint").write_text('model_checkpoint_path: "/home/them/run/model.ckpt-100"\n')
    network = converted(tmp_path / "run", "hdrnet", tmp_path / "ours.ckpt")
    said = capsys.readouterr().out
    assert "latest that" in said and "left out 57 variables of the training" in said
    assert "cells = 8" in said and "depth = 4" in said and "size = 64" in said
    assert place.parent == tmp_path / "run"

    lowres = coefficients["inputs"]["lowres"].permute(0, 3, 1, 2)
    grid = network.coefficients(lowres).permute(0, 4, 5, 3, 2, 1)
    assert torch.allclose(grid, coefficients["outputs"]["grid"], atol=1e-5)
    found = network.guide(guide["inputs"]["image"].permute(0, 3, 1, 2))
    assert torch.allclose(found, guide["outputs"]["guide"], atol=1e-6)
    # an image that is its own small copy: the recorded grid, sliced by the guide of the recorded curves
    image = network(Condition(image=lowres * 2 - 1)).image
    wanted = coefficients["outputs"]["grid"].permute(0, 5, 4, 3, 1, 2)
    applied = ops.bilateral_slice_apply(wanted, network.guide(lowres), lowres)
    assert torch.allclose(image, (2 * applied - 1).clamp(-1, 1), atol=1e-4)


@pytest.mark.parametrize("write", [bundles.write_bundle, bundles.write_slices])
@pytest.mark.parametrize(
    ("guide", "norm"), [("curves", None), ("curves", "all"), ("pointwise", "all"), ("pointwise", "guide")]
)
def test_hdrnet_with_either_guide_with_and_without_norms(guide, norm, write, tmp_path):
    make = (lambda width: nn.BatchNorm2d(width, eps=0.001)) if norm == "all" else None
    network = HdrnetGenerator(RGB, **small.NETWORKS["HdrnetGenerator"], guide=guide, norm=make)
    if norm == "guide":  # their pointwise guide has one always
        theirs = HdrnetGenerator(
            RGB,
            **small.NETWORKS["HdrnetGenerator"],
            guide=guide,
            norm=lambda width: nn.BatchNorm2d(width, eps=0.001),
        )
        network.guide = theirs.guide
    randomized(network)
    place = write(tmp_path / "model.ckpt", with_adam(hdrnet_variables(network)))
    found = converted(place, "hdrnet", tmp_path / "ours.ckpt")
    condition = Condition(image=torch.rand(1, 3, 40, 48) * 2 - 1)
    assert torch.allclose(found(condition).image, network(condition).image, atol=1e-5)


@pytest.mark.parametrize("images", [1, 3])
def test_crn_with_one_image_and_with_several(images, tmp_path, capsys):
    network = randomized(CrnGenerator(LABELS, height=32, width=8, images=images))
    variables = crn_variables(network, (4, 8, 16, 32))
    if images > 1:  # all first channels, then all second ones, then all third ones
        order = np.arange(3 * images).reshape(images, 3).T.flatten()
        variables["g_32_conv100/weights"] = variables["g_32_conv100/weights"][..., order]
        variables["g_32_conv100/biases"] = variables["g_32_conv100/biases"][order]
    place = bundles.write_bundle(tmp_path / "model.ckpt", with_adam(variables))
    found = converted(place, "crn", tmp_path / "ours.ckpt")
    said = capsys.readouterr().out
    assert "height = 32" in said and "width = 8" in said and "num_classes=4, has_unknown=True" in said
    condition = Condition(label=torch.randint(5, (1, 32, 64)))
    given, wanted = found(condition), network(condition)
    assert torch.equal(given.image, wanted.image)
    if images > 1:
        assert torch.equal(given.extras["images"], wanted.extras["images"])


def small_hdrnet():
    return hdrnet_variables(randomized(HdrnetGenerator(RGB, **small.NETWORKS["HdrnetGenerator"])))


@pytest.mark.parametrize(
    ("change", "settings", "said"),
    [
        (lambda v: {"w": v["inference/guide/ccm"]}, (), "holds no HDRNet generator; its variables are w"),
        (lambda v: {}, (), "holds no HDRNet generator; its variables are none"),
        (
            lambda v: {k: x for k, x in v.items() if "fc2" not in k}, (),
            r"model\.ckpt lacks global\.fc2\.weight, global\.fc2\.bias",
        ),
        (
            lambda v: v | {"inference/more/weights": np.ones((2, 2), np.float32)}, (),
            r"has unexpected more\.weight",
        ),
        (
            lambda v: {k.replace("guide/", "guide/level_0/"): x for k, x in v.items()}, (),
            "HDRNetGaussianPyrNN",
        ),
        (lambda v: v, ("luma_bins=4",), "luma_bins=4, but the weights are of 2; leave it out"),
        (lambda v: v, ("spatial_bin=16",), "has shape .* spatial_bin .* must be that of the training"),
        (lambda v: v, ("spatial_bin=0",), "cells"),
        (lambda v: v | {"inference/guide/shifts": np.ones(3, np.float32)}, (), "is not a HDRNet generator"),
        (
            lambda v: v | {"inference/coefficients/global/fc1/weights": np.ones((), np.float32)}, (),
            "is not a HDRNet generator",
        ),
        (
            lambda v: v | {"inference/guide/ccm": np.ones((3, 3), np.uint8)}, (),
            "'inference/guide/ccm' holds uint8",
        ),
    ],
)  # fmt: skip
def test_what_is_no_hdrnet_is_a_message(change, settings, said, tmp_path):
    place = bundles.write_bundle(tmp_path / "model.ckpt", change(small_hdrnet()) | TRAINING)
    with pytest.raises(UserError, match=said):
        main(["convert", str(place), "--system", "hdrnet", "--out", str(tmp_path / "x.ckpt"), *settings])


def test_systems_and_formats_are_not_mixed(tmp_path):
    hdrnet = bundles.write_bundle(tmp_path / "model.ckpt", small_hdrnet())
    with pytest.raises(UserError, match="holds no CRN generator; its variables are inference/"):
        convert_generator(hdrnet, "crn")
    for given in (hdrnet, tmp_path / "model.ckpt.index", tmp_path):
        with pytest.raises(
            UserError, match=r"a checkpoint of TensorFlow; those of HDRNet \(--system hdrnet\)"
        ):
            convert_generator(given, "spade")
    torch.save({"x": torch.zeros(1)}, tmp_path / "net_G.pth")
    with pytest.raises(UserError, match=r"net_G\.pth is no TensorFlow checkpoint"):
        convert_generator(tmp_path / "net_G.pth", "crn")
    with pytest.raises(UserError, match="that of --system hdrnet cannot be read"):
        convert_generator(hdrnet, "hdrnet", discriminator=tmp_path / "net_D.pth")


def test_crns_modules_must_double(tmp_path):
    network = randomized(CrnGenerator(LABELS, height=16, width=8))
    place = bundles.write_bundle(tmp_path / "model.ckpt", crn_variables(network, (4, 9, 16)))
    with pytest.raises(UserError, match=r"its modules have \[4, 9, 16\] rows"):
        convert_generator(place, "crn")


def test_options_of_the_folder_are_read(tmp_path):
    place = bundles.write_bundle(tmp_path / "run" / "model.ckpt", small_hdrnet())
    (tmp_path / "opt.txt").write_text("luma_bins: 9\n")  # of another run
    (tmp_path / "run" / "opt.txt").write_text("luma_bins: 2\n")
    for given in (place, tmp_path / "run"):
        assert convert_generator(given, "hdrnet").description.arguments["depth"] == 2


def test_what_a_checkpoint_holds_is_listed(tmp_path, capsys):
    place = bundles.write_bundle(
        tmp_path / "run" / "model.ckpt", {"a/weights": np.ones((3, 2), np.float32), **TRAINING}
    )
    assert main(["list", str(place.parent)]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].split() == ["a/weights", "3x2", "float32"]
    assert lines[-1] == "4 variables, 9 numbers" and "global_step" in lines[2]
    torch.save({"state_dict": {"a.weight": torch.zeros(5, dtype=torch.float16)}}, tmp_path / "x.pth")
    assert main(["list", str(tmp_path / "x.pth")]) == 0
    assert capsys.readouterr().out.splitlines()[0].split() == ["a.weight", "5", "float16"]
    with pytest.raises(UserError, match="there is no file"):
        main(["list", str(tmp_path / "y.pth")])
