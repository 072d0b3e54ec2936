"""A second stage starts from the first one's weights."""

import pytest
import torch

from asap_lightning.condition import ConditionSpec
from asap_lightning.errors import UserError
from asap_lightning.models import Pix2pixHDGenerator
from asap_lightning.models.discriminators import MultiscaleDiscriminator, PixelGan
from asap_lightning.training.initialize import (
    generator_weights,
    initialize_discriminator_from,
    initialize_from,
)

SPEC = ConditionSpec(num_classes=3)
SMALL = dict(downs=1, blocks=1, enhancer_blocks=1)


def save(path, generator, prefix="generator."):
    torch.save({"state_dict": {prefix + k: v for k, v in generator.state_dict().items()}}, path)


def test_the_local_enhancer_takes_the_global_generator(tmp_path):
    first = Pix2pixHDGenerator(SPEC, width=8, **SMALL)
    second = Pix2pixHDGenerator(SPEC, width=4, enhancers=1, **SMALL)
    save(tmp_path / "first.ckpt", first)
    taken, left = initialize_from(second, tmp_path / "first.ckpt")
    for name, value in first.coarse.state_dict().items():
        assert f"coarse.{name}" in taken
        assert torch.equal(second.coarse.state_dict()[name], value)
    assert any(name.startswith("enhancers.") for name in left)
    assert not any(name.startswith("coarse.") for name in left)


def test_averaged_weights_are_preferred(tmp_path):
    generator = Pix2pixHDGenerator(SPEC, width=4, **SMALL)
    state = {f"generator.{k}": torch.zeros_like(v) for k, v in generator.state_dict().items()}
    state |= {f"ema_generator.module.{k}": torch.ones_like(v) for k, v in generator.state_dict().items()}
    torch.save({"state_dict": state}, tmp_path / "both.ckpt")
    initialize_from(generator, tmp_path / "both.ckpt")
    assert all(bool((value == 1).all()) for value in generator.state_dict().values())


def test_raw_and_averaged_weights_are_told_apart():
    state = {
        "_orig_mod.generator.w": torch.ones(1),
        "_orig_mod.ema_generator.module.w": torch.zeros(1),
        "_orig_mod.ema_generator.n_averaged": torch.ones(1),
    }
    for kind, value in (("raw", 1), ("ema", 0)):
        assert generator_weights({"state_dict": state}, "x", [kind]) == {"w": torch.full((1,), value)}


def test_a_file_in_which_nothing_fits_is_refused(tmp_path):
    torch.save({"state_dict": {"generator.other": torch.zeros(1)}}, tmp_path / "other.ckpt")
    with pytest.raises(UserError, match=r"none of its 1 generator tensors fits .* other"):
        initialize_from(Pix2pixHDGenerator(SPEC, width=4, **SMALL), tmp_path / "other.ckpt")


def test_a_discriminator_is_taken_where_it_fits(tmp_path):
    path = tmp_path / "both.ckpt"
    stored = MultiscaleDiscriminator(SPEC, width=4, scales=2)
    state = {f"discriminator.{name}": value for name, value in stored.state_dict().items()}
    torch.save({"state_dict": {"generator.w": torch.zeros(1), **state}}, path)
    judge = MultiscaleDiscriminator(SPEC, width=4, scales=3)
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    said = initialize_discriminator_from(judge, path)
    left = set(before) - set(stored.state_dict())
    assert left and said == f"took {len(state)} tensors of its discriminator, left {len(left)} as they were"
    for name, value in judge.state_dict().items():
        assert torch.equal(value, before[name] if name in left else stored.state_dict()[name])


def test_a_discriminator_that_is_missing_or_another_one_is_told(tmp_path):
    judge = PixelGan(SPEC, width=4)
    before = {name: value.clone() for name, value in judge.state_dict().items()}
    path = tmp_path / "one.ckpt"
    torch.save({"state_dict": {"generator.w": torch.zeros(1)}}, path)
    assert "no discriminator in it" in initialize_discriminator_from(judge, path)
    torch.save({"state_dict": {"discriminator.other": torch.zeros(1)}}, path)
    said = initialize_discriminator_from(judge, path)
    assert said.startswith("none of its 1 discriminator tensors fits this discriminator; it has e.g. other")
    assert said.endswith("that of this training begins anew") and "\n" not in said
    assert all(torch.equal(value, before[name]) for name, value in judge.state_dict().items())


@pytest.mark.parametrize(
    "prefix",
    [
        "generator._orig_mod.",
        "_orig_mod.generator.",
        "generator.module._orig_mod.",
        "module.generator._orig_mod.",
        "ema_generator.module._orig_mod.",
    ],
)
def test_prefixes_of_compiled_and_parallel_networks_are_removed(tmp_path, prefix):
    generator = Pix2pixHDGenerator(SPEC, width=4, **SMALL)
    save(tmp_path / "compiled.ckpt", generator, prefix)
    taken, left = initialize_from(generator, tmp_path / "compiled.ckpt")
    assert set(taken) == set(generator.state_dict()) and not left
