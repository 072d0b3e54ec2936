"""Iterations of SinGAN's training at every scale, beside a straightforward implementation of the method.

Both train the same networks on the same image in turns, on one thread. Times are the process's own (CPU)
seconds, because a busy machine's clock measures the other programs, and the table holds medians. The scales
below carry untrained weights: what they compute takes as long.

    python benchmarks/singan.py --image IMAGE --rounds 3 --out benchmarks/results/singan.json
"""

from __future__ import annotations

import argparse
import json
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from asap_lightning.files import atomic_write
from asap_lightning.singan.levels import Level, LowerDraws, frozen, pad
from asap_lightning.singan.networks import ScaleDiscriminator, ScaleGenerator
from asap_lightning.singan.picture import read_image
from asap_lightning.singan.pyramid import Plan, make_levels, plan
from asap_lightning.singan.resize import imresize
from asap_lightning.singan.updates import (
    Noises,
    ScaleTraining,
    UpdateSettings,
    make_optimizer,
    start_networks,
    widths,
)


class Straightforward:
    """The method as it is written down, one thing after the other; the reconstruction below once a scale."""

    def __init__(
        self, real: Tensor, below: list[Level], above: list[tuple[int, int]], factor: float, width: int
    ) -> None:
        self.real, self.below, self.above, self.factor = real, below, above, factor
        self.generator, self.critic = ScaleGenerator(width=width), ScaleDiscriminator(width=width)
        adam = {"lr": 5e-4, "betas": (0.5, 0.999)}
        self.of_generator = torch.optim.Adam(self.generator.parameters(), **adam)
        self.of_critic = torch.optim.Adam(self.critic.parameters(), **adam)
        self.previous = torch.zeros_like(real)
        if below:
            self.previous = self.through([level.fixed_noise for level in below])
        error = F.mse_loss(self.previous, real).sqrt()
        self.amplitude = 0.1 * float(error) if below else 1.0

    def through(self, noises: list[Tensor]) -> Tensor:
        """The scales below, one after the other."""
        image = torch.zeros(1, 3, *self.below[0].size)
        for level, noise, (height, width) in zip(self.below, noises, self.above, strict=True):
            padded = pad(image, 5)
            with torch.no_grad():
                made = level.generator(level.amplitude * noise + padded, padded)
            image = imresize(made, 1 / self.factor)[..., :height, :width]
        return image

    def noise(self, size: tuple[int, int], channels: int) -> Tensor:
        return pad(torch.randn(1, channels, *size).expand(1, 3, -1, -1), 5)

    def iterate(self) -> None:
        """Three updates of the discriminator, three of the generator."""
        size = (self.real.shape[-2], self.real.shape[-1])
        fixed = self.noise(size, 1) if not self.below else torch.zeros(1, 3, size[0] + 10, size[1] + 10)
        noise = self.noise(size, 3 if self.below else 1)
        for _ in range(3):
            self.of_critic.zero_grad()
            (-self.critic(self.real).mean()).backward()
            if self.below:
                drawn = [self.noise(level.size, 3 if at else 1) for at, level in enumerate(self.below)]
                previous = pad(self.through(drawn), 5)
            else:
                previous = pad(torch.zeros_like(self.real), 5)
            entering = self.amplitude * noise + previous
            fake = self.generator(entering, previous)
            self.critic(fake.detach()).mean().backward()
            alpha = torch.rand(1, 1)
            mixed = (alpha * self.real + (1 - alpha) * fake.detach()).requires_grad_()
            scores = self.critic(mixed)
            (slope,) = torch.autograd.grad(scores, mixed, torch.ones_like(scores), create_graph=True)
            (0.1 * ((slope.norm(2, dim=1) - 1) ** 2).mean()).backward()
            self.of_critic.step()
        padded = pad(self.previous, 5)
        for step in range(3):
            self.of_generator.zero_grad()
            if step:
                fake = self.generator(entering, previous)
            (-self.critic(fake).mean()).backward()
            made = self.generator(self.amplitude * fixed + padded, padded)
            (10 * F.mse_loss(made, self.real)).backward()
            self.of_generator.step()


def levels_below(reals: list[Tensor], scale: int, wanted: Plan, channels: list[int]) -> list[Level]:
    """Untrained finished scales."""
    found = []
    for index in range(scale):
        generator = frozen(ScaleGenerator(width=channels[index]))
        assert isinstance(generator, ScaleGenerator)
        noise = pad(torch.randn_like(reals[index]), 5)
        found.append(Level(generator, 0.05, noise, *wanted.sizes[index : index + 2], wanted.factor))
    return found


def both(reals: list[Tensor], scale: int, wanted: Plan) -> dict[str, Callable[[], object]]:
    """One iteration of either implementation."""
    channels = widths(wanted.count, 32, 128)
    below = levels_below(reals, scale, wanted, channels)
    size = wanted.sizes[scale]
    slow = Straightforward(
        reals[scale], below, list(wanted.sizes[1 : scale + 1]), wanted.factor, channels[scale]
    )
    generator, critic = start_networks(channels[scale], None)
    noises = Noises(size, 5, LowerDraws(below, 0) if below else None)
    training = ScaleTraining(reals[scale], below, generator, critic, noises, UpdateSettings())
    optimizers = make_optimizer(critic, 5e-4, 0.5), make_optimizer(generator, 5e-4, 0.5)
    return {"straightforward": slow.iterate, "ours": lambda: training.iterate(*optimizers)}


def seconds(iterate: Callable[[], object], times: int) -> float:
    """CPU seconds an iteration."""
    began = time.process_time()
    for _ in range(times):
        iterate()
    return (time.process_time() - began) / times


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--image", type=Path, required=True)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--at-least", type=float, default=1.0, help="seconds of either side in a round")
    parser.add_argument("--scales", type=int, nargs="*", help="which; all by default")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    image, _ = read_image(options.image)
    wanted = plan(image.shape[-2], image.shape[-1])
    reals, rows = make_levels(image, wanted), []
    print(f"{'scale':>5} {'size':>9} {'straightforward':>16} {'ours':>8}  it/s (CPU), times as fast")
    for scale in options.scales or range(wanted.count):
        sides = both(reals, scale, wanted)
        # a batch of draws made ahead is paid by the iterations that use it
        ahead = sides["ours"]
        times = max(1, round(options.at_least / seconds(ahead, 1)))
        found: dict[str, list[float]] = {name: [] for name in sides}
        sides["straightforward"]()
        for _ in range(options.rounds):
            for name, iterate in sides.items():
                found[name].append(seconds(iterate, times))
        medians = {name: statistics.median(values) for name, values in found.items()}
        rows.append({"scale": scale, "size": wanted.sizes[scale], "iterations": times, "seconds": found})
        slow, fast = medians["straightforward"], medians["ours"]
        height, width = wanted.sizes[scale]
        print(
            f"{scale:>5} {height:>4} x {width:<3} {1 / slow:>15.3f} {1 / fast:>8.3f}  {slow / fast:.2f}",
            flush=True,
        )
    if options.out:
        machine = {
            "machine": platform.processor() or platform.machine(),
            "threads": 1,
            "torch": torch.__version__,
        }
        with atomic_write(options.out, "w") as file:
            json.dump({**machine, "image": options.image.name, "scales": rows}, file, indent=1)
    return 0


if __name__ == "__main__":
    sys.exit(main())
