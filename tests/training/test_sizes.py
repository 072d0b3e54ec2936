"""Pictures too small for a network are refused before the first step, for every network of ``conf/``."""

from __future__ import annotations

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from asap_lightning.condition import Condition, ConditionSpec
from asap_lightning.configuration.assemble import build_network, generator_settings
from asap_lightning.configuration.configs import conf_dir
from asap_lightning.configuration.resolvers import register_resolvers
from asap_lightning.errors import UserError
from asap_lightning.models.pix2pix import ResnetGenerator
from asap_lightning.training.sizes import attempts, require_trainable, smallest_side

SPEC = ConditionSpec(num_classes=3)
NARROW = {"width": 4, "lowres_width": 4, "lowres_max_width": 8, "hidden": 4, "blocks": 1, "encoder_width": 2}


def names(group: str) -> list[str]:
    return sorted(path.stem for path in (conf_dir() / group).glob("*.yaml"))


def network(group: str, name: str):
    register_resolvers()
    with initialize_config_dir(str(conf_dir()), version_base="1.3"):
        config = compose("train", [f"{group}={name}", "data.height=64", "data.width=64"])
    node = dict(OmegaConf.to_container(config[group], resolve=True))
    if group == "generator":
        node = generator_settings(node, 256)
    narrow = {key: value for key, value in NARROW.items() if isinstance(node.get(key), int)}
    return build_network(group, {**node, **narrow}, SPEC)


def trained(generator, judge, side: int) -> None:
    """One real training step's forward passes."""
    label = torch.zeros(1, side, side, dtype=torch.uint8)
    guide, canvas = torch.rand(1, 3, side, side), torch.zeros(1, 4, side, side)
    made = Condition(label=label, guide=guide, guide_condition=label, canvas=canvas)
    image = generator.train()(made).image
    if judge is not None:
        judge.train()(SPEC.encode(made), image)


def small_generator() -> ResnetGenerator:
    return ResnetGenerator(SPEC, width=2, blocks=1)


@pytest.mark.parametrize("name", [n for n in names("generator") if "features" not in n])
def test_the_smallest_size_of_a_generator_is_one_that_it_can_be_trained_on(name):
    generator = network("generator", name)
    parts = attempts(generator, None, 1, batch_size=1)
    least = smallest_side(parts, generator.size_multiple)
    assert least is not None and least <= 256
    if name != "crn" and least > generator.size_multiple:
        below = least - generator.size_multiple
        with pytest.raises(
            UserError, match=rf"data.height={below} .*generator: .*use at least {least} x {least}"
        ):
            require_trainable(parts, below, below, 1)
    if least <= 64:
        trained(generator, None, least)


@pytest.mark.parametrize("name", [n for n in names("discriminator") if n != "none"])
def test_a_size_too_small_for_a_discriminator_is_refused_and_the_named_one_works(name):
    judge = network("discriminator", name)
    parts = attempts(small_generator(), judge, 1, batch_size=1)
    with pytest.raises(UserError, match=r"discriminator: .*use at least \d+ x \d+") as refused:
        require_trainable({"discriminator": parts["discriminator"]}, 1, 1, 1)
    least = smallest_side({"discriminator": parts["discriminator"]}, 1)
    assert f"use at least {least} x {least}" in str(refused.value)
    fits = torch.zeros(1, SPEC.dense_channels, least, least), torch.zeros(1, 3, least, least)
    assert judge.train()(*fits)


def test_the_perceptual_loss_has_a_least_size_too():
    parts = attempts(small_generator(), None, 16, batch_size=1)
    with pytest.raises(UserError, match=r"loss.perceptual: its VGG-19 needs at least 16 x 16"):
        require_trainable(parts, 8, 64, 1)
    require_trainable(parts, 16, 64, 1)


def test_trying_changes_nothing():
    generator, judge = small_generator(), network("discriminator", "multiscale")
    before = {k: v.clone() for m in (generator, judge) for k, v in m.state_dict().items()}
    state = torch.get_rng_state()
    require_trainable(attempts(generator, judge, 1, 2), 64, 64, 2)
    assert torch.equal(torch.get_rng_state(), state)
    for module in (generator, judge):
        for key, value in module.state_dict().items():
            assert torch.equal(value, before[key]) and value.device.type == "cpu"


def test_what_is_no_matter_of_size_is_left_to_training():
    def broken(height: int, width: int) -> str:
        return "a fault of the program"

    require_trainable({"discriminator": broken}, 64, 64, 1)
