"""Every generator and discriminator of ``conf/``, on every kind of condition."""

from functools import lru_cache

import pytest
import torch
from hydra import compose, initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf
from torch import nn

import small
from asap_lightning.building import build
from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.configuration.assemble import generator_settings
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.models import Generator

SMALL_JUDGES = {"FpseDiscriminator": 2}
KINDS = {
    "label": ConditionSpec(num_classes=3, has_unknown=True),
    "label with edges": ConditionSpec(num_classes=3, instance_edges=True),
    "image": ConditionSpec("image", channels=3),
    "depth": ConditionSpec("depth", channels=1),
}


def names(group):
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


@lru_cache
def settings(group, name):
    GlobalHydra.instance().clear()
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", [f"{group}={name}", "data.height=64", "data.width=128"])
    return OmegaConf.to_container(config[group], resolve=True)


def small_generator(name, spec):
    node = generator_settings(dict(settings("generator", name)), height=512)
    node |= small.NETWORKS[node["_target_"].rpartition(".")[2]]
    if node.get("image_size"):
        node["image_size"] = [64, 128]
    return build(node, "generator", spec=spec)


def condition(spec, height=64, width=128, batch=2):
    instance = torch.randint(3, (batch, height, width))
    if spec.kind == "label":
        label = torch.randint(spec.label_channels, (batch, height, width), dtype=torch.uint8)
        return Condition(label=label, instance=instance)
    return Condition(image=torch.rand(batch, spec.channels, height, width) * 2 - 1, instance=instance)


def complete(generator, given):
    """With the photo that training would hand to an encoder, and the canvas that a bank would."""
    if generator.takes_guide:
        given.guide = torch.rand(given.batch_size, 3, given.height, given.width) * 2 - 1
    if generator.takes_canvas:
        filled = torch.randint(2, (given.batch_size, 1, given.height, given.width)).float()
        pieces = torch.rand(given.batch_size, 3, given.height, given.width) * 2 - 1
        given.canvas = torch.cat([pieces * filled, filled], dim=1)
    if generator.takes_guide_condition:
        given.guide_condition = given.label if given.label is not None else given.image
    return given


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", names("generator"))
def test_generator_is_trained_throughout(name, kind):
    generator = small_generator(name, KINDS[kind])
    assert isinstance(generator, Generator)
    size = max(generator.size_multiple, 64)
    given = complete(generator, condition(generator.spec, size, 2 * size if name != "spade_vae" else 128))
    output = generator.train()(given)
    assert output.image.shape == (2, 3, given.height, given.width)
    assert torch.isfinite(output.image).all()
    weighted = [(value * torch.randn_like(value)).sum() for value in (output.image, *output.extras.values())]
    torch.stack(weighted).sum().backward()
    for parameter_name, parameter in generator.named_parameters():
        assert parameter.grad is not None, parameter_name
        assert torch.isfinite(parameter.grad).all(), parameter_name
        if parameter.dim() > 1:
            assert parameter.grad.abs().sum() > 0, parameter_name


@pytest.mark.parametrize("name", names("generator"))
def test_generator_evaluates_in_range_and_checks_sizes(name):
    generator = small_generator(name, KINDS["label with edges"]).eval()
    size = max(generator.size_multiple, generator.minimum_size, 8)
    width = size
    if name == "spade_vae":
        size, width = 64, 128
    with torch.no_grad():
        image = generator(complete(generator, condition(generator.spec, size, width, batch=1))).image
    assert image.abs().max() <= 1
    if generator.size_multiple > 1:
        with pytest.raises(ValueError, match="multiples of"):
            generator(complete(generator, condition(generator.spec, size + 1, width, batch=1)))


@pytest.mark.parametrize("name", names("generator"))
def test_generator_is_rebuilt_from_plain_data_on_the_meta_device(name):
    """As a checkpoint is loaded: nothing of a generator's state may live outside its state dict."""
    generator = small_generator(name, KINDS["label"]).eval()
    node = generator_settings(dict(settings("generator", name)), height=512)
    node |= small.NETWORKS[node["_target_"].rpartition(".")[2]]
    if node.get("image_size"):
        node["image_size"] = [64, 128]
    with torch.device("meta"):
        again = build(node, "generator", spec=KINDS["label"])
    again.to_empty(device="cpu").load_state_dict(generator.state_dict())
    size = max(generator.size_multiple, 64)
    given = complete(
        generator, condition(generator.spec, size, 128 if name == "spade_vae" else size, batch=1)
    )
    images = []
    for network in (generator, again.eval()):
        torch.manual_seed(3)
        with torch.no_grad():
            images.append(network(given).image)
    assert torch.equal(*images)


def small_judge(name, spec):
    node = dict(settings("discriminator", name))
    if node["_target_"] is None:
        pytest.skip("no discriminator")
    node["width"] = SMALL_JUDGES.get(node["_target_"].rpartition(".")[2], 4)
    return build(node, "discriminator", spec=spec)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("name", names("discriminator"))
def test_discriminator_is_trained_throughout_and_leaves_the_generator_alone(name, kind):
    spec = KINDS[kind]
    judge = small_judge(name, spec)
    generator = small_generator("pix2pix_resnet6", spec)
    given = condition(spec, 128, 128) if name == "imagegan" else condition(spec)
    planes = spec.encode(given)
    features = judge(planes, generator(given).image.detach())
    assert all(isinstance(scale, list) and scale[-1].shape[1] == 1 for scale in features)
    torch.stack([(scale[-1] * torch.randn_like(scale[-1])).sum() for scale in features]).sum().backward()
    assert all(parameter.grad is None for parameter in generator.parameters())
    for parameter_name, parameter in judge.named_parameters():
        assert parameter.grad is not None and torch.isfinite(parameter.grad).all(), parameter_name
        if parameter.dim() > 1:
            assert parameter.grad.abs().sum() > 0, parameter_name


def test_batch_norm_becomes_synchronised_by_torchs_own_conversion():
    generator = small_generator("spade", KINDS["label"])
    given = condition(generator.spec, batch=1)
    generator.eval()
    with torch.no_grad():
        expected = generator(given).image
    converted = nn.SyncBatchNorm.convert_sync_batchnorm(generator)
    assert any(isinstance(module, nn.SyncBatchNorm) for module in converted.modules())
    with torch.no_grad():
        assert torch.allclose(converted.eval()(given).image, expected, atol=1e-6)
