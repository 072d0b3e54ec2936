"""CoCosNet v2's recordings, and its generator's two files read as one."""

import pytest
import torch

import small
from asap_lightning.checkpoint import ModelDescription, read_checkpoint
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.inference import Translator
from asap_lightning.interop.convert import convert_generator, write_checkpoint
from asap_lightning.interop.known_systems import look_alikes
from asap_lightning.interop.systems import cocosnet, multiscale
from asap_lightning.interop.verify import table, verify
from asap_lightning.models import CocosnetGenerator, MultiscaleDiscriminator
from asap_lightning.training.initialize import initialize_discriminator_from

PLANES = ConditionSpec("image", channels=5)


@pytest.fixture(scope="session")
def second_reference_dir(shared_dir):
    folder = shared_dir / "reference2"
    if not folder.is_dir():
        pytest.skip("the second set of recordings is not here")
    return folder


@pytest.mark.parametrize("part", ["patchmatch", "correspondence", "generator", "discriminator"])
def test_recorded_outputs_agree(part, second_reference_dir):
    path = second_reference_dir / f"cocosnetv2_{part}.pt"
    rows = verify(path)
    recorded = torch.load(path, weights_only=True)["outputs"]
    assert {row.output for row in rows} == set(recorded)
    assert all(row.verdict == "agrees" for row in rows), table(rows)


def test_as_many_weights_as_the_recorded_networks_have(second_reference_dir):
    generator = CocosnetGenerator(PLANES, width=4, match_width=4)
    counts = {"correspondence": generator.correspondence, "generator": generator.translation}
    for part, network in counts.items():
        state = torch.load(second_reference_dir / f"cocosnetv2_{part}.pt", weights_only=True)["state_dict"]
        theirs = sum(v.numel() for name, v in state.items() if not name.endswith(("weight_u", "weight_v")))
        assert sum(parameter.numel() for parameter in network.parameters()) == theirs


def generator(spec):
    torch.manual_seed(0)
    return CocosnetGenerator(spec, **small.NETWORKS["CocosnetGenerator"]).eval()


def saved(network, folder):
    """Its weights in two files, under the authors' names."""
    state = cocosnet.names(network).to_theirs(network.state_dict())
    prefix = cocosnet.CORRESPONDENCE
    inner = {name.removeprefix(prefix): value for name, value in state.items() if name.startswith(prefix)}
    outer = {name: value for name, value in state.items() if not name.startswith(prefix)}
    torch.save(outer, folder / "latest_net_G.pth")
    torch.save(inner, folder / "latest_net_Corr.pth")
    return folder / "latest_net_G.pth"


def test_both_files_become_one_checkpoint(tmp_path):
    network = generator(ConditionSpec(num_classes=3))
    path = saved(network, tmp_path)
    assert look_alikes(torch.load(path, weights_only=True)) == ["cocosnet"]
    conversion = convert_generator(path, "cocosnet", settings={"label_nc": 3, "iteration_count": 2})
    assert any("latest_net_Corr.pth" in note for note in conversion.notes)
    write_checkpoint(conversion, tmp_path / "made.ckpt", path, "cocosnet")
    label = torch.randint(3, (1, 64, 64))
    given = Condition(label=label, guide=torch.rand(1, 3, 64, 64), guide_condition=label)
    translated = Translator(tmp_path / "made.ckpt", device="cpu").translate(given)
    with torch.no_grad():
        assert torch.allclose(translated, network(given).image, atol=1e-5)


def test_its_discriminator_is_kept_and_gone_on_from(tmp_path):
    network = generator(ConditionSpec(num_classes=3))
    judge = MultiscaleDiscriminator(network.spec, width=4, layers=3, padding=1).eval()
    theirs = tmp_path / "latest_net_D.pth"
    torch.save(multiscale.names(judge).to_theirs(judge.state_dict()), theirs)
    settings = {"label_nc": 3, "iteration_count": 2}
    conversion = convert_generator(
        saved(network, tmp_path), "cocosnet", settings=settings, discriminator=theirs
    )
    write_checkpoint(conversion, tmp_path / "both.ckpt", theirs, "cocosnet")
    ours = MultiscaleDiscriminator(network.spec, width=4, layers=3, padding=1).eval()
    assert "left 0 as they were" in initialize_discriminator_from(ours, tmp_path / "both.ckpt")
    description = ModelDescription.from_checkpoint(read_checkpoint(tmp_path / "both.ckpt"), "both.ckpt")
    assert description.discriminator is not None and description.discriminator["padding"] == 1
    planes, image = torch.rand(1, 3, 64, 64), torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        for one, other in zip(judge(planes, image), ours(planes, image), strict=True):
            assert all(torch.equal(*pair) for pair in zip(one, other, strict=True))


def test_the_correspondence_network_may_lie_elsewhere(tmp_path):
    path = saved(generator(PLANES), tmp_path)
    elsewhere = tmp_path / "other.pth"
    (tmp_path / "latest_net_Corr.pth").rename(elsewhere)
    with pytest.raises(UserError, match=r"give its correspondence network, too: --encoder"):
        convert_generator(path, "cocosnet", settings={"one_hot": False})
    conversion = convert_generator(path, "cocosnet", settings={"one_hot": False}, encoder=elsewhere)
    assert conversion.description.spec == PLANES
    assert conversion.description.arguments["iterations"] == 5
    with pytest.raises(UserError, match="correspondence network"):
        convert_generator(path, "cocosnet", settings={"one_hot": False}, encoder=path)
