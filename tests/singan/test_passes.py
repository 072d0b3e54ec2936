"""The written-out passes against autograd."""

from __future__ import annotations

import copy

import pytest
import torch

import straightforward
from asap_lightning.singan.adversaries import Critic, Maker
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator
from asap_lightning.singan.updates import Noises, ScaleTraining, UpdateSettings

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
