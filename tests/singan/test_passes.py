"""The written-out passes against autograd."""

from __future__ import annotations

import copy

import pytest
import torch

import straightforward
from asap_lightning.ops.native_library import load_failure
from asap_lightning.ops.patch_torch import TorchPatch
from asap_lightning.singan.adversaries import Critic, Maker
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator
from asap_lightning.singan.updates import Noises, ScaleTraining, UpdateSettings, make_optimizer

SIZE = (23, 19)


class Drawn(Noises):
    """The numbers of a stream, in the networks' type, with an image below."""

    def __init__(self, dtype, coarsest):
        super().__init__(SIZE, 5, None if coarsest else object(), torch.Generator().manual_seed(3))
        self.dtype = dtype

    def noise(self):
        return super().noise().to(self.dtype)

    def previous(self):
        if self.draws is None:
            return super().previous().to(self.dtype)
        return torch.rand(1, 3, *SIZE, generator=self.generator, dtype=self.dtype) * 2 - 1

    def alpha(self):
        return super().alpha().to(self.dtype)


def scale(generator, critic, backend, coarsest=False, region=None, **settings):
    dtype = next(generator.parameters()).dtype
    real = torch.rand(1, 3, *SIZE, generator=torch.Generator().manual_seed(1)).to(dtype) * 2 - 1
    training = ScaleTraining(
        real, [], generator, critic, Drawn(dtype, coarsest), UpdateSettings(**settings), region
    )
    training.coarsest = coarsest
    if not coarsest:
        training.amplitude, training.below = 0.2, torch.nn.functional.pad(real * 0.9, [5] * 4)
    training.maker = Maker(generator, backend=backend)
    training.critic = Critic(critic, training.critic.patches, backend=backend)
    return training


CASES = {
    "finer": {},
    "coarsest": {"coarsest": True},
    "published": {"published_gradients": True},
    "region": {"region": True},
    "without reconstruction": {"reconstruction": 0.0},
}


@pytest.mark.parametrize("backend", ["torch", "native"])
def test_single_precision_is_near_autograd_in_double(backend):
    if backend == "native" and load_failure():
        pytest.skip(load_failure())
    torch.manual_seed(0)
    critic = ScaleDiscriminator(width=24)
    exact = copy.deepcopy(critic).double()
    real, fake = torch.rand(2, 1, 3, 31, 37) * 2 - 1
    alpha = torch.full((1, 1), 0.3)
    Critic(critic, backend=backend).set_gradients(real, fake, alpha, 0.1)
    images = (image.double() for image in (real, fake, alpha))
    sum(straightforward.critic_terms(exact, *images, 0.1).values()).backward()
    for (name, found), expected in zip(critic.named_parameters(), exact.parameters(), strict=True):
        if name.endswith("conv.bias") or name == "network.last.bias":
            assert not found.grad.any(), name
        else:  # where a ReLU's input is nearly zero it may fall to the other side
            assert (found.grad - expected.grad).norm() < 2e-3 * expected.grad.norm(), name


def test_bfloat16_by_autocast():
    torch.manual_seed(0)
    networks = ScaleGenerator(width=16), ScaleDiscriminator(width=16)
    training = scale(*networks, None)
    optimizers = tuple(make_optimizer(network, 5e-4, 0.5) for network in reversed(networks))
    with torch.autocast("cpu", torch.bfloat16):
        judged, made = training.iterate(*optimizers)
    assert isinstance(training.maker.passes.kernels, TorchPatch)
    assert all(value.isfinite() for term in (*judged, *made) for value in term.values())
    for network in networks:
        assert all(parameter.grad.dtype == torch.float32 for parameter in network.parameters())


@pytest.mark.parametrize("name", CASES)
def test_three_iterations_are_those_of_autograd(name):
    torch.manual_seed(0)
    arguments = dict(CASES[name])
    if arguments.get("region"):
        arguments["region"] = torch.zeros(1, 1, *SIZE, dtype=torch.float64)
        arguments["region"][..., 3:, 2:17] = 1
    networks = ScaleGenerator(width=8).double(), ScaleDiscriminator(width=8).double()
    others = copy.deepcopy(networks)
    ours, theirs = scale(*networks, "torch", **arguments), scale(*others, "torch", **arguments)
    # a rate at which rounding in gradients that are zero does not become steps
    optimizers, their_optimizers = (
        tuple(torch.optim.SGD(network.parameters(), lr=1e-2) for network in reversed(pair))
        for pair in (networks, others)
    )
    for _ in range(3):
        found = ours.iterate(*optimizers)
        expected = straightforward.iterate(theirs, *others, their_optimizers)
        for mine, reference in zip([*found[0], *found[1]], [*expected[0], *expected[1]], strict=True):
            for key, value in reference.items():
                assert torch.allclose(mine[key], value, rtol=1e-10, atol=1e-12), key
            assert torch.allclose(mine["total"], sum(reference.values()), rtol=1e-10, atol=1e-12)
    for mine, reference in zip(networks, others, strict=True):
        for key, value in reference.state_dict().items():
            assert torch.allclose(mine.state_dict()[key].double(), value.double(), rtol=0, atol=1e-12), key
