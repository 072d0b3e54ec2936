import pytest
import torch

import small
from asap_lightning.building import build
from asap_lightning.checkpoint import ModelDescription, read_checkpoint
from asap_lightning.commands.import_ import main
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.inference.loading import load_generator
from asap_lightning.interop.convert import convert_generator, write_checkpoint
from asap_lightning.interop.systems import asapnet, ccfpse, multiscale, pix2pix, pix2pixhd, singan, spade
from asap_lightning.models import (
    AsapGenerator,
    CcFpseGenerator,
    FpseDiscriminator,
    MultiscaleDiscriminator,
    Pix2pixHDDiscriminator,
    Pix2pixHDGenerator,
    ResnetGenerator,
    SpadeGenerator,
    UNetGenerator,
)
from asap_lightning.models.spade import StyleEncoder
from asap_lightning.singan.checkpoint import read_pyramid
from asap_lightning.singan.networks import ScaleGenerator
from asap_lightning.training.initialize import initialize_discriminator_from


def theirs(network, names, path, *, parallel=False):
    state = names(network).to_theirs(network.state_dict())
    torch.save({f"module.{k}": v for k, v in state.items()} if parallel else state, path)
    return path


def labels(spec, height, width):
    label = torch.randint(spec.label_channels, (1, height, width))
    return Condition(label=label, instance=torch.randint(3, label.shape) if spec.instance_edges else None)


def asap(spec, **settings):
    """With as many levels of its MLP as the authors' programs have it, which their files do not say."""
    return small.asap_generator(spec, s1=2, mlp_width=64, mlp_depth=5, **settings)


CASES = {
    "asapnet": (asap(ConditionSpec(num_classes=12)), asapnet.names, ()),
    "asapnet-edges": (
        asap(ConditionSpec(num_classes=7, instance_edges=True), padding="zeros"), asapnet.names, (),
    ),
    "spade": (SpadeGenerator(ConditionSpec(num_classes=5), width=2), spade.names, ("upsampling=normal",)),
    "ccfpse": (CcFpseGenerator(ConditionSpec(num_classes=5), width=2), ccfpse.names, ()),
    "pix2pixhd": (
        Pix2pixHDGenerator(
            ConditionSpec(num_classes=4, instance_edges=True), width=2, downs=2, blocks=1, enhancers=1
        ),
        pix2pixhd.names, ("label_nc=4", "instance_edges=true"),
    ),
    "pix2pix": (UNetGenerator(ConditionSpec("image", channels=3), depth=5, width=2), pix2pix.unet_names, ()),
}  # fmt: skip


@pytest.mark.parametrize("case", CASES)
def test_their_file_becomes_a_checkpoint_that_gives_the_same_image(case, tmp_path, capsys):
    network, names, settings = CASES[case]
    network.eval()
    path = theirs(network, names, tmp_path / "latest_net_G.pth", parallel=True)
    out = tmp_path / "ours.ckpt"
    arguments = ["convert", str(path), "--system", case.split("-")[0], "--out", str(out), *settings]
    assert main(arguments) == 0
    assert "wrote" in capsys.readouterr().out
    loaded, description = load_generator(out)
    assert description.config["imported"]["file"] == "latest_net_G.pth"
    size = max(network.size_multiple, 32)
    if network.spec.kind == "label":
        condition = labels(network.spec, size, 2 * size)
    else:
        condition = Condition(image=torch.rand(1, 3, size, size) * 2 - 1)
    with torch.no_grad():
        torch.manual_seed(1)  # pix2pix keeps its dropout at test time
        expected = network(condition).image
        torch.manual_seed(1)
        found = loaded(condition).image
    assert torch.equal(found, expected)


@pytest.mark.parametrize("name", ["asap_facades", "asap_cityscapes"])
def test_the_authors_weights_translate_as_in_their_program(name, reference_dir, tmp_path):
    """From their file through the command to the image that a user gets."""
    recording = torch.load(reference_dir / f"{name}.pt", weights_only=True)
    torch.save({f"module.{k}": v for k, v in recording["state_dict"].items()}, tmp_path / "latest_net_G.pth")
    out = tmp_path / "ours.ckpt"
    arguments = ["convert", str(tmp_path / "latest_net_G.pth"), "--system", "asapnet", "--out", str(out)]
    assert main([*arguments, "--options", str(reference_dir / f"{name}.json")]) == 0
    inputs = {key: value[0, 0].numpy() for key, value in recording["inputs"].items()}
    found = Translator(out, device="cpu")(inputs["label"], inputs.get("instance"))
    expected = ((recording["outputs"]["image"][0].permute(1, 2, 0) + 1) * 127.5).round().clamp(0, 255)
    difference = (torch.from_numpy(found).float() - expected).abs()
    assert difference.max() <= 1
    assert (difference > 0).float().mean() < 0.01


def test_asapnet_there_and_back_is_bit_identical(tmp_path):
    network, names, _ = CASES["asapnet-edges"]
    path = theirs(network, names, tmp_path / "latest_net_G.pth")
    out, back = tmp_path / "ours.ckpt", tmp_path / "back.pth"
    assert main(["convert", str(path), "--system", "asapnet", "--out", str(out)]) == 0
    assert main(["export-official", str(out), "--out", str(back)]) == 0
    before, after = torch.load(path, weights_only=True), torch.load(back, weights_only=True)
    assert list(before) == list(after)
    assert all(torch.equal(before[name], after[name]) for name in before)


def test_only_plain_asapnet_is_exported(tmp_path):
    spec = ConditionSpec(num_classes=3)
    for network, message in (
        (asap(spec, phi_mode="bilinear"), "phi_mode=bilinear"),
        (ResnetGenerator(ConditionSpec("image", channels=3), width=2, blocks=1), "only ASAP-Net"),
    ):
        if isinstance(network, AsapGenerator):
            path = theirs(network, asapnet.names, tmp_path / "a.pth")
            conversion = convert_generator(path, "asapnet")
            conversion.description.arguments["phi_mode"] = "bilinear"
        else:
            state = {f"{k}": v for k, v in network.state_dict().items()}
            names = {
                "trunk.stem.conv": "model.1", "trunk.down.0.conv": "model.4", "trunk.down.1.conv": "model.7",
                "trunk.blocks.0.conv1": "model.10.conv_block.1",
                "trunk.blocks.0.conv2": "model.10.conv_block.5",
                "trunk.up.0.conv": "model.11", "trunk.up.1.conv": "model.14", "head.conv": "model.18",
            }  # fmt: skip
            renamed = {f"{names[k.rpartition('.')[0]]}.{k.rpartition('.')[2]}": v for k, v in state.items()}
            torch.save(renamed, tmp_path / "r.pth")
            conversion = convert_generator(tmp_path / "r.pth", "pix2pix")
        out = tmp_path / "x.ckpt"
        write_checkpoint(conversion, out, tmp_path / "a.pth", "x")
        with pytest.raises(UserError, match=message):
            main(["export-official", str(out), "--out", str(tmp_path / "y.pth")])


@pytest.mark.parametrize(
    ("given", "expected"), [("spade", "ASAP-Net"), ("asapnet", "SPADE"), ("pix2pix", "CC-FPSE")]
)
def test_a_checkpoint_of_another_system_is_named(given, expected, tmp_path):
    key = {"ASAP-Net": "asapnet", "SPADE": "spade", "CC-FPSE": "ccfpse"}[expected]
    network, names, _ = CASES[key]
    path = theirs(network, names, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match=f"it looks like {expected}"):
        convert_generator(path, given)


def test_an_open_setting_is_asked_for_by_name(tmp_path):
    network, names, _ = CASES["spade"]
    path = theirs(network, names, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match="upsampling=normal"):
        convert_generator(path, "spade")


def test_options_beside_are_used_and_settings_win(tmp_path):
    network, names, _ = CASES["spade"]
    path = theirs(network, names, tmp_path / "latest_net_G.pth")
    (tmp_path / "opt.txt").write_text(
        "label_nc: 4\ncontain_dontcare_label: True\nnum_upsampling_layers: more\n"
    )
    conversion = convert_generator(path, "spade", settings={"no_instance": True})
    assert conversion.description.arguments["upsampling"] == "more"
    assert conversion.description.spec == ConditionSpec(num_classes=4, has_unknown=True)
    assert "opt.txt" in conversion.notes[0]
    normal = convert_generator(path, "spade", settings={"num_upsampling_layers": "normal"})
    assert normal.description.arguments["upsampling"] == "normal"
    with pytest.raises(UserError, match="5 input channels, which label_nc=9"):
        convert_generator(path, "spade", settings={"label_nc": 9})


def test_cityscapes_is_recognised_by_its_channels(tmp_path):
    network = SpadeGenerator(ConditionSpec(num_classes=35, instance_edges=True), width=1, upsampling="more")
    conversion = convert_generator(theirs(network, spade.names, tmp_path / "g.pth"), "spade")
    assert conversion.description.spec == network.spec
    assert conversion.description.arguments["upsampling"] == "more"
    assert any("Cityscapes" in note for note in conversion.notes)


def test_a_style_encoder_beside_is_built_in(tmp_path):
    spec = ConditionSpec(num_classes=5)
    network = SpadeGenerator(spec, width=2, style=8, image_size=(32, 64), encoder=False)
    path = theirs(network, spade.names, tmp_path / "latest_net_G.pth")
    settings = {"upsampling": "normal", "aspect_ratio": 2}
    alone = convert_generator(path, "spade", settings=settings)
    assert not alone.network.takes_guide and alone.network.grid == (1, 2)
    theirs(StyleEncoder(8, width=2), spade.encoder_names, tmp_path / "latest_net_E.pth")
    guided = convert_generator(path, "spade", settings=settings)
    assert guided.network.takes_guide
    photo = torch.rand(1, 3, 32, 64)
    condition = Condition(label=torch.zeros(1, 32, 64, dtype=torch.long), guide=photo)
    with torch.no_grad():
        output = guided.network(condition)
    assert output.extras["mu"].shape == (1, 8)


def test_an_encoder_for_a_model_without_style_is_refused(tmp_path):
    network, names, _ = CASES["spade"]
    path = theirs(network, names, tmp_path / "latest_net_G.pth")
    with pytest.raises(UserError, match="takes no style"):
        convert_generator(path, "spade", settings={"upsampling": "normal"}, encoder=tmp_path / "e.pth")


def test_a_discriminator_is_not_a_generator(tmp_path, reference_dir):
    state = torch.load(reference_dir / "discriminator_multiscale.pt", weights_only=True)["state_dict"]
    torch.save(state, tmp_path / "latest_net_D.pth")
    with pytest.raises(UserError, match="is a discriminator or an encoder"):
        convert_generator(tmp_path / "latest_net_D.pth", "asapnet")


def test_missing_keys_are_listed(tmp_path):
    network, names, _ = CASES["asapnet"]
    state = names(network).to_theirs(network.state_dict())
    del state["lowres_stream.model.4.1.bias"]
    torch.save(state, tmp_path / "g.pth")
    with pytest.raises(UserError, match=r"lacks lowres_stream\.model\.4\.1\.bias; settings that explain it"):
        convert_generator(tmp_path / "g.pth", "asapnet")


def test_full_size_asapnet_settings_follow_from_the_weights_alone():
    for spec, s1 in (
        (ConditionSpec(num_classes=13), 2),
        (ConditionSpec(num_classes=35, instance_edges=True), 4),
    ):
        with torch.device("meta"):
            network = AsapGenerator(spec, s1=s1)
        description = asapnet.infer(asapnet.names(network).to_theirs(network.state_dict()), {})
        assert description.spec == spec
        assert (description.arguments["s1"], description.arguments["mlp_width"]) == (s1, 64)


def test_singan_lists_become_one_file(tmp_path, capsys):
    networks = [ScaleGenerator(width=4), ScaleGenerator(width=8)]
    states = [singan.names(network).to_theirs(network.state_dict()) for network in networks]
    torch.save(states, tmp_path / "Gs.pth")
    torch.save([torch.randn(1, 3, 30, 30), torch.zeros(1, 3, 40, 40)], tmp_path / "Zs.pth")
    torch.save([1.0, torch.tensor(0.1)], tmp_path / "NoiseAmp.pth")
    torch.save([torch.zeros(1, 3, 20, 20), torch.zeros(1, 3, 30, 30)], tmp_path / "reals.pth")
    out = tmp_path / "singan.ckpt"
    assert main(["convert", str(tmp_path), "--system", "singan", "--out", str(out)]) == 0
    assert "2 scales" in capsys.readouterr().out
    pyramid = read_pyramid(out)
    assert (len(pyramid.scales), pyramid.count) == (2, 2)
    assert 19 / 30 < pyramid.factor <= 20 / 30
    for index, network in enumerate(networks):
        noise = torch.randn(1, 3, 20, 20)
        with torch.no_grad():
            assert torch.equal(pyramid.generator(index)(noise, noise), network.eval()(noise, noise))
    assert pyramid.scales[1]["noise_amp"] == pytest.approx(0.1)
    reals = [torch.zeros(1, 3, side, side) for side in (20, 30, 45)]  # the training of the third was stopped
    torch.save(reals, tmp_path / "reals.pth")
    assert main(["convert", str(tmp_path), "--system", "singan", "--out", str(out)]) == 0
    assert "2 scales of 3" in capsys.readouterr().out
    assert read_pyramid(out).count == 3
    torch.save([1.0], tmp_path / "NoiseAmp.pth")
    with pytest.raises(UserError, match="do not belong together"):
        main(["convert", str(tmp_path), "--system", "singan", "--out", str(out)])


def test_verify_exits_with_1_unless_all_agree(tmp_path, reference_dir, capsys):
    recording = str(reference_dir / "singan_imresize*.pt")
    assert main(["verify", recording]) == 0
    assert "2 of 2 outputs of 2 recordings agree" in capsys.readouterr().out
    assert main(["verify", "--summary", recording, str(tmp_path / "absent.pt")]) == 1
    assert "there is no file" in capsys.readouterr().out


def test_a_malformed_setting_is_refused(capsys):
    with pytest.raises(SystemExit) as stopped:
        main(["convert", "x.pth", "--system", "spade", "--out", "y", "upsampling"])
    assert stopped.value.code == 2
    assert "upsampling" in capsys.readouterr().err


@pytest.mark.parametrize("shape", [(), (3,), (0, 2), (2, 2, 2, 2, 2)])
def test_weights_of_odd_shapes_are_a_message(tmp_path, shape):
    network, names, _ = CASES["asapnet"]
    state = names(network).to_theirs(network.state_dict())
    for name in list(state):
        path = tmp_path / "latest_net_G.pth"
        torch.save({**state, name: torch.zeros(shape)}, path)
        with pytest.raises(UserError, match=r"latest_net_G\.pth|the weights allow|pixelwise"):
            convert_generator(path, "asapnet", settings={"label_nc": 12})


@pytest.mark.parametrize("prefix", ["_orig_mod.", "module._orig_mod.", "_orig_mod.module."])
def test_prefixes_of_compiled_networks_are_removed(tmp_path, prefix):
    network, names, _ = CASES["asapnet"]
    state = names(network).to_theirs(network.state_dict())
    path = tmp_path / "latest_net_G.pth"
    torch.save({f"{prefix}{name}": tensor for name, tensor in state.items()}, path)
    converted = convert_generator(path, "asapnet").network
    for name, tensor in converted.state_dict().items():
        assert torch.equal(tensor, network.state_dict()[name])


JUDGED = {
    "ccfpse": (CASES["ccfpse"], FpseDiscriminator, {"width": 2}, ccfpse.discriminator_names),
    "spade": (CASES["spade"], MultiscaleDiscriminator, {"width": 4, "layers": 3}, multiscale.names),
    "asapnet": (CASES["asapnet-edges"], MultiscaleDiscriminator, {"width": 4}, multiscale.names),
    "pix2pixhd": (
        CASES["pix2pixhd"], Pix2pixHDDiscriminator, {"width": 4, "layers": 2}, pix2pixhd.discriminator_names,
    ),
}  # fmt: skip


@pytest.mark.parametrize("system", JUDGED)
def test_a_discriminator_is_kept_beside_the_generator(system, tmp_path):
    (network, names, settings), kind, arguments, judge_names = JUDGED[system]
    judge = kind(network.spec, **arguments).eval()
    paths = theirs(network, names, tmp_path / "G.pth"), theirs(judge, judge_names, tmp_path / "D.pth")
    out = tmp_path / "ours.ckpt"
    command = [
        "convert",
        str(paths[0]),
        "--system",
        system,
        "--discriminator",
        str(paths[1]),
        "--out",
        str(out),
    ]
    assert main([*command, *settings]) == 0
    content = read_checkpoint(out)
    description = ModelDescription.from_checkpoint(content, out)
    again = build(description.discriminator, "discriminator", spec=network.spec).eval()
    again.load_state_dict(
        {
            name.removeprefix("discriminator."): value
            for name, value in content["state_dict"].items()
            if name.startswith("discriminator.")
        }
    )
    planes = network.spec.encode(labels(network.spec, 64, 64))
    image = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for one, other in zip(judge(planes, image), again(planes, image), strict=True):
            assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))
    load_generator(out)
    ours = kind(network.spec, **arguments)  # a training that goes on from both networks
    taken = initialize_discriminator_from(ours, out)
    assert taken == f"took {len(ours.state_dict())} tensors of its discriminator, left 0 as they were"
    assert all(torch.equal(value, again.state_dict()[name]) for name, value in ours.state_dict().items())


def test_a_discriminator_of_other_planes_or_systems_is_refused(tmp_path):
    network, names, _ = CASES["ccfpse"]
    path = theirs(network, names, tmp_path / "G.pth")
    other = FpseDiscriminator(ConditionSpec(num_classes=9), width=2)
    judge = theirs(other, ccfpse.discriminator_names, tmp_path / "D.pth")
    with pytest.raises(UserError, match=r"embedding.weight.* it sees the generator's 5 planes and an image"):
        convert_generator(path, "ccfpse", discriminator=judge)
    with pytest.raises(UserError, match="does not look like CC-FPSE's discriminator"):
        convert_generator(path, "ccfpse", discriminator=path)
    unet, unet_names, _ = CASES["pix2pix"]
    with pytest.raises(UserError, match="that of --system pix2pix cannot be read; of asapnet, ccfpse"):
        convert_generator(theirs(unet, unet_names, tmp_path / "U.pth"), "pix2pix", discriminator=judge)
    arguments = ["convert", str(tmp_path), "--system", "singan", "--discriminator", str(judge)]
    with pytest.raises(UserError, match="--discriminator: SinGAN's are no part"):
        main([*arguments, "--out", str(tmp_path / "out.ckpt")])
